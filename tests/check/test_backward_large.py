"""attn check of gradients with more scores than are held at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import gradients
from tests.support.arrays import normal
from tests.support.declared import put
from tests.support.processes import called, environment

# A little more than 2²² scores, the first queries of which see few keys.
LENGTH = 2100
OPTIONS: dict[str, Any] = {"causal": True, "scale": 0.125}


@pytest.fixture(scope="module")
def half() -> dict[str, Any]:
    """Inputs in float16, and right gradients that are computed in float32 and rounded at last."""
    random = np.random.default_rng(5)
    shape = (LENGTH, 64)
    arrays: dict[str, Any] = {
        name: random.standard_normal(shape).astype("f2") for name in ("query", "key", "value", "d_output")
    }
    found = gradients(**arrays, **OPTIONS)
    return arrays | {f"expected_{name}": each for name, each in found.items()}


def test_right_gradients_in_half_precision_agree(half: dict[str, Any], tmp_path: Path) -> None:
    """Their own rounding is within the tolerance, also where numbers are the largest."""
    ran = called("check", put(tmp_path / "p.npz", half, OPTIONS))
    assert "d_query agrees" in ran.out


def test_only_what_is_held_has_to_fit(half: dict[str, Any], tmp_path: Path) -> None:
    """All scores at once would take 420 MB; 300 MB are enough."""
    path = put(tmp_path / "p.npz", half, OPTIONS)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20)); "
        f"sys.argv = ['attn', 'check', {str(path)!r}, '--no-diagnose']; from attncli.__main__ import main; main()"
    )
    env = environment(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mistake_in_one_gradient_is_not_blamed_on_another(tmp_path: Path) -> None:
    """Where mistakes are tried on a few queries, what they do to the key is known from the whole."""
    length = 4200
    arrays: dict[str, Any] = {name: normal(length, 2, seed=at) for at, name in enumerate(("query", "key", "value"))}
    found = gradients(**arrays, d_output=arrays["value"], **OPTIONS)
    wrong = {f"expected_{name}": each * (3 if name == "d_key" else 1) for name, each in found.items()}
    ran = called("check", put(tmp_path / "p.npz", arrays | wrong | {"d_output": arrays["value"]}, OPTIONS), status=1)
    assert "d_key is 3 times what it should be" in ran.out
    assert "d_value is 3 times" not in ran.out


def test_heads_that_share_a_key_are_too_many_to_be_summed(tmp_path: Path) -> None:
    """A mean in the place of their sum is found by its number, from a few queries of one head."""
    shapes = {"query": (4, 2100, 2), "key": (1, 2100, 2), "value": (1, 2100, 2), "d_output": (4, 2100, 2)}
    arrays: dict[str, Any] = {name: normal(*shape, seed=at) for at, (name, shape) in enumerate(shapes.items())}
    wrong = {f"expected_{name}": each / (4 if name == "d_key" else 1) for name, each in gradients(**arrays).items()}
    ran = called("check", put(tmp_path / "p.npz", arrays | wrong), status=1)
    assert "d_key is 0.25 times what it should be" in ran.out
