"""What an engineer would find in an hour where nothing explains an output: where it differs, and in what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check import by_chance
from attncli.check.differences import Difference, differences
from attncli.check.mistakes.variant import Observed
from attncli.check.observations import ranges, span
from attncli.check.recovered import Recovered, Recovery, recover
from attncli.sentences import Field, Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The tiles at whose borders rows may begin to differ.
TILES = (8, 16, 32, 64, 128, 256)
# Weights that sum to 1 but for this do so.
SUM = 1e-3
# So many of the rows must show a thing before it is said of them.
MOST = 0.8
# So many numbers of a table are told.
TOLD = 4


def facts(observed: Observed) -> Iterator[Sentence]:
    """Return what can be said of an output that nothing explains, beside which rows and heads of it differ."""
    yield from _border(observed.wrong)
    yield from _columns(observed)
    yield from by_chance.facts(observed)
    zeros = list(_zeros(observed))
    yield from zeros
    # Where single numbers were lost, the weights that would make the rest say nothing.
    yield from () if zeros else of_weights(recover(observed))


def _border(wrong: NDArray[np.bool_]) -> Iterator[Sentence]:
    """Say from which row on everything differs, and at the border of which tiles that is."""
    rows: NDArray[np.bool_] = np.asarray(wrong.any(axis=(0, 1)))
    if rows.all() or not rows.any():
        return
    first, last = int(rows.argmax()), len(rows) - 1 - int(rows[::-1].argmax())
    if rows[first : last + 1].all() and (first or last < len(rows) - 1):
        border = first or last + 1
        tile = max((size for size in TILES if border % size == 0), default=0)
        where: dict[str, Field] = {"rows": f"{first}–{last}" if first < last else str(first)}
        if tile:
            yield sentence("fact_border", **where, border=border, tile=tile)


def _columns(observed: Observed) -> Iterator[Sentence]:
    """Say which columns differ, where others never do."""
    apart = np.abs(observed.expected.astype(np.float64) - observed.output)
    with np.errstate(invalid="ignore"):
        size = np.abs(observed.output).max(axis=-1, keepdims=True)
        some = ~(apart <= observed.share * size)[observed.wrong]
    differing = some.any(axis=0)
    if not differing.all() and differing.any():
        yield sentence("fact_columns", columns=ranges(np.flatnonzero(differing)), all=len(differing))


def _zeros(observed: Observed) -> Iterator[Sentence]:
    """Say which share of the numbers is exactly 0, and by which number the others are multiplied."""
    seen, right = observed.expected[observed.wrong].astype(np.float64), observed.output[observed.wrong]
    zero = (seen == 0) & (right != 0)
    share = float(zero.mean()) if zero.size else 0.0
    if not 0.01 < share < 0.99:
        return
    with np.errstate(all="ignore"):
        ratio = (seen / right)[~zero & (np.abs(right) > np.abs(right).max() / 100)]
    if ratio.size > 8 and np.ptp(ratio) <= 0.02 * abs(float(np.median(ratio))):
        yield sentence("fact_zeros_scaled", share=f"{share:.0%}", factor=f"{np.median(ratio):.4g}")
    else:
        yield sentence("fact_zeros", share=f"{share:.0%}")


# --- what recovered weights say --------------------------------------------------------------------------------------


def of_weights(found: Recovery) -> Iterator[Sentence]:
    """Return what the recovered weights say: their sum, keys that are missing or too many, and their logits."""
    rows, outside = found.rows, found.outside
    tried = len(rows) + len(outside)
    if tried and len(outside) >= MOST * tried:
        yield sentence("fact_outside", count=len(outside), all=tried)
        return
    if len(rows) < 2:
        return
    yield from _sums(rows)
    yield from _keys(rows)
    yield from map(_logits, differences(rows))


def _sums(rows: Sequence[Recovered]) -> Iterator[Sentence]:
    off = [row for row in rows if abs(row.weights.sum() - row.right.sum()) > SUM + len(row.keys) * row.noise]
    if len(off) >= 2:
        sums = np.array([row.weights.sum() for row in off])
        yield sentence("fact_sums", sums=span(sums), count=len(off), all=len(rows))


def _keys(rows: Sequence[Recovered]) -> Iterator[Sentence]:
    """Say which keys have no weight though they should, and which have some though they are closed."""
    for key, has, lacks in (("fact_missing", "right", "weights"), ("fact_extra", "weights", "right")):
        times = dict[int, int]()
        seen = dict[int, int]()
        for row in rows:
            large, small = getattr(row, has) > 20 * row.noise, np.abs(getattr(row, lacks)) <= row.noise
            for at in row.keys[large].tolist():
                seen[at] = seen.get(at, 0) + 1
            for at in row.keys[large & small].tolist():
                times[at] = times.get(at, 0) + 1
        always = [at for at in sorted(times) if times[at] >= max(1, MOST * seen[at])]
        if always and len(always) < len(seen):
            yield sentence(key, keys=ranges(np.array(always)))


def _logits(found: Difference) -> Sentence:
    heads: dict[str, Field] = {"heads": ranges(np.array(found.heads))}
    if found.kind in ("factor", "slope"):
        return sentence(f"fact_logits_{found.kind}", **heads, number=f"{found.number:.4g}")
    if found.kind in ("distance", "key"):
        told = ", ".join(f"{at}: {number:.3g}" for at, number in found.by[:TOLD])
        return sentence(f"fact_logits_by_{found.kind}", **heads, numbers=told + ", …" * (len(found.by) > TOLD))
    if found.kind == "none":
        return sentence("fact_logits_right", **heads)
    return sentence("fact_logits_other", **heads, number=f"{found.number:.3g}")


def record(found: Sentence, said: str) -> dict[str, Any]:
    """Return a fact for programs: its name, where it is, its numbers, and the sentence in English."""
    fields = dict(found.fields)
    places = {name: fields.pop(name) for name in ("rows", "columns", "heads", "keys", "places") if name in fields}
    plain = {name: each for name, each in fields.items() if isinstance(each, str | int | float)}
    name = found.key.removeprefix("fact_").replace("_", "-")
    return {"fact": name, "where": places, "detail": plain, "said": said}
