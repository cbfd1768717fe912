"""The ways in which commands are given files, and the formats in which they write."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attncli.commands.app import build
from attncli.commands.registry import COMMANDS
from attncli.files.formats import FORMATS, Format

Words = list[str]
# How a broken file is given: alone, beside a good one, as one array of many, through a pipe ("-" is the file then).
_ANY: Sequence[Callable[[str, str], Words]] = (
    lambda bad, good: [bad],
    lambda bad, good: [bad],
    lambda bad, good: ["-"],
    lambda bad, good: [good, bad],
    lambda bad, good: [bad, bad, bad],
    lambda bad, good: [good, "--mask", bad],
    lambda bad, good: ["--query", bad, "--hidden", good],
    lambda bad, good: [f"{bad}:query"],
    lambda bad, good: [good, "--bias", f"{bad}:mask"],
    lambda bad, good: [good, "--layer", bad],
    lambda bad, good: [good, "--layer", f"{bad}:model.layers.0"],
)
# Those that put several values of an option side by side.
_VARY: Sequence[Callable[[str, str], Words]] = (
    lambda bad, good: [bad, "--vary", "causal"],
    lambda bad, good: ["-", "--vary", "window=none;1,0"],
)
# For each command that reads them. One that is declared and missing here fails a test.
WAYS: Mapping[str, Sequence[Callable[[str, str], Words]]] = {
    "compute": (*_ANY, *_VARY),
    "score": _ANY,
    "softmax": (*_ANY[:3], lambda bad, good: [good, "--sinks", bad]),
    "sum": (*_ANY[:4], lambda bad, good: [bad, bad], lambda bad, good: [bad, "--value", good]),
    "grad": (*_ANY, lambda bad, good: [good, "--d-output", bad]),
    "explain": (*_ANY, *_VARY),
    "plot": (*_ANY, *_VARY),
    "stats": _ANY,
    "mask": (
        *_ANY[:3],
        lambda bad, good: [bad, good],
        lambda bad, good: [good, "--mask", bad],
        lambda bad, good: ["--length", "5", "--mask", bad],
        lambda bad, good: ["--bias", f"{bad}:mask"],
    ),
    "inspect": (*_ANY, lambda bad, good: [bad, good, bad]),
    "cost": (
        *_ANY[:5],
        lambda bad, good: ["--length", "5", "--mask", bad],
        lambda bad, good: ["--vary", "length=2,4", "--bias", f"{bad}:mask"],
        lambda bad, good: [bad, "--vary", "layers=1,2"],
    ),
    "check": (*_ANY, lambda bad, good: [good, "--expected", bad]),
}
# Those that read no file of arrays: their command lines are fuzzed all the same.
WITHOUT = ("help", "probe", "trace", "bench")
# The formats that are written as files; those that are folders have tests of their own.
FILES = [each for each in FORMATS.values() if not each.is_folder and not each.read_only]


def formats(command: str) -> list[Words]:
    """Return every way in which a command can be asked to write: on standard output, and into a file."""
    flags = {each.name: each for each in build(command).params}
    found: list[Words] = [[]]
    if "format" in flags:
        found += [["-f", name] for name in flags["format"].type.choices]
    if "output" in flags:
        found += [["-o", f"out{each.suffix}", *_beside(command, each)] for each in FILES if _writes(flags, each)]
    return found


def _writes(flags: Mapping[str, Any], each: Format) -> bool:
    """Tell whether a command writes files of this format: its help says so, or it has a flag for it."""
    return each.suffix in (flags["output"].help or "") or (
        "format" in flags and each.name in flags["format"].type.choices
    )


def _beside(command: str, each: Format) -> Words:
    return ["--terminal"] if command == "plot" and each.name == "svg" else []


def given(command: str, bad: str, good: str, rng: random.Random) -> Words:
    """Return the words that give a command a broken file."""
    return [command, *rng.choice(WAYS[command])(bad, good)]


READS = [name for name in COMMANDS if name not in WITHOUT]
