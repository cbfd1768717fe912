"""Charts of curves as PNG, SVG and PDF, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attncli.cost.growth import Panel, Vary
from attncli.cost.sizes import as_count
from attncli.plot.figure import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In inches.
WIDE, HIGH = 5.2, 4.0
MOST_TICKS = 6


def to_bytes(panels: Sequence[Panel], vary: Vary, kind: str) -> tuple[bytes, str]:
    """Return the charts side by side in a format, and a notice if some characters are in no font here.

    Raises:
        InputError: matplotlib is not installed.
    """
    texts = [each for panel in panels for each in (panel.title, *panel.crossings, *(one.name for one in panel.curves))]

    def make(of: type[Figure]) -> Figure:
        figure = of(figsize=(WIDE * len(panels), HIGH), layout="constrained")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, panel, vary)
        return figure

    return drawn(make, texts, kind)


def _draw(axes: Axes, panel: Panel, vary: Vary) -> None:
    for curve, points in zip(panel.curves, panel.points, strict=True):
        some = [(value, float(size)) for value, size in zip(vary.values, points, strict=True) if size]
        axes.plot([value for value, _ in some], [size for _, size in some], marker="o", markersize=3, label=curve.name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _name_ticks(axes, vary)
    axes.grid(visible=True, alpha=0.3)
    axes.set_xlabel("\n".join([vary.flag, *panel.crossings]))
    axes.set_title(panel.title)
    axes.legend()


def _name_ticks(axes: Axes, vary: Vary) -> None:
    """Write numbers as tables do: matplotlib's own powers need its formulas, which are switched off."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    step = -(-len(vary.values) // MOST_TICKS)
    axes.xaxis.set_major_locator(FixedLocator(vary.values[::step]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: str(round(value))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: as_count(round(value))))
    axes.yaxis.set_minor_formatter(NullFormatter())
