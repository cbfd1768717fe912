"""Text in pieces: the same as all at once, to the byte, and never more of it in memory than a few megabytes."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest

from attncli.files.contents import Named
from attncli.files.formats import DATA, FORMATS, Format
from attncli.files.pieces import PIECE, pieces
from attncli.files.save import encoded, write

SHAPES = ((2 * PIECE + 3,), (PIECE + 1, 2), (3, PIECE + 5), (2, 3, PIECE // 2), (2, 1, PIECE + 1), (0, 3), (2, 0), ())


def numbers(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape) * 10.0 ** np.random.default_rng(0).integers(-9, 9)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_pieces_of_an_array_are_all_of_it_in_order(shape: tuple[int, ...]) -> None:
    """Rows together as long as they are short, and alone where one is longer than a piece."""
    array = numbers(shape or (1,))
    found = list(pieces(array))
    assert [number for each in found for number in each.ravel().tolist()] == array.ravel().tolist()
    assert all(each.size <= PIECE or each.ndim < array.ndim for each in found)


@pytest.mark.parametrize("shape", SHAPES)
def test_json_in_pieces_is_what_the_library_makes_of_all(shape: tuple[int, ...]) -> None:
    """Down to the blanks; a reader of any language gets the same numbers back."""
    array = numbers(shape)
    text = encoded(FORMATS["json"], Named({"value": array, "output": array}))
    assert text.decode() == f'{{\n"value": {json.dumps(array.tolist())},\n"output": {json.dumps(array.tolist())}\n}}\n'


def test_what_json_lacks_is_found_in_every_piece() -> None:
    """In the last number too."""
    array = np.ones((3, PIECE))
    array[2, -3:] = np.nan, np.inf, -np.inf
    for name, minus in (("logits", None), ("output", "-Infinity")):
        made = json.loads(encoded(FORMATS["json"], Named({name: array})), parse_constant=pytest.fail)
        assert made[name][2][-4:] == [1.0, "NaN", "Infinity", minus]


@pytest.mark.parametrize("shape", [(PIECE + 1,), (PIECE + 1, 2), (3, PIECE + 5)])
@pytest.mark.parametrize("labels", [False, True])
def test_csv_in_pieces_has_a_line_for_each_row(shape: tuple[int, ...], labels: bool) -> None:
    """Of any length, with its label; every number reads back as it was."""
    array = numbers(shape)
    named = {"query_labels": tuple(map(str, range(len(np.atleast_2d(array)))))} if labels else {}
    lines = encoded(FORMATS["csv"], Named({"output": array}, named)).decode().splitlines()
    found = [line.split(",")[labels:] for line in lines[labels:]]
    assert np.array_equal(np.array(found, dtype=float), np.atleast_2d(array))


class Counted(io.RawIOBase):
    """A file that keeps nothing but its length."""

    length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.length += len(data)
        return len(data)


@pytest.mark.takes(5)
@pytest.mark.parametrize("kind", [each for each in DATA if not each.goes_back], ids=lambda each: each.name)
def test_writing_takes_no_more_than_a_piece(kind: Format) -> None:
    """As text these numbers take 2.5 times their 8 MB, and as numbers of Python 4 times; NumPy's pieces have 16 MB."""
    array = numbers((500 if kind.text else 2000, 2000))
    file: Any = Counted()
    write(kind, Named({"output": array[:1]}), file)
    tracemalloc.start()
    write(kind, Named({"output": array}), file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert file.length > array.nbytes
    assert peak < (10_000_000 if kind.text else 17_000_000)
