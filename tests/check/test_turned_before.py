"""Files that hold states rotated already, as dumps do: how another program rotated them is read off its output."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.check.programs import AT, FEATURES, Array, attended, found, frequencies, in_words, states, turn

EACH = {theta: frequencies(FEATURES, theta) for theta in (10000.0, 30000.0, 500000.0)}
HELD = "if the file holds states rotated by"
Turned = Callable[[Array, str], Array]


def by(x: Array, side: str, *, theta: float = 10000.0, at: Any = AT, **how: Any) -> Array:
    """Turn one side by its positions."""
    return turn(x, at, EACH[theta], **how)


def still(x: Array, side: str, *, which: str) -> Array:
    """Turn one side alone."""
    return x if side == which else by(x, side)


PROGRAMS: dict[str, tuple[Turned, Turned, str, str]] = {
    "another base": (
        partial(by, theta=500000.0),
        partial(by, theta=30000.0),
        "rope-theta",
        f"the base of the rotation was 30000, {HELD} half pairs, base 500000",
    ),
    "backwards": (
        by,
        lambda x, side: turn(x, AT, -EACH[10000.0]),
        "rope-pairing",
        f"query and key were turned the other way round, {HELD} half pairs, base 10000",
    ),
    "key not turned": (
        partial(by, pairing="interleaved"),
        lambda x, side: x if side == "key" else by(x, side, pairing="interleaved"),
        "rope-pairing",
        f"the key was not rotated, {HELD} interleaved pairs, base 10000",
    ),
    "half of the features": (
        by,
        lambda x, side: turn(x, AT, frequencies(8)),
        "rope-dim",
        f"only the first 8 features were rotated, {HELD} half pairs, base 10000",
    ),
    "scaling forgotten": (
        by,
        lambda x, side: turn(x, AT, 4 * EACH[10000.0]),
        "rope-scaling",
        f"linear scaling of the frequencies, by 4, was left out, {HELD} half pairs, base 10000",
    ),
    "positions anew": (
        by,
        partial(by, at=AT % 12),
        "positions",
        f"the positions began anew from 0 at every multiple of 12, {HELD} half pairs, base 10000",
    ),
    "query too far": (
        partial(by, theta=500000.0),
        lambda x, side: by(x, side, theta=500000.0, at=AT + 7 * (side == "query")),
        "rope-offset",
        "the query was rotated 7 positions farther than its position (half pairs, base 500000)",
    ),
    "query by item": (
        by,
        lambda x, side: by(x, side, at=AT + np.array([[2], [-9]]) * (side == "query")),
        "rope-offset",
        "the query was rotated by other positions than its own (half pairs, base 10000): "
        "batch item 0 2 positions farther, batch item 1 9 positions less far",
    ),
}


@pytest.mark.takes(3)
@pytest.mark.parametrize("name", PROGRAMS)
def test_another_rotation_than_that_of_the_file_is_named(name: str) -> None:
    """With what the file holds, and what was done instead."""
    right, wrong, mistake, said = PROGRAMS[name]
    plain = states()
    query, key, value = (each.astype(float) for each in plain.values())
    held = {"query": right(query, "query"), "key": right(key, "key"), "value": value}
    made = attended(wrong(query, "query"), wrong(key, "key"), value)
    first = found({n: each.astype(np.float32) for n, each in held.items()}, made).explanations[0]
    assert (first.mistakes, in_words(first)) == ((mistake,), (said,))
    assert first.residual < 1e-4
