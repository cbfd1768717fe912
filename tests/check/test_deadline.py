"""A search ends when its time is over, whatever it reads: by a clock that goes on with every look at it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.deadline import Deadline
from attncli.check.diagnosis import Wanted, check
from attncli.check.families import FAMILIES, GENERATORS, LAST, TOPICS
from attncli.check.mistakes.cache import rounded

Array = NDArray[Any]
LOOKS = 40
ADVERSARIAL: dict[str, Callable[[Array], Array]] = {
    "constant rows": lambda output: np.repeat(output[..., :1], output.shape[-1], -1) + 1e-3 * output,
    "huge": lambda output: output * 1e30,
    "all but some are NaN": lambda output: np.where(np.arange(output.size).reshape(output.shape) > 7, np.nan, output),
    "another problem": lambda output: output[::-1, ::-1, ::-1] + 1,
}


def ticking() -> Callable[[], float]:
    """Return a clock that is a second later whenever somebody looks."""
    return map(float, count()).__next__


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_a_search_ends_soon_after_its_time(kind: str) -> None:
    rng = np.random.default_rng(7)
    arrays = {name: rng.standard_normal((2, 4, 48, 16)).astype(np.float32) for name in ("query", "key", "value")}
    output = ADVERSARIAL[kind](rng.standard_normal((2, 4, 48, 16))).astype(np.float32)
    looks = ticking()
    found = check(prepare(arrays, Options()), output, Wanted(), deadline=Deadline(LOOKS, clock=looks))
    # Each phase looks once more after the end, and does nothing.
    assert looks() < LOOKS + 20
    assert found.untried
    assert found.ruled_out is not None
    assert any(each.why_not == "no time" for each in found.ruled_out.families)


def test_another_search_has_the_same_end() -> None:
    deadline = Deadline(10, clock=ticking())
    deadline.left_out.append("dropout")
    assert deadline.again().began == deadline.began
    assert deadline.again().left_out == []


def test_everything_that_makes_mistakes_belongs_to_one_family() -> None:
    listed = [each for makers in TOPICS.values() for each in makers]
    assert len(listed) == len(set(listed))
    assert set(listed) == {*FAMILIES, *GENERATORS, *LAST, rounded}
