"""Pictures for papers and slides: PNG, SVG and PDF, by matplotlib."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attncli.errors import InputError
from attncli.plot.fonts import fonts_for
from attncli.plot.layout import DPI, MOST_TITLE, TYPE, Layout, of_maps, wrapped
from attncli.plot.maps import WITHOUT, add_legend, draw_map, name_axes
from attncli.plot.picture import Picture
from attncli.problem import estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# With more rows or columns than this, single cells could not be seen anyway.
MOST = 1024
# How figures are saved.
SAVED: Mapping[str, Any] = {"dpi": DPI, "bbox_inches": "tight"}


def to_bytes(picture: Picture, kind: str) -> tuple[bytes, str]:
    """Return the picture as ``"png"``, ``"svg"`` or ``"pdf"``, and a notice if some characters are in no font here.

    Raises:
        InputError: matplotlib is not installed.
    """
    return drawn(lambda of: draw(picture, of), texts(picture), kind)


def draw(picture: Picture, make: type[Figure]) -> Figure:
    """Draw the maps of a picture."""
    return _one(picture, make) if len(picture.panels) == 1 else _many(picture, make)


def texts(picture: Picture) -> list[str]:
    """Return all that is in a picture to be read, for which fonts are looked for."""
    return [picture.title, *written(picture), *(picture.row_labels or ()), *(picture.column_labels or ())]


def written(picture: Picture) -> list[str]:
    """Return what is written beside maps, in the language of the picture."""
    names = [panel.name for panel in picture.panels]
    return list(map(picture.say, [picture.kind, picture.caption, *picture.axes, *names, *WITHOUT]))


def drawn(make: Callable[[type[Figure]], Figure], texts: Iterable[str], kind: str) -> tuple[bytes, str]:
    """Return what a function draws as the bytes of a file.

    Args:
        make: draws, on a figure of this class.
        texts: what is written there, for which fonts are looked for.
        kind: ``"png"``, ``"svg"`` or ``"pdf"``.

    Returns:
        The bytes, and a notice if some characters are in no font here.

    Raises:
        InputError: matplotlib is not installed.
    """
    blank = blank_figure()
    fonts, missing = fonts_for(texts)
    with styled(fonts):
        return saved(make(blank), kind), missing


def blank_figure() -> type[Figure]:
    """Return the class of matplotlib's figures.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures in files need matplotlib", hint="pip install 'attncli[plot]'") from None
    # matplotlib warns of fonts whose weight it does not know, which helps nobody.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    return Figure


@contextmanager
def styled(fonts: Sequence[str]) -> Iterator[None]:
    """Return a context in which figures are made and saved: with these fonts, and the same bytes each time."""
    import matplotlib

    settings: Any = {
        "font.family": fonts,
        "font.size": TYPE,
        "svg.hashsalt": "attncli",  # the same picture gives the same bytes
        "text.usetex": False,
        "text.parse_math": False,  # a dollar sign in a label does not begin a formula
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing glyphs are reported once, by `drawn`; a tight layout need not be
        yield


def saved(figure: Figure, kind: str) -> bytes:
    """Return a figure as the bytes of a file."""
    data = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    figure.savefig(data, format=kind, metadata=metadata, **SAVED)
    return data.getvalue()


def needs(rows: int, columns: int, panels: int, *, values: bool = False, together: int = 1) -> int:
    """Return the bytes that drawing takes beside the numbers.

    Args:
        rows: those of a map.
        columns: likewise.
        panels: how many maps there are.
        values: whether each cell has its number in it.
        together: so many after each other belong side by side.
    """
    return estimate.canvas(of_maps(rows, columns, panels, values=values, together=together).pixels)


def _layout(picture: Picture) -> Layout:
    rows, columns = picture.panels[0].numbers.shape
    return of_maps(rows, columns, len(picture.panels), values=picture.values, together=picture.together)


def _below(picture: Picture) -> str:
    return "\n".join(filter(None, map(picture.say, [picture.axes[1], picture.caption])))


def _one(picture: Picture, make: type[Figure]) -> Figure:
    layout = _layout(picture)
    figure = make(figsize=layout.size, layout="constrained")
    axes = figure.subplots()
    draw_map(axes, picture, picture.panels[0])
    name_axes(axes, picture, layout)
    axes.set_ylabel(picture.say(picture.axes[0]))
    axes.set_xlabel(wrapped(_below(picture), 70))
    add_legend(figure, picture, axes)
    lines = [picture.title[:MOST_TITLE], picture.say(picture.panels[0].name)]
    axes.set_title(wrapped("\n".join(filter(None, lines)), 60), fontsize=TYPE + 2)
    return figure


def _many(picture: Picture, make: type[Figure]) -> Figure:
    layout, count = _layout(picture), len(picture.panels)
    figure = make(figsize=layout.size, layout="constrained")
    grid = list(figure.subplots(layout.down, layout.across, squeeze=False).flat)
    for at, axes in enumerate(grid):
        if at >= count:
            axes.set_axis_off()
            continue
        draw_map(axes, picture, picture.panels[at])
        # The maps of a row and of a column share their names.
        name_axes(axes, picture, layout, left=at % layout.across == 0, below=at + layout.across >= count)
        axes.set_title(picture.say(picture.panels[at].name), fontsize=TYPE)
    figure.supylabel(picture.say(picture.axes[0]), fontsize=TYPE)
    figure.supxlabel(wrapped(_below(picture), round(layout.size[0] * 13)), fontsize=TYPE)
    add_legend(figure, picture, grid)
    if picture.title:
        figure.suptitle(wrapped(picture.title[:MOST_TITLE], round(layout.size[0] * 11)), fontsize=TYPE + 2)
    return figure
