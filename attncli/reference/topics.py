"""The topics of the reference: a module of this folder each, with a function ``page``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from attncli.reference.blocks import Block, Table
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph

TOPICS = ("files", "arrays", "options", "results", "formats", "mistakes", "python")


@dataclass(frozen=True)
class Program:
    """What only the command line knows of itself.

    Attributes:
        commands: the heading and the summary of each command, by its name.
        statuses: the exit statuses, by name.
    """

    commands: Mapping[str, tuple[str, str]]
    statuses: Mapping[str, int]


def page(topic: str, words: Words, program: Program) -> Iterator[Block]:
    """Return the page of one of the ``TOPICS``."""
    yield Heading(words.say(f"title_{topic}"), level=1)
    yield from import_module(f"attncli.reference.{topic}").page(words, program)


def contents(words: Words, program: Program) -> Iterator[Block]:
    """Return the page that says what there is help on: commands, then topics."""
    yield Heading(words.say("title"), level=1)
    yield Paragraph(words.say("intro"))
    yield Heading(words.say("commands"))
    yield Table((words.say("group"), words.say("command"), words.say("does")), tuple(_commands(words, program)))
    yield Heading(words.say("topics"))
    rows = tuple((f"`{topic}`", words.say(f"topic_{topic}")) for topic in TOPICS)
    yield Table((words.say("topic"), words.say("says")), rows)


def _commands(words: Words, program: Program) -> Iterator[tuple[str, str, str]]:
    """Return the rows of the commands, each heading beside the first one under it."""
    before = ""
    for name, (heading, summary) in program.commands.items():
        group = words.of("heading", heading, heading) if heading != before else ""
        yield group, f"`{name}`", words.of("command", name, summary)
        before = heading
