"""The backward stream: gradients without a matrix of scores, tile by tile, from what the forward stream kept.

The weights of a tile are computed again from its logits and the sums of its rows, which is five products in place of
two. It computes what the stages compute in reverse, see `attncli.attend.gradients`; a property test compares the two.

Source: Dao, *FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning*, 2023, section 3.1.2.

What makes it fast, beside what makes the forward stream fast:

- what is subtracted from the logits, and from the gradients of the weights, is one more column in the products;
- a piece has some queries and all keys that these see, so that each tile writes its part of d_key and d_value once;
- pieces are added in their order, by whoever comes last, so that nobody waits and the sums are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early
from attncli.attend.fast import stream
from attncli.attend.fast.backward_gather import BackwardGatherer, can_gather
from attncli.attend.fast.backward_results import Gradients
from attncli.attend.fast.backward_worker import BackwardWorker
from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.fast.results import Totals
from attncli.attend.fast.states import States
from attncli.attend.fast.stream import Progress, Streamed, alone, in_shares, share_out
from attncli.attend.fast.tiles import pieces, plan
from attncli.attend.stages import gate, out, rotate
from attncli.attend.stages.rotate import to_meet
from attncli.attend.threads import thread_count
from attncli.attend.views import product, ready, summed_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


# The share of the forward stream in the work: two products of seven.
FORWARD = 2 / 7


def run(
    o: Operands,
    output: NDArray[Any],
    into: Mapping[str, NDArray[Any]] | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, NDArray[Any]]:
    """Compute the gradients of everything that an output is made of, as `attncli.attend.gradients.run` does.

    Args:
        o: prepared operands.
        output: the gradient of the output, (batch, heads, L, Ev), or (batch, 1, L, out) where a matrix makes it.
        into: where to write some of the gradients, by name, such as memory-mapped files.
        threads: as in the forward stream; the result is the same, bit for bit, for any number.
        progress: called from the calling thread with the fraction that is done.

    Returns:
        The gradients of arrays, as the operands have them.
    """
    into, core = into or {}, o.core
    forth, back = (None, None) if progress is None else (_share(progress, 0, FORWARD), _share(progress, FORWARD, 1))
    sums = stream.run(alone(core), threads=threads, progress=forth, with_lse=True)
    found: dict[str, NDArray[Any]] = {"output": output}
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        made = {**core.made, "context": sums.output}
        made |= gate.STAGE.forward(core, made)
        for stage in (out, gate):
            found |= stage.STAGE.backward(core, made, found)
        made |= rotate.STAGE.forward(core, made) if core.norms_late else {}
        # Where query and key meet as they were given, their gradients are written where they are wanted.
        direct = core is o and o.options.rope is None and not o.norms_late
        places = {{"query": "met_query", "key": "met_key"}.get(name, name): each for name, each in into.items()}
        given = found.get("context", output)
        found |= of_sums(core, given, sums, places if direct else {}, threads=threads, progress=back)
        found |= rotate.STAGE.backward(core, made, found)
        found = early.backward(o, found)
    return found | {name: _written(found[name], place) for name, place in into.items()}


def _share(progress: Progress, start: float, stop: float) -> Progress:
    """Return what tells the progress of a part of the work."""
    return lambda done: progress(start + (stop - start) * done)


def _written(gradient: NDArray[Any], place: NDArray[Any]) -> NDArray[Any]:
    """Return the place of a gradient, where it is written unless it stands there already."""
    if not np.shares_memory(gradient, place):
        place[...] = gradient
    return place


def of_sums(
    o: Operands,
    given: NDArray[Any],
    made: Streamed,
    into: Mapping[str, NDArray[Any]] | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, NDArray[Any]]:
    """Compute the gradients from the weighted sums back to query and key as they meet.

    Args:
        o: prepared operands.
        given: (batch, heads, L, Ev) the gradient of the weighted sums.
        made: the weighted sums in the precision of the computation, with their totals: what the forward stream makes
            of `attncli.attend.fast.stream.alone`.
        into: where to write some of the gradients, by name.
        threads: as in `run`.
        progress: as there.

    Returns:
        The gradients of ``met_query``, ``met_key`` and ``value``, and of ``mask``, ``bias``, ``sinks``,
        ``query_scale`` and the parameters of the score function where there are such, as the operands have them.
    """
    o = alone(o.core)
    assert made.totals is not None  # the caller asked for them
    threads = threads or thread_count()
    layout = plan(o)
    layout = replace(layout, gathers=layout.gathers and can_gather(o))
    todo = [piece for piece in pieces(o, layout) if piece.keys.start < piece.keys.stop]
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        found: dict[str, NDArray[Any]] = {}
        shared = Gradients(o, layout, todo, given, made.output, made.totals, found, threads + 2)
        found |= _blank(o, shared.states, into or {})
        worker = BackwardGatherer if layout.gathers else BackwardWorker
        share_out(shared, lambda: worker(shared), threads, progress)
        return _as_met(o, shared.states, found, into or {})


def products(o: Operands, threads: int) -> Callable[[], None]:
    """Return a function that computes only the matrix products of both directions: the lower limit for `run`."""
    forth, layout = stream.products(o, threads), plan(o)
    given = np.empty(o.sizes.context_shape, o.dtype)
    shared = Gradients(o, layout, [], given, given, Totals.empty((), o.dtype), {}, 1)
    back = in_shares(lambda: BackwardWorker(shared), pieces(o, layout), threads)

    def run_all() -> None:
        forth()
        back()

    return run_all


def _blank(o: Operands, states: States, into: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return gradients of 0, in the given arrays where these have the precision of the computation."""
    batch, heads, group, length, size = states.query.shape
    turned = () if states.change is None else states.change.tables
    batch = max([batch, *map(len, turned)])  # one query that each batch item turns in its own way is met as several
    shapes = {"query": (batch, heads * group, length, size), "key": states.key.shape, "value": o.value.shape}
    numeric = None if o.mask is None or o.mask.dtype == bool else o.mask
    arrays = {"mask": numeric, "bias": o.bias, "sinks": o.sinks, "query_scale": o.inputs.get("query_scale")}
    shapes |= {name: each.shape for name, each in {**arrays, **o.parameters}.items() if each is not None}
    found = {}
    for name, shape in shapes.items():
        place = into.get(f"met_{name}" if name in ("query", "key") else name)
        if place is None or place.dtype != o.dtype or place.shape != shape:
            found[name] = np.zeros(shape, o.dtype)
        else:
            found[name] = place
            place[...] = 0
    return found


def _as_met(
    o: Operands, states: States, found: dict[str, NDArray[Any]], into: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the gradients with those of query and key before these were prepared for the score function."""
    query, key = found.pop("query"), found.pop("key")
    function, own = states.function, o.inputs.get("query_scale")
    scaled = own is not None and function.is_dot
    if function.needs_preparation or scaled:
        before = to_meet(o)
        if scaled:
            factor = ready(o.inputs["query_scale"], o.dtype)
            prepared, _ = function.prepare(*before, states.parameters)
            found["query_scale"] = summed_to(product(query, prepared).sum(axis=-1), factor.shape)
            query = product(query, factor[..., None])
        query, key, of_parameters = function.prepare_backward(*before, states.parameters, query, key)
        found |= of_parameters
        query, key = (summed_to(each, old.shape) for each, old in zip((query, key), before, strict=True))
    found |= {"met_query": query, "met_key": key}
    return found | {name: _written(found[name], place) for name, place in into.items()}
