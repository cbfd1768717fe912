"""One question about a program: what it asks, which answers are known, and what the output is under each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli.attend.operands import Operands
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Family = Callable[[Operands], Iterable[Variant | Unknown]]
Fields = Mapping[str, object]
Others = Callable[[Operands], "Iterable[Answer]"]


@dataclass(frozen=True)
class Phrase:
    """An answer as it is put into words, which stand in the catalogues under ``answer_QUESTION_ID``.

    Attributes:
        id: of the answer.
        fields: what the words are filled in with.
    """

    id: str
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a program does that was not asked for.

    Attributes:
        question: the id of the question.
        said: what it is called.
        apply: makes a recipe do it; None where that recipe cannot.
        order: that of the piece of the computation which it changes: see `attncli.check.mistakes.pieces`.
        fits_all: whether it can be given to another problem as it is.
    """

    question: str
    said: Phrase
    apply: Callable[[Recipe], Recipe | None]
    order: int
    fits_all: bool = False

    @property
    def key(self) -> tuple[str, str, tuple[tuple[str, object], ...]]:
        """What identifies it, whatever problem it is given to."""
        return self.question, self.said.id, tuple(self.said.fields.items())


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        id: what it is called in files; its words stand in the catalogues under ``question_ID``.
        asked: how the answer is called that a problem asks for.
        others: the other answers that are known, for a problem; none where it cannot be asked.
        fitted: an answer with a number in it that is read off the right recipe and an output; None: there is none.
    """

    id: str
    asked: Callable[[Operands], Phrase]
    others: Others
    fitted: Callable[[Recipe, NDArray[Any]], Answer | None] | None = None


def plainly(id_: str) -> Callable[[Operands], Phrase]:
    """Return what calls the asked answer the same in all problems."""
    return lambda o: Phrase(id_)


def among(question: str, family: Family, forms: Mapping[tuple[str, str], str]) -> Others:
    """Return what makes answers of the known mistakes of a family.

    Args:
        question: the id of the question.
        family: a function of `attncli.check.mistakes`.
        forms: the answers, by the piece and the form of the mistake.
    """

    def others(o: Operands) -> Iterator[Answer]:
        for variant in family(o):
            if isinstance(variant, Variant) and variant.key in forms:
                yield Answer(question, Phrase(forms[variant.key]), variant.apply, variant.piece.order)

    return others
