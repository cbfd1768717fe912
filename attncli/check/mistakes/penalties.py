"""Wrong ALiBi: slopes by other numbers of heads, distances that end, restart or are rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.alibi import slopes
from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.additions import distances, signed_distances, with_slopes
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.rounding import to_half
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.check.mistakes.additions import Penalties

    Array = NDArray[np.float64]
    Places = NDArray[np.int64]

TILES = (4, 8, 16, 32, 64, 128, 256)
Distance = Callable[["Places", "Places"], "NDArray[Any]"]


def alibi(o: Operands) -> Iterator[Variant]:
    """ALiBi has the slopes of other heads, or is of rounded or local positions."""
    if not o.options.alibi:
        return
    right = slopes(o.head_count)
    for form, (said, other) in _slopes(o.head_count).items():
        if not np.array_equal(other, right):
            yield _variant(form, said, partial(_of, by=other))
    for tile in TILES:
        if tile < o.sizes.keys:
            make = partial(_of, by=right, distance=partial(_local, tile=tile))
            yield _variant(f"in tiles of {tile}", sentence("slopes_in_tiles", size=tile), make)
    for kind in ("bfloat16", "float16"):
        make = partial(_of_keys, by=right, kind=kind)
        yield _variant(f"positions in {kind}", sentence("slopes_rounded", kind=kind), make)
    yield _variant("keys behind alone", sentence("slopes_behind"), partial(_of, by=right, distance=_behind))
    yield _variant("squared", sentence("slopes_squared"), partial(_of, by=right, distance=_squared))


def _variant(form: str, said: Sentence, make: Penalties) -> Variant:
    return with_slopes(form, make, sentence("fix_own_slope"), said=said)


def ends(o: Operands) -> Iterator[Generator]:
    """ALiBi's distance ends: all that is farther has the same penalty."""
    if o.options.alibi:
        yield Generator(pieces.ALIBI, _ends)


def _ends(observed: Observed) -> Iterator[Variant]:
    o = observed.right.operands
    rows = np.flatnonzero(observed.wrong.any(axis=(0, 1)))
    first = int(o.standing[0].max(axis=0)[rows[0]]) if len(rows) else 0
    keys = o.sizes.keys
    tried = [
        first - 1,
        first,
        *(keys // n for n in (2, 3, 4, 8)),
        *(1 << n for n in range(2, 14)),
        *(q - 1 for q in TILES),
    ]
    for most in dict.fromkeys(tried):
        if 0 < most < keys:
            make = partial(_of, by=slopes(o.head_count), distance=partial(_capped, most=most))
            yield _variant(f"at most {most}", sentence("slopes_end", most=most), make)


def _slopes(count: int) -> dict[str, tuple[Sentence, Array]]:
    """Return slopes of all heads as other programs have them, by their forms, with what they did."""
    right = slopes(count)
    found: dict[str, tuple[Sentence, Array]] = {}
    for ranks in (2, 3, 4, 8, 16):
        if count % ranks == 0 and count > ranks:
            own = count // ranks
            said = sentence("slopes_counted_by_rank", ranks=ranks, own=own)
            found[f"counted by {ranks} ranks"] = said, np.tile(slopes(own), ranks)
            said = sentence("slopes_first_by_rank", ranks=ranks, own=own, count=count)
            found[f"first of {ranks} ranks"] = said, np.tile(right[:own], ranks)
    for head in dict.fromkeys((0, count - 1)):
        found[f"all of head {head}"] = sentence("slopes_of_head", head=head), np.full(count, right[head])
    plain = {
        "reversed": right[::-1],
        "by size": np.sort(right)[::-1],
        "mean": np.full(count, right.mean()),
        "next head": np.roll(right, -1),
        "head before": np.roll(right, 1),
        "ones": np.ones(count),
        "inverse": 1 / right,
        "twice": 2 * right,
        "half": right / 2,
    }
    return found | {form: (word("slopes", form), other) for form, other in plain.items()}


def _of(
    positions: Places, keys: Places, heads: Places, count: int, *, by: Array, distance: Distance = distances
) -> Array:
    """Return the penalties of other slopes, or of another distance."""
    return np.asarray(-by[heads][:, None, None] * distance(positions, keys))


def _of_keys(positions: Places, keys: Places, heads: Places, count: int, *, by: Array, kind: str) -> Array:
    """Return m·j, rounded: it counts from key 0, which softmax does not see."""
    return to_half(by[heads][:, None, None] * keys[:, None, None, :], kind) + 0.0 * positions[:, None, :, None]


def _local(positions: Places, keys: Places, *, tile: int) -> Places:
    return signed_distances(positions, keys % tile)


def _behind(positions: Places, keys: Places) -> Places:
    return np.maximum(signed_distances(positions, keys), 0)


def _squared(positions: Places, keys: Places) -> Places:
    return distances(positions, keys) ** 2


def _capped(positions: Places, keys: Places, *, most: int) -> Places:
    return np.minimum(distances(positions, keys), most)
