"""attn plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attncli.commands.arguments import PICTURES, SCREENSHOT, Drawing, Inputs, Settings
from attncli.commands.messages import progress_bar
from attncli.errors import InputError
from attncli.files.formats import Format, Holds

if TYPE_CHECKING:
    from attncli.problem.computation import Computation
    from attncli.show.screen import Screen


def run(inputs: Inputs, settings: Settings, drawing: Drawing) -> None:
    r"""Draw who attends to what.

    On the terminal, or in a file by its extension: {PICTURES} by matplotlib (pip install 'attncli[plot]'),
    {PAGES} as a page to look around in. Big matrices are averaged down, and the caption says so.

    \b
    Examples:
      attn plot samples/coreference.npz --head 1
      attn plot samples/speech.npz --all-heads -o speech.png
      attn plot samples/induction.npz -o induction.html
    """
    from attncli.commands.output import say, target_format
    from attncli.files.save import save
    from attncli.problem.assemble import gather
    from attncli.problem.computation import attention_computation
    from attncli.show.screen import Screen

    target, kind = drawing.output, target_format(drawing, PICTURES)
    if drawing.terminal and kind is not SCREENSHOT:
        message = f"--terminal draws what a terminal shows into an {SCREENSHOT.title} file"
        raise InputError(message, hint=f"-o FILE{SCREENSHOT.suffix}")
    problem = gather(inputs.files or [], inputs.arrays(), settings.options())
    page = kind is not None and kind.holds is Holds.PAGE
    steps = ["score", "softmax", "sum"] if page else ["score", "softmax"]
    computation = attention_computation(problem, steps)
    notices: list[str] = []
    screen = Screen.of_stdout(drawing.color)
    if target is None or kind is None:
        to_terminal(computation, drawing, screen, notices)
    else:
        save(target, _file(computation, drawing, kind, notices), drawing.force)
    say(notices)


def to_terminal(computation: Computation, drawing: Drawing, screen: Screen, notices: list[str]) -> None:
    """Draw on the terminal."""
    from attncli.plot import terminal
    from attncli.plot.picture import draw

    chosen, console = _places(computation, drawing), screen.console()
    room = terminal.room(screen, console, multiples=len(chosen) > 1)
    with progress_bar() as progress:
        drawn = draw(computation, drawing.what, chosen, room, notices, progress)
    terminal.to_terminal(drawn, screen, console)


def _file(computation: Computation, drawing: Drawing, kind: Format, notices: list[str]) -> bytes:
    """Return the file that is asked for."""
    from attncli.plot import figure, page, terminal
    from attncli.plot.picture import draw
    from attncli.show.screen import Screen

    chosen = _places(computation, drawing)
    with progress_bar() as progress:
        if kind.holds is Holds.PAGE:
            if drawing.batch == "all" and computation.shape[0] > 1:
                raise InputError("a page shows one batch item", hint="--batch N")
            return page.to_html(
                computation, *chosen[0], notices, first={"step": drawing.what}, progress=progress
            ).encode(errors="backslashreplace")
        if drawing.terminal:
            screen, console = terminal.recorder(Screen.of_stdout().width)
            room = terminal.room(screen, console, multiples=len(chosen) > 1)
            drawn = draw(computation, drawing.what, chosen, room, notices, progress)
            return terminal.to_svg(drawn, screen, console).encode()
        drawn = draw(computation, drawing.what, chosen, (figure.MOST, figure.MOST), notices, progress)
    return figure.to_bytes(drawn, kind.name, notices)


def _places(computation: Computation, drawing: Drawing) -> Sequence[tuple[int, int]]:
    """Return the batch items and heads that are drawn."""
    from attncli.commands.arguments import number_or_all
    from attncli.show.view import chosen

    if drawing.all_heads and drawing.head is not None:
        raise InputError("--head chooses one head, and --all-heads is all of them", hint="give one of them")
    head = "all" if drawing.all_heads else number_or_all("head", drawing.head)
    batch = number_or_all("batch", drawing.batch)
    return [
        (b, h) for b in chosen("batch", batch, computation.shape[0]) for h in chosen("head", head, computation.shape[1])
    ]
