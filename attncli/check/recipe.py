"""One recipe for attention: the right one, or one with some pieces replaced, a few rows at a time in float64.

A mistake is the right recipe with other operands or other stages in it: two mistakes that replace different pieces
can be made at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.stages import cap as right_cap
from attncli.attend.stages import mask, rotate, score
from attncli.attend.stages import softmax as right_softmax
from attncli.attend.stages.cache import held, to_meet
from attncli.attend.stages.out import finished
from attncli.attend.views import one_of, ready, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Opened: TypeAlias = Mapping[str, NDArray[np.bool_]]

# The results that a recipe reaches, in the order of the stages; the weighted sums are its output.
OUTPUT = "output"
REACHED = ("rotated_query", "rotated_key", "scores", "capped", "logits", "weights", "lse", OUTPUT)

# --- the right stages, as `attend` has them --------------------------------------------------------------------------


def products(o: Operands) -> Array:
    """Return the scores before any scale, (batch, heads, L, S)."""
    scores = score.products(o, *to_meet(o))
    return np.broadcast_to(scores, (o.sizes.batch, *scores.shape[1:]))


def scale(scores: Array, o: Operands) -> Array:
    """Multiply scores by the scale."""
    return score.scaled(o, scores)


def cap(scores: Array, o: Operands) -> Array:
    """Cap scores, where there is a softcap."""
    return right_cap.capped(o, scores)


def softmax(logits: Array, o: Operands) -> Array:
    """Return the weights."""
    return right_softmax.weights(o, logits)


def close(logits: Array, opened: Opened) -> Array:
    """Set the logits of closed keys to −∞."""
    return mask.close(logits, opened.values())


def add(recipe: Recipe, scores: Array, o: Operands) -> Array:
    """Add mask, bias and ALiBi to scores."""
    return mask.add(scores, recipe.added(o).values())


def in_order(recipe: Recipe, scores: Array, o: Operands, opened: Opened) -> Array:
    """Make logits of scores: scale, cap, add, close."""
    return recipe.close(add(recipe, recipe.cap(recipe.scale(scores, o), o), o), opened)


def weights_kept(weights: Array, opened: Opened) -> Array:
    """Leave the weights as softmax made them."""
    return weights


def zero_when_empty(recipe: Recipe, weights: Array, logits: Array, o: Operands) -> Array:
    """Leave rows in which all keys are closed as softmax made them: 0."""
    return weights


def output_kept(output: Array) -> Array:
    """Leave the output as it is."""
    return output


# --- the recipe ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """How the output is made; with nothing but operands it is made right.

    Attributes:
        operands: what is computed with.
        rules: the operands that say what is closed, where those are others.
        products: operands → scores before the scale.
        scale: scores, operands → scaled scores.
        cap: scores, operands → capped scores.
        added: operands → what is added to the scores, by name.
        close: logits, where each rule is open → logits with keys closed.
        logits: recipe, scores, operands, where each rule is open → logits. It runs the four stages above in order.
        softmax: logits, operands → weights.
        whole: axes of (batch, heads, queries) that this softmax must see whole.
        masked: weights, where each rule is open → weights. What masks still do to them: nothing.
        empty: recipe, weights, logits, operands → weights. What a row gets in which all keys are closed.
        weigh: weights of one head, its values → their weighted sums.
        back: brings the weighted sums to where the right ones stand, by rearranging their numbers.
        after: operands, weighted sums (1, heads, rows, Ev) → output. The gate and the matrix behind them, if any.
        factor: on the output.
        beside: what is added to the output, in its shape; None: nothing.
        finish: output → output. What it is at last made into.
        until: the result at which it ends, one of `REACHED`.
    """

    operands: Operands
    rules: Operands | None = None
    products: Callable[[Operands], Array] = products
    scale: Callable[[Array, Operands], Array] = scale
    cap: Callable[[Array, Operands], Array] = cap
    added: Callable[[Operands], Mapping[str, Array]] = mask.additions
    close: Callable[[Array, Opened], Array] = close
    logits: Callable[[Recipe, Array, Operands, Opened], Array] = in_order
    softmax: Callable[[Array, Operands], Array] = softmax
    whole: frozenset[int] = frozenset()
    masked: Callable[[Array, Opened], Array] = weights_kept
    empty: Callable[[Recipe, Array, Array, Operands], Array] = zero_when_empty
    weigh: Callable[[Array, Array], Array] = weigh
    back: tuple[Callable[[Array], Array], ...] = ()
    after: Callable[[Operands, Array], Array] = finished
    factor: float = 1.0
    beside: Array | None = None
    finish: Callable[[Array], Array] = output_kept
    until: str = OUTPUT

    def with_operands(self, **changes: Any) -> Recipe:
        """Return this recipe with other operands, those that say what is closed included."""
        rules = None if self.rules is None else replace(self.rules, **changes)
        return replace(self, operands=replace(self.operands, **changes), rules=rules)

    def with_rules(self, **changes: Any) -> Recipe:
        """Return this recipe with something else closed, and nothing else changed."""
        return replace(self, rules=replace(self.masking, **changes))

    def with_rotated(self, query: Array, key: Array) -> Recipe:
        """Return this recipe with query and key that need no further rotation."""
        rules = None if self.rules is None else replace(self.rules, options=_unrotated(self.rules))
        operands = replace(self.operands, query=query, key=key, options=_unrotated(self.operands))
        return replace(self, operands=operands, rules=rules)

    @property
    def masking(self) -> Operands:
        """The operands that say what is closed."""
        return self.operands if self.rules is None else self.rules

    @property
    def is_stream(self) -> bool:
        """Whether the fast twin can compute it: nothing is replaced or added, or rearranged within a layer."""
        in_place = self.beside is None and not (self.back and self.operands.has_after)
        return self.until == OUTPUT and self.rules is None and in_place and self.has_right(*RIGHT)

    def has_right(self, *stages: str) -> bool:
        """Tell whether none of these stages is replaced."""
        return all(getattr(self, each) is RIGHT[each] for each in stages)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Where each number of the output stands in what is made, as an index into its flat form."""
        sizes = self.operands.sizes
        shape = (sizes.batch, sizes.heads, sizes.queries, sizes.value_features)
        places = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
        for rearrange in self.back:
            places = rearrange(places)
        return places

    def compute(self, batch: int, head: int, rows: NDArray[np.int64]) -> Array:
        """Return some rows of the output of one head, (rows, Ev), or of the result at which it ends, (rows, …).

        A matrix behind the heads makes rows of all heads.
        """
        with np.errstate(all="ignore"):
            if self.until != OUTPUT:
                return self.finish(self._result(batch, head, rows))
            made = self.factor * self._output(batch, head, rows)
            return self.finish(made if self.beside is None else made + self.beside[batch, head, rows])

    def _output(self, batch: int, head: int, rows: NDArray[np.int64]) -> Array:
        o = self.operands
        if o.layer.out is not None:
            # What is rearranged may have other rows than the output, and those of the gate are all that matters here.
            some = o.select(batch=batch, rows=None if self.back and o.gate is None else rows)
            return self.after(some, self._of_all_heads(batch, rows))[0, 0]
        sums = self._sums(batch, head, rows)
        if not o.has_after and self.after is finished:
            return sums
        return self.after(o.select(batch=batch, head=head, rows=rows), sums[None, None])[0, 0]

    def _of_all_heads(self, batch: int, rows: NDArray[np.int64]) -> Array:
        """Return the weighted sums of all heads, (1, heads, rows, Ev)."""
        if not self.back:
            return self._rows(batch, None, rows)[None]
        return np.stack([self._sums(batch, head, rows) for head in range(self.places.shape[1])])[None]

    def _sums(self, batch: int, head: int, rows: NDArray[np.int64]) -> Array:
        """Return some weighted sums of one head, (rows, Ev)."""
        return self._gathered(self.places[batch, head, rows]) if self.back else self._rows(batch, head, rows)

    def _gathered(self, places: NDArray[np.int64]) -> Array:
        """Return the sums that stand at these places of what is made, computing just the rows they stand in."""
        sizes = self.operands.sizes
        lines, features = np.divmod(places, sizes.value_features)
        wanted = np.unique(lines)
        made = np.empty((len(wanted), sizes.value_features))
        heads = wanted // sizes.queries
        for each in np.unique(heads):
            of_head = heads == each
            batch, head = divmod(int(each), sizes.heads)
            made[of_head] = self._rows(batch, head, wanted[of_head] % sizes.queries)
        return made[np.searchsorted(wanted, lines), features]

    def weights(self, batch: int, head: int, rows: NDArray[np.int64]) -> Array:
        """Return some rows of the weights of one head, (rows, S)."""
        o = self.operands.select(batch=batch, head=head, rows=rows)
        with np.errstate(all="ignore"):
            opened, logits = self._logits(o, {"batch": batch, "head": head, "rows": rows})
            return np.asarray(self.empty(self, self.masked(self.softmax(logits, o), opened), logits, o)[0, 0])

    def _rows(self, batch: int, head: int | None, rows: NDArray[np.int64]) -> Array:
        """Return rows of what is made, before anything is rearranged, (rows, Ev); of all heads (heads, rows, Ev)."""
        o, weights = self._weights(batch, head, rows)
        values = _values(self.operands.select(batch=batch, head=head) if self.whole else o)
        if head is not None:
            return self.weigh(weights, values[0])
        serving = np.arange(len(weights)) * len(values) // len(weights)
        return np.stack([self.weigh(each, values[at]) for each, at in zip(weights, serving, strict=True)])

    def _result(self, batch: int, head: int, rows: NDArray[np.int64]) -> Array:
        """Return rows of a result on the way; of a rotated key they are keys, and the head is one of keys."""
        if self.until == "weights":
            return self._weights(batch, head, rows)[1]
        if self.until == "rotated_key":
            one = self.operands.select(batch=batch, head=head * self.operands.sizes.group, rows=np.arange(1))
            return rotate.rotated(one)[1][0, 0, rows]
        chosen: dict[str, Any] = {"batch": batch, "head": head, "rows": rows}
        o = self.operands.select(**chosen)
        if self.until == "rotated_query":
            return rotate.rotated(o)[0][0, 0]
        if self.until in ("scores", "capped"):
            made = self.scale(self.products(o), o)
            return (self.cap(made, o) if self.until == "capped" else made)[0, 0]
        _, logits = self._logits(o, chosen)
        return logits[0, 0] if self.until == "logits" else right_softmax.log_sum(logits, o.sinks)[0, 0, :, None]

    def _weights(self, batch: int, head: int | None, rows: NDArray[np.int64]) -> tuple[Operands, Array]:
        """Return the part of the problem that was computed, and rows of the weights of one head, (rows, S), or all."""
        # What softmax must see whole is computed whole, and one of it taken afterwards.
        chosen: dict[str, Any] = {
            "batch": None if 0 in self.whole else batch,
            "head": None if 1 in self.whole else head,
            "rows": None if 2 in self.whole else rows,
        }
        o = self.operands.select(**chosen)
        opened, logits = self._logits(o, chosen)
        weights = self.empty(self, self.masked(self.softmax(logits, o), opened), logits, o)
        if 2 in self.whole:
            weights = weights[:, :, rows]
        weights = one_of(weights, batch)
        return o, weights if head is None else one_of(weights, head)

    def _logits(self, o: Operands, chosen: Mapping[str, Any]) -> tuple[Opened, Array]:
        """Return where each rule is open, and the logits, of the chosen part of the problem."""
        opened = mask.openings(o if self.rules is None else self.rules.select(**chosen))
        return opened, self.logits(self, self.products(o), o, opened)

    def logits_and_values(self, batch: int, head: int, rows: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return the logits of one row, (S,), and the values of its head, (S, Ev)."""
        chosen: dict[str, Any] = {"batch": batch, "head": head, "rows": rows}
        one = self.operands.select(**chosen)
        with np.errstate(all="ignore"):
            _, logits = self._logits(one, chosen)
        return logits[0, 0, 0], _values(one)[0]


# The stages that a mistake may replace, by name.
RIGHT = {each.name: each.default for each in fields(Recipe) if callable(each.default)}


def _values(one: Operands) -> Array:
    """Return the values of one batch item, (heads, S, Ev)."""
    return held(one, "value", ready(one.value, one.dtype))[0]


def _unrotated(o: Operands) -> Options:
    return replace(o.options, rope=None)
