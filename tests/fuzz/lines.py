"""Command lines: every flag of every command, with values that programs trip over."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from attncli.commands.app import build
from attncli.commands.registry import COMMANDS
from attncli.files.formats import FORMATS
from tests.fuzz import hostile
from tests.fuzz.campaign import Case
from tests.fuzz.program import Place
from tests.fuzz.seeds import valid

# Files, and what is none. Nothing here is outside of the folder, but for devices.
PATHS = (
    "good.json",
    "good.json:query",
    "good.json:nothing",
    "good.csv",
    "good.csv:query",
    "good.npz",
    "-",
    "",
    ".",
    "/",
    "nothing.json",
    "nothing/good.json",
    "good.json/",
    "/dev/null",
    "/dev/zero",
    "loop",
    "x" * 300,
    ":",
    "good.json:",
    "[1, 2]",
    "[[1,2],[3]]",
    "[",
    "x.parquet",
)
OUTPUTS = (
    "out.json",
    "out.npy",
    "out.csv",
    "out.npz",
    "out.html",
    "out.md",
    "out.txt",
    "out.JSON",
    "out.json/",
    "out",
    "",
    ".",
    "..",
    "nothing/out.json",
    "good.json",
    "loop",
    "/dev/full",
    "out\u202e.json",
    "x" * 300 + ".json",
    "-",
)
# Names and words of the program itself are the likelier mistakes.
CHOICES = (
    "all",
    "0",
    "1",
    "-1",
    "query",
    "The",
    "sqrt",
    "none",
    "score",
    "softmax",
    "sum",
    "weighted-sum",
    "json",
    "table",
    "zh",
)


def line(case: Case) -> None:
    """Give a command a few of its flags, some with values that make no sense."""
    rng, place = case.rng, Place.at(case.folder)
    for name in ("json", "csv", "npz"):
        place.put(f"good.{name}", valid(FORMATS[name], rng, case.numbers))
    (place.work / "loop").symlink_to("loop")
    for command in COMMANDS:
        words = [command, *_given(command, rng)]
        flags = [each for each in build(command).params if each.opts[0].startswith("-") and each.name != "help"]
        for flag in rng.sample(flags, min(len(flags), rng.choice((0, 1, 1, 2, 3)))):
            words += _flag(flag, rng)
        case.tried["command lines"] += 1
        with case.trying():
            case.tried["of them done"] += place.run(*words, stdin=_piped(place, rng)).done


def _given(command: str, rng: random.Random) -> list[str]:
    """Return what stands before the flags."""
    if command == "bench":  # as little as it can measure
        return ["--length", "3", "--dim", "2", "--heads", "1", "--rounds", "1"]
    if command == "help":
        return [
            rng.choice((*COMMANDS, "files", "arrays", "options", "results", "formats", "python", hostile.either(rng)))
        ]
    if command == "probe":  # which reads no file
        return ["--heads", "2", "--dim", "4"]
    if command == "trace":
        return [rng.choice(PATHS), *rng.choices(hostile.TEXTS, k=rng.choice((0, 1, 2)))]
    return rng.choices(PATHS, [8, 2, 1, 4, 1, 4, *[1] * (len(PATHS) - 6)], k=rng.choice((1, 1, 1, 2, 3)))


def _flag(flag: Any, rng: random.Random) -> list[str]:
    """Return a flag with a value, mostly of its kind."""
    name = rng.choice([*flag.opts, *flag.secondary_opts])
    if flag.is_flag:
        return [name if rng.random() < 0.95 else f"{name}=1"]
    value = _value(flag, rng)
    return [f"{name}={value}"] if name.startswith("--") and rng.random() < 0.3 else [name, value]


def _value(flag: Any, rng: random.Random) -> str:
    choices: Sequence[str] = getattr(flag.type, "choices", ())
    if choices and rng.random() < 0.8:
        return rng.choice(choices)
    if flag.name == "output":
        return rng.choice(OUTPUTS)
    if flag.metavar == "FILE" and rng.random() < 0.8:
        return rng.choice(PATHS)
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(CHOICES)
    if kind < 0.4:
        return ",".join(rng.choices(hostile.NUMBERS, k=2))
    return hostile.either(rng).replace("\0", "")


def _piped(place: Place, rng: random.Random) -> bytes:
    """Return what comes through standard input: a file, or nothing."""
    return (place.work / rng.choice(("good.json", "good.csv", "good.npz"))).read_bytes() if rng.random() < 0.5 else b""
