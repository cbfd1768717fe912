"""What positions can be: whatever numbers cannot hold exactly is refused, in steps, stream and commands alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncli import InputError, attention, score, steps
from tests.support.arrays import normal
from tests.support.files import put
from tests.support.processes import called

MOST = 2**53 - 1
QUERY, KEY = normal(3, 4), normal(5, 4)


def refusal(**options: Any) -> str:
    """Return what steps and stream say; it must be the same."""
    said = []
    for function in (steps, attention):
        with pytest.raises(InputError) as caught:
            function(QUERY, KEY, KEY, **options)
        said.append(caught.value.message)
    assert said[0] == said[1]
    return said[0]


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 2**64, 10**400, 1e300])
def test_whole_numbers_that_float64_cannot_count_are_refused(number: Any) -> None:
    """As an offset, on either side of a window, and as text of a flag."""
    shown = str(number) if len(str(number)) < 80 else f"{str(number)[:50]}…{str(number)[-29:]}"
    assert refusal(causal=True, offset=number) in (
        f"offset must be end or a whole number, up to 2^53 - 1, not {shown}",
        f"offset must be end or a whole number, not {shown}",
    )
    for window in (number, (0, number), (number, -1), str(number)):
        assert refusal(window=window).startswith("window must be LEFT or LEFT,RIGHT, whole numbers from -1 (no bound)")
    assert refusal(causal=True, offset=str(number)).startswith("offset must be end or a whole number")


def test_the_last_query_must_have_a_position_too() -> None:
    """The first may, while the sum does not."""
    assert steps(QUERY, KEY, KEY, causal=True, offset=MOST - 2).output.shape == (3, 4)
    expected = f"with offset {MOST - 1} the last query would stand at position {MOST + 1}"
    assert refusal(causal=True, offset=MOST - 1) == f"{expected}, and positions go up to 2^53 - 1"


@pytest.mark.parametrize(
    ("options", "opened"),
    [
        ({"causal": True, "offset": MOST - 2}, [[1] * 5] * 3),
        ({"causal": True, "offset": -MOST}, [[0] * 5] * 3),
        ({"window": (MOST, MOST)}, [[1] * 5] * 3),
        ({"window": (-1, MOST), "offset": MOST - 2}, [[1] * 5] * 3),
        ({"window": (MOST - 4, 0), "offset": MOST - 4}, [[1] * 5, [0, 1, 1, 1, 1], [0, 0, 1, 1, 1]]),
        ({"window": (0, MOST), "offset": -MOST}, [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]]),
        ({"window": (MOST, MOST), "offset": -MOST, "causal": True}, [[0] * 5] * 3),
    ],
)
def test_at_the_ends_rules_mean_what_they_mean(options: Any, opened: list[list[int]]) -> None:
    """No sum of a position and a side of the window leaves 64 bits."""
    assert_array_equal(score(QUERY, KEY, **options) > -np.inf, opened)
    made = steps(QUERY, KEY, KEY, **options)
    assert_allclose(attention(QUERY, KEY, KEY, **options), made.output, rtol=1e-12, atol=1e-14)


@given(
    st.integers(-MOST, MOST - 2),
    st.sampled_from([-1, 0, 3, 2**31, MOST]),
    st.sampled_from([-1, 0, 3, 2**31, MOST]),
    st.booleans(),
)
def test_rules_are_those_of_whole_numbers_without_end(offset: int, left: int, right: int, causal: bool) -> None:
    """Python's integers say where each key is open, whatever the positions; the stream agrees."""
    is_open = [
        [
            (not causal or j <= offset + i)
            and (left < 0 or j >= offset + i - left)
            and (right < 0 or j <= offset + i + right)
            for j in range(5)
        ]
        for i in range(3)
    ]
    options: Any = {"offset": offset, "window": (left, right), "causal": causal}
    assert_array_equal(score(QUERY, KEY, **options) > -np.inf, is_open)
    assert_array_equal((attention(QUERY, KEY, np.ones((5, 1)), **options) > 0)[:, 0], np.any(is_open, axis=1))


@pytest.mark.parametrize(
    ("offset", "theta", "position"), [(2**32, 1e4, 2**32 + 2), (-(2**33), 1e4, -(2**33)), (0, 1e-20, 2), (7, 1e-300, 9)]
)
def test_angles_that_float64_cannot_hold_are_refused(offset: int, theta: float, position: int) -> None:
    """Positions far away, and bases below 1, whose last pairs turn fast."""
    said = refusal(rope="half", offset=offset, rope_theta=theta)
    turned = f"at position {position} rope with theta {theta:g} turns by more than 2^32 radians"
    assert said == f"{turned}, of which float64 keeps too few digits"


def test_far_away_rotation_sees_distances_still() -> None:
    """Just below the bound, the scores are those of the same distances near 0, to a millionth."""
    far = score(normal(1, 4), np.concatenate([normal(1, 4), normal(2, 4)]), rope="half", offset=2**32 - 1, scale=0.1)
    angle = float(2**32 - 1)
    a, b = normal(1, 4)[0, :2], normal(1, 4)[0, 2:]
    turned = (a + 1j * b) * np.exp(1j * angle * np.array([1, 0.01]))
    key = normal(1, 4)[0, :2] + 1j * normal(1, 4)[0, 2:]
    assert_allclose(far[0, 0], 0.1 * (turned * key.conj()).real.sum(), rtol=1e-6)


def test_the_command_line_says_the_same(tmp_path: Any) -> None:
    """With the name of the option."""
    path = put(tmp_path, "q.json", "[[1, 2], [3, 4]]")
    err = called("compute", path, "--causal", "--offset", 2**62, status=2).err
    assert f"offset must be end or a whole number, up to 2^53 - 1, not '{2**62}'" in err
    err = called("compute", path, f"--window=-1,{2**62}", status=2).err
    assert "window must be LEFT or LEFT,RIGHT, whole numbers from -1 (no bound), up to 2^53 - 1" in err
