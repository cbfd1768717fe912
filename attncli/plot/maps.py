"""Heat maps on the axes of a figure: their cells, names, numbers and legend, with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.plot.layout import SMALL, TYPE, Layout, ticks
from attncli.plot.picture import CLOSED, Panel, Picture
from attncli.said import Said
from attncli.show import heat
from attncli.show.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# What marks the row that is looked at: the same on a page.
MARK = "#c2410c"
# What the legend calls cells that are closed, and those that have no number.
WITHOUT = (Said("closed"), Said("no number"))
# Digits of a number in a cell.
DIGITS = 2


def colors(numbers: NDArray[Any], bounds: tuple[float, float]) -> NDArray[np.uint8]:
    """Return the colours of cells, (rows, columns, 3).

    Args:
        numbers: (rows, columns), −∞ where a key is closed, NaN where there is no number.
        bounds: what the ends of the palette stand for.

    >>> colors(np.array([[1.0, CLOSED]]), (0.0, 1.0)).tolist()
    [[[253, 231, 37], [217, 217, 217]]]
    """
    low, high = bounds
    last = len(heat.PALETTE) - 1
    with np.errstate(invalid="ignore"):
        shares = np.clip(np.nan_to_num((numbers - low) / (high - low)), 0, 1)
    found = np.array(heat.PALETTE, dtype=np.uint8)[np.rint(shares * last).astype(np.intp)]
    found[numbers == CLOSED] = heat.CLOSED
    found[np.isnan(numbers)] = heat.NOTHING
    return found


def draw_map(axes: Axes, picture: Picture, panel: Panel) -> None:
    """Draw one map: its cells, the row that is marked, and numbers if there are to be some."""
    axes.imshow(colors(panel.numbers, picture.range), aspect="auto", interpolation="nearest")
    if picture.row is not None:
        from matplotlib.patches import Rectangle

        columns = panel.numbers.shape[1]
        frame = Rectangle((-0.5, picture.row - 0.5), columns, 1, fill=False, edgecolor=MARK, linewidth=1.5)
        axes.add_patch(frame).set_clip_on(False)
    if picture.values:
        write_values(axes, panel.numbers, colors(panel.numbers, picture.range))


def write_values(axes: Axes, numbers: NDArray[Any], grounds: NDArray[np.uint8] | None = None) -> None:
    """Write the number of each cell on it.

    Args:
        axes: of one map.
        numbers: (rows, columns), −∞ where a key is closed.
        grounds: the colours of the cells, (rows, columns, 3); None: they have several, and numbers a rim.
    """
    from matplotlib.patheffects import withStroke

    rim = [withStroke(linewidth=1.6, foreground="#000000")] if grounds is None else []
    for row, column in np.ndindex(numbers.shape):
        value = float(numbers[row, column])
        text = "" if value == CLOSED else number(value, DIGITS, narrow=True)
        ink = "#ffffff" if grounds is None else heat.foreground(tuple(grounds[row, column].tolist()))
        axes.text(column, row, text, ha="center", va="center", fontsize=SMALL, color=ink, path_effects=rim)


def name_axes(axes: Axes, picture: Picture, layout: Layout, *, left: bool = True, below: bool = True) -> None:
    """Write the labels of queries and keys where they fit, else some of their indices.

    Args:
        axes: of one map.
        picture: what is drawn.
        layout: where.
        left: whether the queries are named.
        below: whether the keys are.
    """
    rows, columns = picture.panels[0].numbers.shape
    axes.set_xticks([])
    axes.set_yticks([])
    small = SMALL if len(picture.panels) > 1 or max(rows, columns) > 40 else TYPE
    axes.tick_params(labelsize=small, length=2)
    if left:
        axes.set_yticks(*ticks(picture.row_labels, rows, picture.shape[0], layout.height))
    if below:
        places, texts = ticks(picture.column_labels, columns, picture.shape[1], layout.width)
        axes.set_xticks(places, texts)
        wide = max(map(len, texts)) * small * 0.7 > layout.width * 72 / max(1, len(places))
        axes.tick_params(axis="x", rotation=90 if wide else 0)


def add_legend(figure: Figure, picture: Picture, axes: Any) -> None:
    """Add the colour bar, and what the cells are that have none of its colours."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Patch

    palette = ListedColormap([[channel / 255 for channel in color] for color in heat.PALETTE])
    bar = figure.colorbar(ScalarMappable(Normalize(*picture.range), palette), ax=axes, shrink=0.9)
    bar.set_label(picture.say(picture.kind))
    closed, nothing = picture.holes
    others = [(heat.CLOSED, picture.say(WITHOUT[0]))] * closed + [(heat.NOTHING, picture.say(WITHOUT[1]))] * nothing
    if others:
        patches = [Patch(color=[channel / 255 for channel in color], label=name) for color, name in others]
        figure.legend(handles=patches, loc="outside lower right", frameon=False, fontsize=TYPE, ncols=len(patches))
