"""Big files: only what is shown is read and computed. Sizes are checked here; times are for the benchmark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.conftest import ROOT, environment

MEASURE = """
import re, sys
from attncli.commands.app import main
status = main(sys.argv[1:])
# Not getrusage: its maximum begins with the size of the process that started this one.
print(status, int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024, file=sys.stderr)
"""


def peak(*words: object) -> tuple[str, int]:
    """Run a command and return what it printed and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, words)],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        check=True,
    )
    status, megabytes = done.stderr.split()
    assert status == "0"
    return done.stdout, int(megabytes)


def sparse(path: Path, shape: tuple[int, ...]) -> Path:
    """Make a float32 file of zeros that takes no room on the disk."""
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape).flush()
    return path


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
