"""What every part of an explanation needs: what it is about, and a voice in one language.

An explanation reads what the steps made and recomputes nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.alibi import slopes
from attncli.attend.operands import Operands
from attncli.explain.blocks import Points
from attncli.show.numbers import label, plain
from attncli.show.tables import Grid
from attncli.show.window import Axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels
    from attncli.languages import Catalogue

# A sum of so many terms is written out whole; of a longer one the ends, and the middle as one number.
MOST_TERMS = 64
ENDS = 4


@dataclass(frozen=True)
class Subject:
    """What one explanation is about: one head, and one element of each of its matrices.

    Attributes:
        operands: the shown rows of one head, prepared.
        made: scores, capped, logits, weights and output of the shown rows, (rows, …).
        rows: which queries are shown.
        row: the query that is worked out.
        column: the key that is worked out.
        feature: the output column that is worked out.
        where: batch, batches, head, heads.
        key_head: the key head that serves this head, and how many query heads it serves.
    """

    title: str
    operands: Operands
    made: Mapping[str, NDArray[Any]]
    rows: Axis
    row: int
    column: int
    feature: int
    where: tuple[int, int, int, int]
    key_head: tuple[int, int]
    query_labels: Labels | None = None
    key_labels: Labels | None = None

    @property
    def at(self) -> int:
        """Where the row that is worked out stands among those shown."""
        return int(np.flatnonzero(self.rows.indices == self.row)[0])

    @property
    def values(self) -> NDArray[Any]:
        """The values of this head, (S, Ev)."""
        assert self.operands.value is not None  # the sum is taught only where there is one
        return self.operands.value[0, 0]

    @property
    def key_features(self) -> int:
        """How many features a key has; with a projection they need not be those of a query."""
        return int(self.operands.key.shape[-1])

    @property
    def sink(self) -> Any:
        """The sink of this head, or None."""
        sinks = self.operands.sinks
        return None if sinks is None else self.operands.dtype.type(sinks[0])

    @property
    def slope(self) -> float:
        """The slope that ALiBi gives this head."""
        return float(slopes(self.operands.head_count)[self.operands.head_indices[0]])

    @property
    def position(self) -> int:
        """The position of the query that is worked out."""
        return int(self.operands.positions[0, self.at])

    def element_of(self, array: NDArray[Any]) -> Any:
        """Return the worked element of what broadcasts to (batch, heads, rows, keys)."""
        shape = (1, 1, len(self.rows.indices), self.operands.sizes.keys)
        return np.broadcast_to(array, shape)[0, 0, self.at, self.column]

    def line(self, name: str) -> NDArray[Any]:
        """Return the worked row of one result."""
        return self.made[name][self.at]


class Lesson:
    """A voice: sentences in one language, with numbers, names and tables of the subject."""

    def __init__(self, subject: Subject, language: Catalogue, digits: int) -> None:
        self.about = subject
        self.language = language
        self.digits = digits

    def say(self, text: str, /, **values: Any) -> str:
        """Return a text in the language of the lesson; numbers are written with the digits asked for."""
        written = {name: self.number(v) if isinstance(v, float | np.floating) else v for name, v in values.items()}
        return self.language.tidy(self.language.LESSON[text].format(**written))

    def number(self, value: Any) -> str:
        """Write a number for a sentence."""
        return plain(float(value), self.digits)

    def query(self, index: int) -> str:
        """Name a query by its place and, where it has one, its label."""
        return self._named("the_query", index, self.about.query_labels)

    def key(self, index: int) -> str:
        """Name a key by its place and, where it has one, its label."""
        return self._named("the_key", index, self.about.key_labels)

    def _named(self, what: str, index: int, labels: Labels | None) -> str:
        name = self.say(what, index=index)
        return name if labels is None else self.say("labelled", what=name, label=label(labels[index]))

    def points(self, points: Iterable[str]) -> Points:
        """Return sentences as points; one that starts with a name gets its capital."""
        return Points(self.say("notice"), tuple(point[:1].upper() + point[1:] for point in points))

    def element(self, text: str) -> str:
        """Say which element is worked out."""
        about = self.about
        return self.say(text, row=self.query(about.row), column=self.key(about.column))

    def grid(self, name: str, mark: int | None) -> Grid:
        """Return one result as a table, one element marked."""
        about = self.about
        columns = None if name == "output" else about.key_labels
        place = None if mark is None else (about.row, mark)
        heated = name == "weights"
        return Grid(about.made[name], about.rows, about.query_labels, columns, heated=heated, mark=place)

    def signed(self, value: Any) -> str:
        """Write a number so that it can stand behind an operator."""
        text = self.number(value)
        return f"({text})" if text.startswith(("-", "−")) else text

    def vector(self, numbers: NDArray[Any]) -> str:
        """Write a vector; of a long one the ends."""
        texts = [self.number(each) for each in numbers]
        return f"[{', '.join(texts if len(texts) <= 2 * ENDS else [*texts[:ENDS], '…', *texts[-ENDS:]])}]"

    def terms(self, terms: Sequence[tuple[Any, ...]], more: str) -> str:
        """Write a sum of products; a long one with the sum of its middle as one term."""
        if len(terms) <= MOST_TERMS:
            return " + ".join(map(self._product, terms))
        middle = sum(float(np.prod(term)) for term in terms[ENDS:-ENDS])
        between = self.say(more, count=len(terms) - 2 * ENDS, total=middle)
        parts = [*map(self._product, terms[:ENDS]), between, *map(self._product, terms[-ENDS:])]
        return " + ".join(parts)

    def _product(self, term: tuple[Any, ...]) -> str:
        return "·".join(map(self.signed, term))
