"""The examples of the README and of the reference that need PyTorch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from tests.support.places import README
from tests.support.processes import attn
from tests.support.readme import blocks, recipe, replay, rounded


def test_the_example_of_trace_prints_what_it_says(tmp_path: Path) -> None:
    """Every command in it; ATTN_REWRITE=1 writes what came out into the README."""
    text = README.read_text(encoding="utf-8")
    (block,) = blocks("bash")
    text = text.replace(block, replay(block, tmp_path))
    if os.environ.get("ATTN_REWRITE"):
        README.write_text(text, encoding="utf-8")
    assert rounded(text) == rounded(README.read_text(encoding="utf-8"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_lines_of_pytorch_save_what_check_reads(
    tmp_path: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an output of PyTorch's own, which is right, and with a wrong one, whose mistake is named."""
    monkeypatch.chdir(tmp_path)
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 4, 24, 16, generator=generator, requires_grad=True).to(dtype) for _ in range(3))
    lines = recipe(".detach()")
    names: dict[str, Any] = {"q": q, "k": k, "v": v, "out": scaled_dot_product_attention(q, k, v, is_causal=True)}
    exec(lines, names)
    assert attn("check", "dump.npz", cwd=tmp_path).out.startswith("dump.npz: agrees")
    wrong = scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
    exec(lines, names | {"out": wrong})
    assert ": scale\n" in attn("check", "dump.npz", cwd=tmp_path, status=1).out
    mask = torch.rand(24, 24, generator=generator) < 0.7
    mask |= torch.eye(24, dtype=torch.bool)
    exec(lines.rpartition("dump(")[0], names)
    names["dump"]("dump.npz", q, k, v, scaled_dot_product_attention(q, k, v, attn_mask=mask), mask, scale="sqrt")
    assert attn("check", "dump.npz", cwd=tmp_path).out.startswith("dump.npz: agrees")
