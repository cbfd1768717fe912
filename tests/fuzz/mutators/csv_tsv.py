"""CSV and TSV broken by cells, rows and columns."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.fuzz import hostile

Rows = list[list[str]]
LINES = (
    "# a comment",
    "#",
    "sep=;",
    "sep=,",
    "",
    ",",
    ",,,",
    ";;",
    "0,1,2,3,4",
    ",0,1,2",
    "un,##able",
    '"',
    '""',
    "\f",
    "\x00",
)


def _of_cells(change: Callable[[random.Random, Rows], Rows]) -> Callable[[random.Random, bytes], bytes]:
    def mutate(rng: random.Random, data: bytes) -> bytes:
        text = data.decode("utf-8", "surrogateescape")
        delimiter = "\t" if "\t" in text else ","
        rows = [line.split(delimiter) for line in text.split("\n")]
        found = change(rng, rows)
        other = rng.choice((delimiter,) * 8 + (";", "\t", ",", " ", "  ", " , ", "|"))
        return "\n".join(other.join(row) for row in found).encode("utf-8", "surrogatepass")

    mutate.__name__ = change.__name__
    return mutate


def cell(rng: random.Random, rows: Rows) -> tuple[list[str], int]:
    """Return a row and the place of a cell in it."""
    row = rng.choice(rows)
    return row, rng.randrange(len(row))


@_of_cells
def other_cell(rng: random.Random, rows: Rows) -> Rows:
    """Put something else into cells, maybe quoted."""
    for _ in range(rng.choice((1, 1, 2, 5))):
        row, at = cell(rng, rows)
        text = hostile.either(rng)
        row[at] = f'"{text}"' if rng.random() < 0.3 else text
    return rows


@_of_cells
def other_column(rng: random.Random, rows: Rows) -> Rows:
    """Add a column of something, or leave one out."""
    at, gone = rng.randrange(len(rows[0]) + 1), rng.random() < 0.4
    text = rng.choice((hostile.either(rng), "", "5", "50%"))
    return [row[:at] + ([] if gone else [text]) + row[at + gone :] for row in rows]


@_of_cells
def other_row(rng: random.Random, rows: Rows) -> Rows:
    """Insert a line: a header, a comment or nothing."""
    at = rng.randint(0, len(rows))
    counted = [str(i) for i in range(len(rows[0]))]
    return [
        *rows[:at],
        rng.choice((counted, ["", *counted], [rng.choice(LINES)], [f"# {hostile.either(rng)}"])),
        *rows[at:],
    ]


@_of_cells
def fewer(rng: random.Random, rows: Rows) -> Rows:
    """Leave out a row or a cell, or shuffle the rows."""
    row, at = cell(rng, rows)
    if rng.random() < 0.5:
        row.pop(at)
    elif rng.random() < 0.5:
        rows.remove(row)
    else:
        rng.shuffle(rows)
    return rows


@_of_cells
def labelled(rng: random.Random, rows: Rows) -> Rows:
    """Put labels before the rows, some of which begin with #."""
    return [
        [rng.choice(("un", "##able", "#", "!", "1", "50%", "it's", "", "NaN")), *row] for row in rows if row != [""]
    ]


MUTATORS = (other_cell, other_cell, other_column, other_row, fewer, labelled)
