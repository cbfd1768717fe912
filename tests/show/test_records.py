"""The one plain table: nothing in it is cut off, and one column may give way."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from attncli.show.records import print_records, shorten
from attncli.show.screen import Screen


def printed(records: list[dict[str, str]], width: int, *, unicode: bool = True, **how: object) -> list[str]:
    """Print records on a screen of this width; return the lines without their trailing blanks."""
    screen = Screen(terminal=False, width=width, color=False, unicode=unicode)
    console = Console(file=StringIO(), width=width, markup=False, highlight=False, safe_box=not unicode)
    print_records(records, screen, console, **how)  # type: ignore[arg-type]
    assert console.width == width
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_table_by_hand() -> None:
    """Numbers end where their heading ends; a heading that no record has a text for is left out."""
    records = [{"name": "a", "ms": "1.0", "note": ""}, {"name": "longer", "ms": "12.0", "note": ""}]
    assert printed(records, 80, right=("ms",)) == [
        "name       ms",
        "─────────────",
        "a         1.0",
        "longer   12.0",
    ]


def test_nothing_is_cut_off_on_a_narrow_screen() -> None:
    """The table is as wide as it has to be, whatever the width of the screen."""
    records = [{"name": "decoder.layers.3", "shape": "12×16×32"}]
    assert printed(records, 20) == printed(records, 80)


def test_a_column_that_folds_leaves_the_others_whole() -> None:
    """The long text is broken; every number keeps its line."""
    lines = printed([{"min": "-4.164", "file": "/a/folder/of/some/length.npz"}], 24, right=("min",), folded="file")
    assert [line.split() for line in lines if "─" not in line] == [
        ["min", "file"],
        ["-4.164", "/a/folder/of/so"],
        ["me/length.npz"],
    ]


def test_sentences_are_broken_between_words_and_wide_characters() -> None:
    """Each column keeps at least 14 columns, on the narrowest screen too."""
    records = [{"name": "n" * 20, "what": "one two three four five", "needs": "x"}]
    assert [line.split() for line in printed(records, 20, folded="what")[2:]] == [
        ["n" * 20, "one", "two", "three", "x"],
        ["four", "five"],
    ]
    chinese = [{"name": "n", "what": "把矩阵的每一行，都变成权重。"}]
    assert printed(chinese, 18, folded="what")[2:] == [
        "n      把矩阵的每一",
        "       行，都变成权",
        "       重。",
    ]


def test_paths_lose_their_beginning_then_their_column() -> None:
    """The end of a path is what tells layers apart; below 14 characters it no longer does."""
    records = [{"problem": "a", "layer": "model.layers.10.self_attn"}]
    assert shorten(records, "layer", 40) == records
    assert [len(row["layer"]) for row in shorten(records, "layer", 30)] == [20]
    assert shorten(records, "layer", 20) == [{"problem": "a"}]


def test_texts_of_files_are_no_markup_and_control_nothing() -> None:
    """Brackets stay, escape sequences are made visible, and an ASCII screen gets "x" for "×"."""
    lines = printed([{"name": "[red]x[/red]", "shape": "2×3", "other": "a\x1b[0m"}], 80, unicode=False)
    assert lines[-1].split() == ["[red]x[/red]", "2x3", "a\\x1b[0m"]


@pytest.mark.parametrize("width", [20, 80])
def test_no_records_are_no_table(width: int) -> None:
    assert printed([], width) == []
