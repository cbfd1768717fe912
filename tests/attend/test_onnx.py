"""Where the ONNX operators Attention and RotaryEmbedding define a thing, it means here what it means there.

Every case that the onnx package has for opsets 23 to 25 goes through the command line; its reference implementation is
then asked about random problems.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from onnx import helper
from onnx.backend.test.case import node
from onnx.backend.test.case.node.attention import Attention
from onnx.backend.test.case.node.rotaryembedding import RotaryEmbedding
from onnx.reference.ops.op_attention import _compute_attention
from onnx.reference.ops.op_rotary_embedding import rotary_embedding

from attncli import steps
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.rotary.scaling import frequencies
from tests.support.processes import called

INPUTS = ("query", "key", "value", "mask", "past_key", "past_value", "key_lengths")
OPTIONS = {
    "is_causal": "causal",
    "q_num_heads": "heads",
    "kv_num_heads": "kv_heads",
    "scale": "scale",
    "softcap": "softcap",
}
# What the optional fourth output holds in each of its modes.
MODES = {0: "scores", 1: "capped", 2: "logits", 3: "weights"}
# Half precision is computed in float32 here and in half there, so that theirs is the rounder of the two.
TOLERANCE = {"float32": 2e-6, "float16": 4e-3, "bfloat16": 3e-2}


# A module enters its cases when it is imported; collect_testcases would import those of all operators, for seconds.
# Cases named expanded are the same again for other implementers.
EVERY: list[Any] = [case for case in node._NodeTestCases if not case.name.endswith("expanded")]
CASES = {case.name: case for case in EVERY if case.model.graph.node[0].op_type == "Attention"}
ROTARY = {case.name: case for case in EVERY if case.model.graph.node[0].op_type == "RotaryEmbedding"}


def test_there_are_cases_of_every_opset() -> None:
    """The package has them; none is lost on the way."""
    assert len(CASES) == len([name for name in dir(Attention) if name.startswith("export_")])
    assert len(ROTARY) == len([name for name in dir(RotaryEmbedding) if name.startswith("export_")])
    assert {case.model.opset_import[0].version for case in CASES.values()} == {23, 24, 25}


def problem_of(case: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the arrays, the options and the attributes of a case, in the names of this program."""
    node = case.model.graph.node[0]
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    names = [name for name, used in zip(INPUTS, node.input, strict=False) if used]
    given = dict(zip(names, case.data_sets[0][0], strict=True))
    options = {mine: attributes[theirs] for theirs, mine in OPTIONS.items() if theirs in attributes}
    options["causal"] = bool(options.get("causal", 0))
    options.setdefault("scale", "sqrt")
    if {"left_window_size", "right_window_size"} & attributes.keys():
        options["window"] = [attributes.get(f"{side}_window_size", -1) for side in ("left", "right")]
    return given, options, attributes


def plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array in a type that NPZ files have: bfloat16 is widened, which changes no number."""
    return array if array.dtype.kind in "biuf" and array.dtype.name != "bfloat16" else array.astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_every_case_through_the_command_line(tmp_path: Path, name: str) -> None:
    """Output, and scores, capped, logits or weights where the case asks for them."""
    case = CASES[name]
    given, options, attributes = problem_of(case)
    path = tmp_path / "case.npz"
    np.savez(path, options=np.array(json.dumps(options)), **{n: plain(array) for n, array in given.items()})  # type: ignore[arg-type]
    made = json.loads(called("compute", path, "-f", "json").out)
    expected = case.data_sets[0][1]
    tolerance = TOLERANCE[given["query"].dtype.name]
    assert_allclose(made["output"], plain(expected[0]), rtol=tolerance, atol=tolerance)
    outputs = list(case.model.graph.node[0].output)
    if len(outputs) > 3 and outputs[3]:
        step = MODES[attributes.get("qk_matmul_output_mode", 0)]
        mine = np.array(made.get(step, made["scores"]), dtype=float)  # null, a closed key, becomes NaN
        theirs = plain(expected[-1]).astype(float)
        assert_allclose(np.where(np.isnan(mine), -np.inf, mine), theirs, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("name", ROTARY)
def test_every_case_of_rotary_embedding_through_the_command_line(tmp_path: Path, name: str) -> None:
    """The input is the query, and what the operator makes of it the rotated one."""
    case = ROTARY[name]
    node = case.model.graph.node[0]
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    names = ("query", "cos", "sin", "positions")
    arrays = dict(zip(names, case.data_sets[0][0], strict=len(node.input) == len(names)))
    options: dict[str, Any] = {"rope": "interleaved" if attributes.get("interleaved") else "half"}
    if "rotary_embedding_dim" in attributes:
        options["rope_dim"] = attributes["rotary_embedding_dim"]
    if "num_heads" in attributes:
        options["heads"] = attributes["num_heads"]
    path = tmp_path / "case.npz"
    np.savez(path, options=np.array(json.dumps(options)), key=arrays["query"], value=arrays["query"], **arrays)
    made = np.array(json.loads(called("compute", path, "-f", "json").out)["rotated_query"])
    expected = case.data_sets[0][1][0]
    if "num_heads" in attributes:  # packed there, and apart here
        made = made.swapaxes(1, 2).reshape(expected.shape)
    assert_allclose(made, expected, rtol=1e-6, atol=1e-7)


@given(st.data())
def test_the_reference_agrees_on_random_problems(data: Any) -> None:
    """Masks of every rank, short ones, windows, softcap, causal, lengths, past keys and groups, in any combination."""
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    batch, kv_heads, group = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    queries, keys, features, wide = (draw(st.integers(1, 5)) for _ in range(4))
    cache = draw(st.sampled_from(["none", "past", "lengths"]))
    past = draw(st.integers(1, 4)) if cache == "past" else 0
    heads, total = kv_heads * group, keys + past
    normal = rng.standard_normal
    query, key = normal((batch, heads, queries, features)), normal((batch, kv_heads, keys, features))
    value = normal((batch, kv_heads, keys, wide))
    mine: dict[str, Any] = {}
    if cache == "past":
        mine["past_key"] = normal((batch, kv_heads, past, features))
        mine["past_value"] = normal((batch, kv_heads, past, wide))
    if cache == "lengths":
        mine["key_lengths"] = rng.integers(0, keys + 1, batch)
    options: dict[str, Any] = {"causal": draw(st.booleans()), "scale": draw(st.sampled_from([0.3, 1.0, 2.0]))}
    kind = draw(st.sampled_from(["none", "bool", "float"]))
    if kind != "none":
        full = (batch, heads, queries, draw(st.integers(1, total)))
        # Under a causal rule the reference takes the number of queries from the mask, which therefore must have them,
        # though the operator lets it broadcast.
        whole = (2, 3) if options["causal"] else (3,)
        rank = draw(st.integers(len(whole), 4))
        shape = tuple(n if i in whole or draw(st.booleans()) else 1 for i, n in enumerate(full))[4 - rank :]
        mine["mask"] = rng.random(shape) > 0.4 if kind == "bool" else normal(shape)
    if draw(st.booleans()):
        options["softcap"] = draw(st.sampled_from([0.5, 3.0]))
    if draw(st.booleans()):
        options["window"] = (draw(st.integers(-1, 4)), draw(st.integers(-1, 3)))
    made = steps(query, key, value, **mine, **options)
    left, right = options.get("window", (-1, -1))
    theirs = _compute_attention(
        query,
        key,
        value,
        attn_mask=mine.get("mask"),
        past_key=mine.get("past_key"),
        past_value=mine.get("past_value"),
        nonpad_kv_seqlen=mine.get("key_lengths"),
        scale=options["scale"],
        is_causal=options["causal"],
        softcap=options.get("softcap"),
        qk_matmul_output_mode=3,
        left_window_size=left,
        right_window_size=right,
    )
    assert_allclose(made.output, theirs[0], rtol=1e-10, atol=1e-12)
    assert_allclose(made.weights, theirs[3], rtol=1e-10, atol=1e-12)


@given(st.integers(0, 10**6), st.sampled_from(["half", "interleaved"]), st.integers(1, 4), st.integers(0, 5))
def test_rotary_embedding_is_theirs(seed: int, pairing: str, half: int, offset: int) -> None:
    """Scores of rotated queries and keys are those that ONNX makes with cosines and sines of the same angles."""
    rng = np.random.default_rng(seed)
    query, key = rng.standard_normal((2, 3, 4, 2 * half)), rng.standard_normal((2, 3, 6, 2 * half))
    made = steps(query, key, key, rope=pairing, rope_theta=500.0, offset=offset)  # type: ignore[arg-type]
    table = np.arange(12)[:, None] * frequencies(2 * half, 500.0)

    def turned(states: np.ndarray[Any, Any], first: int) -> np.ndarray[Any, Any]:
        positions = np.tile(first + np.arange(states.shape[2]), (2, 1))
        return rotary_embedding(states, np.cos(table), np.sin(table), positions, interleaved=pairing == "interleaved")

    theirs = turned(query, offset) @ np.swapaxes(turned(key, 0), -1, -2)
    assert_allclose(made.scores, theirs, rtol=1e-10, atol=1e-12)


def test_the_angles_are_those_of_the_paper() -> None:
    """RoFormer, equation 15: θᵢ = 10000^(−2(i−1)/d); position 5, d = 4: 5 and 5/100 radians."""
    made = Rotation(pairing="half", frequencies=frequencies(4, 10000.0)).angles(np.array([[[5]]]))
    assert_allclose(made, [[[5.0, 0.05]]], rtol=1e-15)
