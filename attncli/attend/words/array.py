"""The record that declares everything about an array, and the symbols of its axes."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from attncli.text import a_few


class Role(Enum):
    """The part that an array plays in the computation."""

    STATE = "a state"  # query, key, value; all in one type
    INPUT = "another input"  # of any type
    RESULT = "a result"
    LOSS = "what the loss makes of a result"
    GRADIENT = "a gradient"
    EXPECTED = "the output of another program"


# The axis of what bounds documents.
DOCUMENTS = "documents + 1"
# What the symbols of the axes stand for.
AXES = {
    "B": "batch items",
    "H": "query heads",
    "K": "key heads",
    "L": "queries",
    "S": "keys",
    "P": "past keys",
    "blocks": "pages of one batch item",
    "E": "features of a query or key",
    "Ek": "features of a key",
    "Ev": "features of a value",
    "H·Ev": "features of the values of all query heads",
    "in": "features before a projection",
    "out": "features after a projection",
    "A": "features when query and key meet",
    "N": "positions of a table",
    "D": "pairs of features that are turned",
    "k": "keys named for a query",
    DOCUMENTS: "documents, and one",
}


class Array(NamedTuple):
    """One array that files, flags or Python may give, or that results hold.

    Attributes:
        name: its name throughout the program.
        role: see `Role`.
        stage: the stage that it belongs to; empty for the states, which come before all stages.
        axes: the symbols of its axes, see `AXES`. States and results may lack leading ones.
        help: what it is, for the help of its flag and for the reference.
        aliases: other names that files may use for it.
        before: names that it once had, which are read wherever its own is: in files, of flags, as keywords.
        closes: whether −∞ in it closes a key; if so, a JSON null means −∞.
        broadcasts: whether any axis may have length 1, and leading ones may be missing.
        is_truth: whether whole numbers in it, if all of them are 0 or 1, mean false and true.
        is_whole: whether it holds whole numbers only, such as positions and ids.
        needs: it has no effect unless one of these options is in force.
        words: describes its effect on a prepared problem, for tables; empty if there is nothing to say.
    """

    name: str
    role: Role
    stage: str
    axes: tuple[str, ...]
    help: str
    aliases: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    closes: bool = False
    broadcasts: bool = False
    is_truth: bool = False
    is_whole: bool = False
    needs: tuple[str, ...] = ()
    words: Callable[[Any], str] = lambda facts: ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which a file may hold it, its own first."""
        return self.name, *self.aliases, *self.before

    @property
    def shape(self) -> str:
        """Its axes, written out.

        >>> Array("query", Role.STATE, "", ("B", "H", "L", "E"), "").shape
        '(…, L, E)'
        """
        inner = ", ".join(self.axes)
        if self.broadcasts:
            return f"up to ({inner})"
        return f"(…, {', '.join(self.axes[-2:])})" if len(self.axes) == 4 else f"({inner})"

    @property
    def is_one_per_query(self) -> bool:
        """Whether it has one number for each query, such as the logarithm of a row's sum, and not a row of them."""
        return self.axes[-1] == "L"

    @property
    def has_gradient(self) -> bool:
        """Whether a small change of its numbers changes the output a little: not if they are ids, positions, counts."""
        return self.role in (Role.STATE, Role.INPUT) and not self.is_whole


def some(numbers: Any) -> str:
    """Return the first numbers of an array as text."""
    return a_few(numbers.tolist(), 5)


# The symbols whose lengths follow from the states; an array that has no others is brought to its axes by them alone.
OF_STATES = ("B", "H", "K", "L", "S")
# The axes that several have.
OVER_SCORES = ("B", "H", "L", "S")
OF_NAMED = ("B", "H", "L", "k")
OF_OUTPUT = ("B", "H", "L", "Ev")
