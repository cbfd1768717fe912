"""What `attn explain --vary` says: one query under each value, what that changes and why, and then all queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from attncli.attend.options import records
from attncli.explain.blocks import Block, Points, Table
from attncli.explain.lesson import Lesson, Subject
from attncli.explain.subject import choose
from attncli.languages import catalogue
from attncli.problem.selection import Choice
from attncli.show.blocks import Heading, Paragraph, apart
from attncli.show.tables import Grid
from attncli.show.view import View
from attncli.show.window import ends
from attncli.vary.compared import Compared, Measured
from attncli.vary.picture import require_alike
from attncli.vary.report import MEASURED, Report
from attncli.vary.words import words

# What differs less than this, as a share, is no difference to speak of.
ALIKE = 1e-6


@dataclass(frozen=True, eq=False)
class Told:
    """What is known of the query that is looked at, under each value.

    Attributes:
        compared: the computations.
        lessons: one for each value, all of the same query and key.
        measured: what is measured over all queries of the head.
        legend: what that is.
        points_at_key: whether a key was asked for.
    """

    compared: Compared
    lessons: Sequence[Lesson]
    measured: Sequence[Measured]
    legend: str
    points_at_key: bool = False

    @property
    def subject(self) -> Subject:
        """What the first lesson is about."""
        return self.lessons[0].about

    def say(self, key: str, /, **fields: Any) -> str:
        """Return a sentence, its numbers written as those of lessons are."""
        one = self.lessons[0]
        written = {
            name: one.number(value) if isinstance(value, float | np.floating) else value
            for name, value in fields.items()
        }
        return words(self.compared.lang, key, **written)


def look(compared: Compared, choice: Choice, view: View, *, row: str | None, column: str | None) -> Told:
    """Compute what is told.

    Args:
        compared: the computations.
        choice: which head.
        view: how much is shown.
        row: the query to look at, by index or label; None: the one that a lesson would work out.
        column: a key to look at, likewise; None: none.

    Raises:
        InputError: there is no such head, query or key, or the values give matrices of different sizes.
    """
    require_alike(compared)
    alone = replace(view, rows=1)  # nothing is shown of the other queries
    subjects = [choose(compared.first, choice, alone, row=row, column=column, steps=["softmax"])]
    at_row, at_column = str(subjects[0].row), str(subjects[0].column)
    for value, computation in [*compared.pairs()][1:]:
        with compared.vary.naming(value):
            subjects.append(choose(computation, choice, alone, row=at_row, column=at_column, steps=["softmax"]))
    lessons = [Lesson(subject, catalogue(compared.lang), view.digits) for subject in subjects]
    batch, _, head, _ = lessons[0].about.where
    report = Report(compared, Choice(batch, head), view)
    measured = report.measured()
    return Told(compared, lessons, measured, report.legend(measured), column is not None)


def teach(told: Told) -> list[Block]:
    """Return the explanation."""
    with np.errstate(all="ignore"):
        return list(_teach(told))


def _teach(told: Told) -> Iterator[Block]:
    compared, subject = told.compared, told.subject
    vary, own = compared.vary, catalogue(compared.lang)
    values = own.REFERENCE["comma"].join(vary.values)
    title = told.say("title", option=vary.flag, values=values)
    yield Heading(title + (f" — {apart(subject.title)}" if subject.title else ""), level=1)
    yield Paragraph(own.REFERENCE.get(f"option_{vary.name}", records()[vary.name].help))
    query, sizes = told.lessons[0].query(subject.row), subject.source.sizes
    counts = {"queries": sizes.queries, "keys": sizes.keys, "count": len(vary.values)}
    yield Paragraph(told.say("intro", option=vary.flag, where=_where(told.lessons[0]), query=query, **counts))
    yield Heading(own.begin(query))
    yield from _tables(told)
    yield Points(told.say("each"), tuple(_each(told)))
    changes = tuple(_changes(told))
    if changes:
        yield Points(told.say("changed", first=compared.titles[0]), changes)
    yield Heading(told.say("all"))
    yield _measured(told)
    yield Paragraph(told.legend)
    points = tuple(_outputs(told))
    if points:
        yield Points(told.say("all_output", first=compared.titles[0]), points)


def _where(lesson: Lesson) -> str:
    """Say which head it is, as a lesson does."""
    batch, batches, head, heads = lesson.about.where
    places = [lesson.say("where_batch", batch=batch, batches=batches)] if batches > 1 else []
    places += [lesson.say("where_head", head=head, heads=heads)] if heads > 1 else []
    return lesson.say("where", places=lesson.say("where_join").join(places)) if places else ""


def _tables(told: Told) -> Iterator[Block]:
    """Return the logits and the weights of the query, a row for each value; the logits only where they differ."""
    vary, keys = told.compared.vary, told.subject.key_labels
    logits, weights = (np.stack([each.about.line(name) for each in told.lessons]) for name in ("logits", "weights"))
    rows = ends(len(vary.values), None)
    if not all(np.array_equal(each, logits[0], equal_nan=True) for each in logits):
        yield Table(told.say("row_logits"), Grid(logits, rows, vary.values, keys))
    title = told.say("row_weights", option=vary.flag)
    yield Table(title, Grid(weights, rows, vary.values, keys, heated=True, narrow=True))


def _has_numbers(lesson: Lesson) -> bool:
    """Tell whether something can be said of the row: NaN is no weight, and −∞ beside it no closed key."""
    return bool(np.isfinite(lesson.about.line("weights")).all())


def _each(told: Told) -> Iterator[str]:
    for value, lesson in zip(told.compared.titles, told.lessons, strict=True):
        facts = lesson.row
        weights, logits = lesson.about.line("weights"), lesson.about.line("logits")
        if not _has_numbers(lesson):
            yield told.say("row_not_a_number", value=value)
            continue
        if facts.open == 0:
            yield told.say("row_nothing", value=value)
            continue
        key, weight = lesson.key(int(facts.ranking[0])), float(weights[facts.ranking[0]])
        if facts.open == 1:
            yield told.say("row_one", value=value, key=key, weight=weight)
        else:
            low, high = _span(logits)
            shared = {"effective": facts.effective, "count": facts.open}
            yield told.say("row_facts", value=value, low=low, high=high, key=key, weight=weight, **shared)
        if told.points_at_key:
            at = {"logit": float(lesson.about.element("logits")), "weight": float(lesson.about.element("weights"))}
            yield told.say("row_key", value=value, key=lesson.key(lesson.about.column), **at)


def _changes(told: Told) -> Iterator[str]:
    """Return what each value changes in the query, and why, where its numbers say it."""
    first, *others = told.lessons
    for value, other in zip(told.compared.titles[1:], others, strict=True):
        before, after = first.row, other.row
        if np.allclose(first.about.line("weights"), other.about.line("weights"), rtol=0, atol=ALIKE, equal_nan=True):
            yield told.say("same", value=value)
            continue
        if not _has_numbers(first) or not _has_numbers(other):
            continue
        was, now = (each.about.line("logits") > -np.inf for each in (first, other))
        closed, opened = int((was & ~now).sum()), int((now & ~was).sum())
        if closed:
            yield told.say("closed", value=value, count=closed)
        if opened:
            yield told.say("opened", value=value, count=opened)
        yield from _spread(told, value, (first, other), same_keys=not closed and not opened)
        if before.open and after.open and before.ranking[0] != after.ranking[0]:
            keys = {"before": first.key(int(before.ranking[0])), "after": other.key(int(after.ranking[0]))}
            yield told.say("top", value=value, **keys)


def _spread(told: Told, value: str, both: tuple[Lesson, Lesson], *, same_keys: bool) -> Iterator[str]:
    """Say whether the weight is spread over more keys, and whether the range of the logits is the reason."""
    before, after = (each.row for each in both)
    if not before.open or not after.open:
        return
    if np.isclose(before.effective, after.effective, rtol=ALIKE):
        yield told.say("as_many", value=value)
        return
    more = after.effective > before.effective
    yield told.say("more" if more else "fewer", value=value, before=before.effective, after=after.effective)
    was, now = (_range(each.about.line("logits")) for each in both)
    if same_keys and was != now and more == (now < was):
        yield told.say("narrower" if more else "wider", value=value, before=was, after=now)


def _measured(told: Told) -> Table:
    """Return what is measured over all queries as a table."""
    rows = [
        [
            np.nan if number is None else number
            for number in (each.effective_keys, each.largest_weight, None if each.change is None else each.change.size)
        ]
        for each in told.measured
    ]
    numbers, headings = np.array(rows), [told.say(name) for name in MEASURED]
    there = np.flatnonzero(~np.isnan(numbers).all(axis=0))
    values = told.compared.vary.values
    grid = Grid(numbers[:, there], ends(len(values), None), values, [headings[at] for at in there], gaps=True)
    return Table(told.say("all_measured"), grid)


def _outputs(told: Told) -> Iterator[str]:
    for value, each in zip(told.compared.titles[1:], told.measured[1:], strict=True):
        change = each.change
        if change is None:
            continue
        if not change.size:
            yield told.say("all_same", value=value)
            continue
        query = told.lessons[0].query(change.place.get("L", 0))
        numbers = {"size": change.size, "before": change.before, "after": change.after}
        yield told.say("all_changed", value=value, query=query, feature=change.place.get("E", 0), **numbers)


def _span(logits: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return the least and the largest logit of the open keys."""
    opened = logits[logits > -np.inf]
    return float(opened.min()), float(opened.max())


def _range(logits: np.ndarray[Any, Any]) -> float:
    low, high = _span(logits)
    return high - low
