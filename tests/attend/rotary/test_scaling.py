"""The frequencies of each type of scaling, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli.attend.rotary.scaling import scaled
from attncli.errors import InputError

# Four features: ω = 1 and θ^(−1/2) = 1/10.
THETA = 100.0


def made(kind: str, features: int = 4, length: int = 8, theta: float = THETA, **parameters: Any) -> list[float]:
    """Return the frequencies."""
    return scaled({"rope_type": kind, **parameters}, features, theta, length).frequencies.tolist()


def test_none() -> None:
    """θ^(−2i/D)."""
    assert_allclose(scaled(None, 4, THETA, 8).frequencies, [1, 0.1])
    assert scaled(None, 4, THETA, 8).attention == 1


def test_linear() -> None:
    """ω/f."""
    assert_allclose(made("linear", factor=4.0), [1 / 4, 0.1 / 4])


@pytest.mark.parametrize(("length", "base"), [(8, 100.0), (16, 100.0), (32, 100.0 * 3**2), (64, 100.0 * 7**2)])
def test_dynamic(length: int, base: float) -> None:
    """f = 2, L_max = 16: 2·L/16 − 1 is 3 and 7, to the power of 4/2; a length within L_max changes nothing."""
    assert_allclose(made("dynamic", length=length, factor=2.0, max_position_embeddings=16), [1, base**-0.5])


def test_yarn() -> None:
    """θ = e, D = 8, L₀ = 2π·e: β = 1 gives 8·1/2 = 4 and β = √e gives 2, so that pair 3 is half way between."""
    omega = np.exp(-2 * np.arange(4) / 8)
    found = scaled(
        {
            "rope_type": "yarn",
            "factor": 4.0,
            "beta_fast": math.sqrt(math.e),
            "beta_slow": 1.0,
            "original_max_position_embeddings": 2 * math.pi * math.e,
            "truncate": False,
        },
        8,
        math.e,
        1,
    )
    assert_allclose(found.frequencies, omega * [1, 1, 1, (1 / 4 + 1) / 2])
    assert_allclose(found.attention, 0.1 * math.log(4) + 1)


def test_yarn_rounds_outwards() -> None:
    """low = 2.x becomes 2, high = 4 and a little 5: pair 3 is a third of the way."""
    parameters: dict[str, Any] = {
        "factor": 4.0,
        "beta_fast": 1.6,
        "beta_slow": 0.99,
        "original_max_position_embeddings": 17,
    }
    # 8·ln(17/(2π·1.6))/2 = 2.10, 8·ln(17/(2π·0.99))/2 = 4.02
    assert_allclose(made("yarn", 8, 1, math.e, **parameters)[3], np.exp(-0.75) * (1 / 4 * 1 / 3 + 2 / 3))


@pytest.mark.parametrize(
    ("parameters", "factor"),
    [
        ({}, 0.1 * math.log(40) + 1),
        ({"mscale": 0.5, "mscale_all_dim": 2.0}, (0.05 * math.log(40) + 1) / (0.2 * math.log(40) + 1)),
        ({"mscale": 0.5}, 0.1 * math.log(40) + 1),
        ({"mscale": 0.5, "mscale_all_dim": 0.0}, 0.1 * math.log(40) + 1),
        ({"mscale": 0.5, "mscale_all_dim": 2.0, "attention_factor": 3.0}, 3.0),
    ],
    ids=str,
)
def test_the_attention_factor_of_yarn(parameters: dict[str, float], factor: float) -> None:
    """From the factor, the ratio of two mscales, or as given."""
    found = {"rope_type": "yarn", "factor": 40.0, "original_max_position_embeddings": 4096} | parameters
    assert_allclose(scaled(found, 4, THETA, 8).attention, factor)


def test_longrope() -> None:
    """Short factors up to the original length, long ones beyond; √(1 + ln 16/ln 4) = √3."""
    parameters = {"short_factor": [1.0, 2.0], "long_factor": [4.0, 5.0], "factor": 16.0}
    given = {"rope_type": "longrope", "original_max_position_embeddings": 4, **parameters}
    assert_allclose(scaled(given, 4, THETA, 4).frequencies, [1, 0.1 / 2])
    assert_allclose(scaled(given, 4, THETA, 5).frequencies, [1 / 4, 0.1 / 5])
    assert_allclose(scaled(given, 4, THETA, 4).attention, math.sqrt(3))
    assert scaled(given | {"attention_factor": 1.5}, 4, THETA, 4).attention == 1.5


def test_the_two_lengths_stand_in_for_the_factor() -> None:
    """16 of 4 is a factor of 4: Phi-3 says the lengths only."""
    lengths = {"original_max_position_embeddings": 4, "max_position_embeddings": 16}
    lists = {"short_factor": [1.0, 1.0], "long_factor": [1.0, 1.0]}
    assert_allclose(scaled({"rope_type": "longrope", **lists, **lengths}, 4, THETA, 1).attention, math.sqrt(2))
    assert_allclose(scaled({"rope_type": "yarn", **lengths}, 4, THETA, 1).attention, 0.1 * math.log(4) + 1)


def test_llama3() -> None:
    """L₀ = 2π·100: 100, 10, 1 and 0.1 waves of these frequencies; those from 1 to 4 are blended."""
    given: dict[str, Any] = {"factor": 8.0, "low_freq_factor": 0.5, "high_freq_factor": 1.5}
    found = made("llama3", 8, theta=1e4, original_max_position_embeddings=2 * math.pi * 100, **given)
    assert_allclose(found, [1, 0.1, 0.01 * (0.5 / 8 + 0.5), 0.001 / 8])


def test_proportional() -> None:
    """Half of the pairs turn, by frequencies of the whole; the others stand still."""
    assert_allclose(made("proportional", 8, theta=1e4, partial_rotary_factor=0.5, factor=2.0), [0.5, 0.05, 0, 0])
    assert_allclose(made("proportional", 8, theta=1e4), [1, 0.1, 0.01, 0.001])


@pytest.mark.parametrize(
    ("kind", "features", "theta", "parameters", "message"),
    [
        ("dynamic", 2, 10.0, {"factor": 2.0, "max_position_embeddings": 4}, "more than 2 features"),
        ("yarn", 4, 1.0, {"factor": 2.0, "original_max_position_embeddings": 4}, "other than 1"),
        (
            "longrope",
            8,
            10.0,
            {"short_factor": [1.0], "long_factor": [1.0] * 4, "factor": 2.0, "original_max_position_embeddings": 4},
            "short_factor of rope_scaling must have 4 numbers, one for each pair of features; it has 1",
        ),
        (
            "longrope",
            2,
            10.0,
            {"short_factor": [1.0], "long_factor": [1.0], "factor": 2.0, "original_max_position_embeddings": 1},
            "above 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    kind: str, features: int, theta: float, parameters: dict[str, Any], message: str
) -> None:
    """In one line that says what would fit."""
    with pytest.raises(InputError, match=message):
        made(kind, features, theta=theta, **parameters)


@pytest.mark.parametrize("beta", [5e-324, 1e308])
def test_extreme_betas_end_in_numbers(beta: float) -> None:
    """No bound of the blend leaves the range of the numbers."""
    found = made("yarn", factor=2.0, beta_fast=beta, beta_slow=beta, original_max_position_embeddings=4)
    assert np.isfinite(found).all()
