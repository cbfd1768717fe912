"""attn plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from attncli.commands.destination import TABLE, Destination, refuse_idle, target_format
from attncli.commands.drawing import PICTURE, PICTURES, Drawing
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import say
from attncli.commands.varying import Varying
from attncli.errors import InputError
from attncli.files.formats import Format, Holds
from attncli.files.save import save
from attncli.languages import catalogue
from attncli.plot import bars, features, figure, overlay, painting, terminal
from attncli.plot.asked import Asked
from attncli.plot.page import to_html
from attncli.plot.picture import FEATURES, draw
from attncli.problem.assemble import assemble, reader
from attncli.problem.attention import AttentionComputation, ScoreComputation
from attncli.problem.factory import attention_of, scores_of
from attncli.problem.problem import Problem
from attncli.show.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen
    from attncli.vary.compared import Compared


def run(inputs: Inputs, around: Around, settings: Settings, varying: Varying, drawing: Drawing) -> None:
    r"""Draws on the terminal, or to a file by its extension: {PICTURES} with matplotlib (pip install
    'attncli[plot]'), {PAGES} as an interactive page. Large matrices are averaged down, and the caption says so.
    `--image sample:image` lays a row of sample:image over the picture that its model read; it needs attncli[plot] too.

    \b
    Examples:
      attn plot sample:coreference --head 1
      attn plot sample:speech --all-heads --terminal -o speech.svg
      attn plot sample:induction -o induction.html
      attn plot sample:coreference --head 1 --vary scale=none,sqrt,1/32
      attn plot sample:coreference --what features --row it --col animal
    """
    target, kind = drawing.output, target_format(drawing, PICTURES)
    drawing.check(kind)
    refuse_idle(drawing, Destination(TABLE if kind is None or drawing.terminal else kind, target if kind else None), ())
    is_page = kind is not None and kind.holds is Holds.PAGE
    files, margins = inputs.sources(value=is_page), around.margins()
    vary = varying.chosen()
    if vary is not None:
        from attncli.vary.compared import Compared

        make = reader(files, inputs.arrays(), margins=margins, layer=inputs.layer)
        _vary(
            Compared.of(vary, lambda options: _titled(make(options), drawing), settings.options(), drawing.language()),
            drawing,
            kind,
        )
        return
    problem = assemble(files, inputs.arrays(), settings.options(), margins=margins, layer=inputs.layer)
    problem = _titled(problem, drawing)
    computation = attention_of(problem) if is_page else scores_of(problem, ["score", "softmax"])
    if target is None or kind is None:
        to_terminal(computation, drawing)
    elif isinstance(computation, AttentionComputation):
        save(target, page(computation, drawing), drawing.force)
    else:
        save(target, picture(computation, drawing, kind), drawing.force)
    say(computation.notices)


def _titled(problem: Problem, drawing: Drawing) -> Problem:
    """Return a problem with the title that is asked for, if any is."""
    return problem if drawing.title is None else replace(problem, texts={**problem.texts, "title": drawing.title})


def to_terminal(computation: ScoreComputation, drawing: Drawing) -> None:
    """Draw on the terminal."""
    screen = drawing.screen()
    console = screen.console()
    _on_screen(computation, drawing.asked(), screen, console)


def _on_screen(computation: ScoreComputation, asked: Asked, screen: Screen, console: Console) -> None:
    """Draw on a screen, which may be a recorder."""
    if asked.what == FEATURES:
        bars.to_terminal(painting.score(computation, asked), screen, console)
        return
    places = asked.places(computation)
    row, _ = asked.element(computation, places[0][0])
    asked.check_values(computation, len(places))
    if asked.values and len(places) > 1:
        raise InputError("--values: a terminal has room for one map", hint="choose one with --head N")
    room = terminal.room(screen, console, several=len(places) > 1)
    with progress_bar() as progress:
        drawn = draw(computation, asked.what, places, room, progress, row=row)
    terminal.to_terminal(replace(drawn, values=asked.values, lang=asked.lang), screen, console)


def page(computation: AttentionComputation, drawing: Drawing) -> bytes:
    """Return the page of one batch item."""
    asked = drawing.asked()
    place = asked.opening(computation)
    if asked.choice.batch == "all" and computation.shape[0] > 1:
        raise InputError("a page shows one batch item", hint="choose one with --batch N")
    asked.check_values(computation, 1)
    lang = asked.lang
    row, col = asked.element(computation, place[0])
    first: dict[str, object] = {"step": asked.what}
    lesson, seen = "", None
    if asked.what == FEATURES:
        found = features.look(computation, asked.place(computation), row, col)
        lesson, row, col = features.to_html(found, catalogue(lang).PAGE), found.row, found.column
        first["step"] = "scores"
    if asked.image is not None:
        photo, patches = painting.laid(computation, asked, place[0])
        row = overlay.default_row(patches, computation.shape[2]) if row is None else row
        seen = overlay.of_page(photo, patches, computation.shape[2])
    first |= {name: at for name, at in (("row", row), ("column", col)) if at is not None}
    with progress_bar() as progress:
        text = to_html(
            computation,
            *place,
            lesson=lesson,
            lang=lang,
            first=first,
            values=asked.values,
            picture=seen,
            progress=progress,
        )
    return text.encode(errors="backslashreplace")


def picture(computation: ScoreComputation, drawing: Drawing, kind: Format) -> bytes:
    """Return the picture in a format."""
    if drawing.terminal:
        screen, console = terminal.recorder(drawing.screen())
        _on_screen(computation, drawing.asked(), screen, console)
        return terminal.as_svg(console).encode()
    with progress_bar() as progress:
        made = painting.paint(computation, drawing.asked(), progress)
        data, missing = figure.drawn(made.make, made.texts, kind.name)
    computation.notices.add([missing] if missing else [])
    return data


def _vary(compared: Compared, drawing: Drawing, kind: Format | None) -> None:
    """Draw the maps under all values."""
    asked = drawing.asked()
    for flag, given in (("--image", asked.image is not None), (f"--what {FEATURES}", asked.what == FEATURES)):
        if given:
            raise InputError(f"{flag} does not go with --vary", hint="leave one of them out")
    places = asked.places(compared.first)
    row, col = asked.element(compared.first, places[0][0])
    asked.check_values(compared.first, len(places) * len(compared.computations))
    draw_on = partial(_varied_on_screen, compared, asked, places, row)
    if drawing.output is None or kind is None:
        screen = drawing.screen()
        draw_on(screen, screen.console())
    elif kind.holds is Holds.PAGE:
        if len(places) > 1:
            raise InputError("a page of --vary shows one head", hint="choose one with --head N")
        first = {"step": asked.what} | {name: at for name, at in (("row", row), ("column", col)) if at is not None}
        from attncli.vary.page import to_html as varied_page

        with progress_bar() as progress:
            text = varied_page(compared, places[0], first=first, values=asked.values, progress=progress)
        save(drawing.output, text.encode(errors="backslashreplace"), drawing.force)
    elif drawing.terminal:
        screen, console = terminal.recorder(drawing.screen())
        draw_on(screen, console)
        save(drawing.output, terminal.as_svg(console).encode(), drawing.force)
    else:
        from attncli.vary.picture import side_by_side, small_multiples

        room = (figure.MOST, figure.MOST)
        needs = partial(figure.needs, values=asked.values, together=side_by_side(compared, places))
        with progress_bar() as progress:
            drawn = small_multiples(compared, asked.what, places, room, progress, needs, row)
            data, missing = figure.to_bytes(replace(drawn, values=asked.values, lang=asked.lang), kind.name)
        compared.notices.add([missing] if missing else [])
        save(drawing.output, data, drawing.force)
    say(compared.said())


def _varied_on_screen(
    compared: Compared,
    asked: Asked,
    places: Sequence[tuple[int, int]],
    row: int | None,
    screen: Screen,
    console: Console,
) -> None:
    from attncli.vary.picture import small_multiples

    if asked.values:
        raise InputError("--values: a terminal has room for one map", hint=f"-o FILE{PICTURE} draws a picture")
    with progress_bar() as progress:
        room = terminal.room(screen, console, several=True)
        drawn = small_multiples(compared, asked.what, places, room, progress, row=row)
    terminal.to_terminal(replace(drawn, lang=asked.lang), screen, console)
