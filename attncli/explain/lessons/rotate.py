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
    shown = _Shown(lesson)
    yield from shown.turned() if o.cos is None else shown.looked_up()
    yield shown.worked()
    if about.column < o.sizes.past:
        yield lesson.say("rope_past", key=about.column)


class _Shown:
    """The pair of features that is worked out: the first in which the rotation of the query, or of the key, shows."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson, self.about, self.o = lesson, lesson.about, lesson.about.operands
        self.rotation = rotation_of(self.o, self.o.query.shape[-1])
        at = slice(self.about.at, self.about.at + 1)
        self.places = {"query": query_places(self.o)[:, :1, at], "key": key_place(lesson)}
        # Only a key with as many features as the query is turned likewise; a past one has been.
        self.alike = self.about.key_features == self.o.query.shape[-1]
        self.states = {"query": self.o.query[0, 0, self.about.at], "key": self.o.key[0, 0, self.about.column]}
        self.pair, self.side = self._chosen()

    def _chosen(self) -> tuple[int, str]:
        made = {side: self._tables(side) for side in self.states}
        apart = (made["query"] != made["key"]).any(axis=0) if self.alike else np.ones(made["query"].shape[1], bool)
        for side in ("query", "key") if self.alike and self.about.column >= self.o.sizes.past else ("query",):
            still = np.array([self.rotation.attention, 0])[:, None]
            numbers = np.asarray(self.states[side], dtype=np.float64)
            filled = np.any([numbers[part] != 0 for part in self.rotation.pairs], axis=0)
            seen = apart & filled & (made[side] != still).any(axis=0)
            if seen.any():
                return int(np.argmax(seen)), side
        return int(np.argmax(apart)), "query"

    def _tables(self, side: str) -> np.ndarray[Any, Any]:
        """Return cosines and sines, (2, pairs)."""
        return np.array(self.rotation.tables(self.places[side], np.dtype(np.float64)))[:, 0, 0]

    def _at(self, side: str) -> int:
        """Return the position by which the pair turns."""
        places, axes = self.places[side], self.rotation.axes
        return int(places[0 if axes is None or len(places) == 1 else axes[self.pair], 0, 0])

    def turned(self) -> Iterator[str]:
        """Say by how much the pair is turned in the query and in the key."""
        angles = {side: self.rotation.angles(place)[0, 0] for side, place in self.places.items()}
        query, key = (float(angles[side][self.pair]) for side in ("query", "key"))
        yield self.lesson.say(
            "rope_angles",
            pair=self.pair,
            query=self._at("query"),
            key=self._at("key"),
            query_angle=query,
            key_angle=key,
            query_degrees=float(np.degrees(query)),
            key_degrees=float(np.degrees(key)),
            distance=self._at("query") - self._at("key"),
        )
        last = abs(angles["query"][-1] - angles["key"][-1])
        if self.alike and self.rotation.axes is None and last < abs(query - key):
            yield self.lesson.say("rope_last", angle=last)

    def looked_up(self) -> Iterator[str]:
        """Say what stands in the tables for the pair."""
        for side in ("query", "key"):
            if side == "key" and self.about.column < self.o.sizes.past and self.o.row_indices is not None:
                return
            cos, sin = self._tables(side)[:, self.pair]
            row = self._at(side)
            yield self.lesson.say(f"rope_table_{side}", pair=self.pair, row=row, cos=float(cos), sin=float(sin))

    def worked(self) -> str:
        """Say what the pair was and what it has become."""
        first, second = (range(part.start, part.stop, part.step or 1)[self.pair] for part in self.rotation.pairs)
        at = self.about.at if self.side == "query" else self.about.column
        before, after = self.states[self.side], self.about.made[f"rotated_{self.side}"][at]
        a, b, x, y = (np.float64(vector[place]) for vector in (before, after) for place in (first, second))
        name = "rope_pair" if self.side == "query" else "rope_pair_key"
        text = self.lesson.say(name, first=first, second=second, a=a, b=b, x=x, y=y)
        if self.rotation.attention == 1:
            return text
        return self.lesson.say("rope_times", text=text, attention=self.rotation.attention)


def element(lesson: Lesson) -> str:
    """Say which pair is worked out."""
    return lesson.element("rope_element")


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the rotated query and key."""
    for state in ("query", "key") if lesson.about.operands.options.rope is not None else ():
        title = lesson.say("table_rotated", state=lesson.say(f"word_{state}"))
        yield Table(title, lesson.state_grid(f"rotated_{state}"))


def onward(lesson: Lesson) -> Iterator[str]:
    """Lead the gradient of the query back through what came last before it was scored: a rotation, a late norm."""
    o = lesson.about.operands
    if lesson.about.is_closed or (o.options.rope is None and not o.norms_late):
        return
    stages = "both" if o.options.rope is not None and o.norms_late else "norm" if o.norms_late else "rotation"
    yield lesson.say(f"back_through_{stages}", total=lesson.vector(lesson.about.line("d_query")))


LESSON = StageLesson(
    purpose=purpose,
    element=element,
    working=working,
    tables=tables,
    onward=onward,
)
