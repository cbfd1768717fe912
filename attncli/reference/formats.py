"""Every format of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attncli.files.formats import ANY_TEXT, FORMATS, READ, Format
from attncli.reference.blocks import Block, Item, Table
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return the formats that are read and written, then those that are written for people."""
    yield Paragraph(words.say("formats_intro", any_text=ANY_TEXT.suffix))
    yield Heading(words.say("formats_data"))
    yield _table(words, READ)
    for each in READ:
        if words.has("format", each.name):
            yield Item(each.title, words.say(f"format_{each.name}"))
    yield Paragraph(words.say("formats_safe"))
    yield Heading(words.say("formats_people"))
    yield _table(words, [each for each in FORMATS.values() if each not in READ])


def _table(words: Words, formats: Iterable[Format]) -> Table:
    rows = [
        (
            f"`{each.name}`",
            words.listed(f"`{suffix}`" for suffix in each.suffixes),
            words.of("holds", each.holds.name.lower(), each.holds.value),
            words.say("text" if each.text else "binary"),
            f"`attncli[{each.extra}]`" if each.extra else "",
        )
        for each in formats
    ]
    headings = (words.say("format"), words.say("suffix"), words.say("holds"), words.say("bytes"), words.say("needs"))
    return Table(headings, tuple(rows), folded=2)
