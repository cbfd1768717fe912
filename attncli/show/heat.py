"""The colours of all heat maps: dark blue through green to yellow, evenly lighter, for any colour vision."""

from __future__ import annotations

# The lightness rises evenly from stop to stop, so that equal steps of weight look equal.
STOPS = ((38, 40, 98), (44, 84, 140), (38, 128, 142), (54, 168, 118), (140, 203, 74), (248, 226, 60))
# Below this share of the largest weight a cell keeps the terminal's own background.
FAINT = 0.02


def background(share: float) -> tuple[int, int, int] | None:
    """Return the background of a cell whose weight is this share (0 to 1) of the largest, None for no background."""
    return scale(share) if share >= FAINT else None


def scale(share: float) -> tuple[int, int, int]:
    """Return the colour of a share of the range, 0 to 1."""
    place = min(share, 1.0) * (len(STOPS) - 1)
    low = min(int(place), len(STOPS) - 2)
    between = place - low
    red, green, blue = (round(a + (b - a) * between) for a, b in zip(STOPS[low], STOPS[low + 1], strict=True))
    return red, green, blue


def foreground(color: tuple[int, int, int]) -> str:
    """Return black or white, whichever is easier to read on this background (luminance as in ITU-R BT.709).

    As a number, not a name: terminal themes redefine the named colours.
    """
    red, green, blue = color
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 else "#ffffff"
