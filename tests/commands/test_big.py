"""Big files: only what is shown is read and computed. Sizes are checked here; times are for the benchmark."""

from __future__ import annotations

from pathlib import Path

from tests.support.files import sparse
from tests.support.memory import peak


def test_a_query_of_200_mb_is_shown_without_reading_it(tmp_path: Path) -> None:
    """Peak memory stays far below the size of the file."""
    query = sparse(tmp_path / "q.npy", (800_000, 64))
    assert query.stat().st_size > 200_000_000
    hidden = sparse(tmp_path / "h.npy", (10, 64))
    out, megabytes = peak("compute", query, hidden)
    assert "799999" in out
    assert "0.1000" in out  # ten keys that score alike
    assert megabytes < 120


def test_a_problem_of_100_000_by_100_000_is_shown(tmp_path: Path) -> None:
    """Its score matrix would take 40 GB; its table takes less than 300 MB."""
    array = sparse(tmp_path / "x.npy", (100_000, 64))
    out, megabytes = peak("compute", array)
    assert "100000×100000" in out
    assert "1e-05" in out  # a hundred thousand keys that score alike
    assert megabytes < 300
