"""attn plot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.destination import TABLE, Destination, refuse_idle, target_format
from attncli.commands.groups import shown
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import say
from attncli.commands.presentation import Screening, index_or_all, written_in
from attncli.errors import InputError
from attncli.files.formats import FORMATS, Format, Holds, that_hold
from attncli.files.save import save
from attncli.languages import of_locale
from attncli.plot import figure, terminal
from attncli.plot.page import to_html
from attncli.plot.picture import KINDS, draw
from attncli.problem.assemble import assemble
from attncli.problem.attention import AttentionComputation, ScoreComputation
from attncli.problem.factory import attention_of, scores_of
from attncli.problem.selection import Choice
from attncli.show.progress import progress_bar

PICTURES = that_hold(Holds.PICTURE, Holds.PAGE)
# The format that can hold a drawing of the terminal.
SCREENSHOT = FORMATS["svg"]
if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[KINDS]


class Drawing(Screening):
    """What to draw, and where."""

    what: Annotated[Kind, shown("--what", "Draw these numbers (default weights).")] = "weights"
    head: Annotated[str | None, shown("--head", "Draw head N (default: the first).", metavar="N|all")] = None
    all_heads: Annotated[bool, shown("--all-heads", "Draw all heads, as small multiples.")] = False
    batch: Annotated[str | None, shown("--batch", "Draw batch item N (default: the first).", metavar="N|all")] = None
    output: Annotated[str | None, shown("--output -o", written_in(PICTURES), metavar="FILE")] = None
    terminal: Annotated[
        bool, shown("--terminal", f"Draw FILE{SCREENSHOT.suffix} as a terminal shows it; does not need matplotlib.")
    ] = False
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False

    def choice(self) -> Choice:
        """Return the choice of heads and batch items."""
        if self.all_heads and self.head is not None:
            raise InputError("--head and --all-heads contradict each other", hint="give only one")
        head = "all" if self.all_heads else self.head
        return Choice(index_or_all("batch", self.batch), index_or_all("head", head))


def run(inputs: Inputs, around: Around, settings: Settings, drawing: Drawing) -> None:
    r"""Draws on the terminal, or to a file by its extension: {PICTURES} with matplotlib (pip install
    'attncli[plot]'), {PAGES} as an interactive page. Large matrices are averaged down, and the caption says so.

    \b
    Examples:
      attn plot sample:coreference --head 1
      attn plot sample:speech --all-heads --terminal -o speech.svg
      attn plot sample:induction -o induction.html
    """
    target, kind = drawing.output, target_format(drawing, PICTURES)
    if drawing.terminal and kind is not SCREENSHOT:
        message = f"--terminal writes only {SCREENSHOT.title} files"
        raise InputError(message, hint=f"give -o FILE{SCREENSHOT.suffix}")
    refuse_idle(drawing, Destination(TABLE if kind is None or drawing.terminal else kind, target if kind else None), ())
    needs_value = kind is not None and kind.holds is Holds.PAGE
    files, margins = inputs.sources(value=needs_value), around.margins()
    problem = assemble(files, inputs.arrays(), settings.options(), margins=margins, layer=inputs.layer)
    if target is None or kind is None:
        computation = scores_of(problem, ["score", "softmax"])
        to_terminal(computation, drawing)
    elif kind.holds is Holds.PAGE:
        computation = attention_of(problem)
        save(target, page(computation, drawing), drawing.force)
    else:
        computation = scores_of(problem, ["score", "softmax"])
        save(target, picture(computation, drawing, kind), drawing.force)
    say(computation.notices)


def to_terminal(computation: ScoreComputation, drawing: Drawing) -> None:
    """Draw on the terminal."""
    screen = drawing.screen()
    places, console = drawing.choice().places(computation.shape), screen.console()
    room = terminal.room(screen, console, multiples=len(places) > 1)
    with progress_bar() as progress:
        drawn = draw(computation, drawing.what, places, room, progress)
    terminal.to_terminal(drawn, screen, console)


def page(computation: AttentionComputation, drawing: Drawing) -> bytes:
    """Return the page of one batch item."""
    places = drawing.choice().places(computation.shape)
    if drawing.batch == "all" and computation.shape[0] > 1:
        raise InputError("a page shows one batch item", hint="choose one with --batch N")
    with progress_bar() as progress:
        lang, first = of_locale(os.environ), {"step": drawing.what}
        text = to_html(computation, *places[0], lang=lang, first=first, progress=progress)
    return text.encode(errors="backslashreplace")


def picture(computation: ScoreComputation, drawing: Drawing, kind: Format) -> bytes:
    """Return the picture in a format."""
    places = drawing.choice().places(computation.shape)
    with progress_bar() as progress:
        if drawing.terminal:
            screen, console = terminal.recorder(drawing.screen().width)
            room = terminal.room(screen, console, multiples=len(places) > 1)
            return terminal.to_svg(draw(computation, drawing.what, places, room, progress), screen, console).encode()
        drawn = draw(computation, drawing.what, places, (figure.MOST, figure.MOST), progress, figure.needs)
    data, missing = figure.to_bytes(drawn, kind.name)
    computation.notices.add([missing] if missing else [])
    return data
