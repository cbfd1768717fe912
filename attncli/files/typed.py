"""Matrices typed on the command line in place of a file: ``[[1,2],[3,4]]``, and lists such as ``0.1,0.2``."""

from __future__ import annotations

from attncli.errors import InputError
from attncli.files.contents import Matrix
from attncli.text import shortened

# What messages repeat of a long one.
MOST = 40


def is_bracketed(text: str) -> bool:
    """Tell whether a text begins as a matrix does.

    >>> is_bracketed(" [1, 2]"), is_bracketed("1,2")
    (True, False)
    """
    return text.lstrip().startswith("[")


def is_list(text: str) -> bool:
    """Tell whether a text is a list of numbers, or of true and false, with commas between them.

    >>> is_list("-0.1,2e3"), is_list("true,false"), is_list("1,2.csv"), is_list("inf")
    (True, True, False, False)
    """
    from attncli.files.csv_cells import NOT_FINITE, NUMBER, TRUTH

    words = NOT_FINITE.keys() | TRUTH.keys()
    cells = text.split(",")
    known = all(NUMBER.fullmatch(cell) or cell.strip().lower() in words for cell in cells)
    return known and (len(cells) > 1 or NUMBER.fullmatch(text) is not None)


def called(text: str) -> str:
    r"""Return what messages call a matrix that was typed: its text.

    >>> called("[[1,2],\n [3,4]]"), len(called("[" * 100))
    ('[[1,2], [3,4]]', 40)
    """
    return shortened(" ".join(text.split()), MOST)


def bracketed(text: str) -> Matrix:
    """Read a matrix between brackets, by the rules of JSON files.

    Raises:
        InputError: as for a file; broken JSON may also be a shell that took the text apart.
    """
    from attncli.files.json import parse
    from attncli.files.json_faults import INCOMPLETE

    try:
        matrix = parse(text)
    except InputError as error:
        if error.place and error.hint in ("", INCOMPLETE):
            error.hint = "there is no file of this name; a matrix is quoted, as in '[[1, 2], [3, 4]]'"
        raise
    assert isinstance(matrix, Matrix)  # nothing else begins with a bracket
    return matrix


def listed(text: str) -> Matrix:
    """Read a list of numbers, by the rules of CSV files, as an array with one axis."""
    from attncli.files.csv_tsv import parse

    return Matrix(parse(text, ",", header=False, row_labels=False).array[0])
