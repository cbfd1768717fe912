"""attn plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attncli.commands.arguments import Computation, Drawing, Inputs
from attncli.commands.talk import progress_bar
from attncli.errors import InputError

if TYPE_CHECKING:
    from attncli.problem.work import Work
    from attncli.show.screen import Screen

SUFFIXES = {".png": "png", ".svg": "svg", ".pdf": "pdf", ".html": "html"}


def run(inputs: Inputs, computation: Computation, drawing: Drawing) -> None:
    r"""Draw who attends to what.

    On the terminal, or in a file by its extension: .png, .svg and .pdf by matplotlib (pip install 'attncli[plot]'),
    .html as a page to look around in. Big matrices are averaged down, and the caption says so.

    \b
    Examples:
      attn plot samples/coreference.npz --head 1
      attn plot samples/speech.npz --all-heads -o speech.png
      attn plot samples/induction.npz -o induction.html
    """
    from attncli.commands.deliver import say, target_format
    from attncli.files.save import save
    from attncli.problem.gather import gather
    from attncli.problem.work import attention_work
    from attncli.show.screen import Screen

    target, kind = drawing.output, target_format(drawing, SUFFIXES)
    if drawing.terminal and kind != "svg":
        raise InputError("--terminal draws what a terminal shows into an SVG file", hint="-o FILE.svg")
    problem = gather(inputs.files or [], inputs.arrays(), computation.options())
    steps = ["score", "softmax", "sum"] if kind == "html" else ["score", "softmax"]
    work = attention_work(problem, steps)
    notices: list[str] = []
    screen = Screen.of_stdout(drawing.color)
    if target is None:
        to_terminal(work, drawing, screen, notices)
    else:
        save(target, _file(work, drawing, str(kind), notices), drawing.force)
    say(notices)


def to_terminal(work: Work, drawing: Drawing, screen: Screen, notices: list[str]) -> None:
    """Draw on the terminal."""
    from attncli.plot.picture import draw
    from attncli.show import picture

    chosen, console = _places(work, drawing), screen.console()
    room = picture.room(screen, console, multiples=len(chosen) > 1)
    with progress_bar() as progress:
        drawn = draw(work, drawing.what, chosen, room, notices, progress)
    picture.to_terminal(drawn, screen, console)


def _file(work: Work, drawing: Drawing, kind: str, notices: list[str]) -> bytes:
    """Return the file that is asked for."""
    from attncli.plot import figure, page
    from attncli.plot.picture import draw
    from attncli.show import picture
    from attncli.show.screen import Screen

    chosen = _places(work, drawing)
    with progress_bar() as progress:
        if kind == "html":
            if drawing.batch == "all" and work.shape[0] > 1:
                raise InputError("a page shows one batch item", hint="--batch N")
            return page.to_html(work, *chosen[0], notices, first={"step": drawing.what}, progress=progress).encode(
                errors="backslashreplace"
            )
        if drawing.terminal:
            screen, console = picture.recorder(Screen.of_stdout().width)
            room = picture.room(screen, console, multiples=len(chosen) > 1)
            drawn = draw(work, drawing.what, chosen, room, notices, progress)
            return picture.to_svg(drawn, screen, console).encode()
        drawn = draw(work, drawing.what, chosen, (figure.MOST, figure.MOST), notices, progress)
    return figure.to_bytes(drawn, kind, notices)


def _places(work: Work, drawing: Drawing) -> Sequence[tuple[int, int]]:
    """Return the batch items and heads that are drawn."""
    from attncli.commands.arguments import number_or_all
    from attncli.show.view import chosen

    if drawing.all_heads and drawing.head is not None:
        raise InputError("--head chooses one head, and --all-heads is all of them", hint="give one of them")
    head = "all" if drawing.all_heads else number_or_all("head", drawing.head)
    batch = number_or_all("batch", drawing.batch)
    return [(b, h) for b in chosen("batch", batch, work.shape[0]) for h in chosen("head", head, work.shape[1])]
