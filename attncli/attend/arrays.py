"""The names that files and flags may use, and what each one holds."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from attncli.errors import InputError
from attncli.text import nearest


class Kind(Enum):
    """What stands behind a name."""

    ARRAY = "an array of numbers"
    LABELS = "a list of texts"
    TEXT = "a text"
    OPTIONS = "an object of options"


# In the order in which results carry them on.
INPUTS = (
    "query",
    "hidden",
    "key",
    "value",
    "past_key",
    "past_value",
    "mask",
    "bias",
    "key_lengths",
    "sinks",
    "w_score",
    "w_query",
    "w_key",
    "v_score",
    "expected",
)
RESULTS = ("scores", "capped", "logits", "weights", "output")

# What meets, in one type; the others stand beside them in whatever type they have.
STATES = ("query", "hidden", "key", "value", "past_key", "past_value")

# Computed in the precision of the computation, which may be wider than that of the arrays in the file.
INTERMEDIATE = ("scores", "capped", "logits", "weights")

# In these a JSON null is −∞: a key that is closed.
NULL_IS_CLOSED = ("mask", "bias", "scores", "capped", "logits")

KINDS: dict[str, Kind] = (
    dict.fromkeys((*INPUTS, *RESULTS), Kind.ARRAY)
    | dict.fromkeys(("query_labels", "key_labels", "labels"), Kind.LABELS)
    | dict.fromkeys(("title", "source", "dtype"), Kind.TEXT)
    | {"options": Kind.OPTIONS}
)

ALIASES = {
    "q": "query",
    "Q": "query",
    "h": "hidden",
    "H": "hidden",
    "k": "key",
    "K": "key",
    "v": "value",
    "V": "value",
    "attn_mask": "mask",
}


def member(given: Iterable[str], wanted: str) -> str:
    """Return the name under which an archive holds what is asked for by its own name or by another one for the same.

    Raises:
        InputError: it holds nothing of that name; what it does hold is offered.
    """
    names = list(given)
    same = (name for name in names if ALIASES.get(name, name) == ALIASES.get(wanted, wanted))
    found = wanted if wanted in names else next(same, None)
    if found is None:
        raise InputError(f"has no array {wanted!r}", hint="it has " + ", ".join(names))
    return found


def canonical(given: Iterable[str]) -> dict[str, str]:
    """Map each name that a file uses to the one that the rest of the program uses.

    Raises:
        InputError: a name nobody knows (the nearest known one is offered), or two names for the same thing.

    Example:
        >>> canonical(["q", "hidden"])
        {'q': 'query', 'hidden': 'hidden'}
    """
    found: dict[str, str] = {}
    for name in given:
        meant = ALIASES.get(name, name)
        if meant not in KINDS:
            raise InputError(f"unknown name {name!r}", hint=nearest(name, [*KINDS, *ALIASES]))
        twin = next((other for other, same in found.items() if same == meant), None)
        if twin is not None:
            raise InputError(f"{meant} is given twice, as {twin!r} and as {name!r}")
        found[name] = meant
    return found
