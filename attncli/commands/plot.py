"""attn plot."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from attncli.commands.destination import TABLE, Destination, refuse_idle, target_format
from attncli.commands.drawing import PICTURES, Drawing
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import say
from attncli.errors import InputError
from attncli.files import pictures
from attncli.files.formats import Format, Holds
from attncli.files.save import save
from attncli.languages import catalogue
from attncli.plot import bars, features, figure, overlay, terminal
from attncli.plot.page import to_html
from attncli.plot.patches import Patches
from attncli.plot.patches import find as find_patches
from attncli.plot.picture import FEATURES, Picture, draw
from attncli.problem.assemble import assemble
from attncli.problem.attention import AttentionComputation, ScoreComputation
from attncli.problem.factory import attention_of, scores_of
from attncli.show.progress import Progress, progress_bar

# The most rows or columns of a map that has its numbers in it, and the most cells of all maps.
MOST_VALUES, MOST_NUMBERS = 24, 2500
if TYPE_CHECKING:
    from rich.console import Console

    from attncli.files.pictures import Photo
    from attncli.show.screen import Screen


def run(inputs: Inputs, around: Around, settings: Settings, drawing: Drawing) -> None:
    r"""Draws on the terminal, or to a file by its extension: {PICTURES} with matplotlib (pip install
    'attncli[plot]'), {PAGES} as an interactive page. Large matrices are averaged down, and the caption says so.
    `--image sample:image` lays a row of sample:image over the picture that its model read; it needs attncli[plot] too.

    \b
    Examples:
      attn plot sample:coreference --head 1
      attn plot sample:speech --all-heads --terminal -o speech.svg
      attn plot sample:induction -o induction.html
      attn plot sample:coreference --what features --row it --col animal
    """
    target, kind = drawing.output, target_format(drawing, PICTURES)
    drawing.check(kind)
    refuse_idle(drawing, Destination(TABLE if kind is None or drawing.terminal else kind, target if kind else None), ())
    is_page = kind is not None and kind.holds is Holds.PAGE
    files, margins = inputs.sources(value=is_page), around.margins()
    problem = assemble(files, inputs.arrays(), settings.options(), margins=margins, layer=inputs.layer)
    if drawing.title is not None:
        problem = replace(problem, texts={**problem.texts, "title": drawing.title})
    computation = attention_of(problem) if is_page else scores_of(problem, ["score", "softmax"])
    if target is None or kind is None:
        to_terminal(computation, drawing)
    elif isinstance(computation, AttentionComputation):
        save(target, page(computation, drawing), drawing.force)
    else:
        save(target, picture(computation, drawing, kind), drawing.force)
    say(computation.notices)


def to_terminal(computation: ScoreComputation, drawing: Drawing) -> None:
    """Draw on the terminal."""
    screen = drawing.screen()
    console = screen.console()
    if drawing.what == FEATURES:
        bars.to_terminal(score(computation, drawing), screen, console)
        return
    with progress_bar() as progress:
        drawn = maps(computation, drawing, progress, screen, console)
    terminal.to_terminal(drawn, screen, console)


def score(computation: ScoreComputation, drawing: Drawing) -> features.Features:
    """Return what one score is made of."""
    place = drawing.place(computation)
    return features.look(computation, place, *drawing.element(computation, place[0]))


def maps(
    computation: ScoreComputation,
    drawing: Drawing,
    progress: Progress | None,
    screen: Screen | None = None,
    console: Console | None = None,
) -> Picture:
    """Return the maps that are asked for, for a screen or, without one, for a file."""
    places = drawing.places(computation)
    row, _ = drawing.element(computation, places[0][0])
    check_values(computation, len(places), drawing.values)
    if screen is None or console is None:
        room, needs = (figure.MOST, figure.MOST), partial(figure.needs, values=drawing.values)
        drawn = draw(computation, drawing.what, places, room, progress, needs, row)
    else:
        if drawing.values and len(places) > 1:
            raise InputError("--values: a terminal has room for one map", hint="choose one with --head N")
        room = terminal.room(screen, console, several=len(places) > 1)
        drawn = draw(computation, drawing.what, places, room, progress, row=row)
    return replace(drawn, values=drawing.values, lang=drawing.language())


def check_values(computation: ScoreComputation, count: int, values: bool) -> None:
    """Refuse numbers in the cells of maps that are not small.

    Raises:
        InputError: with their size.
    """
    sizes = computation.operands.sizes
    most = max(sizes.queries, sizes.keys)
    if values and (most > MOST_VALUES or count * sizes.queries * sizes.keys > MOST_NUMBERS):
        several = f"{count} maps of " * (count > 1)
        message = f"--values is for small maps, not for {several}{sizes.queries} × {sizes.keys} cells"
        raise InputError(message, hint="attn compute shows numbers of any map" if count == 1 else "choose --head N")


def page(computation: AttentionComputation, drawing: Drawing) -> bytes:
    """Return the page of one batch item."""
    place = drawing.places(computation)[0]
    if drawing.batch == "all" and computation.shape[0] > 1:
        raise InputError("a page shows one batch item", hint="choose one with --batch N")
    check_values(computation, 1, drawing.values)
    lang = drawing.language()
    row, col = drawing.element(computation, place[0])
    first: dict[str, object] = {"step": drawing.what}
    lesson, seen = "", None
    if drawing.what == FEATURES:
        found = features.look(computation, drawing.place(computation), row, col)
        lesson, row, col = features.to_html(found, catalogue(lang).PAGE), found.row, found.column
        first["step"] = "scores"
    if drawing.image is not None:
        photo, patches = laid(computation, drawing, place[0])
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
            values=drawing.values,
            picture=seen,
            progress=progress,
        )
    return text.encode(errors="backslashreplace")


def laid(computation: ScoreComputation, drawing: Drawing, batch: int) -> tuple[Photo, Patches]:
    """Return the picture that a row is laid over, and where the keys lie on it."""
    assert drawing.image is not None
    photo, keys = pictures.look(drawing.image), computation.operands.sizes.keys
    labels = computation.problem.labels_of(batch).get("key_labels")
    return photo, find_patches(labels, keys, (photo.width, photo.height), drawing.patches)


def picture(computation: ScoreComputation, drawing: Drawing, kind: Format) -> bytes:
    """Return the picture in a format."""
    if drawing.terminal:
        screen, console = terminal.recorder(drawing.screen())
        if drawing.what == FEATURES:
            bars.to_terminal(score(computation, drawing), screen, console)
            return terminal.as_svg(console).encode()
        with progress_bar() as progress:
            drawn = maps(computation, drawing, progress, screen, console)
        return terminal.to_svg(drawn, screen, console).encode()
    if drawing.what == FEATURES:
        found = score(computation, drawing)
        lang = drawing.language()
        texts = [found.title, *bars.written(found, lang)]
        data, missing = figure.drawn(partial(bars.draw, found, lang), texts, kind.name)
    elif drawing.image is not None:
        data, missing = over_picture(computation, drawing, kind)
    else:
        with progress_bar() as progress:
            data, missing = figure.to_bytes(maps(computation, drawing, progress), kind.name)
    computation.notices.add([missing] if missing else [])
    return data


def over_picture(computation: ScoreComputation, drawing: Drawing, kind: Format) -> tuple[bytes, str]:
    """Return a row laid over a picture, and a notice about fonts."""
    places = drawing.places(computation)
    photo, patches = laid(computation, drawing, places[0][0])
    row, _ = drawing.element(computation, places[0][0])
    row = overlay.default_row(patches, computation.shape[2]) if row is None else row
    if drawing.values and max(patches.down, patches.across) > MOST_VALUES:
        raise InputError(f"--values is for few patches, not for {patches.down} × {patches.across}", hint="leave it out")
    look = overlay.Look(drawing.what, values=drawing.values, lang=drawing.language())
    found = overlay.lay(computation, look, places, photo, patches, row)
    texts = [found.picture.title, *figure.written(found.picture), *map(found.picture.say, [found.query, *found.beside])]
    return figure.drawn(partial(overlay.draw, found), texts, kind.name)
