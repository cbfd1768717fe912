"""The program, run within this process, and what every run of it must keep."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from attncli.files.formats import of_suffix
from tests.fuzz import outputs
from tests.fuzz.guard import BrokenError, TooLong
from tests.support.processes import environment, outcome

# An error is a line, and a hint beside it.
MOST_LINES, MOST_CHARACTERS = 3, 500
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
NOTICE = b"attn: notice: "
# Commands that write JSON where nobody looks.
FILTERS = ("score", "softmax", "sum")
# Commands that may find a difference, and those that report on several problems, some of which cannot be read.
COMPARES = ("check", "mask")


@dataclass(frozen=True)
class Run:
    """One run of the program."""

    words: Sequence[str]
    status: int
    out: bytes
    err: bytes

    @property
    def done(self) -> bool:
        """Whether it did what it was asked to do."""
        return self.status in (0, 1)

    @property
    def reports(self) -> bool:
        """Whether it tells in a report, and not in an error, that something is wrong: one of several problems is."""
        return self.words[0] in COMPARES and self.status == 2 and b"attn: " not in self.err.replace(NOTICE, b"")

    def values(self, *flags: str) -> list[str]:
        """Return the values that a flag was given, under any of its names."""
        pairs = [each.partition("=")[::2] for each in self.words] + list(zip(self.words, self.words[1:], strict=False))
        return [value for word, value in pairs if word in flags and value]

    @property
    def writes(self) -> list[str]:
        """The files that it was asked for."""
        return self.values("-o", "--output")

    @property
    def said(self) -> str:
        """The run in a few lines, for messages."""
        out, err = (repr(each[:400])[2:-1] for each in (self.out, self.err))
        words = " ".join(repr(each)[:100] for each in self.words)
        return f"attn {words}\n  status {self.status}\n  output {out}\n  errors {err}"


@dataclass(frozen=True)
class Place:
    """A folder in which the program runs, with files that it may read; nothing else may be left there."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Place:
        """Make the folder, and one beside it for temporary files."""
        for name in ("work", "home", "temporary"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        return cls(folder)

    @property
    def work(self) -> Path:
        """Where it runs."""
        return self.folder / "work"

    def put(self, name: str, data: bytes) -> str:
        """Write a file, and return its name."""
        (self.work / name).write_bytes(data)
        return name

    def files(self) -> dict[str, bytes]:
        """Return every file there is."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in _all(self.folder)}

    def run(self, *words: str, stdin: bytes = b"") -> Run:
        """Run the program and hold it to what every run must keep."""
        before = self.files()
        env = environment(HOME=str(self.folder / "home"), TMPDIR=str(self.folder / "temporary"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(self.folder / "temporary"))
            try:
                run = Run(words, *outcome(list(words), stdin, self.work, env))
            except SystemExit as error:
                raise BrokenError("the program exits by itself", f"{error.code}: {words}") from error
        if TooLong.__name__.encode() in run.err:  # the program took it for an error of its own
            raise TooLong(f"attn {' '.join(map(repr, words))}")
        try:
            _judge(run)
            self._judge_files(run, before)
        except BrokenError as error:
            raise BrokenError(error.rule, f"{error.seen}\n  {run.said}") from error
        return run

    def _judge_files(self, run: Run, before: dict[str, bytes]) -> None:
        """Nothing is left but the output, which is whole; all else is as it was."""
        after = self.files()
        for name, data in before.items():
            if after.get(name) != data and not (run.done and "--force" in run.words):
                raise BrokenError("a file that was there has changed", name)
        for name in after.keys() - before.keys():
            if not (run.done or run.reports) or name not in [f"{self.work.name}/{each}" for each in run.writes]:
                raise BrokenError("something is left behind", name)
            kind = of_suffix(name)
            outputs.parse("table" if kind is None else kind.name, after[name])
            (self.folder / name).unlink()


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _judge(run: Run) -> None:
    """Hold a run to its exit status, its errors and its output."""
    for rule in ("Traceback", "internal error", "Warning: ", "not enough memory"):
        if rule.encode() in run.err:
            kind = re.search(rule + r"[:\w ]*", run.err.decode(errors="replace"))
            raise BrokenError(kind[0] if kind else rule)
    if run.status not in ((0, 1, 2) if run.words[0] in COMPARES else (0, 2)):
        raise BrokenError(f"exit status {run.status}")
    lines = outputs.text(run.err).splitlines()
    others = [line for line in lines if not line.startswith(NOTICE.decode())]
    if max(map(len, lines), default=0) > MOST_CHARACTERS:
        raise BrokenError("a message without bound", f"{max(map(len, lines))} characters")
    if run.done or run.reports:
        if others:
            raise BrokenError("errors beside a result")
        _judge_output(run)
        return
    right = len(others) <= MOST_LINES and bool(others) and others[0].startswith("attn: ")
    if not right or not all(line.startswith("hint: ") for line in others[1:]):
        raise BrokenError("an error that is not one line and a hint")
    if run.out:
        raise BrokenError("output beside an error")


def _judge_output(run: Run) -> None:
    """What is on standard output can be read in the format that was asked for."""
    given = run.values("-f", "--format")
    filters = not run.writes and run.words[0] in FILTERS
    kind = given[-1] if given else "json" if filters else "table"
    outputs.parse(kind, COLOUR.sub(b"", run.out) if "always" in run.values("--color") else run.out)
