"""What a model has of attention: groups of layers that are alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from attncli.cost.band import Rule
from attncli.cost.formula import Factor

Kind = Literal["full", "window", "chunk", "latent", "state", "shared", "cross"]
# Where the queries and the keys of a layer come from.
Side = Literal["decoder", "encoder", "cross"]


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention (DeepSeek-V2, 2024): keys and values are made of one short vector a token.

    Attributes:
        rank: its features.
        rope: features of the one key of all heads that is rotated.
        query_rank: features of the vector that queries are made of; 0: they are made of x.
    """

    rank: int
    rope: int
    query_rank: int = 0


@dataclass(frozen=True)
class Attention:
    """Layers whose queries meet keys.

    Attributes:
        heads: of queries.
        key_heads: of keys and values.
        dim: features of a query and a key.
        value_dim: features of a value.
        rule: which keys are open, apart from where the queries begin.
        hidden: features of x, of which queries are made; 0: they are given.
        source: features of what keys and values are made of; 0: they are given.
        latent: what they are made of, where it is not x.
        gated: whether a gate is made for every feature of the output.
        out: features of what a matrix makes of all heads' sums; 0: there is none.
    """

    heads: int
    key_heads: int
    dim: int
    value_dim: int
    rule: Rule = field(default_factory=Rule)
    hidden: int = 0
    source: int = 0
    latent: Latent | None = None
    gated: bool = False
    out: int = 0

    @property
    def vectors(self) -> tuple[tuple[int, int], ...]:
        """What a cache holds of each token: how many vectors of how many features."""
        if self.latent is not None:
            return (1, self.latent.rank), (1, self.latent.rope)
        return self.expanded

    @property
    def expanded(self) -> tuple[tuple[int, int], ...]:
        """What it holds where keys and values are held as they meet queries."""
        return (self.key_heads, self.dim), (self.key_heads, self.value_dim)


@dataclass(frozen=True)
class State:
    """Layers that hold a state of one size in the place of a cache: linear attention, state space models, convolutions.

    Attributes:
        held: the numbers that one sequence holds, as products that are added.
        project: numbers of the matrices before it, as products that are added; each meets every token once.
        out: those of the matrix after it.
        passes: how often a token goes through the numbers of the first of ``held`` to change them: once to add to them;
            twice where what they hold for its key is looked up first (the delta rule); never where they hold tokens as
            they came (a convolution).
        itemsize: bytes of a number; 0: as everything else.
    """

    held: tuple[tuple[Factor, ...], ...]
    project: tuple[tuple[Factor, ...], ...]
    out: tuple[Factor, ...]
    passes: int = 1
    itemsize: int = 0


@dataclass(frozen=True)
class Group:
    """Layers that are alike.

    Attributes:
        count: how many.
        kind: what they hold of the tokens before.
        attention: what they do; None for a state.
        state: the state.
        side: where their queries and keys come from.
        cached: whether they hold anything from step to step, as no encoder does.
    """

    count: int
    kind: Kind
    attention: Attention | None = None
    state: State | None = None
    side: Side = "decoder"
    cached: bool = True

    def kept(self, keys: int) -> int:
        """Return how many of so many keys the cache of a layer holds at most."""
        if self.attention is None:
            return 0
        rule = self.attention.rule
        bounds = [each for each in (rule.window, rule.chunk) if each is not None]
        return min([keys, *bounds])
