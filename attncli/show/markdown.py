"""Matrices and texts as Markdown to be pasted anywhere; text from files stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attncli.show.tables import Grid, fit_columns
from attncli.text import visible

SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|$~&!@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
# At the start of a line these make a list or a rule.
START = re.compile(r"^(\d*)([-+=.)])")
# A table ends its cell there, even within code.
PIPE = re.compile(r"(?<!\\)\|")
# The width of the page is not known; this many columns are still readable.
MOST_COLUMNS = 12


def escape(text: str) -> str:
    r"""Return text that Markdown shows as it is: no markup, no list, no link.

    >>> escape("<MA> *x*"), escape("1. a"), escape("- b")
    ('\\<MA\\> \\*x\\*', '1\\. a', '\\- b')
    """
    return START.sub(r"\1\\\2", SPECIAL.sub(r"\\\g<0>", visible(text).strip()))


def spans(text: str) -> str:
    r"""Return a sentence in which what stands between backticks is code, and the rest is no markup.

    >>> spans("`a*b` is a*b.")
    '`a*b` is a\\*b.'
    """
    parts = visible(text).split("`")
    return "".join(f"`{part}`" if at % 2 else SPECIAL.sub(r"\\\g<0>", part) for at, part in enumerate(parts))


def records(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Return a table of sentences in the syntax of GitHub.

    >>> print(records(["a", "b"], [["`x|y`", "|"]]))
    | a | b |
    | --- | --- |
    | `x\|y` | \| |
    """
    cells = [[PIPE.sub(r"\|", spans(text)) for text in row] for row in (headings, *rows)]
    lines = [cells[0], ["---"] * len(headings), *cells[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(grid: Grid, digits: int, most: int | None) -> str:
    """Return a table in the syntax of GitHub; the marked element is bold."""
    texts = fit_columns(grid, digits, 0, most or MOST_COLUMNS, "**{}**")
    lines = [["", *map(escape, texts.head)], ["---"] + ["---:"] * len(texts.head)]
    lines += [[escape(name), *numbers] for name, numbers in zip(texts.side, texts.body, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
