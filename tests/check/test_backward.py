"""`attn check` on gradients: what is compared, in which shape, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.check.backward.registry import BACKWARD
from tests.mistakes.back import run
from tests.mistakes.problems import problem
from tests.support.processes import called

Arrays = dict[str, Any]


def right(kind: str = "causal", shape: str = "grouped", *, ones: bool = False) -> tuple[Arrays, dict[str, Any]]:
    """A generated problem with d_output and its right gradients, and its options."""
    made = problem(0, kind, shape)
    size = (*made.arrays["query"].shape[:3], made.arrays["value"].shape[-1])
    loss = np.ones(size) if ones else np.random.default_rng(1).standard_normal(size).astype(np.float32)
    found = {f"expected_d_{name}": array.astype(np.float32) for name, array in run(made, loss).items()}
    return made.arrays | ({} if ones else {"d_output": loss}) | found, made.options


def put(path: Path, arrays: Arrays, options: dict[str, Any]) -> Path:
    """Write a file of named arrays."""
    np.savez(path, **arrays, options=np.array(json.dumps(options)))
    return path


def found(path: Path, *flags: object, status: int = 0) -> dict[str, Any]:
    """What `attn check` says in JSON."""
    made: dict[str, Any] = json.loads(called("check", path, "-f", "json", *flags, status=status).out)
    return made


def ids(said: dict[str, Any]) -> list[list[str]]:
    """The names of all explanations."""
    return [each["mistakes"] for each in said["explanations"]]


def test_right_gradients_agree(tmp_path: Path) -> None:
    """Each by itself, in the order of the way back; the output too where it is there."""
    arrays, options = right("sinks", "cross")
    said = found(put(tmp_path / "p.npz", arrays, options))
    assert said["agrees"]
    assert list(said["arrays"]) == ["d_value", "d_key", "d_query", "d_sinks"]
    assert all(each["error"] <= each["tolerance"] < 1e-4 for each in said["arrays"].values())
    output = np.zeros_like(arrays["d_output"])
    said = found(put(tmp_path / "q.npz", arrays | {"expected": output}, options), "--no-diagnose", status=1)
    assert list(said["arrays"]) == ["output", "d_value", "d_key", "d_query", "d_sinks"]
    assert [each["agrees"] for each in said["arrays"].values()] == [False, True, True, True, True]


def test_without_d_output_it_is_all_ones(tmp_path: Path) -> None:
    """And that is said."""
    arrays, options = right("causal", "square", ones=True)
    ran = called("check", put(tmp_path / "p.npz", arrays, options))
    assert "d_value, d_key and d_query agree (largest difference" in " ".join(ran.out.split())
    assert "without d_output it is all ones: the loss is the sum of the output" in ran.err


def test_any_of_them_is_compared_and_flags_give_them(tmp_path: Path) -> None:
    """One array in a file of its own."""
    arrays, options = right()
    np.save(tmp_path / "dq.npy", arrays["expected_d_query"])
    np.save(tmp_path / "g.npy", arrays["d_output"])
    rest = {name: array for name, array in arrays.items() if not name.startswith(("expected", "d_output"))}
    path = put(tmp_path / "p.npz", rest, options)
    said = found(path, "--expected-d-query", tmp_path / "dq.npy", "--d-output", tmp_path / "g.npy")
    assert list(said["arrays"]) == ["d_query"]


def test_a_mistake_is_named(tmp_path: Path) -> None:
    """With what to do; the others are right."""
    arrays, options = right()
    arrays["expected_d_query"] = arrays["expected_d_query"] * np.float32(8**0.5)
    path = put(tmp_path / "p.npz", arrays, options)
    out = called("check", path, status=1).out
    assert "d_query differs, d_value and d_key agree: scale-back" in " ".join(out.split())
    assert "1. scale-back: d_query lacks the scale" in out
    said = found(path, status=1)
    assert ids(said) == [["scale-back"]]
    assert said["explanations"][0]["detail"]["scale-back"]["arrays"] == ["query"]


def test_a_wrong_output_is_said_first(tmp_path: Path) -> None:
    """The gradients of the same wrong forward pass have the same name."""
    arrays, options = right("causal", "square")
    unscaled, _ = right("causal", "square")
    plain = problem(0, "causal", "square")
    plain = type(plain)(plain.arrays, plain.options | {"scale": "none"}, plain.kind)
    wrong = {f"expected_d_{name}": array.astype(np.float32) for name, array in run(plain, arrays["d_output"]).items()}
    scores = np.where(
        np.tri(12, dtype=bool), plain.arrays["query"].astype(float) @ plain.arrays["key"].swapaxes(-1, -2), -np.inf
    )
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    output = (weights / weights.sum(-1, keepdims=True)) @ plain.arrays["value"]
    path = put(tmp_path / "p.npz", unscaled | wrong | {"expected": output.astype(np.float32)}, options)
    said = found(path, status=1)
    assert ids(said) == [["scale"], ["scale"]]
    assert "the output is wrong already: look there first" in [each["said"] for each in said["facts"]]
    assert said["explanations"][1]["detail"]["scale"]["where"] == "both passes"


def test_another_layout_agrees_and_is_told(tmp_path: Path) -> None:
    """Packed as a linear layer has it."""
    arrays, options = right()
    query = arrays["expected_d_query"]
    arrays["expected_d_query"] = query.transpose(0, 2, 1, 3).reshape(2, 10, -1)
    said = found(put(tmp_path / "p.npz", arrays, options))
    assert said["agrees"]
    assert said["arrays"]["d_query"]["layout"] == "(batch, queries, heads·features)"
    assert not said["arrays"]["d_query"]["layout_is_own"]


def test_the_shape_of_another_array_is_told(tmp_path: Path) -> None:
    """Where the numbers are those of the other one too, they were exchanged."""
    arrays, options = right("dense", "cross")
    names = ("expected_d_query", "expected_d_key")
    path = put(tmp_path / "p.npz", arrays | dict(zip(names, map(arrays.get, reversed(names)), strict=True)), options)
    said = found(path, status=1)
    assert ids(said) == [["gradients-swapped"]]
    assert said["arrays"]["d_query"]["shape_of"] == "key"
    assert "d_query differs: it is the gradient of the key" in called("check", path, status=1).out


def test_nothing_known_gets_no_name(tmp_path: Path) -> None:
    """Which are right, which is the first wrong one, and which heads of it."""
    arrays, options = right()
    noise = np.random.default_rng(2).standard_normal(arrays["expected_d_key"][:, 1].shape)
    arrays["expected_d_key"][:, 1] += noise
    said = found(put(tmp_path / "p.npz", arrays, options), status=1)
    assert ids(said) == []
    facts = [each["said"] for each in said["facts"]]
    assert facts[0] == "right: d_value, d_query; wrong: d_key"
    assert facts[1].startswith("the first wrong one on the way back is d_key")
    assert "d_key: heads that differ: 1; the other 1 of 2 are exact" in facts


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"expected_d_bias": np.ones((10, 10))},
            "expected_d_bias: there is no bias\nhint: there are expected_d_value, expected_d_key, expected_d_query",
        ),
        (
            {"expected_d_mask": np.ones((10, 10)), "mask": np.ones((10, 10), dtype=bool)},
            "expected_d_mask: a mask of true and false has no gradient",
        ),
        ({"expected_d_key": np.ones((3, 7))}, "expected_d_key 3×7 does not match key, 2×2×10×8, in any layout"),
        ({"d_output": np.ones((3, 7))}, "d_output 3×7 does not fit the output, which is 2×6×10×8"),
    ],
)
def test_what_cannot_be_compared_is_an_error(tmp_path: Path, changes: Arrays, message: str) -> None:
    """One line, and status 2."""
    arrays, options = right()
    path = put(tmp_path / "p.npz", arrays | changes, options)
    assert called("check", path, status=2).err.startswith(f"attn: {path}: {message}")


def test_a_projected_layer_and_hidden_have_theirs(tmp_path: Path) -> None:
    """All parts of `hidden` added; the matrix; numbers from finite differences."""
    rng = np.random.default_rng(3)
    arrays: Arrays = {"hidden": rng.standard_normal((4, 6)), "w_q": rng.standard_normal((6, 6)), "sinks": np.ones(2)}
    options = {"scale": "sqrt", "heads": 2, "causal": True}
    found_: Arrays = {}
    for name, array in arrays.items():
        found_[f"expected_d_{name}"] = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = array.copy()
                moved[place] += step
                ends.append(attended(arrays | {name: moved}).sum())
            found_[f"expected_d_{name}"][place] = (ends[0] - ends[1]) / 2e-5
    said = found(put(tmp_path / "p.npz", arrays | found_, options), "--atol", "1e-7")
    assert list(said["arrays"]) == ["d_hidden", "d_sinks", "d_w_q"]


def attended(arrays: Arrays) -> Any:
    """Two causal heads with sinks on the same states, the query projected."""
    hidden = arrays["hidden"]
    query, key = (x.reshape(4, 2, 3).swapaxes(0, 1) for x in (hidden @ arrays["w_q"], hidden))
    powers = np.where(np.tri(4, dtype=bool), np.exp(query @ key.swapaxes(1, 2) / 3**0.5), 0)
    return powers / (powers.sum(-1, keepdims=True) + np.exp(arrays["sinks"])[:, None, None]) @ key


def test_the_reference_lists_them() -> None:
    """Under a heading of their own."""
    out = called("help", "mistakes", "-f", "markdown").out
    assert all(f"`{name}`" in out for name in BACKWARD)
