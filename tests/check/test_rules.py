"""`attn check` where documents, blocks or indices say what is closed: every mistake is tried, and theirs are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import steps
from tests.support.declared import put
from tests.support.processes import called


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"segments": np.repeat([0, 1], 12)}, "documents-mixed"),
        ({"cu_seqlens": np.array([0, 9, 24]), "query_segments": np.repeat([0, 1], [9, 15])}, "documents-mixed"),
        ({"blocks": np.repeat([-1, 0, -1], 8)}, "mask-dropped"),
        ({"indices": np.arange(24)[:, None] // 2}, "mask-dropped"),
    ],
    ids=lambda each: each if isinstance(each, str) else next(iter(each)),
)
def test_rules_by_ids_that_were_ignored_are_named(given: dict[str, Any], name: str, tmp_path: Path) -> None:
    """Beside a causal rule that was heeded."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {each: rng.standard_normal((2, 24, 8)) for each in ("query", "key", "value")}
    expected = steps(**arrays, causal=True).output
    path = put(tmp_path / "p.npz", arrays | given | {"expected": expected}, {"causal": True})
    found = json.loads(called("check", path, "-f", "json", status=1).out)
    assert found["explanations"][0]["mistakes"][0] == name
