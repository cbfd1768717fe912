"""Gradients that can be worked out on paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli import InputError, gradients
from attncli.attend.backpropagation import Backpropagation
from attncli.attend.norms import Norm, normed_backward
from attncli.attend.options import Options

LN3 = math.log(3)


def found(expected: dict[str, Any], /, **given: Any) -> None:
    """Assert that these are all the gradients that there are."""
    made = gradients(**given)
    assert sorted(made) == sorted(expected)
    for name, right in expected.items():
        assert made[name].shape == np.shape(right)
        assert_allclose(made[name], right, rtol=1e-14, atol=1e-15, err_msg=name)


def test_one_query_and_two_keys() -> None:
    """Weights 1/4 and 3/4, output 1/4·2 + 3/4·6 = 5; each logit's is its weight times how far its value is from 5."""
    arrays: Any = {"query": [[1.0]], "key": [[0.0], [LN3]], "value": [[2.0], [6.0]], "d_output": [[1.0]]}
    made = Backpropagation.of({n: np.array(each) for n, each in arrays.items()}, Options()).results()
    assert_allclose(made["d_weights"], [[2, 6]], rtol=1e-15)
    assert_allclose(made["d_logits"], [[-3 / 4, 3 / 4]], rtol=1e-15)
    assert_allclose(made["d_scores"], [[-3 / 4, 3 / 4]], rtol=1e-15)
    found({"d_value": [[1 / 4], [3 / 4]], "d_key": [[-3 / 4], [3 / 4]], "d_query": [[LN3 * 3 / 4]]}, **arrays)


def test_two_queries_and_two_keys() -> None:
    """Where the second query sees both keys alike, and the scale is 2."""
    found(
        {
            "d_query": [[0.0, 2 * 3 / 4 * LN3], [0.0, 2 * 10 * LN3]],
            # What each query says to the keys, −3/4 and −10 times the scale, goes along the query.
            "d_key": [[-3 / 2, -3 / 4], [3 / 2, 3 / 4]],
            "d_value": [[1 / 4 + 5, -1 / 4], [3 / 4 + 5, -3 / 4]],
        },
        query=[[1.0, 0.5], [0.0, 0.0]],
        key=[[0.0, 0.0], [0.0, LN3]],
        value=[[2.0, 0.0], [6.0, 0.0]],
        d_output=[[1.0, -1.0], [10.0, 0.0]],
        scale=2,
    )


def test_vectors_in_vectors_out() -> None:
    """One query without any other axis; the values are the keys, 0 and ln 3, and what both say is added."""
    found(
        {"d_query": [LN3 * LN3 * 3 / 16], "d_hidden": [[1 / 4 - LN3 * 3 / 16], [3 / 4 + LN3 * 3 / 16]]},
        query=[1.0],
        hidden=[[0.0], [LN3]],
        d_output=[1.0],
    )


def test_a_sink_takes_from_all_and_has_no_value() -> None:
    """Weight 1/4 beside a sink of 3/4: the output is 2, and the sink loses 3/4 of that."""
    found(
        {"d_value": [[1 / 4]], "d_key": [[3 / 2]], "d_query": [[0.0]], "d_sinks": [-3 / 2]},
        query=[[1.0]], key=[[0.0]], value=[[8.0]], sinks=[LN3],
    )  # fmt: skip


def test_a_softcap_flattens() -> None:
    """1 − tanh² of score/X: with X = 2 and score 2·artanh(1/2) = ln 3, a slope of 3/4."""
    slope = 3 / 4
    e = math.exp(-1)  # the capped score is 1 and the other one 0
    w = e / (1 + e)
    d = w * (1 - w) * 4
    found(
        {"d_value": [[w], [1 - w]], "d_key": [[-d], [d * slope]], "d_query": [[d * slope * LN3]]},
        query=[[1.0]], key=[[0.0], [LN3]], value=[[2.0], [6.0]], softcap=2,
    )  # fmt: skip


