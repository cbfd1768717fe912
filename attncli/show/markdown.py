"""Matrices and texts as Markdown to be pasted anywhere; text from files stays text."""

from __future__ import annotations

import re

from attncli.show.tables import Grid, fit_columns
from attncli.text import visible

SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|$~&!@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
# At the start of a line these make a list or a rule.
START = re.compile(r"^(\d*)([-+=.)])")
# The width of the page is not known; this many columns are still readable.
MOST_COLUMNS = 12


def escape(text: str) -> str:
    r"""Return text that Markdown shows as it is: no markup, no list, no link.

    >>> escape("<MA> *x*"), escape("1. a"), escape("- b")
    ('\\<MA\\> \\*x\\*', '1\\. a', '\\- b')
    """
    return START.sub(r"\1\\\2", SPECIAL.sub(r"\\\g<0>", visible(text).strip()))


def table(grid: Grid, digits: int, most: int | None) -> str:
    """Return a table in the syntax of GitHub; the marked element is bold."""
    texts = fit_columns(grid, digits, 0, most or MOST_COLUMNS, "**{}**")
    lines = [["", *map(escape, texts.head)], ["---"] + ["---:"] * len(texts.head)]
    lines += [[escape(name), *numbers] for name, numbers in zip(texts.side, texts.body, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
