"""The list of samples that `inspect` shows: what each is called, and what there is to see in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.attend.shapes import show
from attncli.files.contents import Cases, Matrix, Named
from attncli.files.open import read
from attncli.files.samples import PREFIX, samples
from attncli.said import Said
from attncli.sentences import Voice
from attncli.show.lines import print_lines
from attncli.show.records import Record, print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen


def collection() -> list[Record]:
    """Return a record per sample: its name, and its title."""
    return [{"sample": PREFIX + name, "title": _title(PREFIX + name)} for name in samples()]


def _title(given: str) -> str:
    contents = read(given)
    if isinstance(contents, Named):
        return contents.texts.get("title", "")
    if isinstance(contents, Cases):  # what they have in common
        titles = {each.texts.get("title", "") for each in contents.named.values()}
        return titles.pop() if len(titles) == 1 else Said("{count} problems", count=len(contents.named))
    return Said("one matrix, {shape}", shape=show(contents.array.shape)) if isinstance(contents, Matrix) else ""


def to_terminal(found: list[Record], screen: Screen, console: Console) -> None:
    """Print the table, and how one of them is taken."""
    title = Said("title")
    voice = Voice(screen.lang, "REFERENCE")
    rows: list[Record] = [
        {
            Said("sample"): each["sample"],
            title: voice.of("sample", each["sample"].removeprefix(PREFIX), each["title"]),
        }
        for each in found
    ]
    print_records(rows, screen, console, folded=title)
    console.print()
    taken = Said("Every command takes them as it takes files: {example}", example=f"attn explain {PREFIX}NAME")
    print_lines(taken, screen, console, style="dim")
