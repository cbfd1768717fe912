"""A layer named as timm names it, and as its vision transformers compute it: timm itself is not needed.

The module is that of timm's documentation, ``timm.layers.Attention``: one matrix for query, key and value, cut into
(3, heads, features), norms for each head, and a last matrix.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.support.arrays import normal
from tests.support.processes import called

WIDE, HEADS = 24, 3


class Attention(nn.Module):  # type: ignore[misc]  # mypy runs where there is no PyTorch
    """Multi-head self-attention of ``x`` (batch, tokens, features)."""

    def __init__(self, norm: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDE, 3 * WIDE, bias=bias)
        self.q_norm, self.k_norm = (nn.Identity() if norm is None else norm(WIDE // HEADS) for _ in range(2))
        self.proj = nn.Linear(WIDE, WIDE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, tokens, features)."""
        batch, count, wide = x.shape
        qkv = self.qkv(x).reshape(batch, count, 3, HEADS, wide // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q, k = self.q_norm(q) * (wide // HEADS) ** -0.5, self.k_norm(k)
        made: torch.Tensor = self.proj(((q @ k.transpose(-2, -1)).softmax(-1) @ v).transpose(1, 2).reshape(x.shape))
        return made


def computed(module: Attention, folder: Path, *words: object) -> tuple[Any, Any, str]:
    """Return what attn makes of a block of a model, what the module itself makes of it, and what was said."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    save_file({f"blocks.3.attn.{name}": each for name, each in module.state_dict().items()}, folder / "v.safetensors")
    x = normal(2, 5, WIDE).astype("f4")
    np.save(folder / "x.npy", x)
    given = ["--hidden", folder / "x.npy", "--layer", f"{folder / 'v.safetensors'}:blocks.3.attn", "--heads", HEADS]
    ran = called("compute", *given, "--scale", "sqrt", *words, "-o", folder / "out.npy")
    with torch.no_grad():
        return np.load(folder / "out.npy"), module(torch.from_numpy(x)).numpy(), ran.err


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (lambda: Attention(), ()),
        (lambda: Attention(bias=False), ()),
        (lambda: Attention(lambda dim: nn.RMSNorm(dim, eps=1e-3)), ("--qk-norm", "rms", "--norm-eps", "1e-3")),
        (
            lambda: Attention(lambda dim: nn.LayerNorm(dim, eps=1e-3, bias=False)),
            ("--qk-norm", "layer", "--norm-eps", "1e-3"),
        ),
    ],
    ids=["biases", "no bias", "rms", "layer"],
)
def test_a_layer_of_timm(module: Any, words: tuple[str, ...], tmp_path: Path) -> None:
    """From x to its output."""
    mine, theirs, said = computed(module(), tmp_path, *words)
    assert np.abs(mine - theirs).max() < 1e-5 * np.abs(theirs).max()
    assert said == ""


def test_the_bias_of_a_norm_is_told(tmp_path: Path) -> None:
    """It takes no part, so that the output is another."""
    mine, theirs, said = computed(Attention(nn.LayerNorm), tmp_path, "--qk-norm", "layer", "--norm-eps", "1e-5")
    assert np.abs(mine - theirs).max() > 1e-2
    assert said == (
        f"attn: notice: {tmp_path / 'v.safetensors'}:blocks.3.attn: not used: k_norm.bias 8, q_norm.bias 8; a norm has "
        "weights alone here, so that the output is another if these biases are not 0\n"
    )
