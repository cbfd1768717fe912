"""Wrong kernels: a loop over tiles of keys with a running maximum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.mistakes.exam.families.words import EXTRA, LOST, TWICE, ZERO, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, finish
from tests.mistakes.stages import Array, Rng, repeated

LONG = "dense causal"
TILE = r"(tile|block|split|key|multiple of|border|range|rows?)"


@dataclass(frozen=True)
class Loop:
    """The body of a kernel's loop; the defaults are right.

    Attributes:
        tile: how many keys at a time.
        accumulator, total: what a new maximum makes of the accumulator and of the sum, given exp(old − new).
        add: the new sum of the old one and that of the tile.
        counts: how often a tile is gone through, by its number and that of the last.
        start: the maximum that it begins with.
    """

    tile: int
    accumulator: Callable[[Array], Array] = np.asarray
    total: Callable[[Array], Array] = np.asarray
    add: Callable[[Array, Array], Array] = np.add
    counts: Callable[[int, int], int] = lambda at, last: 1
    start: float = -np.inf


def streamed(x: Core, loop: Loop, logits: Array | None = None, v: Array | None = None) -> Array:
    """Attention tile by tile."""
    logits = x.logits() if logits is None else logits
    v = repeated(x.v if v is None else v, x.shape[1])
    b, h, n, s = logits.shape
    top, total = np.full((b, h, n, 1), loop.start, logits.dtype), np.zeros((b, h, n, 1), logits.dtype)
    made = np.zeros((b, h, n, v.shape[3]), logits.dtype)
    last = (s - 1) // loop.tile
    for at in range(last + 1):
        for _ in range(loop.counts(at, last)):
            span = slice(at * loop.tile, (at + 1) * loop.tile)
            new = np.maximum(top, logits[..., span].max(-1, keepdims=True))
            safe = np.where(np.isfinite(new), new, 0)
            shrink, e = np.exp(top - safe), np.exp(logits[..., span] - safe)
            made = made * loop.accumulator(shrink) + e @ v[:, :, span]
            total = loop.add(total * loop.total(shrink), e.sum(-1, keepdims=True))
            top = new
    return finish(x.p, made / np.where(total == 0, 1, total))


def one(shrink: Array) -> Array:
    """No rescaling."""
    return np.ones_like(shrink)


def tile_of(x: Core) -> int | None:
    """The tile of a kernel, of which there are at least two."""
    s = x.shape[3]
    return 64 if s >= 128 else 32 if s >= 64 else None


def third(x: Core) -> int:
    """A tile that short problems have too: a third of the keys."""
    return -(-x.shape[3] // 3)


for size, tiling in {"tiles": tile_of, "thirds": third}.items():

    @kind(
        f"tiles/accumulator-not-rescaled-{size}",
        LONG,
        "tile-rescale",
        (all_of("(accumulator|output|sum|weights)", "(rescal|maximum|running)"),),
    )
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Array | None:
        tile = tiling(x)
        return None if tile is None else streamed(x, Loop(tile, accumulator=one))

    @kind(
        f"tiles/sum-not-rescaled-{size}",
        LONG,
        "tile-rescale",
        (all_of("(sum|normali|denominator|weights)", "(rescal|maximum|running)"),),
    )
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Array | None:
        tile = tiling(x)
        return None if tile is None else streamed(x, Loop(tile, total=one))

    @kind(
        f"tiles/neither-rescaled-{size}",
        LONG,
        "tile-rescale",
        (all_of("(sum|accumulator|output|weights)", "(rescal|maximum|running)"),),
    )
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Array | None:
        tile = tiling(x)
        return None if tile is None else streamed(x, Loop(tile, accumulator=one, total=one))

    @kind(
        f"tiles/sum-overwritten-{size}",
        LONG,
        "tile-rescale tile-sum",
        (all_of("(sum|normali|denominator|weights)", r"(last tile|overwritten|last|only)"),),
    )
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Array | None:
        tile = tiling(x)
        return None if tile is None else streamed(x, Loop(tile, add=lambda old, new: new))

    @kind(f"tiles/first-lost-{size}", LONG, "tile-lost keys-lost", (all_of(TILE, LOST, r"(first|\b0\b)"),))
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Array | None:
        tile = tiling(x)
        return None if tile is None else streamed(x, Loop(tile, counts=lambda at, last: int(at > 0)))

    @kind(
        f"tiles/last-lost-{size}",
        LONG + " cross",
        "tile-lost keys-lost",
        (all_of(TILE, LOST, r"(last|from|to|<first>)"),),
    )
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Wrong | None:
        tile = tiling(x)
        if tile is None:
            return None
        made = streamed(x, Loop(tile, counts=lambda at, last: int(at < last)))
        return Wrong(made, {"first": (x.shape[3] - 1) // tile * tile})

    @kind(f"tiles/middle-twice-{size}", LONG, "tile-doubled keys-doubled", (all_of(TILE, TWICE),))
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Array | None:
        tile = tiling(x)
        return None if tile is None else streamed(x, Loop(tile, counts=lambda at, last: 1 + (at == 1)))

    @kind(f"tiles/middle-lost-{size}", "dense cross", "tile-lost keys-lost", (all_of(TILE, LOST),))
    def _(x: Core, rng: Rng, tiling: Callable[[Core], int | None] = tiling) -> Array | None:
        tile = tiling(x)
        return None if tile is None else streamed(x, Loop(tile, counts=lambda at, last: int(at != 1)))


def padded(x: Core, tile: int, k: float, rng: Rng) -> Core | None:
    """The keys filled up to a multiple of the tile, with zeros or with garbage, and no mask for the tail."""
    b, h, n, s = x.shape
    more = -s % tile
    if not more:
        return None
    tails = [k * rng.standard_normal((*y.shape[:2], more, y.shape[3])).astype(y.dtype) for y in (x.k, x.v)]
    keep = np.concatenate([x.keep, np.ones((b, h, n, more), bool)], -1)
    return x.but(k=np.concatenate([x.k, tails[0]], 2), v=np.concatenate([x.v, tails[1]], 2), keep=keep)


for tile in (16, 32, 64, 128):

    @kind(
        f"tiles/tail-of-{tile}-zeros",
        "dense cross",
        "tile-tail zero-keys",
        (all_of(r"(<count>|<end>|\btail|multiple)", r"(zero|0\b|empty|extra)", "(key|logit|score)"),),
    )
    def _(x: Core, rng: Rng, tile: int = tile) -> Wrong | None:
        made = padded(x, tile, 0.0, rng)
        facts = {"count": -x.shape[3] % tile, "end": x.shape[3] + -x.shape[3] % tile}
        return None if made is None else Wrong(made.out(), facts)


@kind(
    "tiles/tail-of-garbage",
    "dense cross",
    "tile-tail",
    (all_of(r"(span|unknown|extra|garbage|foreign|not of these)", r"(value|key)"),),
)
def garbage(x: Core, rng: Rng) -> Array | None:
    made = padded(x, 64 if x.shape[3] > 16 else 16, 1.0, rng)
    return None if made is None else made.out()


@kind("tiles/last-rows-zero", "dense causal chunked", "rows-lost not-written", (all_of(r"rows?|quer", r"<row>", ZERO),))
def rows_zero(x: Core, rng: Rng) -> Wrong | None:
    n, tile = x.shape[2], 16 if x.shape[2] > 16 else 8
    first = n // tile * tile if n % tile else n - tile
    if first <= 0:
        return None
    made = x.out()
    made[:, :, first:] = 0
    return Wrong(made, {"row": first})


def diagonal(x: Core, tile: int) -> Array:
    """Whether a key is in the tile in which the query itself is, (L, S)."""
    i, j = np.arange(x.shape[2])[:, None] + x.g.first[0], np.arange(x.shape[3])
    return np.asarray(i // tile == j // tile)


def diagonal_tile(x: Core) -> int:
    """A tile of the diagonal."""
    return 4 if x.shape[3] < 16 else 16 if x.shape[3] < 128 else 64


DIAGONAL = "(diagonal|tile|block|chunk|multiple|ahead|future)"


@kind(
    "tiles/diagonal-tile-whole",
    "causal rope grouped",
    "tile-diagonal causal-diagonal mask-blocks",
    (all_of(DIAGONAL, rf"({EXTRA}|whole|all|<tile>)"),),
)
def whole_diagonal(x: Core, rng: Rng) -> Wrong:
    tile = diagonal_tile(x)
    return Wrong(x.but(keep=x.keep | diagonal(x, tile)).out(), {"tile": tile})


@kind("tiles/diagonal-tile-skipped", "causal rope grouped", "tile-diagonal tile-lost", (all_of(DIAGONAL, LOST),))
def skipped_diagonal(x: Core, rng: Rng) -> Array:
    return x.but(keep=x.keep & ~diagonal(x, diagonal_tile(x))).out()


@kind(
    "tiles/diagonal-tile-strict",
    "causal grouped",
    "tile-diagonal causal-diagonal",
    (all_of("diagonal|own key", rf"({LOST}|strict|one)"),),
)
def strict_diagonal(x: Core, rng: Rng) -> Array:
    """The loop ends one tile early where the diagonal meets the corner of a tile: rows 0, t, … lose their own key."""
    i = np.arange(x.shape[2])
    corner = (i % diagonal_tile(x) == 0)[:, None] & (i[:, None] == np.arange(x.shape[3]))
    return x.but(keep=x.keep & ~corner).out()


@kind(
    "tiles/own-indices",
    "chunked",
    "causal-corner tile-diagonal",
    (all_of(r"(causal|corner|diagonal|key)", r"(top left|local|own|offset|position|shift|corner)"),),
)
def own_indices(x: Core, rng: Rng) -> Array:
    i, j = np.arange(x.shape[2])[:, None], np.arange(x.shape[3])
    return x.but(keep=np.broadcast_to(j <= i, x.keep.shape)).out()


@kind("tiles/one-tile-early", "causal chunked", "tile-lost keys-lost", (all_of(TILE, LOST),))
def one_early(x: Core, rng: Rng) -> Array:
    """The number of tiles of a row is ⌊(i + 1)/t⌋, not rounded up: the tail of each row is lost."""
    tile = diagonal_tile(x)
    i = (np.arange(x.shape[2]) + x.g.first[0])[:, None]
    return x.but(keep=x.keep & (np.arange(x.shape[3]) < (i + 1) // tile * tile)).out()


@kind(
    "tiles/score-features-cut",
    "dense causal",
    "features-lost",
    (all_of(r"(feature|dimension|column|d\b)", rf"({LOST}|first|only|half|quarter)"),),
)
def features_cut(x: Core, rng: Rng) -> Array:
    """Scores of all but the last quarter of the features."""
    cut = x.q.shape[3] * 3 // 4
    return x.but(q=x.q[..., :cut], k=x.k[..., :cut]).out()


@kind(
    "tiles/value-columns-cut",
    "dense causal",
    "columns-lost features-lost",
    (all_of(r"(column|feature)", r"<column>", ZERO),),
)
def columns_cut(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    cut = made.shape[-1] * 3 // 4
    made[..., cut:] = 0
    return Wrong(made, {"column": cut})
