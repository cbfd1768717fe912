"""How much memory a command takes, and how much it reckoned with."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.places import ROOT
from tests.support.processes import environment

MEASURE = """
import re, sys
from attncli.commands.app import main
from attncli import memory

asked, require = [0], memory.require

def heard(needed, *words):
    asked.append(needed)
    require(needed, *words)

memory.require = heard
status = main(sys.argv[1:])
# Not getrusage: its maximum begins with the size of the process that started this one.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
print(status, peak, max(asked), file=sys.stderr)
"""


# Files of so many rows, by the names that they have in a command.
MAKERS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "STATES": lambda rng, count: rng.standard_normal((count, 16)),
    "WIDE": lambda rng, count: rng.standard_normal((count, 64), dtype="f4"),
    "FEW": lambda rng, count: rng.standard_normal((10, 64), dtype="f4"),
    "HEADS": lambda rng, count: rng.standard_normal((count, 4, 16), dtype="f4"),
    "SHORT": lambda rng, count: rng.standard_normal((10, 4, 16), dtype="f4"),
    "SQUARE": lambda rng, count: rng.standard_normal((count, count)),
    "HALF": lambda rng, count: np.full((count, count), 1 / count, dtype="f2"),
    "OPEN": lambda rng, count: rng.standard_normal((count, count)) > -1,
}


def _measured(words: tuple[object, ...], cwd: Path, status: int) -> tuple[bytes, int, int]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, words)], capture_output=True, env=environment(), cwd=cwd, check=True
    )
    found, most, reckoned = map(int, done.stderr.splitlines()[-1].split())
    assert found == status, done.stderr
    return done.stdout, most, reckoned


def peak(*words: object) -> tuple[str, int]:
    """Run a command and return what it printed and its peak memory in MB."""
    out, most, _ = _measured(words, ROOT, 0)
    return out.decode(), most >> 20


def taken_and_reckoned(*words: object, cwd: Path, status: int = 0) -> tuple[int, int]:
    """Run a command; return the bytes of its process at its peak, and how many it asked for before it began."""
    return _measured(words, cwd, status)[1:]


def beyond_start(folder: Path, count: int, command: str, status: int = 0) -> tuple[int, int]:
    """Run a command on large files; return what it took beyond what it takes on small ones, and what it reckoned with.

    Args:
        folder: an empty one.
        count: rows of the files.
        command: with names of `MAKERS` for files; outputs end up in the folder.
        status: its exit status.
    """
    words = re.sub(r"[A-Z]+", r"\g<0>.npy", command).split()
    found = []
    for size in (4, count):
        place = folder / str(size)
        place.mkdir()
        for seed, name in enumerate(MAKERS):
            if name in command.split():
                np.save(place / name, MAKERS[name](np.random.default_rng(seed), size))
        # The pages of mapped files are not counted: the system takes them back where it runs short.
        mapped = sum(path.stat().st_size for path in place.iterdir())
        peak, reckoned = taken_and_reckoned(*words, cwd=place, status=status)
        found.append(peak - mapped)
    return found[1] - found[0], reckoned
