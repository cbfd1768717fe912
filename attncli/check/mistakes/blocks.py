"""Rules by blocks of queries and keys: the tile on the diagonal, a step of a ring, a loop that ends a tile early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import pieces
from attncli.check.mistakes.cuts import Cut, cuts
from attncli.check.mistakes.general import KEYS_DOUBLED, KEYS_LOST, KEYS_OPENED
from attncli.check.mistakes.masks import with_empty
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.near import Row, nearest, rows
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Steps of a ring that are looked at: how many blocks behind its own a query is.
STEPS = (1, 2, 3, -1)


@dataclass(frozen=True)
class Grid:
    """Some queries and all keys in blocks.

    Attributes:
        position: (…, rows, 1) where each query stands.
        cut: where blocks begin.
    """

    position: Array
    cut: Cut

    @property
    def key(self) -> Array:
        """(S,) the number of each key."""
        return np.arange(self.cut.keys)

    @property
    def behind(self) -> Array:
        """(…, rows, S) how many blocks each key is behind the query."""
        own = np.searchsorted(self.cut.borders, self.position, side="right") - 1
        return np.asarray(own - self.cut.part)

    @property
    def whole(self) -> Array:
        """(…, rows, 1) how many keys the whole blocks up to the query's position have."""
        ends = np.array(self.cut.borders)
        return ends[np.searchsorted(ends, np.minimum(self.position + 1, ends[-1]), side="right") - 1]

    @property
    def starts(self) -> Array:
        """(S,) whether each key is the first of its block."""
        return np.isin(self.key, self.cut.borders)

    @property
    def ends(self) -> Array:
        """(S,) whether each key is the last of its block."""
        return np.isin(self.key + 1, self.cut.borders)


@dataclass(frozen=True)
class Rule:
    """What a rule by blocks does to keys.

    Attributes:
        form: what identifies it, and names the sentence on it.
        mistake: what it is called.
        inside: where the keys are that change.
        step: how many blocks behind, where that is part of it.
    """

    form: str
    mistake: Mistake
    inside: Callable[[Grid], Array]
    step: int | None = None

    def logits(self, closed: Array, every: Array, grid: Grid) -> Array:
        """Return logits with this rule, of those where keys are closed, and of all keys as if none were."""
        inside = self.inside(grid)
        if self.mistake is KEYS_LOST:
            return np.where(inside, -np.inf, closed)
        return np.where(inside, every, closed) if self.mistake is KEYS_OPENED else closed + np.log(2) * inside


RULES = (
    Rule("own whole", KEYS_OPENED, lambda grid: grid.behind == 0),
    Rule("ahead", KEYS_OPENED, lambda grid: grid.behind < 0),
    Rule("own and next whole", KEYS_OPENED, lambda grid: (grid.behind == 0) | (grid.behind == -1)),
    Rule("own skipped", KEYS_LOST, lambda grid: grid.behind == 0),
    Rule("own alone", KEYS_LOST, lambda grid: grid.behind > 0),
    Rule("own and first alone", KEYS_LOST, lambda grid: (grid.behind > 0) & (grid.cut.part > 0)),
    Rule("early", KEYS_LOST, lambda grid: grid.key >= grid.whole),
    Rule("corner", KEYS_LOST, lambda grid: grid.starts & (grid.key == grid.position)),
    Rule("first keys", KEYS_LOST, lambda grid: np.broadcast_to(grid.starts, grid.behind.shape)),
    Rule("last keys", KEYS_LOST, lambda grid: np.broadcast_to(grid.ends, grid.behind.shape)),
    Rule("inner first keys", KEYS_LOST, lambda grid: np.broadcast_to(grid.starts & (grid.key > 0), grid.behind.shape)),
    Rule("even", KEYS_LOST, lambda grid: (grid.cut.part % 2 == 0) & (grid.behind == grid.behind)),
    Rule("odd", KEYS_LOST, lambda grid: (grid.cut.part % 2 == 1) & (grid.behind == grid.behind)),
    Rule("own twice", KEYS_DOUBLED, lambda grid: grid.behind == 0),
    Rule("first keys twice", KEYS_DOUBLED, lambda grid: grid.starts & (grid.key > 0) & (grid.behind == grid.behind)),
    *(Rule("missing", KEYS_LOST, lambda grid, step=step: grid.behind == step, step) for step in STEPS),  # type: ignore[misc]
    *(Rule("twice", KEYS_DOUBLED, lambda grid, step=step: grid.behind == step, step) for step in STEPS),  # type: ignore[misc]
)
# Those that are the same for all queries.
OF_KEYS = ("first keys", "last keys", "inner first keys", "even", "odd", "first keys twice")


def blocks(o: Operands) -> Iterator[Generator]:
    """A rule by blocks closes, opens or doubles keys."""
    if o.sizes.keys > 1 and not o.has_after:
        yield Generator(pieces.KEYS, _near)


def _near(observed: Observed) -> Iterator[Variant]:
    o = observed.right.operands
    closed = bool(openings(o.select(batch=0, head=0, rows=np.arange(1))))
    # One query alone has no diagonal.
    rules = [each for each in RULES if o.sizes.queries > 1 or each.form in OF_KEYS]
    every = [(rule, cut) for cut in cuts(o) for rule in rules if closed or rule.mistake is not KEYS_OPENED]
    for rule, cut in nearest(rows(observed), every, _far):
        yield from with_empty(_variant(rule, cut))


def _far(one: tuple[Rule, Cut], row: Row) -> float:
    rule, cut = one
    closed = row.logits
    grid = Grid(np.array([row.position]), cut)
    logits = rule.logits(closed, row.every if rule.mistake is KEYS_OPENED else closed, grid)
    return row.far(row.softmax(logits)) if np.isfinite(logits).any() else float(np.abs(row.seen).max() > 0)


def _variant(rule: Rule, cut: Cut) -> Variant:
    blocks = sentence("blocks_of" if cut.tile else "blocks_count", size=cut.size, count=cut.count)
    detail: dict[str, object] = {"size": cut.size, "rule": rule.form}
    fields: dict[str, Any] = {"blocks": blocks}
    if rule.step is not None:
        detail["step"] = fields["step"] = rule.step
    form = rule.form if rule.step is None else f"{rule.form} {rule.step}"
    return Variant(
        (rule.mistake,),
        pieces.KEYS,
        f"blocks, {form}, {cut.name}",
        partial(_with, rule=rule, cut=cut),
        _said(rule, fields),
        sentence("fix_blocks"),
        detail,
    )


def _said(rule: Rule, fields: dict[str, Any]) -> Sentence:
    form = rule.form.replace(" ", "_")
    if rule.step is not None and abs(rule.step) == 1:
        form += "_before" if rule.step > 0 else "_after"
    elif rule.step is not None:
        form += "_behind"
    return sentence(f"blocks_{form}", **fields)


def _with(recipe: Recipe, *, rule: Rule, cut: Cut) -> Recipe:
    logits = recipe.logits

    def ruled(recipe: Recipe, scores: Array, o: Operands, opened: Any) -> Array:
        closed = logits(recipe, scores, o, opened)
        every = logits(recipe, scores, o, {}) if rule.mistake is KEYS_OPENED else closed
        return rule.logits(closed, every, Grid(o.positions[:, None, :, None], cut))

    return replace(recipe, logits=ruled)
