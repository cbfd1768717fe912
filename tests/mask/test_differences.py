"""Every name for a difference: masks made by hand that have it, and near ones that must not be called so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from attncli.mask.differences import DIFFERENCES, explain

Mask = NDArray[np.bool_]


def drawn(*rows: str) -> Mask:
    """Return a mask from rows of # and ., (1, 1, L, S)."""
    return np.array([[each == "#" for each in row] for row in rows])[None, None]


def made(rule: Callable[[Any, Any], Any], queries: int, keys: int | None = None) -> Mask:
    """Return the mask that a rule of query and key makes."""
    q, k = np.ogrid[:queries, : keys or queries]
    return np.array(np.broadcast_to(rule(q, k), (queries, keys or queries)))[None, None]


def but(mask: Mask, *cells: tuple[int, int]) -> Mask:
    """Return the mask with some cells turned."""
    other = mask.copy()
    for query, key in cells:
        other[0, 0, query, key] ^= True
    return other


CAUSAL = drawn("#....", "##...", "###..", "####.", "#####")
BLOCKS = [-1, 0, 0, 0, 0, -1, -1]
DOCUMENTS = drawn("#......", "##.....", "###....", "...#...", "...##..", "...###.", "...####")


def block(q: Any, k: Any) -> Any:
    ids = np.array(BLOCKS)
    return (ids[q] == ids[k]) & (ids[q] >= 0)


def within(left: int, right: int) -> Callable[[Any, Any], Any]:
    return lambda q, k: (k >= q - left) & (k <= q + right)


