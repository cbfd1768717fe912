"""What kernels do at the borders of tiles: the tail, the running maximum, parts that are put together, the diagonal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.masks import both_open
from attncli.check.recipe import Recipe, softmax
from attncli.probe.question import Answer, Phrase, Question, plainly

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = (16, 32, 64, 128, 256)
PARTS = (2, 3, 4, 8)
Weigh = Callable[["NDArray[Any]", Operands], "NDArray[Any]"]


def _exponentials(logits: NDArray[Any], largest: NDArray[Any]) -> NDArray[Any]:
    """Return the exponentials of logits less a maximum; 0 where a row has no open key."""
    return np.asarray(np.exp(logits - np.where(np.isfinite(largest), largest, 0)))


def _normalised(weights: NDArray[Any], total: NDArray[Any] | None = None) -> NDArray[Any]:
    total = weights.sum(axis=-1, keepdims=True) if total is None else total
    return np.asarray(weights / np.where(total == 0, 1, total))


def _running(logits: NDArray[Any], size: int) -> NDArray[Any]:
    """Return for each key the largest logit up to the end of its tile."""
    running = np.maximum.accumulate(logits, axis=-1)
    keys = np.arange(logits.shape[-1])
    return np.asarray(running[..., np.minimum((keys // size + 1) * size, len(keys)) - 1])


def tail_joined(logits: NDArray[Any], o: Operands, *, size: int) -> NDArray[Any]:
    """Let the keys that fill up the last tile join the sum, with logits of 0."""
    largest = np.maximum(logits.max(axis=-1, keepdims=True), 0)
    weights = _exponentials(logits, largest)
    more = (-logits.shape[-1] % size) * _exponentials(np.zeros(1), largest)
    return _normalised(weights, weights.sum(axis=-1, keepdims=True) + more)


def without(logits: NDArray[Any], o: Operands, *, keys: slice) -> NDArray[Any]:
    """Leave keys out."""
    left = logits.copy()
    left[..., keys] = -np.inf
    return _normalised(_exponentials(left, left.max(axis=-1, keepdims=True)))


def twice(logits: NDArray[Any], o: Operands, *, keys: slice) -> NDArray[Any]:
    """Count keys twice."""
    weights = _exponentials(logits, logits.max(axis=-1, keepdims=True))
    weights[..., keys] *= 2
    return _normalised(weights)


def not_rescaled(logits: NDArray[Any], o: Operands, *, size: int, sums: bool, totals: bool) -> NDArray[Any]:
    """Leave what earlier tiles made as it was when a later tile brings a larger maximum.

    Args:
        logits: (batch, heads, L, S).
        o: the problem.
        size: of a tile.
        sums: whether the weighted sums are left so.
        totals: whether the sums of exponentials are.
    """
    right = _exponentials(logits, logits.max(axis=-1, keepdims=True))
    stale = _exponentials(logits, _running(logits, size))
    total = (stale if totals else right).sum(axis=-1, keepdims=True)
    return _normalised(stale if sums else right, total)


def averaged(logits: NDArray[Any], o: Operands, *, parts: int) -> NDArray[Any]:
    """Average the outputs of parts of the keys, without regard to how much each of them weighs."""
    made = np.zeros_like(logits)
    for keys in np.array_split(np.arange(logits.shape[-1]), parts):
        part = slice(keys[0], keys[-1] + 1)
        some = logits[..., part]
        made[..., part] = _normalised(_exponentials(some, some.max(axis=-1, keepdims=True))) / parts
    return made


def rows_lost(logits: NDArray[Any], o: Operands, *, first: int) -> NDArray[Any]:
    """Let the rows of the last tile of queries be 0; the logits are those of all queries."""
    late = np.arange(logits.shape[-2]) >= first
    return np.where(late[:, None], 0, softmax(logits, o))


def _answer(question: str, id_: str, weigh: Weigh, **fields: object) -> Answer:
    return Answer(question, Phrase(id_, fields), lambda recipe: replace(recipe, softmax=weigh), pieces.SOFTMAX.order)


def _tail(o: Operands) -> Iterator[Answer]:
    """The last tile is not whole."""
    keys, queries = o.sizes.keys, o.sizes.queries
    # A tile that is longer than all keys is filled up too.
    for size in (size for size in SIZES if keys % size):
        yield _answer("tail", "joined", partial(tail_joined, size=size), size=size)
    for count, sizes in _rests(keys).items():
        behind = slice(keys - count, None)
        yield _answer("tail", "lost", partial(without, keys=behind), count=count, sizes=sizes)
        yield _answer("tail", "twice", partial(twice, keys=behind), count=count, sizes=sizes)
    for count, sizes in _rests(queries).items():
        yield _answer("tail", "rows-lost", partial(rows_lost, first=queries - count), count=count, sizes=sizes)


def _cut(length: int) -> list[int]:
    """Return the sizes of tiles of which the last is not whole."""
    return [size for size in SIZES if length > size and length % size]


def _rests(length: int) -> dict[int, str]:
    """Return how long the last tile may be, each with the sizes of tiles that leave so much.

    >>> _rests(269), _rests(77)
    ({13: '16–256'}, {13: '16–64'})
    """
    found: dict[int, list[int]] = {}
    for size in _cut(length):
        found.setdefault(length % size, []).append(size)
    return {rest: _range(sizes) for rest, sizes in found.items()}


def _range(sizes: list[int]) -> str:
    return str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]}–{sizes[-1]}"


def _tiles(o: Operands) -> Iterator[Answer]:
    """Whole tiles are put together."""
    keys = o.sizes.keys
    for size in (size for size in SIZES if keys >= 2 * size):
        whole = keys - keys % size
        yield _answer("tiles", "last-lost", partial(without, keys=slice(whole - size, whole)), size=size)
        yield _answer("tiles", "first-lost", partial(without, keys=slice(0, size)), size=size)
        yield _answer("tiles", "last-twice", partial(twice, keys=slice(whole - size, whole)), size=size)
        for id_, sums, totals in (("stale", True, True), ("stale-sum", True, False), ("stale-total", False, True)):
            weigh = partial(not_rescaled, size=size, sums=sums, totals=totals)
            yield _answer("tiles", id_, weigh, size=size)
    if keys >= 2 * SIZES[0]:
        for parts in PARTS:
            yield _answer("tiles", "averaged", partial(averaged, parts=parts), parts=parts)


def _diagonal(o: Operands) -> Iterator[Answer]:
    """The tiles on the diagonal of a causal rule are open in part."""
    if not o.options.causal:
        return
    for size in (size for size in SIZES if o.sizes.keys >= 2 * size):
        for id_, most in (("whole", size - 1), ("skipped", -1)):
            apply = partial(_to_the_tile, size=size, most=most)
            yield Answer("causal-tiles", Phrase(id_, {"size": size}), apply, pieces.CAUSAL.order)


def _to_the_tile(recipe: Recipe, *, size: int, most: int) -> Recipe:
    """Let queries see the keys up to the end of their own tile, or those before it."""
    o = recipe.masking
    last = o.positions[:, None, :, None] // size * size + most
    open_ = np.arange(o.sizes.keys) <= last
    return recipe.with_rules(options=replace(o.options, causal=False), mask=both_open(open_, o))


TAIL = Question("tail", plainly("right"), _tail)
TILES = Question("tiles", plainly("right"), _tiles)
CAUSAL_TILES = Question("causal-tiles", plainly("right"), _diagonal)
