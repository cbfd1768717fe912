"""Golden files: whole outputs, rewritten by one switch and then reviewed."""

from __future__ import annotations

import os

from tests.support.places import GOLDEN


def golden(name: str, text: str) -> None:
    """Compare with a golden file; ATTN_REWRITE=1 writes it anew, for `git diff` to show."""
    path = GOLDEN / name
    if os.environ.get("ATTN_REWRITE"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