INSIDE = made(lambda q, k: ((k <= q) | block(q, k)) & (k >= q - 1), 7)
OUTSIDE = made(lambda q, k: ((k <= q) & (k >= q - 1)) | block(q, k), 7)
# Two documents of 7 with an image in each, and the last two keys of the row are padding.
TWO = made(lambda q, k: q // 7 == k // 7, 14) & drawn("#" * 12 + "..")
PACKED = np.tile(INSIDE, (1, 1, 2, 2)) & TWO, np.tile(OUTSIDE, (1, 1, 2, 2)) & TWO
# Padding on the left, whose queries see nothing.
LATE = [np.pad(each, [(0, 0), (0, 0), (2, 0), (2, 0)]) for each in (INSIDE, OUTSIDE)]
HEADS = np.stack([CAUSAL[0], CAUSAL[0] & (np.arange(5) > 0)])
# The name, what was made, and what of.
PAIRS = [
    ("inverted", drawn("##.", "#.."), drawn("..#", ".##")),
    ("inverted", ~CAUSAL, CAUSAL),
    ("axes-swapped", CAUSAL.swapaxes(2, 3), CAUSAL),
    ("axes-swapped", drawn("#..", "##."), drawn("##", ".#", "..")),
    ("axes-swapped", HEADS, HEADS.swapaxes(0, 1)),
    ("axes-swapped", drawn("####", "####", "....", "...."), drawn("##..")),  # a row for each key, laid along queries
    ("padding-side", drawn(".####"), drawn("####.")),
    (
        "padding-side",
        drawn(".....", ".#...", ".##..", ".###.", ".####"),
        drawn("#....", "##...", "###..", "####.", "####."),
    ),
    ("padding-side", drawn("...", ".##", ".##"), drawn("##.", "##.", "...")),  # queries too
    ("corner", drawn("###..", "####.", "#####"), drawn("#....", "##...", "###..")),
    ("corner", made(within(0, 2), 6, 8), made(within(2, 0), 6, 8)),
    ("corner", drawn("...", "...", "#..", "##.", "###"), drawn("#..", "##.", "###", "###", "###")),  # more queries
    (
        "corner",
        made(lambda q, k: k <= q + 2, 6, 8) & drawn("#.######"),
        made(lambda q, k: k <= q, 6, 8) & drawn("#.######"),
    ),  # and a key is closed
    ("shifted", drawn("##...", "###..", "####.", "#####", "#####"), CAUSAL),
    ("shifted", drawn(".....", "#....", "##...", "###..", "####."), CAUSAL),
    ("shifted", drawn("###....", "###....", "###....") & True, drawn("####...", "####...", "####...")),
    ("shifted", drawn("##..", "##..", "..##", "..##")[..., [3, 0, 1, 2]], drawn("##..", "##..", "..##", "..##")),
    ("shifted", DOCUMENTS & made(lambda q, k: k < q, 7), DOCUMENTS),  # the diagonal within documents
    ("window-bounds", made(within(3, 0), 7), made(within(2, 0), 7)),
    ("window-bounds", made(within(2, 3), 7), made(within(2, 2), 7)),
    ("window-bounds", made(within(3, 3), 8), made(within(2, 2), 8)),
    ("window-bounds", made(within(3, 0), 7) & drawn("######."), made(within(2, 0), 7) & drawn("######.")),
    ("union-outside-window", OUTSIDE, INSIDE),
    ("union-outside-window", PACKED[1], PACKED[0]),
    ("union-outside-window", LATE[1], LATE[0]),
    ("union-outside-window", OUTSIDE & drawn("#####.."), INSIDE & drawn("#####..")),
    ("documents-ignored", made(lambda q, k: k <= q, 7), DOCUMENTS),
    ("documents-ignored", made(lambda q, k: k >= 0, 4), drawn("#.#.", ".#.#", "#.#.", ".#.#")),  # any ids
    ("documents-ignored", made(within(2, 0), 7), DOCUMENTS & made(within(2, 0), 7)),
]
NEAR = [
    ("one cell more than inverted", but(~CAUSAL, (0, 0)), CAUSAL),
    ("one cell of the swapped one is other", but(CAUSAL.swapaxes(2, 3), (2, 2)), CAUSAL),
    ("padding on the other side, but of another length", drawn("..###"), drawn("####.")),
    ("padding is not looked at", drawn("#####"), drawn("###..")),
    ("in the corner but for a cell", but(drawn("###..", "####.", "#####"), (0, 1)), drawn("#....", "##...", "###..")),
    ("one past the corner", drawn("####..", "#####.", "######"), but(drawn("#.....", "##....", "###..."), (2, 4))),
    ("shifted but for a cell", but(drawn("##...", "###..", "####.", "#####", "#####"), (0, 4)), CAUSAL),
    ("no window at all", made(lambda q, k: k <= q, 7), made(within(2, 0), 7)),
    ("a window that misses a cell", but(made(within(3, 0), 7), (5, 2)), made(within(2, 0), 7)),
    ("blocks that miss a cell outside the window", but(OUTSIDE, (4, 1)), INSIDE),
    ("a cell of another document", but(PACKED[1], (8, 6)), PACKED[0]),
    ("padding in one of them", PACKED[1], PACKED[0] & drawn("#" * 11 + "...")),
    ("a cell beside the blocks", but(OUTSIDE, (6, 1)), INSIDE),
    ("documents that see one cell of another", but(made(lambda q, k: k <= q, 7), (5, 0)), DOCUMENTS),
    ("documents of one token each", CAUSAL, drawn("#....", ".#...", "..#..", "...#.", "....#")),
    ("one query, and its padding", drawn("#####"), drawn("##.##")),
    (
        "a rule for one of two heads",
        np.stack([CAUSAL[0], CAUSAL[0]], 1),
        np.stack([~CAUSAL[0], but(CAUSAL, (0, 1))[0]], 1),
    ),
    ("nothing in common", drawn("#.#.#", "##..#"), drawn(".##.#", "#.##.")),
]


@pytest.mark.parametrize(("name", "one", "other"), PAIRS, ids=[f"{name}-{at}" for at, (name, _, _) in enumerate(PAIRS)])
def test_a_difference_has_its_name_whichever_comes_first(name: str, one: Mask, other: Mask) -> None:
    """And it is told which of the two was made of the other."""
    for a, b in ((one, other), (other, one)):
        found = explain(a, b)
        assert found is not None
        assert found.name == name
        assert {found.one, found.other} == {"A", "B"}


@pytest.mark.parametrize(("what", "one", "other"), NEAR, ids=[what for what, _, _ in NEAR])
def test_what_is_only_nearly_so_has_no_name(what: str, one: Mask, other: Mask) -> None:
    """One cell decides."""
    assert explain(one, other) is None
    assert explain(other, one) is None


def test_every_name_has_pairs() -> None:
    """One that is declared and never made would not be seen to be wrong."""
    assert {name for name, _, _ in PAIRS} == DIFFERENCES.keys()


def test_the_numbers_are_those_of_the_pair() -> None:
    """How far it was shifted, how much further a window reaches, how many documents, where the first query stands."""
    assert explain(made(within(2, 0), 7), made(within(4, 1), 7)) is not None
    cases = [
        (made(lambda q, k: k <= q + 2, 9), made(lambda q, k: k <= q, 9), {"keys": 2, "queries": 0}),
        (made(within(4, 3), 9), made(within(2, 2), 9), {"left": 2, "right": 1}),
        (made(lambda q, k: k <= q, 7), DOCUMENTS, {"documents": 2}),
        (drawn("###..", "####.", "#####"), drawn("#....", "##...", "###.."), {"offset": 2}),
        (drawn("..###"), drawn("###.."), {"padding": 2}),
        (OUTSIDE, INSIDE, {"blocks": 1}),
        (CAUSAL.swapaxes(2, 3), CAUSAL, {"axes": "S, L"}),
    ]
    for one, other, detail in cases:
        found = explain(other, one)
        assert found is not None
        assert (found.one, found.detail) == ("B", detail)


def test_a_rule_alone_may_be_wrong() -> None:
    """The mask of a causal problem was inverted, and its diagonal was not: only the rules show that."""
    mask = drawn("##.#.", "#.##.", "#####", ".#.#.", "###.#")
    rules = {"causal": CAUSAL, "mask": mask}
    found = explain(CAUSAL & mask, CAUSAL & ~mask, rules, {})
    assert found is not None
    assert (found.name, found.one, found.rule) == ("inverted", "B", "mask")
    found = explain(CAUSAL & mask, CAUSAL & mask.swapaxes(2, 3), rules, {})
    assert found is not None
    assert (found.name, found.rule) == ("axes-swapped", "mask")
    assert explain(CAUSAL & mask, but(CAUSAL & ~mask, (4, 0)), rules, {}) is None
    assert explain(CAUSAL & mask, CAUSAL & ~mask) is None
