"""What show may know: text, and Rich, whose tables and bars nobody else builds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import attncli

CODE = Path(attncli.__file__).parent
BUILT = ("rich.box", "rich.table", "rich.progress")


def imported(path: Path) -> Iterator[str]:
    """Return the modules that a module imports, at its top, within functions, or for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_show_knows_no_feature_no_problem_and_no_file() -> None:
    """Of this package it imports itself, the helpers for text, the languages, and what a signal has undone."""
    known = {name for path in (CODE / "show").glob("*.py") for name in imported(path) if name.startswith("attncli")}
    assert {name for name in known if not name.startswith("attncli.show")} == {
        "attncli.languages",
        "attncli.signals",
        "attncli.text",
    }


def test_tables_and_bars_are_built_in_show() -> None:
    """Whoever else needs one asks for it there."""
    others = [path for path in CODE.rglob("*.py") if path.parent.name != "show"]
    assert [path.name for path in others if set(BUILT) & set(imported(path))] == []
