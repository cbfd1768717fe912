"""Rotary embedding, taught: by how much the worked query and key are turned, and what that does to one pair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from attncli.attend.rotary.rotation import Rotation
from attncli.attend.rotary.scaling import Turning
from attncli.attend.stages.rotate import query_places, rotation_of
from attncli.explain.blocks import Block, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.explain.positions import key_place, standing
from attncli.show.blocks import Heading, Paragraph


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say why query and key are rotated, which of their features, and how the frequencies are scaled."""
    o = lesson.about.operands
    options = o.options
    if options.rope is None:
        return
    yield Heading(lesson.say("rope_heading"))
    if o.cos is None:
        yield Paragraph(lesson.say("rope_purpose", theta=options.rope_theta))
    else:
        yield Paragraph(lesson.say("rope_tables"))
    turning = rotation_of(o, o.query.shape[-1])
    if turning.features < o.query.shape[-1]:
        place = lesson.say("rope_last_features" if turning.first else "rope_first_features")
        yield Paragraph(lesson.say("rope_part", place=place, count=turning.features, features=o.query.shape[-1]))
    if options.rope_sections is not None:
        a, b, c, *interleaved = options.rope_sections
        how = lesson.say("rope_interleaved" if interleaved else "rope_blocks")
        yield Paragraph(lesson.say("rope_sections", a=a, b=b, c=c, how=how))
    if options.rope_scaling is not None and o.cos is None:
        yield Paragraph(_scaling(lesson, turning))


def _scaling(lesson: Lesson, turning: Rotation) -> str:
    """Say what the scaling does to the frequencies."""
    o = lesson.about.operands
    found = o.options.rope_scaling or {}
    kind = found["rope_type"]
    start = Turning(found, turning.features, o.options.rope_theta, o.rope_length)
    values: dict[str, Any] = {"attention": turning.attention}
    match kind:
        case "linear" | "proportional":
            values |= {"factor": found.get("factor", 1.0)}
            values |= {"turned": np.count_nonzero(turning.frequencies), "pairs": turning.features // 2}
        case "dynamic":
            most = found["max_position_embeddings"]
            grown = float(turning.frequencies[1]) ** (-turning.features / 2)
            values |= {"length": o.rope_length, "most": most, "base": grown}
            kind = "dynamic" if o.rope_length > most else "dynamic_within"
        case "yarn":
            values |= {"original": start.original, "factor": start.stretch}
        case "longrope":
            values |= {"length": o.rope_length, "original": start.original}
            kind = "longrope_long" if o.rope_length > start.original else "longrope_short"
        case "llama3":
            short, long = (start.original / found[name] for name in ("high_freq_factor", "low_freq_factor"))
            values |= {"short": short, "long": long, "factor": start.stretch}
    return lesson.say(f"rope_{kind}", **values)


def working(lesson: Lesson) -> Iterator[str]:
    """Say by how much the query and the key are turned, and work out a pair of features on which that shows."""
    about, o = lesson.about, lesson.about.operands
    if o.options.rope is None:
        return
    yield from standing(lesson)
    turning = rotation_of(o, o.query.shape[-1])
    places = query_places(o)[:, :1, about.at : about.at + 1], key_place(lesson)
    alike = about.key_features == o.query.shape[-1]  # only then do their other pairs turn alike
    if turning.table is None:
        angles = [turning.angles(each)[0, 0] for each in places]
        pair = _telling(angles[0] - angles[1] if alike else angles[0][:1])
        yield _angles(lesson, turning, pair, [float(each[pair]) for each in angles], places)
        if alike and turning.axes is None and abs(angles[0][-1] - angles[1][-1]) < abs(angles[0][0] - angles[1][0]):
            yield lesson.say("rope_last", angle=abs(angles[0][-1] - angles[1][-1]))
    else:
        pair = 0
        yield from _looked_up(lesson, turning, places)
    yield _pair(lesson, turning, pair, places)
    if about.column < o.sizes.past:
        yield lesson.say("rope_past", key=about.column)


def _telling(apart: np.ndarray[Any, Any]) -> int:
    """Return the first pair that query and key are turned apart in, or the first of all."""
    return int(np.argmax(apart != 0))


def _at(turning: Rotation, pair: int, places: np.ndarray[Any, Any]) -> int:
    """Return the position by which a pair turns."""
    return int(places[0 if turning.axes is None or len(places) == 1 else turning.axes[pair], 0, 0])


def _angles(lesson: Lesson, turning: Rotation, pair: int, angles: list[float], places: tuple[Any, Any]) -> str:
    """Say by how much a pair is turned in the query and in the key."""
    query, key = (_at(turning, pair, each) for each in places)
    return lesson.say(
        "rope_angles",
        pair=pair,
        query=query,
        key=key,
        query_angle=angles[0],
        key_angle=angles[1],
        query_degrees=float(np.degrees(angles[0])),
        key_degrees=float(np.degrees(angles[1])),
        distance=query - key,
    )


def _looked_up(lesson: Lesson, turning: Rotation, places: tuple[Any, Any]) -> Iterator[str]:
    """Say what stands in the tables for the first pair."""
    o = lesson.about.operands
    for name, each in zip(("query", "key"), places, strict=True):
        if name == "key" and lesson.about.column < o.sizes.past and o.row_indices is not None:
            return
        cos, sin = turning.tables(each, o.dtype)
        row = _at(turning, 0, each)
        yield lesson.say(f"rope_table_{name}", row=row, cos=float(cos[0, 0, 0]), sin=float(sin[0, 0, 0]))


def _pair(lesson: Lesson, turning: Rotation, pair: int, places: tuple[Any, Any]) -> str:
    """Work a pair of features out: of the query, or of the key where the query stands still."""
    about, o = lesson.about, lesson.about.operands
    rows = turning.pairs
    first, second = (range(part.start, part.stop, part.step or 1)[pair] for part in rows)
    cos, sin = (float(each[0, 0, pair]) for each in turning.tables(places[0], np.dtype(np.float64)))
    still = (cos, sin) == (1, 0) and about.key_features == o.query.shape[-1] and about.column >= o.sizes.past
    before, after = (
        (o.key[0, 0, about.column], about.made["rotated_key"][about.column])
        if still
        else (o.query[0, 0, about.at], about.made["rotated_query"][about.at])
    )
    a, b, x, y = (np.float64(vector[place]) for vector in (before, after) for place in (first, second))
    name = "rope_pair_key" if still else "rope_pair"
    text = lesson.say(name, first=first, second=second, a=a, b=b, x=x, y=y)
    if turning.attention == 1:
        return text
    return lesson.say("rope_times", text=text, attention=turning.attention)


def element(lesson: Lesson) -> str:
    """Say which pair is worked out."""
    return lesson.element("rope_element")


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the rotated query and key."""
    for state in ("query", "key") if lesson.about.operands.options.rope is not None else ():
        title = lesson.say("table_rotated", state=lesson.say(f"word_{state}"))
        yield Table(title, lesson.state_grid(f"rotated_{state}"))


LESSON = StageLesson(purpose=purpose, element=element, working=working, tables=tables)
