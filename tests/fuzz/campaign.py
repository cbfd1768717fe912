"""Run cases one after another, each made of its seed alone; count them, and collect what they find."""

from __future__ import annotations

import random
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.guard import BrokenError, end_process, guarded

# A run ends after so many different findings.
MOST_FINDINGS = 25


@dataclass(frozen=True)
class Limit:
    """How long a campaign goes on.

    Attributes:
        seconds: until no new case is begun; None: a few cases, as many as its test says.
        seed: the only one to run; None: 0, 1, 2 and so on.
    """

    seconds: float | None = None
    seed: int | None = None


@dataclass
class Case:
    """One case.

    Attributes:
        seed: with the name of the campaign it says everything about the case.
        rng, numbers: where its random choices and arrays come from.
        folder: an empty one.
        tried: what was tried, counted by the cases.
        about: what the case is about, for the message if something is found.
        errors: what went wrong so far.
    """

    seed: int
    rng: random.Random
    numbers: np.random.Generator
    folder: Path
    tried: Counter[str]
    about: str = ""
    errors: list[Exception] = field(default_factory=list)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Keep what goes wrong inside for the end, and go on."""
        try:
            yield
        except Exception as error:
            self.errors.append(error)


@dataclass
class Campaign:
    """One part of the fuzzer.

    Attributes:
        name: the test that runs it, as pytest calls it.
        limit: how long it goes on.
        folder: where its cases may write.
        give_up: ends the process, with a text.
        tried: how much of what was tried.
        findings: what was found, each kind once, and the seeds that show it.
    """

    name: str
    limit: Limit
    folder: Path
    give_up: Callable[[str], None] = end_process
    tried: Counter[str] = field(default_factory=Counter)
    findings: dict[str, tuple[str, list[int]]] = field(default_factory=dict)

    def repeat(self, seed: int) -> str:
        """Return the line that repeats a case."""
        return f"python -m pytest '{self.name}' --fuzz-seed {seed}"

    def run(self, case: Callable[[Case], None], few: int) -> None:
        """Run cases until the limit is reached, and fail if anything was found.

        Args:
            case: what to do with one.
            few: how many of them a run without a limit takes.
        """
        started, seed = time.monotonic(), self.limit.seed or 0
        while True:
            self.one(case, seed)
            seed += 1
            passed = time.monotonic() - started
            enough = seed >= few if self.limit.seconds is None else passed > self.limit.seconds
            if self.limit.seed is not None or enough or len(self.findings) >= MOST_FINDINGS:
                break
        if self.findings:
            pytest.fail("\n\n".join(map(self.described, self.findings)), pytrace=False)

    def one(self, case: Callable[[Case], None], seed: int) -> None:
        """Run one case."""
        start = [zlib.crc32(self.name.partition("::")[2].encode()), seed]
        folder = self.folder / str(seed % 4)  # the last few stay, for whoever wants to look
        self.tried["cases"] += 1
        empty(folder)
        found = Case(seed, random.Random(repr(start)), np.random.default_rng(start), folder, self.tried)
        with found.trying(), guarded(self.repeat(seed), self.give_up):
            case(found)
        for kind, text in map(told, found.errors):
            about = f"\n  {found.about}" if found.about else ""
            seeds = self.findings.setdefault(kind, (text + about, []))[1]
            seeds += [seed] * (seed not in seeds)

    def described(self, kind: str) -> str:
        """Return what is said of a finding: the first case that shows it, and how many do."""
        text, seeds = self.findings[kind]
        count = f"{len(seeds)} of {self.tried['cases']} cases: seeds {', '.join(map(str, seeds[:8]))}"
        return f"{text}\n  {count}\n  repeat it: {self.repeat(seeds[0])}"


def told(error: Exception) -> tuple[str, str]:
    """Return what kind of finding an error is, the same for all cases of one fault, and what is said of it."""
    if isinstance(error, BrokenError):
        return error.rule, str(error)
    own = [each for each in traceback.extract_tb(error.__traceback__) if "site-packages" not in each.filename]
    return f"{type(error).__name__} at {own[-1].filename}:{own[-1].lineno}", "".join(traceback.format_exception(error))


def empty(folder: Path) -> None:
    """Make a folder, or empty the one that is there; folders in it stay, since removing them takes long."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
