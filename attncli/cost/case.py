"""What is reckoned: groups of layers, and how many tokens go through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from attncli.attend.options import Options
from attncli.cost.band import Rule, Tile
from attncli.cost.formula import Factor, Term
from attncli.cost.layers import Attention, Group
from attncli.cost.pairs import Pairs, counted

if TYPE_CHECKING:
    from attncli.attend.operands import ScoreOperands

TILE: Tile = (128, 128)


@dataclass(frozen=True, eq=False)
class Case:
    """Layers and tokens.

    Attributes:
        groups: the layers.
        length: queries of a sequence.
        keys: keys of a sequence; those of the encoder, where there is one.
        batch: sequences.
        itemsize: bytes of a number.
        dtype: what such numbers are called.
        options: rules by position that hold beside those of the layers.
        has_source: whether keys are those of an encoder, so that the decoder's own are as many as its queries.
        keys_are_past: whether the keys before the queries are in a cache already.
        tile: queries and keys of a tile.
        masked: a prepared problem whose arrays close keys; None: rules by position alone do.
    """

    groups: Sequence[Group]
    length: int
    keys: int
    batch: int = 1
    itemsize: int = 2
    dtype: str = "float16"
    options: Options = field(default_factory=Options)
    has_source: bool = False
    keys_are_past: bool = False
    tile: Tile = TILE
    masked: ScoreOperands | None = None

    @property
    def own_keys(self) -> int:
        """Keys that a decoder has of its own."""
        return self.length if self.has_source else self.keys

    def sizes(self, group: Group) -> tuple[int, int]:
        """Return how many queries and keys the layers of a group have."""
        if group.side == "decoder":
            return self.length, self.own_keys
        return (self.length if group.side == "cross" else self.keys), self.keys

    def rule(self, group: Group, queries: int, keys: int) -> Rule:
        """Return which keys are open in a group, where its queries begin as options say."""
        assert group.attention is not None
        own = group.attention.rule
        if group.side != "decoder":
            return own
        return replace(own, offset=Rule.of(self.options, queries, keys).offset)

    @cached_property
    def pairs_of_arrays(self) -> Pairs | None:
        """The pairs where arrays close keys."""
        return None if self.masked is None else counted(self.masked, self.tile)

    def pairs(self, group: Group) -> Pairs:
        """Return the pairs of one layer of a group, over all sequences and heads."""
        if group.attention is None:
            return Pairs(0, 0, 0, 0)
        if self.pairs_of_arrays is not None:
            return self.pairs_of_arrays
        queries, keys = self.sizes(group)
        rule, each = self.rule(group, queries, keys), self.batch * group.attention.heads
        opened, tiled = rule.open(queries, keys), rule.tiled(queries, keys, self.tile)
        return Pairs(each * opened, each * queries * keys, each * tiled, self.last(group).value)

    def open(self, group: Group, queries: int, keys: int, rule: Rule) -> Term:
        """Return the open pairs of one layer of a group, as they are reckoned."""
        assert group.attention is not None
        return self._times(group.attention, rule.open(queries, keys), _written(rule, queries, keys))

    def whole(self, group: Group) -> Term:
        """Return the open pairs of all queries."""
        if self.pairs_of_arrays is not None:
            return Term.of(Factor(self.pairs_of_arrays.open, "open"))
        queries, keys = self.sizes(group)
        return self.open(group, queries, keys, self.rule(group, queries, keys))

    def filling(self, group: Group) -> Term:
        """Return the open pairs where a cache of all keys is filled at once."""
        if self.pairs_of_arrays is not None or group.side != "decoder":
            return self.whole(group)
        assert group.attention is not None
        keys = self.own_keys
        return self.open(group, keys, keys, replace(group.attention.rule, offset=0))

    def last(self, group: Group) -> Term:
        """Return the open pairs of one query, which is the last token."""
        assert group.attention is not None
        if self.pairs_of_arrays is not None:
            return Term.of(Factor(self.pairs_of_arrays.last, "open"))
        keys = self.sizes(group)[1]
        return self.open(group, 1, keys, replace(group.attention.rule, offset=keys - 1))

    def _times(self, a: Attention, opened: int, written: str) -> Term:
        return Term.of(Factor(self.batch, "sequences"), Factor(a.heads, "heads"), Factor(opened, "open", written))


def _written(rule: Rule, queries: int, keys: int) -> str:
    """Return the sum that gives the open pairs, where it is a short one."""
    plain = replace(rule, causal=False, offset=0)
    if plain == Rule() and not rule.causal:
        return f"{queries}·{keys}" if min(queries, keys) > 1 else ""
    square = queries == keys > 1 and rule.causal and not rule.offset and not rule.prefix
    if square and rule.chunk is None and rule.window is None:
        return f"{queries}·{queries + 1}/2"
    window = rule.window
    if square and rule.chunk is None and rule.right < 0 and window is not None and window < queries:
        return f"({window}·{window + 1}/2 + {queries - window}·{window})" if window > 1 else ""
    return ""
