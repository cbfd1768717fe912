"""The list of samples that `inspect` shows: what each is called, and what there is to see in it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from attncli.attend.shapes import show
from attncli.files.contents import Cases, Matrix, Named
from attncli.files.open import read
from attncli.files.samples import PREFIX, samples
from attncli.show.lines import print_lines
from attncli.show.records import Record, print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen


def collection() -> list[Record]:
    """Return a record per sample: its name, and its title."""
    return [{"sample": PREFIX + name, "title": " ".join(_titles(PREFIX + name))} for name in samples()]


def _titles(given: str) -> Iterator[str]:
    contents = read(given)
    if isinstance(contents, Named):
        yield contents.texts.get("title", "")
    if isinstance(contents, Cases):  # what they have in common
        titles = {each.texts.get("title", "") for each in contents.named.values()}
        yield titles.pop() if len(titles) == 1 else f"{len(contents.named)} problems"
    if isinstance(contents, Matrix):
        yield f"one matrix, {show(contents.array.shape)}"


def to_terminal(found: list[Record], screen: Screen, console: Console) -> None:
    """Print the table, and how one of them is taken."""
    print_records(found, screen, console, folded="title")
    console.print()
    say = partial(print_lines, screen=screen, console=console)
    say(f"Every command takes them as it takes files: attn explain {PREFIX}NAME", style="dim")
