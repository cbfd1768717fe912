"""Wrong gradients of softmax: δ, softmax itself, and the sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from attncli.attend.stages.stage import Backward, Made
from attncli.attend.views import by_group, product, ready, ungroup, within
from attncli.check.backward.change import Change, in_stage, whole
from attncli.check.backward.registry import DELTA, SINK_BACK, SOFTMAX_BACK
from attncli.check.backward.way import Array, Changed, Found, Way
from attncli.sentences import Field, Sentence, sentence, word

# Operands, what forward made, gradients found so far → δ, (batch, heads, L, 1).
Delta: TypeAlias = Callable[[Any, Made, Made], Array]
RIGHT_DELTA = sentence("fix_delta")


def _logits(of: Callable[[Any, Made, Made], Array]) -> Changed:
    """Return what gives the logits another gradient: operands, what forward made, gradients → gradient."""
    return lambda o, made, found, right: right(o, made, found) | {"logits": of(o, made, found)}


def _less(delta: Delta) -> Changed:
    """Return what subtracts another δ."""
    return _logits(lambda o, made, found: product(made["weights"], found["weights"] - delta(o, made, found)))


def _of_sinks(delta: Delta, change: Changed) -> Changed:
    """Return the same with a gradient of the sinks that is made of this δ too."""

    def both(o: Any, made: Made, found: Made, right: Backward) -> Found:
        lse = made["lse"]
        share = np.exp(within(o.sinks, o.dtype)[:, None] - np.where(lse == -np.inf, np.inf, lse))
        by = np.broadcast_to(delta(o, made, found)[..., 0], share.shape)
        return change(o, made, found, right) | {"sinks": -product(share, by).sum(axis=(0, 2))}

    return both


def inner(made: Made, found: Made) -> Array:
    """Return weights ∘ d_weights, whose sum along a row is δ."""
    return product(made["weights"], found["weights"])


def delta_of(made: Made, found: Made) -> Array:
    """Return δ, (batch, heads, L, 1)."""
    return np.asarray(inner(made, found).sum(axis=-1, keepdims=True))


def context(found: Made) -> Array:
    """Return the gradient of the weighted sums."""
    return found["context"] if "context" in found else found["output"]


def everywhere(o: Any, found: Made) -> Array:
    """Return d_output · valueᵀ of all keys, (batch, heads, L, S), those included that are closed."""
    value = ready(o.states["value"], o.dtype)
    given = by_group(ready(context(found), o.dtype), value.shape[1])
    return np.asarray(ungroup(given @ value[:, :, None].swapaxes(-1, -2)))


def nothing(o: Any, made: Made, found: Made) -> Array:
    """Return a δ of 0."""
    return np.zeros((*made["weights"].shape[:3], 1))


DELTAS: dict[str, Delta] = {
    "left out": nothing,
    "sign": lambda o, made, found: -delta_of(made, found),
    "twice": lambda o, made, found: 2 * delta_of(made, found),
    "half": lambda o, made, found: delta_of(made, found) / 2,
    "scaled": lambda o, made, found: o.factor * delta_of(made, found),
    "divided": lambda o, made, found: delta_of(made, found) / (o.factor or 1),
    "mean over keys": lambda o, made, found: delta_of(made, found) / o.sizes.keys,
    "mean over features": lambda o, made, found: delta_of(made, found) / o.sizes.value_features,
    "no output": lambda o, made, found: context(found).sum(axis=-1, keepdims=True),
    "no d_output": lambda o, made, found: made.get("context", made["output"]).sum(axis=-1, keepdims=True),
    "no weights": lambda o, made, found: found["weights"].sum(axis=-1, keepdims=True),
    "no weights, closed ones too": lambda o, made, found: everywhere(o, found).sum(axis=-1, keepdims=True),
    "mean of d_weights": lambda o, made, found: found["weights"].mean(axis=-1, keepdims=True),
}
SOFTMAXES: dict[str, Changed] = {
    "left out": _logits(lambda o, made, found: found["weights"]),
    "left out, closed ones too": _logits(lambda o, made, found: everywhere(o, found)),
    "not weighted": _logits(
        lambda o, made, found: np.where(made["weights"] == 0, 0, found["weights"] - delta_of(made, found))
    ),
    "weights": _logits(lambda o, made, found: made["weights"]),
}


def _along(axis: int, made: Made, found: Made) -> Array:
    return product(made["weights"], found["weights"] - inner(made, found).sum(axis=axis, keepdims=True))


def delta(way: Way) -> Iterator[Change]:
    """Wrong δ."""
    for form, of in DELTAS.items():
        if form in ("scaled", "divided") and way.operands.factor in (0, 1):
            continue
        detail = {"delta": form}
        yield Change(DELTA, form, in_stage("softmax", _less(of)), _of_delta(form, "δ"), RIGHT_DELTA, detail)
        if way.operands.sinks is not None:
            apply, what = in_stage("softmax", _of_sinks(of, _less(of))), _of_delta(form, sentence("delta_of_sinks"))
            yield Change(DELTA, f"{form}, sinks too", apply, what, RIGHT_DELTA, detail)
    # What runs along another axis has no part that could be tried alone.
    others: dict[str, Changed] = {
        "queries": _logits(lambda o, made, found: _along(-2, made, found)),
        "heads": _logits(lambda o, made, found: _along(1, made, found)),
        "one element": _logits(lambda o, made, found: product(made["weights"], found["weights"] - inner(made, found))),
    }
    for form, change in others.items():
        apply = whole(in_stage("softmax", change))
        yield Change(DELTA, form, apply, _of_delta(form, "δ"), RIGHT_DELTA, {"delta": form})


def _of_delta(form: str, delta: Field) -> Sentence:
    """Say what became of δ: of that alone, or of that of the sinks too."""
    return sentence(word("delta", form.replace(",", "")).key, delta=delta)


def softmax(way: Way) -> Iterator[Change]:
    """The gradient of softmax is not that of softmax."""
    fix = sentence("fix_softmax_back")
    for form, change in SOFTMAXES.items():
        what = word("softmax_back", form.replace(",", ""))
        yield Change(SOFTMAX_BACK, form, in_stage("softmax", change), what, fix, {"form": form})


def sink(way: Way) -> Iterator[Change]:
    """The gradient of the sinks is wrong, and nothing else."""
    if way.operands.sinks is None:
        return
    fix = sentence("fix_sink_back")
    heads = way.operands.sizes.heads

    def of(form: str, make: Callable[[Made, Made, Array], Array]) -> Change:
        def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
            gradients = right(o, made, found)
            return gradients | {"sinks": make(made, found, gradients["sinks"])}

        what = word("sink_back", form)
        return Change(SINK_BACK, form, in_stage("softmax", change), what, fix, {"form": form})

    def summed(made: Made, found: Made, right: Array) -> Array:
        return -delta_of(made, found)[..., 0].sum(axis=(0, 2))

    yield of("zero", lambda made, found, right: np.zeros(heads))
    yield of("sign", lambda made, found, right: -right)
    yield of("no share", summed)
    count = way.operands.sizes.queries
    yield of("mean", lambda made, found, right: right / count)
    items = way.operands.sizes.batch
    if items > 1:
        yield of("batch mean", lambda made, found, right: right / items)
