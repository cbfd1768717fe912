"""The reference's lines with which a JAX program saves its attention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import pytest

from tests.support.processes import attn
from tests.support.readme import recipe


def test_the_lines_of_jax_save_what_check_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an output of JAX's own."""
    monkeypatch.chdir(tmp_path)
    keys = jax.random.split(jax.random.key(0), 3)
    q, k, v = (jax.random.normal(key, (2, 24, heads, 16)) for key, heads in zip(keys, (4, 2, 2), strict=True))
    names: dict[str, Any] = {"q": q, "k": k, "v": v, "out": jax.nn.dot_product_attention(q, k, v, is_causal=True)}
    exec(recipe('layout="bshd"'), names)
    assert attn("check", "dump.npz", cwd=tmp_path).out.startswith("dump.npz: agrees")
