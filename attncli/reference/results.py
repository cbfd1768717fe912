"""What comes back: steps, results, gradients, and exit statuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.attend.arrays import ARRAYS, GRADIENTS, RESULTS
from attncli.attend.stages.stage import Stage
from attncli.attend.steps import STAGES, STEP_ALIASES
from attncli.attend.words.gradients import ON_THE_WAY
from attncli.files.formats import DATA
from attncli.languages import DEFAULT
from attncli.mask.differences import DIFFERENCES
from attncli.memory import size
from attncli.problem.attention import FEW_SCORES
from attncli.problem.computation import LONG_TEXT
from attncli.reference.arrays import table
from attncli.reference.blocks import Block, Table
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph
from attncli.stats.numbers import NUMBERS
from attncli.stats.words import WORDS, said


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return the stages with the results that they make, and how these are written."""
    yield Paragraph(words.say("results_intro"))
    yield Heading(words.say("results_steps"))
    rows = [_stage(words, each) for each in STAGES]
    headings = (words.say("step"), words.say("stage"), words.say("formula"), words.say("makes"))
    yield Table(headings, tuple(rows), folded=2)
    aliases = [words.say("results_alias", alias=alias, step=step) for alias, step in STEP_ALIASES.items()]
    yield Paragraph("".join([words.say("results_stages"), *aliases]))
    yield Heading(words.say("results_names"))
    yield table(words, [ARRAYS[name] for name in RESULTS])
    yield Paragraph(words.say("results_one", formats=words.listed(each.title for each in DATA if each.is_single)))
    yield Paragraph(words.say("results_large", scores=str(FEW_SCORES), text=size(LONG_TEXT)))
    yield Paragraph(words.say("results_json"))
    yield Paragraph(words.say("results_types"))
    yield Heading(words.say("results_several"))
    yield Paragraph(words.say("results_vary"))
    yield Heading(words.say("results_gradients"))
    yield Paragraph(words.say("results_grad"))
    way = len(ON_THE_WAY)
    on_the_way, of_arrays = (words.listed(map(_code, names)) for names in (GRADIENTS[:way], GRADIENTS[way:]))
    yield Paragraph(words.say("results_back", names=on_the_way, arrays=of_arrays, scores=str(FEW_SCORES)))
    yield Heading(words.say("results_masks"))
    yield Paragraph(words.say("results_mask"))
    differences = [
        (_code(each.name), words.of("difference", each.name, each.sentence)) for each in DIFFERENCES.values()
    ]
    yield Table((words.say("difference"), words.say("means")), tuple(differences), folded=1)
    yield Heading(words.say("results_costs"))
    yield Paragraph(words.say("results_cost"))
    yield Heading(words.say("results_stats"))
    yield Paragraph(words.say("results_measured", place=words.listed(map(_code, ("problem", "batch", "head", "word")))))
    measured = [(_code(each.name), words.of("number", each.name, each.help)) for each in NUMBERS.values()]
    yield Table((words.say("number"), words.say("means")), tuple(measured), folded=1)
    named = [(_code(str(said(each.id, DEFAULT))), words.of("word", each.id, each.help)) for each in WORDS]
    yield Table((words.say("word"), words.say("means")), tuple(named), folded=1)
    yield Paragraph(words.say("results_others"))
    yield Heading(words.say("results_status"))
    rows_of_status = [(str(status), words.say(f"status_{name.lower()}")) for name, status in program.statuses.items()]
    yield Table((words.say("status"), words.say("means")), tuple(rows_of_status))
    yield Paragraph(words.say("results_errors"))


def _stage(words: Words, stage: Stage) -> tuple[str, str, str, str]:
    """Return the row of a stage: its step, what it is called, its formula, and what it makes."""
    name, formula = words.of("stage", stage.name, stage.name), words.of("formula", stage.name, stage.formula)
    return f"`{stage.step}`", name, formula, words.listed(map(_code, _short(stage.makes)))


def _short(names: Sequence[str]) -> list[str]:
    """Return names in which what the first begins with is written once.

    >>> _short(["rotated_query", "rotated_key"]), _short(["weights", "lse"])
    (['rotated_query', '_key'], ['weights', 'lse'])
    """
    begins = names[0].partition("_")[0] if names else ""
    if not all(name.startswith(f"{begins}_") for name in names):
        return list(names)
    return [name if at == 0 else name.removeprefix(begins) for at, name in enumerate(names)]


def _code(name: str) -> str:
    return f"`{name}`"
