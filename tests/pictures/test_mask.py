"""Masks as PNG, SVG and PDF by matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.pictures.test_figures import MAGIC, colors, of_map
from tests.support.processes import attn

GREY = (217, 217, 217)


@pytest.mark.parametrize("kind", MAGIC)
def test_each_format_of_one_mask_and_of_two(tmp_path: Path, kind: str) -> None:
    """By its extension, and the same bytes each time."""
    np.save(tmp_path / "m.npy", np.tri(5, k=1, dtype=bool))
    np.save(tmp_path / "n.npy", np.tri(5, dtype=bool))
    for name in ("a", "b"):
        attn("mask", "m.npy", "-o", f"{name}.{kind}", cwd=tmp_path)
        attn("mask", "m.npy", "n.npy", "-o", f"{name}{name}.{kind}", cwd=tmp_path, status=1)
    for name in ("a", "aa"):
        data = (tmp_path / f"{name}.{kind}").read_bytes()
        assert data.startswith(MAGIC[kind])
        assert data == (tmp_path / f"{name.replace('a', 'b')}.{kind}").read_bytes()


def test_open_cells_have_the_last_colour_and_closed_ones_are_grey(tmp_path: Path) -> None:
    """Where it is averaged down, squares of 2×2 on the diagonal have three cells of four open."""
    attn("mask", "--length", "5", "--causal", "-o", "m.png", cwd=tmp_path)
    assert {of_map(1.0), GREY} <= colors((tmp_path / "m.png").read_bytes())
    attn("mask", "--length", "2048", "--causal", "-o", "l.png", cwd=tmp_path)
    assert {of_map(1.0), GREY, of_map(0.75)} <= colors((tmp_path / "l.png").read_bytes())
