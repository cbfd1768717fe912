"""What a head does in a word, where its numbers are clear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from attncli.languages import catalogue
from attncli.stats.numbers import NEAR, NEAR_BY, NEAR_CHANCE, OPEN

# A head does what at least half of its weight does.
HALF = 0.5
# A head looks near by if nearly all weight is there, and not nearly all keys.
NEARLY, ROOM = 0.8, 0.5
# It looks everywhere if it uses nearly all keys, of which there are some.
EVERYWHERE, SOME = 0.9, 3.0
# What is told from labels that repeat needs some of them.
REPEATS = 3


class Word(NamedTuple):
    """A word for what a head does.

    Attributes:
        id: in the catalogues, which have the word itself; programs get the English one.
        help: when it is said.
        holds: tells from the numbers of a head, and how many queries have a label that stood earlier.
    """

    id: str
    help: str
    holds: Callable[[Mapping[str, float | None], int], bool]


def _most(name: str) -> Callable[[Mapping[str, float | None], int], bool]:
    """Tell whether half of the weight is there, and of the three places of each query most."""

    def holds(of: Mapping[str, float | None], repeats: int) -> bool:
        return _at(of, name) >= HALF and _at(of, name) >= max(_at(of, place) for place in PLACES)

    return holds


def _at(of: Mapping[str, float | None], name: str) -> float:
    found = of[name]
    return -1.0 if found is None else found


def _is_induction(of: Mapping[str, float | None], repeats: int) -> bool:
    return repeats >= REPEATS and _at(of, "induction") >= HALF


def _is_near(of: Mapping[str, float | None], repeats: int) -> bool:
    return _at(of, NEAR_BY) >= NEARLY and 0 <= _at(of, NEAR_CHANCE) <= ROOM


def _is_uniform(of: Mapping[str, float | None], repeats: int) -> bool:
    return _at(of, "effective_share") >= EVERYWHERE and _at(of, OPEN) >= SOME


PLACES = ("previous", "own", "first_key")
# In the order in which they are tried. A head that copies after what it finds rests on the first token otherwise.
WORDS = tuple(
    Word(*each)
    for each in (
        ("previous", "Half of the weight or more is on the key just before.", _most("previous")),
        ("diagonal", "Half of the weight or more is on the query's own position.", _most("own")),
        (
            "induction",
            "Half of the weight or more is on what came after the same label earlier, of at least 3 queries that have "
            "such keys.",
            _is_induction,
        ),
        ("first", "Half of the weight or more is on the first key.", _most("first_key")),
        (
            "local",
            f"Eight tenths of the weight or more are at most {NEAR} positions away, and half of the keys or fewer are.",
            _is_near,
        ),
        ("uniform", "The weight is spread over nearly all open keys, of which there are some.", _is_uniform),
    )
)


def word_of(numbers: Mapping[str, float | None], repeats: int) -> str | None:
    """Return the id of the word for a head; None if its numbers are not clear.

    Args:
        numbers: those of the head, with what words go by besides.
        repeats: how many queries have a label that stood earlier.

    Example:
        >>> plain = dict.fromkeys(("own", "first_key", "induction", "effective_share", "near", "near_chance"), 0.1)
        >>> word_of({**plain, "previous": 0.9, "open": 8.0}, 0), word_of({**plain, "previous": 0.2, "open": 8.0}, 0)
        ('previous', None)
    """
    if _at(numbers, OPEN) < 2:  # with one key there is nothing to choose
        return None
    return next((each.id for each in WORDS if each.holds(numbers, repeats)), None)


def said(word: str | None, lang: str) -> str | None:
    """Return a word in a language, by its id.

    >>> said("local", "en")
    'local ±3'
    """
    return None if word is None else catalogue(lang).STATS[f"word_{word}"].format(near=NEAR)
