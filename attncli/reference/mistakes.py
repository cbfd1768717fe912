"""Every mistake that `attn check` knows by name."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.check.backward.registry import BACKWARD
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import MISTAKES, SAME
from attncli.reference.blocks import Block, Item
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return every mistake with its fix, then those that no data can tell apart."""
    yield Paragraph(words.say("mistakes_intro"))
    for each in MISTAKES.values():
        yield Item(f"`{each.id}`", words.of("mistake", each.id, each.sentence), _remarks(words, each))
    yield Heading(words.say("mistakes_backward"))
    yield Paragraph(words.say("mistakes_backward_intro"))
    for each in BACKWARD.values():
        yield Item(f"`{each.id}`", words.of("mistake", each.id, each.sentence), _remarks(words, each))
    yield Heading(words.say("mistakes_same"))
    pairs = (words.say("mistakes_pair", first=first, second=second) for first, second in map(sorted, SAME))
    yield Paragraph(words.say("mistakes_pairs", pairs=words.say("semicolon").join(pairs)))


def _remarks(words: Words, mistake: Mistake) -> tuple[tuple[str, str], ...]:
    fix = (words.say("mistakes_fix"), words.of("fix", mistake.id, mistake.fix))
    libraries = (words.say("mistakes_libraries"), words.of("libraries", mistake.id, mistake.libraries))
    return (fix, libraries) if mistake.libraries else (fix,)
