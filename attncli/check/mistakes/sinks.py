"""Wrong sinks: those of other heads, counted several times, shifted, or put in another place; read off every head.

A sink takes its share of the sum and leaves the rest as it is: a row is n / (D + e^sink) with n and D the sums of its
keys, so that every row tells the sink that it was made with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.arithmetic import exponentials
from attncli.check.mistakes.general import FUNCTION
from attncli.check.mistakes.near import functions_near
from attncli.check.mistakes.orders import named, patterns
from attncli.check.mistakes.registry import SINK
from attncli.check.mistakes.softmax import sink_variant
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe, softmax
from attncli.sentences import Listed, Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Rows of each head that are looked at, with how many scores in all; and how many heads are told one by one.
ROWS, SCORES, TOLD = 6, 1 << 22, 4
# How far from a row, as a share of it, another sink may be.
FAR = 0.3
# So near each other, in logarithms, numbers in the sums of heads are the same.
ALIKE = 0.02
# How many times the sink may be in the sum.
TIMES = (2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 64)


def sinks(o: Operands) -> Iterator[Generator]:
    """The sinks are those of other heads, or stand elsewhere."""
    if o.has_after:
        return
    if o.sinks is not None:
        yield Generator(pieces.SOFTMAX_ROW, _elsewhere)
    if o.sizes.heads > 1 or o.sinks is not None:
        yield Generator(pieces.SINK, _of_heads)


# --- where the sink stands -------------------------------------------------------------------------------------------


def _own(o: Operands) -> Array:
    """Return the sinks, (1, heads, 1, 1)."""
    return np.asarray(o.sinks, np.float64).reshape(1, -1, 1, 1)


def _parts(logits: Array, o: Operands) -> tuple[Array, Array, Array]:
    """Return exponentials and that of the sink, less the largest of all, and what the exponential of the sink is."""
    own = np.broadcast_to(_own(o), (*logits.shape[:-1], 1))
    top = np.maximum(logits.max(axis=-1, keepdims=True), own)
    return np.exp(logits - top), np.exp(own - top), np.exp(own)


def _without_maximum(logits: Array, o: Operands) -> Array:
    made = exponentials(logits)
    return np.asarray(made / (made.sum(axis=-1, keepdims=True) + _parts(logits, o)[2]))


def _before(logits: Array, o: Operands) -> Array:
    made, own, _ = _parts(logits, o)
    both = np.concatenate([own, made], axis=-1)
    return np.asarray((both / both.sum(axis=-1, keepdims=True))[..., :-1])


def _behind(logits: Array, o: Operands) -> Array:
    made, own, _ = _parts(logits, o)
    both = np.concatenate([made, own], axis=-1)
    return np.asarray((both / both.sum(axis=-1, keepdims=True))[..., 1:])


def _on_key(logits: Array, o: Operands, *, key: int) -> Array:
    made, own, _ = _parts(logits, o)
    made = np.where(np.arange(made.shape[-1]) == key % made.shape[-1], made + own, made)
    return np.asarray(made / made.sum(axis=-1, keepdims=True))


def _in_logit(logits: Array, o: Operands, *, key: int) -> Array:
    moved = np.where(np.arange(logits.shape[-1]) == key % logits.shape[-1], logits + _own(o), logits)
    return softmax(moved, replace(o, sinks=None))


def _as_factor(logits: Array, o: Operands) -> Array:
    return np.asarray(softmax(logits, replace(o, sinks=None)) / (1 + np.exp(_own(o))))


PLACES: dict[str, Callable[[Array, Operands], Array]] = {
    "without the maximum": _without_maximum,
    "kept as the first key": _before,
    "kept as the last key": _behind,
    "given to the first key": partial(_on_key, key=0),
    "given to the last key": partial(_on_key, key=-1),
    "added to the first logit": partial(_in_logit, key=0),
    "added to the last logit": partial(_in_logit, key=-1),
    "as a factor": _as_factor,
}


def _elsewhere(observed: Observed) -> Iterator[Variant]:
    yield from functions_near(observed, (_placed(form, function) for form, function in PLACES.items()))


def _placed(form: str, function: Callable[[Array, Operands], Array]) -> Variant:
    def apply(recipe: Recipe) -> Recipe | None:
        return None if recipe.operands.sinks is None else replace(recipe, softmax=quietly)

    def quietly(logits: Array, o: Operands) -> Array:
        with np.errstate(all="ignore"):
            return np.nan_to_num(function(logits, o))

    said = word("sink", form)
    return Variant((SINK,), pieces.SOFTMAX_ROW, f"sink {form}", apply, said, sentence("fix_sink"), {"sink": said})


# --- which sink it is ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """Rows of one head, each seen along itself.

    Attributes:
        top: (rows,) the largest logit.
        total: (rows,) Σ e^(logit − top).
        seen: (rows,) what was observed, as a share of the sum of the keys n.
        size: (rows,) how much of that n makes one size of the row: errors of a share are errors of so much here.
    """

    top: Array
    total: Array
    seen: Array
    size: Array

    def apart(self, sink: float) -> float:
        """Return how far the rows are, as a share of their size, from those with another sink."""
        with np.errstate(all="ignore"):
            made = 1 / (self.total + np.exp(sink - self.top))
        return float((np.abs(made - self.seen) / self.size).max())

    def shown(self) -> int:
        """Return the row in which the sink can be seen best: it has a large share there, and there are numbers."""
        found = self._sinks()
        return int(np.where(np.isfinite(found), (1 - self.total * self.seen) * self.seen / self.size, -1).argmax())

    def likely(self) -> float:
        """Return the sink that this row tells; −∞ for none."""
        found = float(self._sinks()[self.shown()])
        return found if np.isfinite(found) else -np.inf

    def _sinks(self) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(np.log(1 / self.seen - self.total) + self.top)


def _of_heads(observed: Observed) -> Iterator[Variant]:
    o = observed.right.operands
    heads = [_head(observed, head) for head in range(o.sizes.heads)]
    if any(each is None for each in heads):
        return
    seen = [each for each in heads if each is not None]
    own = None if o.sinks is None else np.asarray(o.sinks, np.float64)
    likely = np.array([each.likely() for each in seen])
    if not np.isfinite(likely).any():
        return
    # As near as the likeliest numbers come, or as rounding is.
    far = 4 * max(max(map(Head.apart, seen, likely)), observed.share)
    told = [] if own is None or not np.isfinite(own).all() else [*_mapped(own, seen, far), *_several(own, seen, far)]
    yield from told
    if not told and own is None and (number := _alike(seen)) is not None:
        yield _more(number)
    elif not told and far < FAR:
        yield _others(own, likely)


def _head(observed: Observed, head: int) -> Head | None:
    """Return what some rows of a head say; None: they are no multiples of the right ones."""
    right, keys = observed.right, observed.right.operands.sizes.keys
    batches, heads, queries = observed.wrong.shape
    count = max(1, min(ROWS, SCORES // (heads * keys)))
    places = [(at % batches, row) for at, row in enumerate(np.linspace(queries - 1, 0, count).round().astype(int))]
    found = []
    for batch, row in dict.fromkeys(places):
        observed_row = observed.expected[batch, head, row].astype(np.float64)
        logits, value = right.logits_and_values(batch, head, np.array([row]))
        top = float(logits.max())
        if not np.isfinite(top) or not np.isfinite(observed_row).all():
            continue
        powers = np.exp(logits - top)
        sums, size = powers @ value, powers @ np.abs(value)
        square = float(sums @ sums)
        if square == 0:
            continue
        share = float(sums @ observed_row) / square
        beside = float(np.abs(observed_row - share * sums).max())
        largest = max(float(np.abs(observed_row).max()), 1e-30)
        if beside > FAR * largest:
            return None
        # The observed row in units of n, and how much of that its own largest number is.
        found.append(
            (top, float(powers.sum()), share, max(share, 1e-30) * float(size.max()) / float(np.abs(sums).max()))
        )
    return Head(*(np.array(each) for each in zip(*found, strict=True))) if found else None


def _alike(seen: list[Head]) -> float | None:
    """Return the number that was added to the sum of every row less its maximum; None: there is no one."""
    found = np.array([each.likely() - each.top[each.shown()] for each in seen])
    if not np.isfinite(found).all() or np.ptp(found) > ALIKE:
        return None
    number = float(np.exp(np.median(found)))
    return next(
        (each for each in (float(f"{number:.{digits}g}") for digits in (1, 2, 3)) if _near(each, number)), number
    )


def _near(rounded: float, number: float) -> bool:
    return abs(rounded / number - 1) < ALIKE / 2


def _more(number: float) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return replace(recipe, softmax=more)

    def more(logits: Array, o: Operands) -> Array:
        made = exponentials(logits)
        return np.asarray(made / (made.sum(axis=-1, keepdims=True) + number))

    said = sentence("sum_more", number=f"{number:.6g}")
    form, detail = "a number in the sum", {"added": number}
    return Variant((FUNCTION,), pieces.SOFTMAX_ROW, form, apply, said, sentence("fix_function"), detail)


def _mapped(own: Array, seen: list[Head], far: float) -> Iterator[Variant]:
    """Find the heads whose sinks these are, if they come so near."""
    count = len(own)
    apart = np.array([[head.apart(sink) for sink in own] for head in seen])
    heads = np.arange(count)
    best = apart.argmin(axis=1)
    nearest = float(apart[heads, best].max())
    if nearest > far:
        return
    orders = [order for _, order in patterns(heads, count) if apart[heads, order].max() <= 1.5 * nearest + 1e-6]
    for order in [*orders[:3], *([best] if not orders else [])]:
        if not np.array_equal(order, heads):
            said = sentence("sink_of_heads", order=named(order, heads, count))
            yield sink_variant(own[order], f"of heads {order.tolist()}", said, sentence("fix_sink_of_head"))


def _several(own: Array, seen: list[Head], far: float) -> Iterator[Variant]:
    """Find how many times the sinks were counted, if that comes so near."""
    apart = {times: max(map(Head.apart, seen, own + math.log(times))) for times in TIMES}
    best = min(apart, key=lambda times: apart[times])
    if apart[best] <= far:
        said = sentence("sink_several", count=best)
        yield sink_variant(own + math.log(best), f"counted {best} times", said, sentence("fix_sink_once"))


def _others(own: Array | None, likely: Array) -> Variant:
    """Return the mistake with sinks that are others in each head."""
    right = np.full_like(likely, -np.inf) if own is None else own
    off = np.flatnonzero(~np.isclose(likely, right, atol=0.01))
    told = [sentence("sink_one", head=int(at), logit=f"{likely[at]:.4g}") for at in off[:TOLD]]
    said: Sentence = sentence(
        "sink_others" if len(off) <= TOLD else "sink_others_too", told=Listed(tuple(told), "comma")
    )
    fix = sentence("fix_no_sink" if own is None else "fix_sink_of_head")
    return sink_variant(likely, "other numbers", said, fix)
