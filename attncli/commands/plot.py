"""attn plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.arguments import ColorOption, Inputs, Settings
from attncli.commands.groups import Group, shown
from attncli.errors import InputError
from attncli.problem.computation import AttentionComputation, ScoreComputation, attention_of, scores_of
from attncli.show.progress import progress_bar

if TYPE_CHECKING:
    from attncli.show.screen import Screen

SUFFIXES = {".png": "png", ".svg": "svg", ".pdf": "pdf", ".html": "html"}


class Drawing(Group):
    """What is drawn, and where."""

    what: Annotated[
        Literal["weights", "scores", "logits"], shown("--what", "Which numbers are drawn (default weights).")
    ] = "weights"
    head: Annotated[str | None, shown("--head", "Which head (default: the first).", metavar="N|all")] = None
    all_heads: Annotated[bool, shown("--all-heads", "All heads, as small multiples.")] = False
    batch: Annotated[str | None, shown("--batch", "Which item of the batch (default: the first).", metavar="N|all")] = (
        None
    )
    output: Annotated[str | None, shown("--output -o", "Write a file: .png, .svg, .pdf or .html.", metavar="FILE")] = (
        None
    )
    terminal: Annotated[
        bool, shown("--terminal", "Draw FILE.svg as a terminal shows it; that needs no matplotlib.")
    ] = False
    force: Annotated[bool, shown("--force", "Write over a file that exists.")] = False
    color: ColorOption = "auto"


def run(inputs: Inputs, settings: Settings, drawing: Drawing) -> None:
    r"""On the terminal, or in a file by its extension: .png, .svg and .pdf by matplotlib (pip install
    'attncli[plot]'), .html as a page to look around in. Big matrices are averaged down, and the caption says so.

    \b
    Examples:
      attn plot samples/coreference.npz --head 1
      attn plot samples/speech.npz --all-heads -o speech.png
      attn plot samples/induction.npz -o induction.html
    """
    from attncli.commands.output import say, target_format
    from attncli.files.save import save
    from attncli.problem.assemble import gather
    from attncli.show.screen import Screen

    target, kind = drawing.output, target_format(drawing, SUFFIXES)
    if drawing.terminal and kind != "svg":
        raise InputError("--terminal draws what a terminal shows into an SVG file", hint="-o FILE.svg")
    problem = gather(inputs.files or [], inputs.arrays(), settings.options())
    computation = attention_of(problem) if kind == "html" else scores_of(problem, ["score", "softmax"])
    notices: list[str] = []
    screen = Screen.of_stdout(drawing.color)
    if target is None:
        to_terminal(computation, drawing, screen, notices)
    else:
        save(target, _file(computation, drawing, str(kind), notices), drawing.force)
    say(notices)


def to_terminal(computation: ScoreComputation, drawing: Drawing, screen: Screen, notices: list[str]) -> None:
    """Draw on the terminal."""
    from attncli.plot import terminal
    from attncli.plot.picture import draw

    chosen, console = _places(computation, drawing), screen.console()
    room = terminal.room(screen, console, multiples=len(chosen) > 1)
    with progress_bar() as progress:
        drawn = draw(computation, drawing.what, chosen, room, notices, progress)
    terminal.to_terminal(drawn, screen, console)


def _file(computation: ScoreComputation, drawing: Drawing, kind: str, notices: list[str]) -> bytes:
    """Return the file that is asked for."""
    from attncli.plot import figure, page, terminal
    from attncli.plot.picture import draw
    from attncli.show.screen import Screen

    chosen = _places(computation, drawing)
    with progress_bar() as progress:
        if isinstance(computation, AttentionComputation):
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
    return figure.to_bytes(drawn, kind, notices)


def _places(computation: ScoreComputation, drawing: Drawing) -> Sequence[tuple[int, int]]:
    """Return the batch items and heads that are drawn."""
    from attncli.commands.arguments import number_or_all
    from attncli.problem.selection import chosen

    if drawing.all_heads and drawing.head is not None:
        raise InputError("--head chooses one head, and --all-heads is all of them", hint="give one of them")
    head = "all" if drawing.all_heads else number_or_all("head", drawing.head)
    batch = number_or_all("batch", drawing.batch)
    return [
        (b, h) for b in chosen("batch", batch, computation.shape[0]) for h in chosen("head", head, computation.shape[1])
    ]
