"""Mistakes in the rotation are found whatever the rotation is: parts, scaling, sections, positions, tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli import attention
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, check
from tests.support.arrays import normal
from tests.support.checking import PATIENT

STATES: dict[str, Any] = {
    "query": normal(1, 2, 9, 8),
    "key": normal(1, 2, 9, 8, seed=1),
    "value": normal(1, 2, 9, 5, seed=2),
}
PLACES = np.array([3, 0, 9, 4, 4, 11, 1, 7, 2])
ANGLES = np.arange(12)[:, None] * 10000.0 ** (-np.arange(4) / 4)
TABLE: dict[str, Any] = {"cos": np.cos(ANGLES), "sin": np.sin(ANGLES)}
ROTATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a part": ({}, {"rope_dim": (4, "last")}),
    "scaled": ({}, {"rope_scaling": "yarn,factor=4,original_max_position_embeddings=32,beta_fast=4"}),
    "positions": ({"positions": PLACES}, {}),
    "sections": ({"positions": np.stack([PLACES, PLACES[::-1], 2 * PLACES])}, {"rope_sections": (2, 1, 1)}),
    "a table": ({**TABLE, "positions": PLACES}, {}),
    "a row for each state": ({"cos": TABLE["cos"][None, :9], "sin": TABLE["sin"][None, :9]}, {}),
}


def found(arrays: dict[str, Any], options: dict[str, Any], observed: Any) -> Finding:
    """Return what is found in an output of this problem."""
    o = prepare(STATES | arrays, Options.parse({"rope": "half", "causal": True, **options}))
    return check(o, observed, PATIENT)


@pytest.mark.parametrize("name", ROTATIONS)
def test_the_right_output_agrees(name: str) -> None:
    """With all of it in force."""
    arrays, options = ROTATIONS[name]
    assert found(arrays, options, attention(**STATES | arrays, rope="half", causal=True, **options)).agrees


@pytest.mark.parametrize("name", ROTATIONS)
@pytest.mark.parametrize("wrong", [{"rope": "interleaved"}, {"rope": None}], ids=str)
def test_another_pairing_gets_its_name(name: str, wrong: dict[str, Any]) -> None:
    """And a rotation that is left out."""
    arrays, options = ROTATIONS[name]
    finding = found(arrays, options, attention(**STATES | arrays, **{"causal": True, **options, **wrong}))
    assert finding.explanations[0].mistakes == ("rope-pairing",)


@pytest.mark.parametrize("name", [name for name in ROTATIONS if "cos" not in ROTATIONS[name][0]])
def test_another_base_gets_its_name(name: str) -> None:
    """Where there is a base: tables have none."""
    arrays, options = ROTATIONS[name]
    wrong = attention(**STATES | arrays, rope="half", causal=True, rope_theta=500000.0, **options)
    finding = found(arrays, options, wrong)
    assert finding.explanations[0].mistakes == ("rope-theta",)


@pytest.mark.parametrize("name", ["positions", "a table"])
def test_a_query_one_position_too_far_gets_its_name(name: str) -> None:
    """Keys stand where they should."""
    arrays, options = ROTATIONS[name]
    places = np.minimum(PLACES, 10)
    arrays = arrays | {"positions": places, "key_positions": places}
    wrong = attention(**STATES | arrays | {"positions": places + 1}, rope="half", causal=True, **options)
    assert found(arrays, options, wrong).explanations[0].mistakes == ("rope-offset",)


def test_alibi_with_another_sign_gets_its_name() -> None:
    """Of positions that arrays give: keys ahead gain by their distance."""
    arrays = {"positions": PLACES}
    distance = PLACES[:, None] - PLACES
    slopes = np.array([2.0**-4, 2.0**-8])
    wrong = attention(**STATES, bias=-slopes[:, None, None] * distance)
    o = prepare(STATES | arrays, Options.parse({"alibi": True}))
    assert check(o, wrong, PATIENT).explanations[0].mistakes == ("alibi-slopes",)
