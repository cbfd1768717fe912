"""How the cells of a map are drawn on a terminal: half blocks in colour, or shades if there are too few colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.plot import picture as picture_of
from attncli.plot.picture import Panel, Picture
from attncli.show import heat

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.text import Text

    from attncli.show.screen import Screen

# More ink means more weight, on dark and on light backgrounds.
SHADES, PLAIN_SHADES = " ░▒▓█", " .:*#"
CLOSED, NOTHING = "·", "!"


@dataclass(frozen=True)
class Ink:
    """How a share of the range is drawn.

    Attributes:
        system: the colours that the terminal has, as Rich calls them; None if they are too few for a scale.
        shades: characters from no ink to the most.
        closed: the character for a closed key.
    """

    system: str | None
    shades: str
    closed: str

    @classmethod
    def of(cls, screen: Screen, console: Console) -> Ink:
        """Choose what the terminal can show; 16 colours are too few for a scale and differ between terminals."""
        enough = screen.color and screen.unicode and console.color_system in ("truecolor", "256", "windows")
        shades = SHADES if screen.unicode else PLAIN_SHADES
        return cls(console.color_system if enough else None, shades, CLOSED if screen.unicode else "-")

    @property
    def colors(self) -> bool:
        """Whether there are enough colours for a scale."""
        return self.system is not None

    def shade(self, share: float) -> str:
        """Return the character for a share; next to nothing gets no ink."""
        if not share >= heat.FAINT:
            return self.shades[0]
        return self.shades[min(len(self.shades) - 1, 1 + int(share * (len(self.shades) - 1)))]

    def mark(self, share: float) -> str:
        """Return the character for a share if there are no colours."""
        return NOTHING if share != share else self.closed if share < 0 else self.shade(share)

    def color(self, share: float) -> str | None:
        """Return the colour of a share, as Rich calls it; None for a closed key or NaN."""
        return heat.paint(share, self.system)[0] if share >= 0 else None


def shares(picture: Picture, panel: Panel) -> NDArray[Any]:
    """Return the numbers of a panel as shares of the range, 0 to 1; −1 for closed keys, and NaN stays NaN."""
    low, high = picture.range
    with np.errstate(invalid="ignore"):
        found = np.clip((panel.numbers - low) / (high - low), 0, 1)
    return np.where(panel.numbers == picture_of.CLOSED, -1, found)


def cells(top: NDArray[Any], bottom: NDArray[Any] | None, width: int, ink: Ink) -> Text:
    """Return one line of a map: one row, or two rows of which each takes half of the height.

    Args:
        top: shares of the row.
        bottom: those of the row that takes the lower half; None if it is empty.
        width: columns of the screen that each cell takes.
        ink: how they are drawn.
    """
    from rich.style import Style
    from rich.text import Text

    text = Text()
    for at, share in enumerate(top.tolist()):
        under = -1.0 if bottom is None else float(bottom[at])
        if not ink.colors:
            text.append(ink.mark(share) * width)
            continue
        upper, lower = ink.color(share), ink.color(under)
        if share != share:
            text.append(NOTHING.center(width), "bold")
        elif upper is None and lower is None:
            text.append(ink.closed.center(width), "dim")
        elif upper == lower:
            text.append(" " * width, Style(bgcolor=upper))
        elif upper is None:
            text.append("▄" * width, Style(color=lower))
        else:
            text.append("▀" * width, Style(color=upper, bgcolor=lower))
    return text


def written(row: NDArray[Any], texts: list[str], width: int, ink: Ink) -> Text:
    """Return one line of a map with its numbers, each on its colour.

    Args:
        row: its shares.
        texts: its numbers.
        width: columns of the screen that each cell takes.
        ink: how they are drawn.
    """
    from rich.style import Style
    from rich.text import Text

    text = Text()
    for share, number in zip(row.tolist(), texts, strict=True):
        style: Style | str = ""
        if ink.colors and share >= 0:
            name, color = heat.paint(share, ink.system)
            style = Style(color=heat.foreground(color), bgcolor=name)
        text.append((ink.closed if share == -1 else number).rjust(width - 1) + " ", style)
    return text
