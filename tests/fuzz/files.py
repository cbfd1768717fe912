"""Broken files through every command: refused in a line, or computed with to a result that can be read."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from attncli.files.formats import DATA, FORMATS, Format
from attncli.files.save import encoded
from tests.fuzz import hostile, readers
from tests.fuzz.campaign import Case
from tests.fuzz.commands import READS, formats, given
from tests.fuzz.guard import BrokenError
from tests.fuzz.mutators import mutated
from tests.fuzz.program import Place
from tests.fuzz.seeds import problem, valid

GOOD = "good.csv"


def broken(kind: Format) -> Callable[[Case], None]:
    """Return the case that breaks one file of a format."""

    def case(case: Case) -> None:
        rng, place = case.rng, Place.at(case.folder)
        data = mutated(kind.name, valid(kind, rng, case.numbers), rng)
        name = place.put(named(rng, kind), data)
        place.put(GOOD, valid(FORMATS["csv"], rng, case.numbers))
        case.about = f"{place.work / name!s}: {data[:160]!r}"
        case.tried["broken files"] += 1
        for command in READS:
            with case.trying():
                _through(command, case, place, name, data)
        readers.hold(kind.name, place.work / name, data)

    return case


def _through(command: str, case: Case, place: Place, name: str, data: bytes) -> None:
    """Give a file to a command in one way; if the command takes it, in many formats."""
    every, words = formats(command), given(command, name, GOOD, case.rng)
    if command == "check" and case.rng.random() < 0.6:  # looking for mistakes takes most of the time
        words.append("--no-diagnose")
    stdin = data if "-" in words else b""
    first = every[case.seed % len(every)]
    # What is refused is refused before anybody asks how to write it.
    case.tried["runs"] += 1
    if not place.run(*words, *first, stdin=stdin).done:
        return
    case.tried["of them done"] += 1
    for other in every:
        if other is not first and case.rng.random() < 0.4:
            case.tried["runs"] += 1
            with case.trying():
                place.run(*words, *other, stdin=stdin)


def told(case: Case) -> None:
    """Give every command a valid problem whose texts are hostile: wherever one is shown, it is shown as what it is."""
    rng, place = case.rng, Place.at(case.folder)
    found = problem(rng, case.numbers, spoken=True)
    kind = FORMATS[rng.choice(("json", "json", "npz", "safetensors"))]
    # Only JSON can hold halves of characters, and a NUL at the end of a text.
    texts = [each for each in hostile.TEXTS if kind.name == "json" or not set(each) & {"\0", "\ud800"}]
    labels = {name: _hostile(rng, held, texts) for name, held in found.labels.items()}
    found = replace(
        found, labels=labels, texts={name: _hostile(rng, held, texts) for name, held in found.texts.items()}
    )
    name = place.put(f"told{kind.suffix}", encoded(kind, found))
    case.about = f"{place.work / name!s}: {found.labels} {found.texts}"
    for command in READS:
        words = [command, name, *rng.choice(formats(command))]
        if command == "check" and rng.random() < 0.9:
            words.append("--no-diagnose")
        case.tried["runs"] += 1
        with case.trying():
            case.tried["of them done"] += place.run(*words).done
    place.put("there.json", b"{}")  # is never written over
    with case.trying():
        place.run(rng.choice([each for each in READS if ["-o", "out.json"] in formats(each)]), name, "-o", "there.json")


def _hostile(rng: random.Random, held: Any, texts: list[str]) -> Any:
    """Return texts in the place of others."""
    return tuple(_hostile(rng, each, texts) for each in held) if isinstance(held, tuple) else rng.choice(texts)


def named(rng: random.Random, kind: Format) -> str:
    """Return a name for a file; few are hostile."""
    if rng.random() < 0.9:
        return f"bad{kind.suffix}"
    stem = "".join(each for each in rng.choice(hostile.TEXTS)[:40] if each not in "/\x00").lstrip("-.")
    try:
        stem.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file can have this name
        stem = "bad"
    return f"{stem}{kind.suffix}" if stem and not set(stem) <= {" "} else f"bad{kind.suffix}"


def whole(case: Case) -> None:
    """Write one file of some format, and break nothing: it is read, as others read it."""
    kind, place = DATA[case.seed % len(DATA)], Place.at(case.folder)
    data = valid(kind, case.rng, case.numbers)
    name = place.put(f"good{kind.suffix}", data)
    case.about = f"{place.work / name!s}: {data[:160]!r}"
    case.tried[f"valid {kind.name}"] += 1
    run = place.run("inspect", name)
    if not run.done:
        raise BrokenError(f"a valid {kind.name} is refused", run.said)
    readers.hold(kind.name, place.work / name, data, strictly=True)
