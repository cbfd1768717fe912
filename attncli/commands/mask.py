"""attn mask."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from attncli import memory
from attncli.commands.destination import TABLE, Destination, destination
from attncli.commands.groups import shown
from attncli.commands.inputs import Around, Masking, Masks
from attncli.commands.output import deliver_text, say
from attncli.commands.presentation import FORMAT_OR_TABLE, Screening, written_in
from attncli.commands.status import Exit, reader_may_leave
from attncli.errors import InputError
from attncli.files.contents import AnyLabels
from attncli.files.formats import DATA, FOLDERS, FORMATS, NUMBERS, Holds, that_hold
from attncli.files.margins import Margins
from attncli.files.save import encoded, is_regular, mapped, save, save_results
from attncli.languages import catalogue
from attncli.mask import picture as drawn
from attncli.mask import record, report
from attncli.mask.comparison import Comparison, Side, Verdict, name_of
from attncli.mask.extent import operands_of
from attncli.mask.notices import of_side
from attncli.mask.opening import Opening, Place
from attncli.mask.picture import About, Layer
from attncli.mask.record import Booleans
from attncli.mask.report import Voice
from attncli.plot import figure
from attncli.problem.assemble import assemble
from attncli.problem.notices import Notices
from attncli.problem.selection import Choice, choice_of
from attncli.said import Said
from attncli.show.progress import Progress, part_of, progress_bar
from attncli.text import joined

JSON = FORMATS["json"]
TEXTS = (TABLE, *DATA)
KNOWN = (*TEXTS, *FOLDERS, *that_hold(Holds.PICTURE, Holds.PAGE))
THREE_AXES = Said("mask has the axes (B, L, S), and three axes of a mask are read as (H, L, S)")
# What a file of one matrix is, and one of two that are compared.
ROLES = {1: (("mask",),)}
if TYPE_CHECKING:
    MaskFormat = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    MaskFormat = Literal[tuple(each.name for each in TEXTS)]


class MaskOutput(Screening):
    """What to show of masks, and where."""

    head: Annotated[
        str | None, shown("--head", "Show head N (default: the first that has something).", metavar="N|all")
    ] = None
    batch: Annotated[str | None, shown("--batch", "Show batch item N (default: likewise).", metavar="N|all")] = None
    format: Annotated[MaskFormat | None, shown("--format -f", FORMAT_OR_TABLE)] = None
    output: Annotated[str | None, shown("--output -o", written_in(KNOWN), metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False

    def choice(self) -> Choice:
        """Return the choice of heads and batch items."""
        return choice_of(self.batch, self.head)


def run(masks: Masks, around: Around, masking: Masking, output: MaskOutput) -> int:
    r"""Needs no query and no key: options and arrays say what is open, a file of a mask, or both. Prints a line for
    each query; data formats hold booleans, true is open, and axes of length 1 are left out; {PICTURES} (matplotlib:
    pip install 'attncli[plot]') and {PAGES} draw. Two files A and B: which cells differ, drawn and counted, and the
    rule that makes the one of the other; data formats hold true where they differ, JSON what is printed. Exit status
    of two: 0 they are the same, 1 they differ.

    \b
    Examples:
      attn mask --length 8 --keys 12 --causal --window 3
      attn mask sample:window -f csv
      attn mask --length 16 --causal --window 4 -f npy | attn mask sample:induction -
    """
    where = destination(output, output, known=KNOWN)
    sources = masks.sources()
    if len(sources) > 2:
        raise InputError(f"{len(sources)} files given; expected a mask, or two to compare")
    margins = around.margins(where.kind)
    sides = [_side(files, masks, masking, around.margins()) for files in ([each] for each in sources or [""])]
    notices = Notices(notice for side in sides for notice in of_side(side))
    with progress_bar() as progress:
        if len(sides) == 1:
            _one(sides[0], output, where, margins, notices, progress)
            status = Exit.DONE
        else:
            compared = Comparison(*sides)
            verdict = compared.verdict(part_of(progress, 0, 2))
            status = Exit.DONE if verdict.same else Exit.DIFFERENT
            with reader_may_leave():  # the exit status still matters
                _two(compared, verdict, output, where, margins, part_of(progress, 1, 2))
    say(notices)
    return status


def _side(files: Sequence[str], masks: Masks, masking: Masking, margins: Margins) -> Side:
    problem = assemble([*filter(None, files)], masks.arrays(), masking.options(), ROLES, margins, bare=True)
    operands = operands_of(problem, masks.length, masks.keys)
    problem.check_labels(operands.sizes.batch, operands.sizes.queries, operands.sizes.keys)
    return Side(problem, Opening(operands))


def _one(
    side: Side, output: MaskOutput, where: Destination, margins: Margins, notices: Notices, progress: Progress | None
) -> None:
    """Show one mask."""
    opening = side.opening
    choice = _of_own(output.choice(), opening)
    if where.kind is TABLE:
        places = choice.places(opening.shape)
        _print(lambda voice: notices.add(report.print_one(side, places, voice, progress)), output, where)
        notices.add(choice.left_out(opening.shape))
        return
    places = _all_unless_chosen(choice).places(opening.shape)
    if where.kind in NUMBERS:
        cells = Booleans("mask", _labels(side, places), side.problem.texts, places, opening.plane, opening.fill)
        notices.add([THREE_AXES] if cells.is_of_items_alone else [])
        _write(cells, where, margins, progress)
        return
    layers = [Layer(name_of(place, opening.shape), opening.at(place)) for place in places]
    words = catalogue(output.language()).MASK
    about = About(side.labels_of(places[0][0]), side.problem.texts)
    notices.add(_draw(about, [[each] for each in layers], [words["open"]], output, where, progress))


def _labels(side: Side, places: Sequence[Place]) -> Mapping[str, AnyLabels]:
    """Return the labels that a file can have: a list for each batch item only where it has an axis for them."""
    batches, heads = ({place[axis] for place in places} for axis in (0, 1))
    if len(batches) == 1:
        return side.labels_of(places[0][0])
    return side.problem.labels if len(heads) > 1 else {}


def _two(
    compared: Comparison,
    verdict: Verdict,
    output: MaskOutput,
    where: Destination,
    margins: Margins,
    progress: Progress | None,
) -> None:
    """Show where two masks differ."""
    if where.kind is JSON:
        text = record.to_json(compared, verdict)
        deliver_text({JSON.name: lambda console: console.out(text, highlight=False)}, output.screen(), where)
        return
    shape, choice = compared.shape, output.choice()
    if where.kind is TABLE:
        places = [] if shape is None else _first_that_differs(choice, verdict).places(shape)
        _print(lambda voice: report.print_two(compared, verdict, places, voice, progress), output, where)
        return
    if shape is None:
        raise InputError(
            "the masks cannot be laid on each other, cell by cell", hint="leave out -f and -o, or use json"
        )
    places = _all_unless_chosen(choice).places(shape)
    if where.kind in NUMBERS:
        cells = Booleans("mask", {}, compared.a.problem.texts, places, (shape[2], shape[3]), compared.fill)
        _write(cells, where, margins, progress)
        return
    words = catalogue(output.language()).MASK
    groups = [_layers(compared, place, words) for place in places]
    about = About(compared.labels_of(places[0][0]), compared.a.problem.texts)
    _draw(about, groups, ["A", "B", words["differing"]], output, where, progress)


def _of_own(choice: Choice, opening: Opening) -> Choice:
    """Return the choice among masks: none where all heads, or all batch items, have the same one.

    Raises:
        InputError: there is no such head or batch item.
    """
    sizes = opening.operands.sizes
    choice.places((sizes.batch, sizes.heads))
    batch, heads = opening.shape[:2]
    return Choice(choice.batch if batch > 1 else None, choice.head if heads > 1 else None)


def _all_unless_chosen(choice: Choice) -> Choice:
    return Choice(*("all" if index is None else index for index in (choice.batch, choice.head)))


def _first_that_differs(choice: Choice, verdict: Verdict) -> Choice:
    batch, head = verdict.places[0] if verdict.places else (0, 0)
    return Choice(batch if choice.batch is None else choice.batch, head if choice.head is None else choice.head)


def _layers(compared: Comparison, place: Place, words: Mapping[str, str]) -> list[Layer]:
    planes = compared.at(place)
    names = [compared.name_of(place)] if compared.name_of(place) else []
    parts = (("A", planes.a, True), ("B", planes.b, True), (words["differing"], planes, False))
    return [Layer(joined([*names, name]), plane, closes) for name, plane, closes in parts]


def _print(show: Callable[[Voice], None], output: MaskOutput, where: Destination) -> None:
    screen = output.screen()
    if where.path is not None:
        screen = replace(screen, color=False, unicode=True)
    renderer = {TABLE.name: lambda console: show(Voice(screen, console, output.language()))}
    deliver_text(renderer, screen, where)


def _write(booleans: Booleans, where: Destination, margins: Margins, progress: Progress | None) -> None:
    """Write booleans; a file whose numbers lie plainly is filled in place, and may be larger than memory."""
    if where.path is not None and where.kind.in_place and is_regular(where.path):
        with mapped(where.kind, where.path, booleans.shape, np.dtype(bool), where.force) as out:
            booleans.into(out, progress)
        return
    booleans.require(where.kind)
    named = booleans.named(progress)
    if where.path is not None:
        say(save_results(where.kind, where.path, named, where.force, margins, where.chunks))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(encoded(where.kind, named, margins))


def _draw(
    about: About,
    groups: Sequence[Sequence[Layer]],
    names: Sequence[str],
    output: MaskOutput,
    where: Destination,
    progress: Progress | None,
) -> list[str]:
    """Draw a picture or a page; return notices."""
    assert where.path is not None
    lang = output.language()
    if where.kind.holds is Holds.PAGE:
        text = drawn.page(about, groups, names, lang, progress)
        save(where.path, text.encode(errors="backslashreplace"), where.force)
        return []
    layers = [each for group in groups for each in group]
    made = drawn.picture(about, layers, lang, (figure.MOST, figure.MOST), progress)
    rows, columns = made.panels[0].numbers.shape
    memory.require(
        figure.needs(rows, columns, len(layers)), f"{len(layers)} maps are drawn", "choose one with --head N"
    )
    data, missing = figure.to_bytes(made, where.kind.name)
    save(where.path, data, where.force)
    return [missing] if missing else []
