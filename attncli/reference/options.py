"""Every option of the computation."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.attend.cache.types import TYPES as TYPES_OF_CODES
from attncli.attend.options import as_flag, records
from attncli.attend.rotary.scaling import TYPES
from attncli.attend.scores import FUNCTIONS
from attncli.attend.steps import STAGES
from attncli.attend.words.option import LAYOUT, PRECISION, Option
from attncli.reference.blocks import Block, Code, Table
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph
from attncli.vary.values import MOST


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return the options by the stage that they belong to, in the order of the stages."""
    yield Paragraph(words.say("options_intro"))
    formulas = {LAYOUT: "", **{stage.name: stage.formula for stage in STAGES}, PRECISION: ""}
    for stage, formula in formulas.items():
        owned = {name: option for name, option in records().items() if option.stage == stage}
        if not owned:
            continue
        yield Heading(words.of("stage", stage, stage.capitalize()))
        if formula:
            yield Code(words.of("formula", stage, formula))
        rows = tuple((_flag(name, option), _described(words, name, option)) for name, option in owned.items())
        yield Table((words.say("flag"), words.say("does")), rows)
        if "score" in owned:
            yield _functions(words)
        if "rope_scaling" in owned:
            yield Paragraph(words.say("options_scaling"))
            yield Code("\n".join(f"{name:14}{kind.formula}" for name, kind in TYPES.items()))
            yield _scalings(words)
        if "cache" in owned:
            yield Paragraph(words.say("options_cache"))
            yield _types(words)
    yield Heading(words.say("options_several"))
    yield Paragraph(words.say("options_vary", most=str(MOST)))
    yield Paragraph(words.say("options_end"))


def _flag(name: str, option: Option) -> str:
    return f"`--{as_flag(name)} {option.metavar}`" if option.metavar else f"`--{as_flag(name)}`"


def _described(words: Words, name: str, option: Option) -> str:
    text = words.of("option", name, option.help)
    if option.needs:
        text += words.say("options_needs", flags=words.either(f"`--{as_flag(each)}`" for each in option.needs))
    return text


def _functions(words: Words) -> Table:
    """Return the score functions with their parameters."""
    rows = [
        (
            f"`{name}`",
            function.formula,
            words.listed(f"`{each}` ({', '.join(axes)})" for each, axes in function.parameters.items()),
        )
        for name, function in FUNCTIONS.items()
    ]
    return Table(("`--score`", words.say("formula"), words.say("parameters")), tuple(rows))


def _types(words: Words) -> Table:
    """Return the types of a cache, and how each is scaled where nothing else is said."""
    rows = [
        (f"`{name}`", f"{kind.largest:g}", f"`{kind.scales}`", words.listed(f"`{each}`" for each in kind.aliases))
        for name, kind in TYPES_OF_CODES.items()
    ]
    headings = ("TYPE", words.say("options_largest"), words.say("options_scales"), words.say("options_also"))
    return Table(headings, tuple(rows))


def _scalings(words: Words) -> Table:
    """Return the types of scaling with their parameters."""
    rows = [(f"`{name}`", words.listed(f"`{each}`" for each in kind.names)) for name, kind in TYPES.items()]
    return Table(("`--rope-scaling`", words.say("parameters")), tuple(rows))
