"""`attn check` on more numbers that nobody computes with on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.check.test_adversarial import OPTIONS, assert_checked_like_any


@pytest.mark.parametrize("seed", range(len(OPTIONS), 24))
def test_odd_numbers_are_checked_like_any(tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """As the plain tests have it, each option with other numbers."""
    assert_checked_like_any(seed, tmp_path, capfd)
