"""The numbers that say what a head does, each declared once: its name, and what it is."""

from __future__ import annotations

from typing import NamedTuple

# A row whose largest weight is this or more hardly learns (see `attncli.explain.row_statistics`).
SATURATED = 0.99
# The share of a row's weight whose keys are counted.
MOST_OF_IT = 0.9
# How far from its own position a query looks that looks only near by.
NEAR = 3


class Number(NamedTuple):
    """One number of a head.

    Attributes:
        name: in JSON and CSV, and after ``--what``; its heading in tables is in the catalogues.
        help: what it is.
        is_share: whether it lies between 0 and 1.
        worth: how soon a table that is too wide does without it; the least goes first.
    """

    name: str
    help: str
    is_share: bool
    worth: int


NUMBERS = {
    each.name: each
    for each in (
        Number(
            "effective_keys",
            "How many keys share the weight in effect: the exponential of the entropy of the weights.",
            False,
            11,
        ),
        Number("effective_share", "The same, divided by the number of open keys.", True, 8),
        Number("largest_weight", "The largest weight of a query.", True, 5),
        Number("first_key", "The weight on the first key, where many heads rest (a sink).", True, 12),
        Number("own", "The weight on the key at the query's own position, where there is one.", True, 10),
        Number("previous", "The weight on the key just before that, where there is one.", True, 13),
        Number(
            "distance",
            "How far away is what is attended, on average: positions, or cells where labels r0c0, r0c1, … make a grid.",
            False,
            9,
        ),
        Number("keys_for_90", "The fewest keys that hold 0.9 of the weight.", False, 3),
        Number("saturated", "The share of queries whose largest weight is at least 0.99.", True, 4),
        Number(
            "duplicate",
            "Of queries whose label stood earlier, the weight on those keys; labels of queries and keys have to agree.",
            True,
            6,
        ),
        Number("induction", "Likewise: the weight on the key after each of those.", True, 7),
        Number(
            "first_key_normed",
            "What the first key adds: its weight times the length of its value, of the sum of these over all keys.",
            True,
            2,
        ),
    )
}
# What words go by besides: the weight near by, the share of open keys there, and how many keys are open.
NEAR_BY, NEAR_CHANCE, OPEN = "near", "near_chance", "open"
