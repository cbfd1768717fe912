"""The names that files, flags and Python may use, each declared once with its kind and its axes.

Readers, flags, shape errors, `inspect`, labels and the reference are generated from these records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

from attncli.errors import InputError
from attncli.text import nearest


class Kind(Enum):
    """What a name refers to."""

    ARRAY = "an array of numbers"
    LABELS = "a list of texts"
    TEXT = "a text"
    OPTIONS = "an object of options"


class Role(Enum):
    """The part that an array plays in the computation."""

    STATE = "a state"  # query, key, value; all in one type
    INPUT = "another input"  # of any type
    RESULT = "a result"
    EXPECTED = "the output of another program"


# What the symbols of the axes stand for.
AXES = {
    "B": "batch items",
    "H": "query heads",
    "K": "key heads",
    "L": "queries",
    "S": "keys",
    "P": "past keys",
    "E": "features of a query or key",
    "Ek": "features of a key",
    "Ev": "features of a value",
    "A": "features when query and key meet",
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
        closes: whether −∞ in it closes a key; if so, a JSON null means −∞.
        broadcasts: whether any axis may have length 1, and leading ones may be missing.
        is_truth: whether whole numbers in it, if all of them are 0 or 1, mean false and true.
        words: describes its effect on a prepared problem, for tables; empty if there is nothing to say.
    """

    name: str
    role: Role
    stage: str
    axes: tuple[str, ...]
    help: str
    aliases: tuple[str, ...] = ()
    closes: bool = False
    broadcasts: bool = False
    is_truth: bool = False
    words: Callable[[Any], str] = lambda facts: ""

    @property
    def shape(self) -> str:
        """Its axes, written out.

        >>> ARRAYS["mask"].shape, ARRAYS["query"].shape, ARRAYS["sinks"].shape
        ('up to (B, H, L, S)', '(…, L, E)', '(H)')
        """
        inner = ", ".join(self.axes)
        if self.broadcasts:
            return f"up to ({inner})"
        return f"(…, {', '.join(self.axes[-2:])})" if len(self.axes) == 4 else f"({inner})"


def _some(numbers: Any) -> str:
    every = numbers.tolist()
    return f"{', '.join(map(str, every[:5]))}{', …' * (len(every) > 5)}"


_QUERY, _KEY, _PAST, _VALUE = ("B", "H", "L", "E"), ("B", "K", "S", "E"), ("B", "K", "P", "E"), ("B", "K", "S", "Ev")
_SCORES, _OUTPUT = ("B", "H", "L", "S"), ("B", "H", "L", "Ev")

# In the order in which results carry them along.
ARRAYS = {
    each.name: each
    for each in (
        Array(
            "query", Role.STATE, "", _QUERY, "Queries; FILE:NAME picks one array out of an archive.", ("q", "Q", "s")
        ),
        Array("hidden", Role.STATE, "", _KEY, "Key and value at once.", ("h", "H")),
        Array(
            "key",
            Role.STATE,
            "",
            _KEY,
            "Keys; each of their heads serves a block of consecutive query heads.",
            ("k", "K"),
        ),
        Array("value", Role.STATE, "", _VALUE, "Values, one per key.", ("v", "V")),
        Array(
            "past_key",
            Role.STATE,
            "",
            _PAST,
            "Keys of a cache, which go before the key.",
            words=lambda facts: f"{facts.sizes.past} past keys" if facts.sizes.past else "",
        ),
        Array("past_value", Role.STATE, "", ("B", "K", "P", "Ev"), "Values of a cache, which go before the value."),
        Array(
            "mask",
            Role.INPUT,
            "mask",
            _SCORES,
            "Who may attend to what: boolean, or only whole numbers 0 and 1 (true, 1 = may attend); or other numbers, "
            "which are added to the scores.",
            ("attn_mask",),
            closes=True,
            broadcasts=True,
            is_truth=True,
            words=lambda facts: (
                "" if facts.mask is None else "boolean mask" if facts.mask.dtype == bool else "mask added"
            ),
        ),
        Array(
            "bias",
            Role.INPUT,
            "mask",
            _SCORES,
            "Numbers to add to the scores, after softcap.",
            closes=True,
            broadcasts=True,
            words=lambda facts: "" if facts.bias is None else "bias added",
        ),
        Array(
            "key_lengths",
            Role.INPUT,
            "mask",
            ("B",),
            "How many of the keys each batch item has; the others are padding.",
            words=lambda facts: "" if facts.key_lengths is None else f"key lengths {_some(facts.key_lengths)}",
        ),
        Array(
            "sinks",
            Role.INPUT,
            "softmax",
            ("H",),
            "One logit per query head, of one more key whose value is 0.",
            words=lambda facts: "" if facts.sinks is None else "sinks",
        ),
        Array("w_score", Role.INPUT, "score", ("E", "Ek"), "W of --score general, q·W·k."),
        Array("w_query", Role.INPUT, "score", ("E", "A"), "W1 of --score additive, v·tanh(q·W1 + k·W2)."),
        Array("w_key", Role.INPUT, "score", ("Ek", "A"), "W2 of --score additive."),
        Array("v_score", Role.INPUT, "score", ("A",), "v of --score additive; without it, ones."),
        Array("expected", Role.EXPECTED, "", _OUTPUT, "What another program made of it, to compare with."),
        Array("scores", Role.RESULT, "score", _SCORES, "Scaled scores.", closes=True),
        Array("capped", Role.RESULT, "cap", _SCORES, "Scores after softcap, if there is one.", closes=True),
        Array(
            "logits",
            Role.RESULT,
            "mask",
            _SCORES,
            "What softmax sees: mask and bias added, −∞ where a key is closed.",
            closes=True,
        ),
        Array("weights", Role.RESULT, "softmax", _SCORES, "Each row sums to 1, or is 0 if no key is open."),
        Array("output", Role.RESULT, "sum", _OUTPUT, "Σ weights · value."),
    )
}

# The arrays that flags of the computation can set; `expected` has its own flag, in `attn check`.
GIVEN = tuple(name for name, each in ARRAYS.items() if each.role in (Role.STATE, Role.INPUT))
RESULTS = tuple(name for name, each in ARRAYS.items() if each.role is Role.RESULT)
STATES = tuple(name for name, each in ARRAYS.items() if each.role is Role.STATE)
# Computed in the precision of the computation, which may exceed that of the arrays in the file.
INTERMEDIATE = tuple(name for name in RESULTS if name != "output")
NULL_IS_CLOSED = tuple(name for name, each in ARRAYS.items() if each.closes)

KINDS: dict[str, Kind] = (
    dict.fromkeys(ARRAYS, Kind.ARRAY)
    | dict.fromkeys(("query_labels", "key_labels", "labels"), Kind.LABELS)
    | dict.fromkeys(("title", "source", "dtype"), Kind.TEXT)
    | {"options": Kind.OPTIONS}
)
ALIASES = {alias: each.name for each in ARRAYS.values() for alias in each.aliases}


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
        raise InputError(f"has no array {wanted!r}", hint="it has " + ", ".join(names))
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
            raise InputError(f"unknown name {name!r}", hint=nearest(name, [*KINDS, *ALIASES]))
        twin = next((other for other, same in found.items() if same == meant), None)
        if twin is not None:
            raise InputError(f"{meant} is given twice, as {twin!r} and as {name!r}")
        found[name] = meant
    return found
