"""What every part of an explanation needs: what it is about, and a voice in one language.

An explanation reads what the steps made; it computes again only the element that it works out, term by term.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.alibi import slopes
from attncli.attend.operands import Operands, ScoreOperands
from attncli.attend.views import within
from attncli.explain import row_statistics
from attncli.explain.blocks import Block, Points
from attncli.show.blocks import apart
from attncli.show.numbers import label, plain
from attncli.show.tables import Grid
from attncli.show.view import MOST_DIGITS
from attncli.show.window import Axis, around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels
    from attncli.languages import Catalogue

# Sums of at most MOST_TERMS terms are written out; longer ones keep ENDS terms at each end and sum up the middle.
MOST_TERMS = 64
ENDS = 4


@dataclass(frozen=True)
class Loss:
    """What is known of the loss, and which of the user's arrays it is differentiated by.

    Attributes:
        output: (1, heads or 1, rows, …) its gradient with respect to the output of all heads, of the shown rows.
        is_given: whether the user gave it; otherwise it is all ones.
        hidden: the states, of query, key and value, that are made of ``hidden``.
    """

    output: NDArray[Any]
    is_given: bool
    hidden: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """What one explanation is about: one head, and one element of each of its matrices.

    Attributes:
        operands: the shown rows of one head, prepared.
        source: the whole problem, as it is before anything is projected.
        whole: of all heads and the shown rows, where anything comes after the weighted sum: the sums before and after
            the gate (heads, rows, Ev), and the output (rows, out).
        made: scores, capped, logits, weights and output of the shown rows, (rows, …); if the way back is explained,
            also their gradients, see `attncli.explain.gradients.of_head`.
        rows: which queries are shown.
        row: the query that is worked out.
        column: the key that is worked out.
        feature: the output column that is worked out.
        where: batch, batches, head, heads.
        key_head: the key head that serves this head, and how many query heads it serves.
        loss: what is known of the loss, if the way back is explained.
        tile: how many keys a tile has, where the row is worked out in tiles; None: as many as tell most.
    """

    title: str
    operands: ScoreOperands
    source: ScoreOperands
    whole: Mapping[str, NDArray[Any]]
    made: Mapping[str, NDArray[Any]]
    rows: Axis
    row: int
    column: int
    feature: int
    where: tuple[int, int, int, int]
    key_head: tuple[int, int]
    query_labels: Labels | None = None
    key_labels: Labels | None = None
    loss: Loss | None = None
    tile: int | None = None

    @property
    def at(self) -> int:
        """The place of the worked row among those shown."""
        return int(np.flatnonzero(self.rows.indices == self.row)[0])

    @property
    def is_closed(self) -> bool:
        """Whether the worked key is closed to the worked query."""
        return bool(self.element("logits") == -np.inf)

    @property
    def values(self) -> NDArray[Any]:
        """The values of this head as they are summed, (S, Ev)."""
        assert isinstance(self.operands, Operands)  # the sum is taught only where there is a value
        return self.made["cached_value"] if "cached_value" in self.made else self.operands.value[0, 0]

    @property
    def key_features(self) -> int:
        """How many features a key has; with a projection they need not be those of a query."""
        return int(self.operands.key.shape[-1])

    @property
    def sink(self) -> Any:
        """The sink of this head, or None."""
        sinks = self.operands.sinks
        return None if sinks is None else within(sinks, self.operands.dtype)[0]

    @property
    def slope(self) -> float:
        """The slope that ALiBi gives this head."""
        return float(slopes(self.operands.head_count)[self.operands.head_indices[0]])

    @property
    def position(self) -> int:
        """The position of the query that is worked out."""
        return int(self.operands.positions[0, self.at])

    @property
    def met(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The worked query (E) and key (Ek) as the score function meets them: rotated, where there is a rotation."""
        return self.made["met_query"][self.at], self.made["met_key"][self.column]

    @property
    def of_sum(self) -> int:
        """The column of the weighted sums that is worked out; the output may have more of them."""
        return self.feature if self.feature < self.operands.sizes.value_features else 0

    @property
    def sums(self) -> str:
        """The name of the weighted sums among the results: the output, unless anything comes after them."""
        return "context" if "context" in self.made else "output"

    def element(self, name: str) -> Any:
        """Return the worked element of scores, capped, logits or weights."""
        return self.made[name][self.at, self.column]

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

    @cached_property
    def row(self) -> row_statistics.RowFacts:
        """What is worth noticing in the worked row."""
        return row_statistics.of_row(self.about.line("logits"), self.about.line("weights"))

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
        return name if labels is None else self.say("labelled", what=name, label=apart(label(labels[index])))

    def points(self, points: Iterable[str]) -> Points:
        """Return sentences as points; some begin with a name, which is written otherwise within a sentence."""
        return Points(self.say("notice"), tuple(map(self.language.begin, points)))

    def element(self, text: str) -> str:
        """Say which element is worked out."""
        about = self.about
        return self.say(text, row=self.query(about.row), column=self.key(about.column))

    def grid(self, name: str, mark: int | None) -> Grid:
        """Return one result as a table, one element marked."""
        about = self.about
        columns = None if name in ("output", "context") else about.key_labels
        place = None if mark is None else (about.row, mark)
        heated = name == "weights"
        return Grid(about.made[name], about.rows, about.query_labels, columns, heated=heated, mark=place)

    def state_grid(self, name: str) -> Grid:
        """Return a projected, normed or rotated state as a table: the shown queries, or some of the keys."""
        about, array = self.about, self.about.made[name]
        if name.endswith("_query"):
            return Grid(array, about.rows, about.query_labels)
        rows = around(len(array), min(len(array), len(about.rows.indices)), about.column)
        return Grid(array[rows.indices], rows, about.key_labels)

    def whole_grid(self, mark: int) -> Grid:
        """Return the output of all heads as a table, one element marked."""
        about = self.about
        return Grid(about.whole["output"], about.rows, about.query_labels, mark=(about.row, mark))

    def signed(self, value: Any) -> str:
        """Write a number as an operand: in parentheses if it is negative."""
        return in_parentheses(self.number(value))

    def told_apart(self, first: Any, second: Any) -> tuple[str, str]:
        """Write two numbers, the second to be taken off the first, with digits enough to see their difference."""
        a, b = float(first), float(second)
        most, gap = max(abs(a), abs(b)), abs(a - b)
        lost = math.floor(math.log10(most / gap)) if 0 < gap < most < math.inf else 0
        digits = min(self.digits + lost, MOST_DIGITS)
        return plain(a, digits), in_parentheses(plain(b, digits))

    def vector(self, numbers: NDArray[Any]) -> str:
        """Write a vector; a long one as its first and last numbers."""
        texts = [self.number(each) for each in numbers]
        return f"[{', '.join(texts if len(texts) <= 2 * ENDS else [*texts[:ENDS], '…', *texts[-ENDS:]])}]"

    def terms(self, terms: Sequence[tuple[Any, ...]], more: str, most: int = MOST_TERMS) -> str:
        """Write a sum of products; of more than ``most`` the middle is summed up by the sentence ``more``."""
        if len(terms) <= most:
            return " + ".join(map(self._product, terms))
        middle = sum(float(np.prod(term)) for term in terms[ENDS:-ENDS])
        between = self.say(more, count=len(terms) - 2 * ENDS, total=middle)
        parts = [*map(self._product, terms[:ENDS]), between, *map(self._product, terms[-ENDS:])]
        return " + ".join(parts)

    def _product(self, term: tuple[Any, ...]) -> str:
        return "·".join(map(self.signed, term))


