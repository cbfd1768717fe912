"""Pictures for papers and slides: PNG, SVG and PDF, by matplotlib."""

from __future__ import annotations

import io
import logging
import math
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.errors import InputError
from attncli.plot.picture import Panel, Picture
from attncli.problem import estimate
from attncli.show import heat
from attncli.text import shortened, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from attncli.files.contents import Labels

# With more rows or columns than this, single cells could not be seen anyway.
MOST = 1024
# The most labels that can be read on an axis; of more, only every second, third, … is written.
MOST_LABELS = 64
LONGEST = 24
MOST_TITLE = 200
# In inches: a cell, and the least and largest side of a map; a small multiple. In points: the type.
CELL, LEAST, LARGEST = 0.28, 3.0, 14.0
MULTIPLE = 2.4
DPI = 150
TYPE = 8.0
# The font that comes with matplotlib has all characters below this one.
LATIN = 0x250


def to_bytes(picture: Picture, kind: str) -> tuple[bytes, str]:
    """Return the picture as ``"png"``, ``"svg"`` or ``"pdf"``, and a notice if some characters are in no font here.

    Raises:
        InputError: matplotlib is not installed.
    """
    texts = [picture.title, picture.kind, picture.caption, *picture.axes]
    texts += [*(picture.row_labels or ()), *(picture.column_labels or ())]
    return drawn(lambda of: _one(picture, of) if len(picture.panels) == 1 else _many(picture, of), texts, kind)


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
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures in files need matplotlib", hint="pip install 'attncli[plot]'") from None
    # matplotlib warns of fonts whose weight it does not know, which helps nobody.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    fonts, missing = _fonts(texts)
    settings: Any = {
        "font.family": fonts,
        "font.size": TYPE,
        "svg.hashsalt": "attncli",  # the same picture gives the same bytes
        "text.usetex": False,
        "text.parse_math": False,  # a dollar sign in a label does not begin a formula
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing glyphs are reported once, above; a tight layout need not be
        data = io.BytesIO()
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        make(Figure).savefig(data, format=kind, dpi=DPI, bbox_inches="tight", metadata=metadata)
    return data.getvalue(), missing


def needs(rows: int, columns: int, panels: int) -> int:
    """Return the bytes that drawing takes beside the numbers.

    Args:
        rows: those of a map.
        columns: likewise.
        panels: how many maps there are.
    """
    width, height = _size(rows, columns) if panels == 1 else _size_of_many(panels)
    return estimate.canvas(round(width * height * DPI * DPI))


def _size(rows: int, columns: int) -> tuple[float, float]:
    """Return the width and height of a figure of one map, in inches."""
    width, height = (min(LARGEST, max(LEAST, CELL * n)) for n in (columns, rows))
    return width + 1.5, height + 1.0


def _grid(count: int) -> tuple[int, int]:
    """Return how many of these maps stand below each other and how many side by side."""
    across = math.ceil(math.sqrt(count * 1.4))
    return math.ceil(count / across), across


def _size_of_many(count: int) -> tuple[float, float]:
    """Return the width and height of a figure of small multiples, in inches."""
    down, across = _grid(count)
    return across * MULTIPLE + 1, down * MULTIPLE + 0.8


def _one(picture: Picture, make: type[Figure]) -> Figure:
    figure = make(figsize=_size(*picture.panels[0].numbers.shape), layout="constrained")
    axes = figure.subplots()
    image = _map(axes, picture, picture.panels[0])
    _ticks(axes, picture)
    _bar(figure, image, axes, picture)
    lines = [picture.title[:MOST_TITLE], picture.panels[0].name]
    axes.set_title(_wrapped("\n".join(filter(None, lines)), 60), fontsize=TYPE + 2)
    return figure


def _many(picture: Picture, make: type[Figure]) -> Figure:
    count = len(picture.panels)
    down, across = _grid(count)
    figure = make(figsize=_size_of_many(count), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    image = None
    for at, axes in enumerate(grid.flat):
        if at >= count:
            axes.set_axis_off()
            continue
        image = _map(axes, picture, picture.panels[at])
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(picture.panels[at].name, fontsize=TYPE)
    _bar(figure, image, list(grid.flat), picture)
    if picture.title:
        figure.suptitle(_wrapped(picture.title[:MOST_TITLE], 30 * across), fontsize=TYPE + 2)
    return figure


def _map(axes: Axes, picture: Picture, panel: Panel) -> Any:
    low, high = picture.range
    numbers = np.ma.masked_invalid(panel.numbers)
    axes.set_facecolor("0.85")  # closed keys: a grey that is not a colour of the map
    return axes.imshow(numbers, cmap=_palette(), vmin=low, vmax=high, aspect="auto", interpolation="nearest")


def _palette() -> Colormap:
    """Return the colours of all heat maps, as matplotlib takes them."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = [tuple(channel / 255 for channel in stop) for stop in heat.STOPS]
    return LinearSegmentedColormap.from_list("attncli", stops)


def _ticks(axes: Axes, picture: Picture) -> None:
    rows, columns = picture.panels[0].numbers.shape
    for labels, shown, total, axis in (
        (picture.row_labels, rows, picture.shape[0], axes.yaxis),
        (picture.column_labels, columns, picture.shape[1], axes.xaxis),
    ):
        step = math.ceil(shown / MOST_LABELS)
        places = list(range(0, shown, step))
        axis.set_ticks(places, _names(labels, places, math.ceil(total / shown)))
        for text in axis.get_ticklabels():
            text.set_fontsize(TYPE if shown <= 40 else TYPE - 2)
    axes.tick_params(
        axis="x", rotation=0 if max(map(len, _names(picture.column_labels, range(columns), 1))) < 3 else 90
    )
    axes.set_ylabel(picture.axes[0])
    grey = "\ngrey: closed, or no number" if not np.isfinite(picture.panels[0].numbers).all() else ""
    axes.set_xlabel(_wrapped(f"{picture.axes[1]}\n{picture.caption}{grey}", 70))


def _names(labels: Labels | None, places: Any, run: int) -> list[str]:
    if labels is None:
        return [str(place * run) for place in places]
    return [_short(labels[place]) for place in places]


def _short(label: str) -> str:
    return shortened(visible(label.replace(" ", "␣") if label.strip() != label else label), LONGEST)


def _bar(figure: Figure, image: Any, axes: Any, picture: Picture) -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.9)
    bar.set_label(picture.kind)


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return "\n".join(line for part in visible_lines(text) for line in textwrap.wrap(part, width) or [""])


def visible_lines(text: str) -> list[str]:
    """Return the lines of a text with control characters escaped."""
    return [visible(line) for line in text.split("\n")]


def _fonts(texts: Iterable[str]) -> tuple[list[str], str]:
    """Return fonts that together have all characters of these texts, and a notice that names those that none has."""
    wanted = {char for text in texts for char in text if ord(char) >= LATIN and not unicodedata.combining(char)}
    wanted = {char for char in wanted if char.isprintable()}
    fonts = ["DejaVu Sans"]
    wanted -= _has("DejaVu Sans")
    if not wanted:
        return fonts, ""
    from matplotlib import font_manager

    names = dict.fromkeys(font.name for font in font_manager.fontManager.ttflist)
    # Families for many scripts first: usually the others need not be read.
    for name in sorted(names, key=lambda each: ("CJK" not in each, "Noto" not in each)):
        found = wanted & _has(name)
        if found:
            fonts.append(name)
            wanted -= found
        if not wanted:
            return fonts, ""
    some = "".join(sorted(wanted)[:12])
    return fonts, f"no font of this system has {some}; a font such as Noto Sans CJK would, and matplotlib finds it"


def _has(name: str) -> set[str]:
    from matplotlib import font_manager

    try:
        path = font_manager.findfont(name, fallback_to_default=False)
        return set(map(chr, font_manager.get_font(path).get_charmap()))
    except (ValueError, OSError, RuntimeError):
        return set()
