"""What programs get: the numbers as JSON, or as CSV with a line for each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from attncli.cost.cost import RUNS, TENSORS, Cost
from attncli.cost.formula import Formula, Words, total
from attncli.cost.operations import RECOMPUTE, STAGES
from attncli.cost.workings import formulas
from attncli.text import as_json

Varied = Mapping[str, int]


def record(cost: Cost, words: Words) -> dict[str, Any]:
    """Return everything as plain numbers and texts."""
    pairs, cache = cost.pairs, cost.cache
    return {
        "pairs": {"open": pairs.open, "all": pairs.every, "tiled": pairs.tiled, "tile": list(cost.case.tile)},
        "operations": {run: _stages(cost.operations[run]) for run in RUNS},
        "bytes": {name: cost.bytes[name].value for name in TENSORS},
        "cache": {
            "bytes": cache.bytes().value,
            "per_token": cache.per_token().value,
            "expanded_bytes": cache.expanded().value,
            "tokens_in_memory": cost.tokens_in_memory,
            "quantized": {name: each.value for name, each in cost.quantized.items()},
            "layers": [
                {
                    "kind": each.group.kind,
                    "count": each.group.count,
                    "keys": each.keys,
                    "bytes_per_key": each.per_key.value,
                    "bytes": each.bytes.value,
                }
                for each in cost.held
            ],
        },
        "time": None if cost.machine is None else _times(cost),
        "formulas": formulas(cost, words),
    }


def _stages(done: Mapping[str, Formula]) -> dict[str, int]:
    stages = [*STAGES, *[RECOMPUTE] * (RECOMPUTE in done)]
    return {stage: done[stage].value for stage in stages} | {"total": total(done.values()).value}


def _times(cost: Cost) -> dict[str, Any]:
    assert cost.machine is not None
    found = {name: run.seconds(cost.machine) for name, run in cost.runs.items()}
    return {name: {"seconds": seconds, "bound": bound} for name, (seconds, bound) in found.items()}


def to_json(cost: Cost, words: Words) -> str:
    """Return one case."""
    return as_json(record(cost, words), indent=2)


def to_json_list(found: Sequence[tuple[Varied, Cost]], words: Words) -> str:
    """Return several cases, each behind what varies."""
    return as_json([{**varied, **record(cost, words)} for varied, cost in found], indent=2)


def to_csv(cost: Cost, words: Words) -> str:
    """Return one case: a line for each number, with its name and its formula."""
    own = record(cost, words)
    sums = own.pop("formulas")
    return _csv([("name", "value", "formula"), *((name, value, sums.get(name, "")) for name, value in _flat(own))])


def to_csv_list(found: Sequence[tuple[Varied, Cost]], words: Words) -> str:
    """Return several cases: a line for each, with the names above."""
    rows = []
    for varied, cost in found:
        own = record(cost, words)
        del own["formulas"]
        rows.append(dict(_flat({**varied, **own})))
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _csv([names, *([row.get(name, "") for name in names] for row in rows)])


def _flat(own: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the numbers with their places, as in JSON, written with points."""
    if isinstance(own, dict):
        for each, value in own.items():
            yield from _flat(value, f"{name}.{each}" if name else each)
    elif isinstance(own, list):
        for at, value in enumerate(own):
            yield from _flat(value, f"{name}.{at}")
    else:
        yield name, "" if own is None else own


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
