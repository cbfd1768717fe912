"""What `check` found, as JSON for scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attncli.check.compare import Worst
from attncli.check.explanation import Explanation
from attncli.check.mistakes.registry import libraries
from attncli.check.report import Checked, fix
from attncli.files.contents import of_item
from attncli.text import as_json


def record(checked: Checked) -> dict[str, Any]:
    """Return what came of one check."""
    finding = checked.finding
    if finding is None:
        return {"file": checked.name, "agrees": None, "problem": checked.problem}
    c = finding.comparison
    return {
        "file": checked.name,
        "agrees": finding.agrees,
        "error": c.error,
        "tolerance": c.tolerance,
        "precision": c.level.words(),
        "rounding": None if finding.rounding is None else finding.rounding.words(),
        "layout": finding.layout.name,
        "layout_is_own": finding.layout.own,
        "worst": _worst(checked, c.worst),
        "rows": int(c.wrong.size),
        "rows_that_differ": int(c.wrong.sum()),
        "heads_that_differ": np.flatnonzero(c.differing(1)).tolist(),
        "batch_items_that_differ": np.flatnonzero(c.differing(0)).tolist(),
        "nan": {"expected": c.nan[0], "computed": c.nan[1]},
        "infinite": {"expected": c.infinite[0], "computed": c.infinite[1]},
        "first_not_finite": None if c.nonfinite_at is None else list(c.nonfinite_at),
        "diagnosed": finding.diagnosed,
        "explanations": [_explanation(each) for each in finding.explanations],
        "facts": list(finding.facts),
        "apart": list(finding.distinguish),
        "blind": dict(finding.blind),
    }


def _worst(checked: Checked, worst: Worst) -> dict[str, Any]:
    return {
        "batch": worst.batch,
        "head": worst.head,
        "query": worst.query,
        "label": of_item(checked.labels, worst.batch)[worst.query] if checked.labels else None,
        "column": worst.feature,
        "expected": worst.expected,
        "computed": worst.computed,
    }


def _explanation(explanation: Explanation) -> dict[str, Any]:
    return {
        "mistakes": list(explanation.mistakes),
        "rank": explanation.rank,
        "said": list(explanation.descriptions),
        "detail": explanation.detail,
        "residual": explanation.residual,
        "rows": list(explanation.rows),
        "fix": fix(explanation),
        "options": explanation.options,
        "libraries": libraries(explanation.mistakes),
    }


def strict(value: Any) -> Any:
    """Return a record as strict JSON can hold it: what is not finite becomes a text, as in files.

    >>> strict({"p": [0.5, float("-inf")]})
    {'p': [0.5, '-Infinity']}
    """
    if isinstance(value, Mapping):
        return {name: strict(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [strict(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def to_json(found: Sequence[Checked], *, many: bool) -> str:
    """Return one record, or all of many with their counts."""
    records = [record(each) for each in found]
    if not many:
        return _written(records[0])
    counts = {
        "agree": sum(each["agrees"] is True for each in records),
        "differ": sum(each["agrees"] is False for each in records),
        "failed": sum(each["agrees"] is None for each in records),
    }
    return _written({"checked": records, **counts})


def _written(whole: Mapping[str, Any]) -> str:
    return as_json(strict(whole), indent=2, allow_nan=False)
