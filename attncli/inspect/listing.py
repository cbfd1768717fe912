"""What `inspect` shows of a file with names that nobody knows: what is in it, and how compute could take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncli.attend.shapes import show
from attncli.files.archive import meaning
from attncli.files.contents import TEXT, Entry, UnknownNamesError
from attncli.files.open import STDIN
from attncli.problem import layer
from attncli.problem.opened import Opened
from attncli.said import Said
from attncli.show.lines import print_lines
from attncli.show.records import print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

TYPE = Said("type")
# The flags that take the arrays of a file, by how many there are.
FLAGS = {1: ("query",), 2: ("query", "hidden"), 3: ("query", "key", "value")}


@dataclass(frozen=True)
class Listing:
    """A file with names that nobody knows.

    Attributes:
        given: the argument that names it.
        place: its name in messages.
        entries: what is in it.
        verdict: why compute cannot run.
        hint: what compute could take, if anything.
    """

    given: str
    place: str
    entries: tuple[Entry, ...]
    verdict: str
    hint: str


def of(opened: Opened) -> list[Listing]:
    """Return the listing of a file that needs one, or nothing."""
    found = opened.contents
    if not isinstance(found, UnknownNamesError):
        return []
    verdict = Said("compute cannot run: {message}", message=found.message)
    return [Listing(opened.given, opened.place, found.entries, verdict, _hint(opened.given, found))]


def _hint(given: str, found: UnknownNamesError) -> str:
    """Return how compute could take the arrays: all of them, if they are few and none has a known name."""
    arrays = [each.name for each in found.entries if each.shape is not None and each.type != TEXT]
    unknown = [name for name in arrays if not meaning(name)]
    if not unknown:
        return ""
    from shlex import quote

    file = "FILE" if given == STDIN else given
    if layers := list(layer.layers(dict.fromkeys(arrays))):
        one = f"{file}:{layers[0]}" if layers[0] else file
        if len(layers) == 1:
            return Said("--hidden X --layer {layer} computes a layer of attention", layer=quote(one))
        return Said(
            "--hidden X --layer {layer} computes a layer of attention; attn inspect {every} lists all {count} layers",
            layer=quote(one),
            every=quote(f"{file}:*"),
            count=len(layers),
        )
    clear = len(arrays) in FLAGS and unknown == arrays
    named = zip(FLAGS[len(arrays) if clear else 1], unknown, strict=False)
    flags = " ".join(f"--{flag} {quote(f'{file}:{name}')}" for flag, name in named)
    if clear:
        return Said("by their names they can be given one by one: attn compute {flags}", flags=flags)
    return Said("{flags} takes an array by any name, and so do the other flags of arrays", flags=flags)


def to_terminal(listings: Sequence[Listing], screen: Screen, console: Console) -> None:
    """Print the table of each file, why compute cannot run, and what it could take."""
    for at, each in enumerate(listings):
        if at:
            console.print()
        print_lines(Said("file: {file}", file=each.place), screen, console, style="dim")
        print_records(list(map(_line, each.entries)), screen, console, folded=TYPE)
        console.print()
        print_lines(Said("{sentence}.", sentence=each.verdict), screen, console, style="red")
        if each.hint:
            print_lines(Said("hint: {hint}", hint=each.hint), screen, console)


def _line(entry: Entry) -> dict[str, str]:
    shape = "" if entry.shape is None else show(entry.shape)
    kind = Said("text") if entry.type == TEXT else entry.type
    return {Said("array"): entry.name, Said("shape"): shape, TYPE: kind, Said("meaning"): meaning(entry.name)}


def record(listings: Sequence[Listing]) -> dict[str, Any]:
    """Return the same as values for JSON; of several files by their names."""
    found = {each.place: _record(each) for each in listings}
    return found if len(found) > 1 else next(iter(found.values()))


def _record(listing: Listing) -> dict[str, Any]:
    arrays = {
        each.name: {"shape": each.shape, "dtype": each.type, "meaning": meaning(each.name) or None}
        | {"file": listing.place}
        for each in listing.entries
    }
    return {"arrays": arrays, "computable": False, "verdict": listing.verdict, "hint": listing.hint}
