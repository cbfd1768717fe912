"""What a notebook shows, as HTML that asks for nothing and brings its own style.

It has no colours but those of the heat maps and of the marked element, which say theirs of the text, too: all else is
read in the notebook's own, light or dark. The heat is said cell by cell, since notebooks that are not trusted, and
sites that show them, leave styles for the whole out.
"""

from __future__ import annotations

from importlib.resources import files

from attncli.show.html import text
from attncli.show.html_tables import table
from attncli.show.screen import Screen
from attncli.show.tables import Grid
from attncli.show.view import View

# So many characters of a table stand beside each other in a notebook, and in a line of its text.
WIDTH, LINE = 125, 80
VIEW = View(Screen(terminal=False, width=LINE, color=False, unicode=True))


def fragment(content: str, lang: str = "") -> str:
    """Return a part of a page with its style.

    Args:
        content: HTML.
        lang: its language, if it has one.
    """
    style = (files("attncli.notebook") / "style.css").read_text(encoding="utf-8")
    of_language = f' lang="{lang}"' if lang else ""
    return f'<div class="attncli"{of_language}>\n<style>\n{style}</style>\n{content}\n</div>'


def code(name: str) -> str:
    """Return what one would type."""
    return f"<code>{text(name)}</code>"


def numbers(grid: Grid, view: View = VIEW) -> str:
    """Return a table of numbers, which scrolls where it is too wide."""
    return f'<div class="wide">{table(grid, view, WIDTH)}</div>'
