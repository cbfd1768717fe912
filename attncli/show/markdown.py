"""Matrices and texts as Markdown that can be pasted anywhere, with no markup smuggled in from files."""

from __future__ import annotations

import re

from attncli.harmless import visible
from attncli.show.tables import Grid, fit_columns

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|$~&!])")
# A page has no width that could be measured; this many columns can still be read.
MOST_COLUMNS = 12


def escape(text: str) -> str:
    r"""Return text that Markdown shows as it is.

    >>> escape("<MA> *x*")
    '\\<MA\\> \\*x\\*'
    """
    return SPECIAL.sub(r"\\\1", visible(text))


def table(grid: Grid, digits: int, most: int | None) -> str:
    """Return a table in the syntax of GitHub; the marked element is bold."""
    texts = fit_columns(grid, digits, 0, most or MOST_COLUMNS)
    lines = [["", *texts.head], ["---"] + ["---:"] * len(texts.head)]
    lines += [[name, *body] for name, body in zip(texts.side, texts.body, strict=True)]
    rows = [[_cell(each) if number != 1 else each for each in line] for number, line in enumerate(lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _cell(text: str) -> str:
    # A number in brackets is the marked one; a label in brackets, such as [CLS], is not a number.
    marked = re.fullmatch(r"\[([-+−\d.e∞NaN]+)\]", text)
    return f"**{marked[1]}**" if marked else escape(text)