def in_parentheses(number: str) -> str:
    """Write a number as an operand: a negative one in parentheses."""
    return f"({number})" if number.startswith(("-", "−")) else number


def _no_blocks(lesson: Lesson) -> Iterator[Block]:
    return iter(())


def _no_lines(lesson: Lesson) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True)
class StageLesson:
    """What one stage says in the lesson of its step; a stage that does nothing in a problem says nothing.

    Attributes:
        purpose: what the stage is for, before anything is worked out.
        element: which element is worked out; asked of the stage that gives the step its name.
        working: the lines in which it is worked out.
        tables: what the stage made.
        points: what to notice, each a sentence or two.
        back: the lines in which the gradient of the output is led back through the stage, as far as to the logit.
        onward: the lines in which the gradient of the logit is led on, and what query, key and value get of it.
        back_points: what to notice in the gradients, each a sentence or two.
    """

    purpose: Callable[[Lesson], Iterator[Block]] = _no_blocks
    element: Callable[[Lesson], str] = lambda lesson: ""
    working: Callable[[Lesson], Iterator[str]] = _no_lines
    tables: Callable[[Lesson], Iterator[Block]] = _no_blocks
    points: Callable[[Lesson], Iterator[str]] = _no_lines
    back: Callable[[Lesson], Iterator[str]] = _no_lines
    onward: Callable[[Lesson], Iterator[str]] = _no_lines
    back_points: Callable[[Lesson], Iterator[str]] = _no_lines
