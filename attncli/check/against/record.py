"""What `check --against` found, as JSON for scripts: in English whatever the language."""

from __future__ import annotations

from typing import Any

from attncli.check import record as one
from attncli.check.against.aligning import Along
from attncli.check.against.cell import Cell
from attncli.check.against.diagnosis import First
from attncli.check.against.report import difference
from attncli.check.against.rows import Against, Row
from attncli.check.voice import IN_ENGLISH
from attncli.text import as_json


def to_json(found: Against, first: First | None) -> str:
    """Return everything about two dumps."""
    return as_json(one.strict(record(found, first)), indent=2, allow_nan=False)


def record(found: Against, first: First | None) -> dict[str, Any]:
    """Return everything about two dumps."""
    return {
        "file": found.mine,
        "against": found.theirs,
        "agrees": found.agrees,
        "pairs": [_row(row) for row in found.rows],
        "unpaired": {"mine": list(found.only_mine), "theirs": list(found.only_theirs)},
        "first": None if first is None else _first(first),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "mine": row.pair.mine,
        "theirs": row.pair.theirs,
        "by": row.pair.by,
        "agrees": not row.wrong,
        "aligned": {"by": row.at.by or None, "queries": _along(row.at.queries), "keys": _along(row.at.keys)},
        "options": {name: {"mine": mine, "theirs": theirs} for name, (mine, theirs) in row.options.items()},
        "arrays": {name: _cell(cell) for name, cell in row.cells.items()},
    }


def _along(along: Along | None) -> dict[str, list[int]] | None:
    """Return the places that both have; None: all of them."""
    if along is None or along.is_all:
        return None
    return {"mine": along.mine.tolist(), "theirs": along.theirs.tolist()}


def _cell(cell: Cell) -> dict[str, Any]:
    said: dict[str, Any] = {"status": cell.status.value}
    if cell.comparison is not None:
        said |= {"error": cell.error, "tolerance": cell.tolerance, "share_of_row": cell.share}
    if any(cell.shapes):
        said["shapes"] = list(cell.shapes)
    return said | ({"notes": one.in_english(cell.notes)} if cell.notes else {})


def _first(first: First) -> dict[str, Any]:
    return {
        "mine": first.row.pair.mine,
        "theirs": first.row.pair.theirs,
        "array": first.name,
        "said": IN_ENGLISH.say(difference(first)),
        "facts": list(map(one.fact, first.facts)),
        "mask": None if first.rule is None else {"name": first.rule.name, **first.rule.detail},
        "checked_with": None if first.checked is None else first.whose,
        "check": None if first.checked is None else one.record(first.checked),
        "not_checked": None if first.why_not is None else IN_ENGLISH.say(first.why_not),
    }
