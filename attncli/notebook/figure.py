"""A figure that a notebook shows, whatever it shows of matplotlib's others: `attn plot -o` writes the same picture."""

from __future__ import annotations

from typing import Any

from attncli.plot.figure import SAVED, blank_figure, saved, styled
from attncli.plot.fonts import fonts_for
from attncli.plot.painting import Painting

# Where the header of a PNG file says how many pixels wide it is, and how large they are shown.
WIDE, SHOWN = slice(16, 20), 2 / 3


def drawn(painting: Painting) -> tuple[Any, str]:
    """Return a picture as a figure of matplotlib, and a notice if some characters are in no font here.

    Raises:
        InputError: matplotlib is not installed.
    """
    blank: Any = blank_figure()
    fonts, missing = fonts_for(painting.texts)

    # A notebook knows how to show a figure only after pyplot was imported, which this one does not need.
    class Drawn(blank):  # type: ignore[misc]  # the class is known only where matplotlib is installed
        """A figure of matplotlib that has its own style whenever it is drawn, and is saved as the command does it."""

        def draw(self, renderer: Any) -> None:
            with styled(fonts):
                super().draw(renderer)

        def savefig(self, fname: Any, **how: Any) -> None:
            with styled(fonts):
                super().savefig(fname, **{**SAVED, **how})

        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            data = saved(self, "png")
            # A file is for paper; beside other text two thirds are as large, and sharp on fine screens.
            return data, {"width": round(int.from_bytes(data[WIDE], "big") * SHOWN)}

    with styled(fonts):
        return painting.make(Drawn), missing
