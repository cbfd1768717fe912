"""What one score is made of: what each feature of a query and a key adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.parts import Selection
from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages.score import by_feature
from attncli.plot.names import key_of, name_of, query_of
from attncli.problem.attention import ScoreComputation
from attncli.said import Said
from attncli.show.blocks import apart, joined
from attncli.show.numbers import label, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS = 4


@dataclass(frozen=True, eq=False)
class Features:
    """One score by its features.

    Attributes:
        title: of the problem.
        head: which head of which batch item; empty if there is only one of each.
        labels: of the query and of the key, or their indices.
        names: how both are called in a sentence.
        query: as it meets the key, (A).
        key: likewise.
        added: what each feature adds to the score, (A).
        score: what they add up to.
        formula: what of a query and a key is added up, before the scale.
        scale: the factor that all of them have; 1 if none.
        row: the index of the query.
        column: that of the key.
    """

    title: str
    head: str
    labels: tuple[str, str]
    names: tuple[str, str]
    query: NDArray[Any]
    key: NDArray[Any]
    added: NDArray[Any]
    score: float
    formula: str
    scale: float
    row: int
    column: int

    @property
    def said(self) -> str:
        """Which score it is, and what it is the sum of."""
        scaled = f"{plain(self.scale, DIGITS)} · " * (self.scale != 1)
        return Said(
            "score of {query} and {key}: {score}, the sum over {count} features of {formula}",
            query=self.names[0],
            key=self.names[1],
            score=plain(self.score, DIGITS),
            count=len(self.added),
            formula=scaled + self.formula,
        )


def look(computation: ScoreComputation, place: tuple[int, int], row: int | None, column: int | None) -> Features:
    """Compute what a score is made of.

    Args:
        computation: score and softmax of the problem.
        place: a batch item and head.
        row: the query; None: the last one.
        column: the key; None: the one with most weight.

    Raises:
        InputError: there is not enough memory.
    """
    batch, head = place
    row = computation.shape[2] - 1 if row is None else row
    part = Selection(batch, head, np.array([row]))
    computation.require(computation.needs(Selection(batch, head), rows=1), part)
    o, made = computation.select(part), computation.compute(part).everything
    if column is None:
        column = int(np.argmax(np.nan_to_num(made["weights"][0, 0, 0])))
    query, key, added = by_feature(o, made["met_query"][0, 0, 0], made["met_key"][0, 0, column])
    labels = computation.problem.labels_of(batch)
    own = np.broadcast_to(o.inputs["query_scale"], (1, 1, 1)).item() if "query_scale" in o.inputs else 1.0
    query_labels, key_labels = labels.get("query_labels"), labels.get("key_labels")
    return Features(
        title=computation.problem.texts.get("title", ""),
        head=name_of(place, computation.shape, alone=True),
        labels=(_label(row, query_labels), _label(column, key_labels)),
        names=(query_of(row, query_labels), key_of(column, key_labels)),
        query=np.asarray(query),
        key=np.asarray(key),
        added=np.asarray(added, dtype=np.float64),
        score=float(made["scores"][0, 0, 0, column]),
        formula=FUNCTIONS[o.options.score].term,
        scale=float(o.factor) * own,
        row=row,
        column=column,
    )


def _label(index: int, labels: Any) -> str:
    return str(index) if labels is None else label(labels[index])


def to_html(found: Features, words: Any) -> str:
    """Return the part of a page that shows them: bars in a drawing, and the numbers in its titles.

    Args:
        found: what is shown.
        words: those of the page, in its language.
    """
    from attncli.show import heat, html

    wide, high = 12, 160
    finite = np.where(np.isfinite(found.added), found.added, 0.0)
    top, bottom = float(finite.max(initial=0.0)), float(finite.min(initial=0.0))
    unit = high / ((top - bottom) or 1.0)
    middle = round(top * unit, 2)
    bars = []
    for at, value in enumerate(found.added.tolist()):
        size = round(abs(float(finite[at])) * unit, 2)
        color = heat.scale(0.75 if value >= 0 else 0.2)
        numbers = f"{at}: {plain(value, DIGITS)} ({plain(float(found.query[at]), DIGITS)}, "
        numbers += f"{plain(float(found.key[at]), DIGITS)})"
        above = round(middle - size, 2) if value >= 0 else middle
        bars.append(
            f'<rect x="{at * wide + 1}" y="{above}" width="{wide - 2}" height="{size}" fill="rgb{color}">'
            f"<title>{html.text(numbers)}</title></rect>"
        )
    names = {
        word: words[word].format(label=apart(name)) for word, name in zip(("query", "key"), found.labels, strict=True)
    }
    said = words["features"].format(**names, score=plain(found.score, DIGITS))
    formula = f"{plain(found.scale, DIGITS)} · {found.formula}" if found.scale != 1 else found.formula
    width = len(bars) * wide
    return (
        f'<section class="lesson features"><h1>{html.text(said)}</h1><p class="formula">Σ {html.text(formula)}</p>'
        f'<div class="wide"><svg role="img" aria-label="{html.text(joined(said))}" viewBox="0 0 {width} {high}" '
        f'width="{width}" height="{high}"><line x1="0" y1="{middle}" x2="{width}" y2="{middle}"/>{"".join(bars)}'
        f'</svg></div><p class="soft">{html.text(words["features_bars"])}</p></section>'
    )
