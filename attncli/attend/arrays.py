"""The names that files, flags and Python may use, each declared once with its kind and its axes.

Readers, flags, shape errors, `inspect`, labels and the reference are generated from these records.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attncli.attend.words.array import Role
from attncli.attend.words.gradients import LOSS_ARRAYS, ON_THE_WAY, gradient_arrays
from attncli.attend.words.mask import MASK_ARRAYS
from attncli.attend.words.norm import NORM_ARRAYS
from attncli.attend.words.out import OUT_ARRAYS
from attncli.attend.words.project import PROJECT_ARRAYS
from attncli.attend.words.results import RESULT_ARRAYS, expected_arrays
from attncli.attend.words.rotate import ROTATE_ARRAYS
from attncli.attend.words.score import SCORE_ARRAYS
from attncli.attend.words.softmax import SOFTMAX_ARRAYS
from attncli.attend.words.states import STATE_ARRAYS
from attncli.errors import InputError
from attncli.text import nearest, quoted


class Kind(Enum):
    """What a name refers to."""

    ARRAY = "an array of numbers"
    LABELS = "a list of texts"
    TEXT = "a text"
    OBJECT = "an object"
    RECORD = "what is told of results"


_GIVEN = (
    *STATE_ARRAYS,
    *PROJECT_ARRAYS,
    *NORM_ARRAYS,
    *ROTATE_ARRAYS,
    *MASK_ARRAYS,
    *SOFTMAX_ARRAYS,
    *SCORE_ARRAYS,
    *OUT_ARRAYS,
)
# In the order in which results carry them along.
ARRAYS = {
    each.name: each
    for each in (
        *_GIVEN,
        *LOSS_ARRAYS,
        *RESULT_ARRAYS,
        *expected_arrays(RESULT_ARRAYS),
        *gradient_arrays(_GIVEN),
    )
}

# The arrays that flags of the computation can set; `expected` has its own flag, in `attn check`.
GIVEN = tuple(name for name, each in ARRAYS.items() if each.role in (Role.STATE, Role.INPUT))
RESULTS = tuple(name for name, each in ARRAYS.items() if each.role is Role.RESULT)
GRADIENTS = tuple(name for name, each in ARRAYS.items() if each.role is Role.GRADIENT)
EXPECTED_GRADIENTS = tuple(f"expected_{name}" for name in GRADIENTS if f"expected_{name}" in ARRAYS)
# In the order of the stages; the output, which comes last, is compared with `expected`.
EXPECTED_RESULTS = tuple(f"expected_{name}" for name in RESULTS if f"expected_{name}" in ARRAYS)
STATES = tuple(name for name, each in ARRAYS.items() if each.role is Role.STATE)
# Computed in the precision of the computation, which may exceed that of the arrays in the file.
INTERMEDIATE = (*(name for name in RESULTS if name != "output"), *(f"d_{name}" for name in ON_THE_WAY))
NULL_IS_CLOSED = tuple(name for name, each in ARRAYS.items() if each.closes)

KINDS: dict[str, Kind] = (
    dict.fromkeys(ARRAYS, Kind.ARRAY)
    | dict.fromkeys(("query_labels", "key_labels", "labels"), Kind.LABELS)
    | dict.fromkeys(("title", "source", "probe", "dtype"), Kind.TEXT)
    | dict.fromkeys(("options", "show"), Kind.OBJECT)
    | {"cache_effect": Kind.RECORD, "simulated": Kind.RECORD}
)
ALIASES = {alias: each.name for each in ARRAYS.values() for alias in each.names[1:]}
# What flags and keywords may still be called.
BEFORE = {old: each.name for each in ARRAYS.values() for old in each.before}


def lying(name: str, *, columns: bool) -> tuple[str, str]:
    """Return the symbols of the rows and of the columns of an array that is a matrix; a vector is a row of it.

    Args:
        name: of the array, or of the gradient of one, which lies likewise.
        columns: whether states are columns.

    Example:
        >>> lying("weights", columns=True), lying("d_query", columns=True), lying("b_o", columns=False)
        (('L', 'S'), ('E', 'L'), ('', 'out'))
    """
    rows, last = ("", *ARRAYS[name].axes)[-2:]
    return (last, rows) if columns and name.removeprefix("d_") in STATES else (rows, last)


def missing_hint(name: str) -> str:
    """Return a hint on how to give a missing array."""
    stands_in = name in ("key", "value")
    return f'give "{name}" in the file or with --{name} FILE' + ', or "hidden" for key and value' * stands_in


def member(given: Iterable[str], wanted: str) -> str:
    """Return the name under which an archive holds an array, which may be an alias of the one asked for.

    Raises:
        InputError: it holds nothing of that name; the hint lists what it does hold.
    """
    names = list(given)
    same = (name for name in names if ALIASES.get(name, name) == ALIASES.get(wanted, wanted))
    found = wanted if wanted in names else next(same, None)
    if found is None:
        raise InputError(f"has no array {quoted(wanted)}", hint="it has " + ", ".join(names))
    return found


def canonical(given: Iterable[str]) -> dict[str, str]:
    """Map each name that a file uses to the one that the rest of the program uses.

    Raises:
        InputError: an unknown name (the hint offers the closest known one), or two names for the same thing.

    Example:
        >>> canonical(["q", "hidden"])
        {'q': 'query', 'hidden': 'hidden'}
    """
    found: dict[str, str] = {}
    for name in given:
        meant = ALIASES.get(name, name)
        if meant not in KINDS:
            raise InputError(f"unknown name {quoted(name)}", hint=nearest(name, [*KINDS, *ALIASES]))
        twin = next((other for other, same in found.items() if same == meant), None)
        if twin is not None:
            raise InputError(f"{meant} is given twice, as {quoted(twin)} and as {quoted(name)}")
        found[name] = meant
    return found
