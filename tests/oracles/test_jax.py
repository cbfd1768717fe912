"""JAX's dot_product_attention, which has its axes in the order batch, length, heads, features."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli import attention
from tests.support.arrays import normal
from tests.support.processes import called

jax.config.update("jax_enable_x64", True)


QUERY, KEY, VALUE = normal(2, 6, 5, 8), normal(2, 3, 7, 8), normal(2, 3, 7, 8, seed=1)


def theirs(**options: Any) -> np.ndarray[Any, Any]:
    states = (np.swapaxes(each, 1, 2) for each in (QUERY, KEY, VALUE))
    return np.swapaxes(np.asarray(jax.nn.dot_product_attention(*states, **options)), 1, 2)


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        ({}, {}),
        ({"causal": True}, {"is_causal": True}),
        ({"scale": 0.3}, {"scale": 0.3}),
        ({"bias": normal(2, 6, 5, 7)}, {"bias": normal(2, 6, 5, 7)}),
        ({"bias": normal(1, 6, 5, 7)}, {"bias": normal(1, 6, 5, 7)}),
        ({"mask": normal(2, 1, 5, 7) > -1}, {"mask": normal(2, 1, 5, 7) > -1}),
        ({"window": (2, 1)}, {"local_window_size": (2, 1)}),
        ({"window": (1, 0), "causal": True}, {"local_window_size": (1, 0), "is_causal": True}),
        ({"key_lengths": [4, 7], "offset": 0}, {"key_value_seq_lengths": np.array([4, 7], np.int32)}),
    ],
)
def test_its_options_are_ours(mine: dict[str, Any], other: dict[str, Any]) -> None:
    """Grouped heads throughout; windows inclusive on both sides; lengths close the keys behind them.

    JAX takes the softmax in float32, whatever the type of the rest.
    """
    assert_allclose(attention(QUERY, KEY, VALUE, **({"scale": "sqrt"} | mine)), theirs(**other), rtol=1e-5, atol=2e-6)


def test_libraries_that_compute_in_float32_are_not_held_to_float64() -> None:
    """JAX takes such numbers, and its softmax is one of float32: it is left out, and refused by name."""
    words = ["bench", "--length", "32", "--heads", "2", "--rounds", "1", "--dtype", "float64"]
    assert "jax" not in called(*words).out
    err = called(*words, "--against", "jax", status=2).err
    assert err == "attn: jax computes attention to the precision of float32\nhint: leave out --dtype\n"
