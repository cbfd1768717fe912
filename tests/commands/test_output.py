"""Where results go: to a file, to standard output, or both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attncli.attend import steps
from tests.support.places import SAMPLES
from tests.support.processes import called


@pytest.mark.parametrize("also", ["csv", "json", "npy"])
def test_a_result_is_computed_once_however_often_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also: str
) -> None:
    """A file and standard output are two encodings of one result."""
    right, calls = steps.results, []

    def counted(*operands: Any) -> Any:
        calls.append(operands)
        return right(*operands)

    monkeypatch.setattr(steps, "results", counted)
    ran = called("compute", SAMPLES / "article.json", "-o", tmp_path / "a.json", "-f", also)
    assert len(calls) == 1
    output = json.loads((tmp_path / "a.json").read_text())["output"]
    if also == "csv":
        assert list(map(float, ran.out.split(","))) == output
    assert ran.raw
