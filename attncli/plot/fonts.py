"""Fonts for pictures: those that together have all characters of some texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from contextlib import suppress

from attncli.said import Said

# The font that comes with matplotlib has all characters below this one.
LATIN = 0x250


def fonts_for(texts: Iterable[str]) -> tuple[list[str], str]:
    """Return fonts that together have all characters of these texts, and a notice that names those that none has."""
    wanted = {char for text in texts for char in text if ord(char) >= LATIN and not unicodedata.combining(char)}
    wanted = {char for char in wanted if char.isprintable()}
    fonts = ["DejaVu Sans"]
    wanted -= _has("DejaVu Sans")
    if not wanted:
        return fonts, ""
    for names in (_known, _new):
        # Families for many scripts first: usually the others need not be read.
        for name in sorted(names(), key=lambda each: ("CJK" not in each, "Noto" not in each)):
            found = wanted & _has(name)
            if found:
                fonts.append(name)
                wanted -= found
            if not wanted:
                return fonts, ""
    some = "".join(sorted(wanted)[:12])
    return fonts, Said(
        "no font of this system has {characters}; a font such as Noto Sans CJK would, and matplotlib finds it",
        characters=some,
    )


def _known() -> list[str]:
    """Return the names of the fonts that matplotlib knows: it keeps a list of those that it has once found."""
    from matplotlib import font_manager

    return list(dict.fromkeys(font.name for font in font_manager.fontManager.ttflist))


def _new() -> list[str]:
    """Return the names of fonts that have been installed since that list was made."""
    from matplotlib import font_manager

    before = _known()
    listed = {font.fname for font in font_manager.fontManager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in listed:
            with suppress(OSError, RuntimeError):  # no font after all
                font_manager.fontManager.addfont(path)
    return [name for name in _known() if name not in before]


def _has(name: str) -> set[str]:
    from matplotlib import font_manager

    try:
        path = font_manager.findfont(name, fallback_to_default=False)
        return set(map(chr, font_manager.get_font(path).get_charmap()))
    except (ValueError, OSError, RuntimeError):
        return set()
