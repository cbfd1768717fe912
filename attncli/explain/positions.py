"""Where the worked query stands, and which keys stand elsewhere: what rules and rotations go by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.operands import ScoreOperands
from attncli.attend.options import Options
from attncli.attend.stages.mask import openings
from attncli.attend.words.mask import goes_by_position
from attncli.explain.lesson import Lesson

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of these options there is nothing to see where a query meets the key at its own position.
BY_DISTANCE = ("rope", "alibi")
# So many rows are looked at for one that sees a key at another position.
TRIES = 64


def by_distance(options: Options) -> bool:
    """Tell whether the distance between a query and a key makes a difference to their score."""
    return any(options.in_force(name) for name in BY_DISTANCE)


def elsewhere(o: ScoreOperands) -> NDArray[np.bool_]:
    """Return which keys the one query is open to and not at the position of, (S).

    Args:
        o: one query of one head.
    """
    # With sections a key at another of the three positions is elsewhere.
    found = (o.keys_standing != o.standing).any(axis=0)[0]
    for rule in openings(o).values():
        found = found & rule[0, 0, 0]
    return found


def telling_row(o: ScoreOperands, batch: int, head: int) -> int:
    """Return the query that is worked out if none is asked for: one that has what the options in force speak of.

    That is the first query; under a causal rule the last, which sees most; and where distances count, the last that
    sees a key at another position than its own.
    """
    last = o.sizes.queries - 1
    if by_distance(o.options):
        for row in range(last, max(last - TRIES, -1), -1):
            if elsewhere(o.select(batch=batch, head=head, rows=np.array([row]))).any():
                return row
    return last if o.options.causal or by_distance(o.options) else 0


def query_place(lesson: Lesson) -> NDArray[np.int64]:
    """Return where the worked query stands, for rotation and ALiBi, (3 or 1, 1, 1)."""
    at = lesson.about.at
    return lesson.about.operands.standing[:, :, at : at + 1]


def key_place(lesson: Lesson) -> NDArray[np.int64]:
    """Return where the worked key stands, or its row in tables that have one for each state, (3 or 1, 1, 1)."""
    about, o = lesson.about, lesson.about.operands
    if o.row_indices is not None:
        return np.full((1, 1, 1), max(about.column - o.sizes.past, 0))
    return o.keys_standing[:, :, about.column : about.column + 1]


def written(place: NDArray[np.int64]) -> str:
    """Write where a state stands: a number, or three in brackets."""
    numbers = [str(each) for each in place.ravel().tolist()]
    return numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"


def standing(lesson: Lesson) -> Iterator[str]:
    """Say at which position the worked query stands, where that is not its index, and why."""
    about, o = lesson.about, lesson.about.operands
    if by_distance(o.options) and (o.places is not None or o.key_places is not None):
        query, key = written(query_place(lesson)), written(o.keys_standing[:, :, about.column : about.column + 1])
        yield lesson.say("position_given", row=about.row, position=query, column=about.column, key=key)
        if not (o.options.causal or o.options.window):
            return
    first = about.position - about.row
    if first == 0 or not goes_by_position(o):
        return
    place = {"row": about.row, "first": first, "position": about.position}
    queries, keys = about.rows.total, o.sizes.keys
    if o.options.offset == "end":
        yield lesson.say("position_end", **place, queries=queries, keys=keys)
    elif o.options.offset is not None:
        yield lesson.say("position_offset", **place)
    elif o.key_lengths is not None:
        yield lesson.say("position_lengths", **place, queries=queries, length=int(o.key_lengths[0]))
    else:
        yield lesson.say("position_past", **place)
