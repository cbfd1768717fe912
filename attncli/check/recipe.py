"""One recipe to compute attention: the right one, or one with mistakes in it, a few rows at a time in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.stages.mask import additions, openings
from attncli.attend.stages.rotate import rotated
from attncli.attend.stages.score import products
from attncli.attend.stages.softmax import softmax
from attncli.attend.stages.sum import weigh
from attncli.attend.views import ready
from attncli.check.rounding import to_half

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rearrange = Callable[["NDArray[Any]"], "NDArray[Any]"]
ORDER = ("scale", "softcap", "add", "close")


@dataclass(frozen=True)
class Closing:
    """What is done with the keys that a rule closes.

    Attributes:
        kind: ``"select"``: their logits become ``number``, −∞ where it is done right. ``"add"``: ``number`` is added
            to the logits of those that are open. ``"subtract"``: it is added to those that are closed. ``"after"``:
            their weights become 0 after softmax, and the others stay what they are.
        number: see above.
    """

    kind: str = "select"
    number: float = -np.inf


RIGHT = Closing()


@dataclass(frozen=True)
class Recipe:
    """How the output is made; with nothing but operands it is made right.

    Attributes:
        operands: what is computed with.
        rules: the operands that say what is closed, where those are others.
        order: in which order scores become logits.
        closing: for each rule that is applied in another way than by −∞, how.
        axis: along which axis softmax runs: ``"keys"``, ``"queries"``, ``"heads"``, ``"batch"`` or ``"none"``.
        empty: what a row gets in which all keys are closed: ``"zero"``, ``"nan"``, ``"mean"`` of all values, or
            ``"all"``, the softmax over all keys.
        penalties: what ALiBi adds, from (positions, keys, heads, count of heads), where it is something else.
        factor: on the output.
        back: brings what is made to where the right output stands, by rearranging its numbers.
        half: what is rounded to half precision: ``"float16"`` or ``"bfloat16"``, and which of ``"inputs"``,
            ``"scores"``, ``"weights"`` and ``"output"``.
    """

    operands: Operands
    rules: Operands | None = None
    order: tuple[str, ...] = ORDER
    closing: Mapping[str, Closing] = field(default_factory=dict)
    axis: str = "keys"
    empty: str = "zero"
    penalties: Callable[..., NDArray[Any]] | None = None
    factor: float = 1.0
    back: tuple[Rearrange, ...] = ()
    half: tuple[str, frozenset[str]] = ("", frozenset())

    def with_operands(self, **changes: Any) -> Recipe:
        """Return this recipe with other operands, those that say what is closed included."""
        rules = None if self.rules is None else replace(self.rules, **changes)
        return replace(self, operands=replace(self.operands, **changes), rules=rules)

    def with_rules(self, **changes: Any) -> Recipe:
        """Return this recipe with something else closed, and nothing else changed."""
        return replace(self, rules=replace(self.masking, **changes))

    def with_rotated(self, query: NDArray[Any], key: NDArray[Any]) -> Recipe:
        """Return this recipe with query and key that need no further rotation."""
        rules = None if self.rules is None else replace(self.rules, query=query, key=key, options=_unturned(self.rules))
        operands = replace(self.operands, query=query, key=key, options=_unturned(self.operands))
        return replace(self, operands=operands, rules=rules)

    @property
    def masking(self) -> Operands:
        """The operands that say what is closed."""
        return self.operands if self.rules is None else self.rules

    @property
    def is_stream(self) -> bool:
        """Whether the fast twin can compute it: the steps are the right ones, on other operands."""
        plain = Recipe(self.operands, factor=self.factor, back=self.back)
        return all(
            getattr(self, each.name) == getattr(plain, each.name) for each in fields(self) if each.name != "operands"
        )

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Where each number of the output stands in what is made, as an index into its flat form."""
        sizes = self.operands.sizes
        shape = (sizes.batch, sizes.heads, sizes.queries, sizes.value_features)
        places = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
        for rearrange in self.back:
            places = rearrange(places)
        return places

    def compute(self, batch: int, head: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return some rows of the output of one head, (rows, Ev)."""
        with np.errstate(all="ignore"):
            made = self._gathered(self._places[batch, head, rows]) if self.back else self._rows(batch, head, rows)
            return self._halved(self.factor * made, "output")

    def _halved(self, array: NDArray[Any], what: str) -> NDArray[Any]:
        kind, rounded = self.half
        return to_half(array, kind) if what in rounded else array

    def _gathered(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the numbers that stand at these places of what is made, computing just the rows they stand in."""
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

    def _rows(self, batch: int, head: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return rows of what is made, before anything is rearranged."""
        apart = {"keys": (batch, head, rows), "none": (batch, head, rows), "queries": (batch, head, None)}
        at = apart.get(self.axis, (batch, None, rows) if self.axis == "heads" else (None, head, rows))
        chosen: dict[str, Any] = dict(zip(("batch", "head", "rows"), at, strict=True))
        o = self.operands.select(**chosen)
        if "inputs" in self.half[1]:
            o = replace(o, query=self._halved(o.query, "inputs"), key=self._halved(o.key, "inputs"))
        weights = self._weights(o, self.masking.select(**chosen))
        if self.axis == "queries":
            weights = weights[:, :, rows]
        weights = weights[batch if weights.shape[0] > 1 else 0, head if weights.shape[1] > 1 else 0]
        one = self.operands.select(batch=batch, head=head)
        assert one.value is not None
        value = self._halved(ready(one.value, one.dtype)[0, 0], "inputs")
        return weigh(self._halved(weights, "weights"), value)

    def _weights(self, o: Operands, rules: Operands) -> NDArray[Any]:
        """Return the weights, with as many batch items, heads and rows as softmax runs over."""
        opened = openings(rules)
        logits = self._logits(o, opened)
        weights = self._softmax(logits, o)
        for name, rule in opened.items():
            if self.closing.get(name, RIGHT).kind == "after":
                weights = np.where(rule, weights, 0)
        if self.empty == "zero":
            return weights
        empty = (logits == -np.inf).all(axis=-1, keepdims=True)
        instead: Any = {"nan": np.nan, "mean": 1 / logits.shape[-1]}.get(self.empty)
        if instead is None:
            instead = softmax(self._logits(o, {}), o.sinks)
        return np.where(empty, instead, weights)

    def _logits(self, o: Operands, opened: Mapping[str, NDArray[np.bool_]]) -> NDArray[Any]:
        made = products(o, *rotated(o))
        for step in self.order:
            if step == "scale":
                made = self._halved(made * o.factor, "scores")
            elif step == "softcap" and o.options.softcap is not None:
                made = o.options.softcap * np.tanh(made / o.options.softcap)
            elif step == "tanh" and o.options.softcap is not None:
                made = np.tanh(made / o.options.softcap)
            elif step == "add":
                for added in self._added(o):
                    made = made + added
            elif step == "close":
                made = self._closed(made, opened)
        return made

    def _added(self, o: Operands) -> list[NDArray[Any]]:
        found = additions(o)
        if self.penalties is not None:
            found["alibi"] = self.penalties(o.positions, o.sizes.keys, o.head_indices, o.head_count)
        return list(found.values())

    def _closed(self, logits: NDArray[Any], opened: Mapping[str, NDArray[np.bool_]]) -> NDArray[Any]:
        # Rules that are applied wrongly come first, together: what a right one closes stays closed.
        wrong: dict[Closing, NDArray[np.bool_]] = {}
        for name, rule in opened.items():
            closing = self.closing.get(name, RIGHT)
            if closing != RIGHT:
                wrong[closing] = wrong.get(closing, np.True_) & rule
        for closing, rule in wrong.items():
            if closing.kind == "select":
                logits = np.where(rule, logits, closing.number)
            elif closing.kind in ("add", "subtract"):
                logits = logits + np.where(rule == (closing.kind == "add"), closing.number, 0)
        for name, rule in opened.items():
            if self.closing.get(name, RIGHT) == RIGHT:
                logits = np.where(rule, logits, -np.inf)
        return logits

    def _softmax(self, logits: NDArray[Any], o: Operands) -> NDArray[Any]:
        axis = {"batch": 0, "heads": 1, "queries": 2}.get(self.axis)
        if self.axis == "none":
            return np.where(np.isfinite(logits), logits, 0)
        if axis is None:
            return softmax(logits, o.sinks)
        return np.moveaxis(softmax(np.moveaxis(logits, axis, -1)), -1, axis)

    def logits_and_values(self, batch: int, head: int, rows: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the logits of one row, (S,), and the values of its head, (S, Ev)."""
        one = self.operands.select(batch=batch, head=head, rows=rows)
        assert one.value is not None
        with np.errstate(all="ignore"):
            logits = self._logits(one, openings(self.masking.select(batch=batch, head=head, rows=rows)))
        return logits[0, 0, 0], ready(one.value, one.dtype)[0, 0]


def _unturned(o: Operands) -> Options:
    return replace(o.options, rope=None)
