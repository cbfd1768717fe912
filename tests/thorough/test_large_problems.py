"""Pairs of mistakes in problems so large that they are looked for in a part."""

from __future__ import annotations

import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import check
from tests.check.plain import attended, states
from tests.support.checking import PATIENT


@pytest.mark.parametrize("length", [256, 1536])
@pytest.mark.parametrize("scale", [(8 * 64) ** -0.5, 8**-0.5, 1 / 64, 0.173])
def test_scale_and_causal_rule(length: int, scale: float) -> None:
    """At 1536 keys pairs are looked for in two of the eight heads, and named as at 256."""
    arrays = states(heads=8, length=length, features=64)
    operands = prepare(arrays, Options.parse({"scale": "sqrt", "causal": True}))
    explanations = check(operands, attended(arrays, scale), PATIENT).explanations
    assert {frozenset(each.mistakes) for each in explanations} == {frozenset({"scale", "mask-dropped"})}