def test_a_quarter_turn_is_turned_back() -> None:
    """A table that turns (a, b) to (−b, a); its own gradients are the parts along the query and across it."""
    found(
        {
            # Turned, the query is (0, 1); the keys are (0, 0) and (ln 3, 0), turned by nothing and by a quarter.
            "d_query": [[3 / 4 * LN3, 0.0]],
            "d_key": [[0.0, -3 / 4], [3 / 4, 0.0]],
            "d_value": [[1 / 4], [3 / 4]],
            "d_cos": [[0.0], [0.0]],
            "d_sin": [[0.0], [3 / 2 * LN3]],
        },
        query=[[1.0, 0.0]], key=[[0.0, 0.0], [LN3, 0.0]], value=[[2.0], [6.0]], rope="half",
        cos=[[1.0], [0.0]], sin=[[0.0], [1.0]], positions=[1], key_positions=[0, 1],
    )  # fmt: skip


def test_a_gate_and_a_matrix_behind_the_sum() -> None:
    """σ(0) = 1/2 with a slope of 1/4: the sum is 5, half of it goes through the matrix 2."""
    found(
        {
            "d_w_o": [[5 / 2]],
            "d_b_o": [1.0],
            "d_gate": [[5 * 2 / 4]],
            "d_value": [[1 / 4], [3 / 4]],
            "d_key": [[-3 / 4], [3 / 4]],
            "d_query": [[3 / 4 * LN3]],
        },
        query=[[1.0]], key=[[0.0], [LN3]], value=[[2.0], [6.0]],
        gate=[[0.0]], w_o=[[2.0]], b_o=[7.0], d_output=[[1.0]],
    )  # fmt: skip


def test_projections_add_what_all_rows_say() -> None:
    """x = 1 and 3, each matrix one number, nothing but the value has an effect: both weights are 1/2."""
    found(
        {
            "d_hidden": [[5.0], [5.0]],
            "d_w_q": [[0.0]], "d_w_k": [[0.0]], "d_w_v": [[4.0]], "d_b_v": [2.0],
        },
        hidden=[[1.0], [3.0]], w_q=[[0.0]], w_k=[[0.0]], w_v=[[5.0]], b_v=[9.0],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("how", "d_states", "d_weights"),
    [
        # (3, 4)/5, and d along the first: (1 − 0.36, −0.48)/5.
        ("l2", [0.64 / 5, -0.48 / 5], [0.6, 0.0]),
        # The same times √2, which the mean of the squares leaves.
        ("rms", [0.64 / 5 * math.sqrt(2), -0.48 / 5 * math.sqrt(2)], [0.6 * math.sqrt(2), 0.0]),
        # Of two features one is always 1 and the other −1: only the sign is left.
        ("layer", [0.0, 0.0], [-1.0, 0.0]),
    ],
)
def test_norms(how: str, d_states: list[float], d_weights: list[float]) -> None:
    """Of (3, 4), where only the first number that comes out counts."""
    states, given = np.array([[[[3.0, 4.0]]]]), np.array([[[[1.0, 0.0]]]])
    made, weights = normed_backward(states, np.ones(2), Norm.of(how), 0.0, given)
    assert weights is not None
    assert_allclose(made[0, 0, 0], d_states, rtol=1e-14, atol=1e-15)
    assert_allclose(weights, d_weights, rtol=1e-14, atol=1e-15)


def test_without_a_gradient_of_the_output_it_is_ones() -> None:
    """The loss is the sum of the output, as `attn grad` says."""
    arrays: Any = {"query": [[1.0]], "key": [[0.0], [LN3]], "value": [[2.0], [6.0]]}
    for name, each in gradients(**arrays).items():
        assert_allclose(each, gradients(**arrays, d_output=[[1.0]])[name], rtol=0)


@pytest.mark.parametrize("d_output", [[[1.0, 2.0]], [1.0], [[1.0], [2.0]], 1.0])
def test_a_gradient_of_the_output_has_its_shape(d_output: Any) -> None:
    """Nothing is broadcast."""
    with pytest.raises(InputError, match=r"^d_output .* does not fit the output, which is 1×1$"):
        gradients([[1.0]], [[0.0], [1.0]], [[2.0], [6.0]], d_output=d_output)


def test_whole_numbers_are_differentiated_as_float64_and_that_is_said() -> None:
    """They count as float64 in the forward pass too."""
    with pytest.warns(UserWarning, match="^query, key: whole numbers are differentiated as if they were float64$"):
        made = gradients([[1]], [[0], [1]], [[2.0], [6.0]])
    assert {each.dtype for each in made.values()} == {np.dtype("f8")}
    assert_allclose(made["d_key"][:, 0], [-4 / (2 + math.e + 1 / math.e), 4 / (2 + math.e + 1 / math.e)], rtol=1e-14)
