"""Growth of cost as PNG, SVG and PDF by matplotlib."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pictures.test_figures import MAGIC
from tests.support.processes import attn

WORDS = ["--heads", "8", "--dim", "64", "--hidden-size", "512", "--causal", "--vary", "length=256,512,…,8192"]


@pytest.mark.parametrize("kind", MAGIC)
def test_each_format(tmp_path: Path, kind: str) -> None:
    """By its extension, and the same bytes each time."""
    for name in ("a", "b"):
        attn("cost", *WORDS, "-o", f"{name}.{kind}", cwd=tmp_path)
    data = (tmp_path / f"a.{kind}").read_bytes()
    assert data.startswith(MAGIC[kind])
    assert data == (tmp_path / f"b.{kind}").read_bytes()


def test_a_chart_of_a_language(tmp_path: Path) -> None:
    """With a notice where no font has its characters."""
    ran = attn("cost", *WORDS, "--lang", "zh", "-o", "z.svg", cwd=tmp_path)
    assert ran.err == "" or "no font of this system has" in ran.err
    assert (tmp_path / "z.svg").stat().st_size > 5000
