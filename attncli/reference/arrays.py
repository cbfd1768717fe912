"""Every array that files, flags and Python may give."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.attend.arrays import ARRAYS, EXPECTED_GRADIENTS, EXPECTED_RESULTS, GIVEN
from attncli.attend.options import as_flag
from attncli.attend.steps import STAGES
from attncli.attend.words.array import AXES, Array, Role
from attncli.reference.blocks import Block, Table
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return the states, what each stage takes, what gradients begin with, what is compared, and the letters."""
    yield Paragraph(words.say("arrays_intro"))
    every = ARRAYS.values()
    yield Heading(words.say("arrays_states"))
    yield table(words, [each for each in every if each.name in GIVEN and not each.stage])
    yield Paragraph(words.say("arrays_shapes"))
    for stage in STAGES:
        taken = [each for each in every if each.role is Role.INPUT and each.stage == stage.name]
        if taken:
            yield Heading(words.say("arrays_stage", stage=words.of("stage", stage.name, stage.name)))
            yield table(words, taken)
    yield Paragraph(words.say("arrays_masks"))
    yield Paragraph(words.say("arrays_rules"))
    yield Heading(words.say("arrays_loss"))
    yield table(words, [each for each in every if each.role is Role.LOSS])
    yield Heading(words.say("arrays_expected"))
    listed = (*EXPECTED_RESULTS, *EXPECTED_GRADIENTS)  # a sentence is on all of them
    expected = [each for each in every if each.role is Role.EXPECTED and each.name not in listed]
    yield table(words, expected)
    compared = {"arrays_expected_results": EXPECTED_RESULTS, "arrays_expected_gradients": EXPECTED_GRADIENTS}
    for key, names in compared.items():
        yield Paragraph(words.say(key, names=words.listed(f"`{name}`" for name in names)))
    yield Heading(words.say("arrays_axes"))
    rows = tuple((symbol, words.of("axis", symbol, english)) for symbol, english in AXES.items())
    yield Table((words.say("axis"), words.say("what")), rows)


def table(words: Words, arrays: list[Array]) -> Table:
    """Return one row per array: its names, its shape, and what it is."""
    rows = [
        (words.listed(f"`{name}`" for name in each.names), _shape(words, each), described(words, each))
        for each in arrays
    ]
    return Table((words.say("name"), words.say("shape"), words.say("what")), tuple(rows))


def _shape(words: Words, array: Array) -> str:
    return array.shape.replace("up to", words.say("up_to"))


def described(words: Words, array: Array) -> str:
    """Return what an array is."""
    text = words.of("array", array.name, array.help)
    if array.needs:
        text += words.say("options_needs", flags=words.either(f"`--{as_flag(each)}`" for each in array.needs))
    return text
