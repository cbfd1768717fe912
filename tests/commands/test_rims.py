"""Valid numbers at the rims of their types: every command says what it has to say, and Python says nothing.

Warnings are errors in tests, so that a command in which Python warns fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.arrays import normal
from tests.support.declared import put
from tests.support.processes import attn, called

Given = dict[str, Any]


def states(queries: int = 5, keys: int = 7, dtype: str = "f4") -> Given:
    shapes = {"query": (queries, 4), "key": (keys, 4), "value": (keys, 3)}
    return {name: normal(*shape).astype(dtype) for name, shape in shapes.items()}


def changed(name: str, number: Any, *, dtype: str = "f4", keys: int = 7) -> Given:
    """Return states with one number in one of them."""
    arrays = states(keys=keys, dtype=dtype)
    arrays[name][keys // 2 if name != "query" else 1, 1] = number
    return arrays


def signalling(dtype: str) -> Any:
    """The NaN that makes a processor complain as soon as it is used."""
    bits = {"f2": ("u2", 0x7D01), "f4": ("u4", 0x7FA00001), "f8": ("u8", 0x7FF4000000000001)}[dtype]
    return np.array(bits[1], bits[0]).view(dtype)


CASES: dict[str, tuple[Given, Given]] = {
    "softcap 1e-300": (states(), {"softcap": 1e-300}),
    "softcap 1e300": (states(), {"softcap": 1e300}),
    "scale 1e-300": (states(), {"scale": 1e-300}),
    "scale 1e300": (states(), {"scale": 1e300}),
    **{f"sink {sink}": (states() | {"sinks": np.array([sink])}, {}) for sink in (1e39, -1e39, np.inf, np.nan)},
    **{f"bias {bias}": (states() | {"bias": np.full((5, 7), bias)}, {}) for bias in (1e39, -1e39, np.inf)},
    **{f"values of {size}": (states(dtype="f8") | {"value": size * np.ones((7, 3))}, {}) for size in (1e154, 1e308)},
    "queries of 1e154": (states(dtype="f8") | {"query": 1e154 * np.ones((5, 4))}, {}),
    "infinity in a key that is streamed in parts": (
        changed("key", np.inf, keys=9000) | {"query": normal(130, 4).astype("f4")},
        {},
    ),
    "infinity in a value": (changed("value", np.inf), {}),
    **{
        f"signalling NaN in {name} {dtype}": (changed(name, signalling(dtype), dtype=dtype), {})
        for name in ("query", "key", "value")
        for dtype in ("f2", "f4", "f8")
    },
    "signalling NaN in the mask": (states() | {"mask": np.full((5, 7), signalling("f2"))}, {}),
    "signalling NaN in the cache": (
        states() | {"past_key": np.full((2, 4), signalling("f2")), "past_value": np.zeros((2, 3))},
        {},
    ),
    "beyond --dtype": ({name: 1e300 * array for name, array in states(dtype="f8").items()}, {"dtype": "float32"}),
    "cosine of infinity": (changed("query", np.inf), {"score": "cosine"}),
}
COMMANDS = (
    ["compute"],
    ["compute", "-f", "json"],
    ["compute", "-f", "markdown"],
    ["compute", "-o", "output.npy"],
    ["score"],
    ["explain"],
    ["explain", "--lang", "zh", "-o", "lesson.html"],
    ["plot", "--what", "logits", "--color", "always"],
    ["plot", "-o", "plot.html"],
    ["inspect"],
)


@pytest.mark.takes(3)
@pytest.mark.parametrize("name", CASES)
def test_only_notices_reach_standard_error(name: str, tmp_path: Path) -> None:
    """From compute, score, explain, plot, inspect and their files."""
    path = put(tmp_path / "case.npz", *CASES[name])
    for command, *flags in COMMANDS:
        err = called(command, path, *flags, cwd=tmp_path).err
        assert all(line.startswith(("attn: notice: ", "attn: 提示")) for line in err.splitlines()), (command, err)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_steps_alone(dtype: str, tmp_path: Path) -> None:
    """softmax and sum of NaN of either kind, ∞ and the largest number."""
    numbers = np.array([[signalling(dtype), np.inf, 1], [np.finfo(dtype).max, np.finfo(dtype).min, 1]], dtype)
    np.savez(tmp_path / "softmax.npz", logits=numbers, sinks=np.array([1e300]))
    np.savez(tmp_path / "sum.npz", weights=np.array([[0.5, 0.5]], dtype), value=numbers)
    for name in ("softmax", "sum"):
        err = called(name, tmp_path / f"{name}.npz").err
        assert all(line.startswith("attn: notice: ") for line in err.splitlines()), err


def test_a_process_says_no_more_than_that(tmp_path: Path) -> None:
    """Where warnings are not errors."""
    arrays, options = CASES["softcap 1e-300"]
    ran = attn("compute", put(tmp_path / "case.npz", arrays | {"sinks": np.array([-1e300])}, options), "-f", "json")
    assert ran.err == ""
    assert np.abs(json.loads(ran.out)["capped"]).max() < 1e-37
    assert np.allclose(json.loads(ran.out)["weights"], 1 / 7)
