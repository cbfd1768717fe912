"""What `check --against` shows: a table of layers and arrays, the first difference in a sentence, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.arrays import ARRAYS, RESULTS
from attncli.attend.options import as_flag
from attncli.check import report
from attncli.check.against.cell import Cell, Status
from attncli.check.against.diagnosis import First
from attncli.check.against.rows import Against, Row
from attncli.check.parts import places
from attncli.check.voice import voice
from attncli.languages import catalogue
from attncli.mask.differences import Explanation
from attncli.sentences import Field, Listed, Sentence, Voice, sentence, series
from attncli.show.lines import print_lines
from attncli.show.records import print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

MARKS = {Status.EQUAL: "✓", Status.ROUNDING: "≈", Status.DIFFERS: "✗", Status.SHAPE: "✗", Status.ABSENT: "–"}
# On terminals that have only ASCII.
PLAIN = {"✓": "=", "≈": "~", "✗": "X", "–": "-"}
MOST_NAMES = 8
# A blank between Chinese characters: beside a name that is one of letters in other sentences.
TWO_WIDE = re.compile("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")


def to_terminal(found: Against, first: First | None, screen: Screen, console: Console) -> None:
    """Print everything about two dumps."""
    speech = voice(screen.lang)
    say = partial(print_lines, screen=screen, console=console)
    say(speech.say(verdict(found, first)), style="bold green" if first is None else "bold red")
    console.print()
    table(found, screen, console, speech)
    for line in beside(found, screen):
        say(speech.say(line), style="dim")
    if first is None:
        return
    console.print()
    say(speech.say(difference(first)), style="bold")
    for line in where(first, speech):
        say(speech.say(line))
    for fact in first.facts if first.checked is None or first.whose == "mine" else ():
        say(speech.say(fact), first="- ", rest="  ")
    console.print()
    if first.why_not is not None:
        say(speech.say(first.why_not))
    if first.checked is not None:
        say(speech.say(sentence(f"checked_with_{first.whose}", name=named(first.row))), style="bold cyan")
        report.to_terminal(first.checked, screen, console)
        if first.checked.agrees:
            key = "right_for_its_inputs" if first.whose == "mine" else "right_from_theirs"
            say(speech.say(sentence("right_but_for_the_mask" if first.name == "mask" else key, name=first.name)))


def verdict(found: Against, first: First | None) -> Sentence:
    """Return the result in one line."""
    both: dict[str, Field] = {"mine": found.mine, "theirs": found.theirs, "count": len(found.rows)}
    if first is None:
        return sentence("dumps_same", **both)
    wrong = sum(bool(row.wrong) for row in found.rows)
    return sentence("dumps_differ", **both, wrong=wrong, name=named(first.row), array=first.name)


def named(row: Row) -> Field:
    """Return what a pair is called: the name of mine, with that of theirs where it is another one."""
    mine, theirs = mine_of(row), row.pair.theirs
    return mine if theirs in (row.pair.mine, "") else sentence("dumps_both_names", mine=mine, theirs=theirs)


def mine_of(row: Row) -> Field:
    """Return what mine of a pair is called."""
    return row.pair.mine or sentence("dumps_the_problem")


def table(found: Against, screen: Screen, console: Console, voice: Voice) -> None:
    """Print a line for each pair, and a column for each array."""
    problem, others = voice.heading("dumps_problem"), voice.heading("dumps_theirs")
    is_other = any(row.pair.theirs not in (row.pair.mine, "") for row in found.rows)
    records: list[dict[str, str]] = []
    for row in found.rows:
        names = {problem: voice.say(mine_of(row))} | ({others: row.pair.theirs} if is_other else {})
        cells = {name: mark(row.cells.get(name), screen, voice) for name in found.columns}
        records.append(names | cells)
    print_records(records, screen, console, path=others if is_other else "")


def mark(cell: Cell | None, screen: Screen, voice: Voice) -> str:
    """Return the sign of one cell, with the error of a difference."""
    status = Status.ABSENT if cell is None else cell.status
    if cell is None or not cell.is_wrong:
        return sign(status, screen)
    if status is Status.SHAPE:
        how = voice.heading("dumps_shape")
    elif "cells" in cell.notes:
        how = str(cell.notes["cells"]["count"])
    else:
        how = f"{cell.error:.2g}" if np.isfinite(cell.error) else "NaN"
    return f"{sign(status, screen)} {how}"


def sign(status: Status, screen: Screen) -> str:
    """Return the sign of what came of comparing, in characters that the screen has."""
    return MARKS[status] if screen.unicode else PLAIN[MARKS[status]]


def beside(found: Against, screen: Screen) -> Iterator[Sentence]:
    """Say what the signs mean, what was done to compare, and which names have no counterpart."""
    yield sentence(
        "dumps_legend", **{status.value: sign(status, screen) for status in MARKS if status.value != "shape"}
    )
    if any(row.pair.by == "order" for row in found.rows) and len(found.rows) > 1:
        yield sentence("dumps_by_order")
    for by in dict.fromkeys(row.at.by for row in found.rows):
        rows = [row for row in found.rows if row.at.by == by]
        if by not in ("length", ""):
            said = sentence(f"dumps_aligned_{by.replace(' ', '_')}", count=_tokens(rows[0]))
            yield _in_some(said, [row.pair.mine for row in rows], found)
    if any(row.at.closed is not None and row.at.closed.any() for row in found.rows):
        yield sentence("dumps_padding_left_out")
    for what, names in _notes(found).items():
        yield _in_some(what, names, found)
    read = {row.mine.read_as for row in found.rows if row.mine.read_as}
    yield from (sentence("dumps_read_as", flags=flags) for flags in sorted(read))
    for side, without in (("mine", found.only_mine), ("theirs", found.only_theirs)):
        if without:
            yield sentence(f"dumps_only_{side}", names=_listed(without))
    if found.only_mine and found.only_theirs:
        yield sentence("dumps_both_left")


def _notes(found: Against) -> dict[Sentence, list[str]]:
    """Return what was done to compare arrays, and which options differ: each with the problems that it is said of."""
    notes: dict[Sentence, list[str]] = {}
    for row in found.rows:
        said = [
            sentence(f"dumps_note_{key}", name=name, **fields)
            for name, cell in row.cells.items()
            for key, fields in cell.notes.items()
            if key != "cells"
        ]
        said += [
            sentence("dumps_option_differs", option=as_flag(name), mine=one, theirs=other)
            for name, (one, other) in row.options.items()
        ]
        for what in said:
            notes.setdefault(what, []).append(row.pair.mine)
    return notes


def _in_some(what: Sentence, names: Sequence[str], found: Against) -> Sentence:
    """Return what is said of some problems with their names, unless it is said of all."""
    return sentence("dumps_said_of_some", what=what, names=_listed(names)) if len(names) < len(found.rows) else what


def _tokens(row: Row) -> int:
    return 0 if row.at.keys is None else len(row.at.keys.theirs)


def _listed(names: Sequence[str]) -> Listed:
    return Listed((*names[:MOST_NAMES], *["…"] * (len(names) > MOST_NAMES)), "comma")


def difference(first: First) -> Sentence:
    """Name the first difference."""
    cell, name = first.cell, named(first.row)
    if cell.status is Status.SHAPE:
        return sentence("first_shape", array=first.name, name=name, mine=cell.shapes[0], theirs=cell.shapes[1])
    if "cells" in cell.notes:
        return sentence("first_mask", name=name, **cell.notes["cells"])
    if not np.isfinite(cell.error):
        return sentence("first_array_not_finite", array=first.name, name=name)
    fields: dict[str, Field] = {"error": f"{cell.error:.2g}", "tolerance": f"{cell.tolerance:.1e}"}
    return sentence("first_array", array=first.name, name=name, **fields)


def mask_rule(rule: Explanation, voice: Voice) -> Sentence:
    """Say what makes the one of two masks of the other, as `attn mask` does."""
    sides = {"A": voice.heading("mask_here"), "B": voice.heading("mask_there")}
    key, fields = (f"difference_{rule.name}", rule.detail) if not rule.rule else ("by_rule", {"rule": rule.rule})
    spoken = catalogue(voice.lang)
    said = spoken.tidy(spoken.MASK[key].format(one=sides[rule.one], other=sides[rule.other], **fields))
    return sentence("mask_rule", name=rule.name, rule=spoken.begin(TWO_WIDE.sub("", said)))


def where(first: First, voice: Voice) -> Iterator[Sentence]:
    """Say what is right before it, and where the worst element is."""
    if first.rule is not None:
        yield mask_rule(first.rule, voice)
    right = [name for name in first.row.compared if not first.row.cells[name].is_wrong]
    before = [name for name in right if name not in RESULTS or first.name in RESULTS]
    if before:
        yield sentence("dumps_right_there", names=series(before))
    if first.name not in (*RESULTS, "mask") and first.before is not None:
        yield sentence("dumps_between", before=named(first.before), name=first.name)
    c = first.cell.comparison
    if c is not None and (first.checked is None or first.whose == "mine"):
        labels = first.row.theirs.problem.labels if first.row.at.by == "length" else {}
        row = "key" if ARRAYS[first.name].axes[2:3] == ("S",) else "query"
        yield from places(c, {name: each for name, each in labels.items() if name == f"{row}_labels"}, row, "array")
