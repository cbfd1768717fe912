"""What `check` found, as JSON for scripts: in English whatever the language."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attncli.check import facts
from attncli.check.backward.finding import BackwardFinding
from attncli.check.backward.report import row_of
from attncli.check.compare import Comparison, Worst
from attncli.check.explanation import Explanation
from attncli.check.layouts import Layout
from attncli.check.mistakes.registry import libraries
from attncli.check.parts import fix
from attncli.check.report import Checked
from attncli.check.results.finding import ResultsFinding
from attncli.check.rounding import Level
from attncli.check.ruled_out import RuledOut
from attncli.check.voice import IN_ENGLISH
from attncli.files.contents import AnyLabels, of_item
from attncli.sentences import Listed, Sentence, word
from attncli.text import as_json


def record(checked: Checked) -> dict[str, Any]:
    """Return what came of one check."""
    finding, back = checked.finding, checked.backward
    if checked.agrees is None:
        return {"file": checked.name, "agrees": None, "problem": checked.problem}
    said: dict[str, Any] = {"file": checked.name, "agrees": checked.agrees}
    beside = {} if checked.told is None else dict(checked.told.record())
    if finding is not None:
        compared = _compared(finding.comparison, finding.layout, finding.rounding, checked.labels)
        found = compared | {
            "diagnosed": finding.diagnosed,
            "explanations": [_explanation(each) for each in finding.explanations],
            "facts": list(map(fact, finding.facts)),
            "untried": list(map(IN_ENGLISH.say, finding.untried)),
            "ruled_out": [] if finding.ruled_out is None else _ruled_out(finding.ruled_out),
            "apart": list(map(IN_ENGLISH.say, finding.distinguish)),
            "blind": {_word("hides", name): _word("untold", name) for name in finding.blind},
            **beside,
        }
        if checked.is_of_output:
            return said | found
        said["arrays"] = {"output": {"agrees": finding.agrees} | compared}
        said |= {
            name: found[name]
            for name in ("diagnosed", "explanations", "facts", "untried", "ruled_out", "apart", "blind")
        }
    if checked.on_the_way is not None:
        said |= _with_results(said, checked, checked.on_the_way)
    said |= beside
    return said if back is None else said | _with_gradients(said, back, checked.labels)


def _with_results(said: Mapping[str, Any], checked: Checked, found: ResultsFinding) -> dict[str, Any]:
    """Return what came of results on the way, before what came of the output."""
    arrays = {
        each.name: {"agrees": each.agrees, "really": each.is_really or None, "notes": in_english(each.notes)}
        | _compared(each.comparison, each.layout, each.rounding, checked.labels, each.row)
        for each in found.seen
    }
    explained = list(map(_explanation, found.explanations))
    of_output = [each for each in said.get("explanations", ()) if found.explains_output is not True]
    every = dict.fromkeys([*found.every_fact, *(() if checked.finding is None else checked.finding.facts)])
    untried = dict.fromkeys([*map(IN_ENGLISH.say, found.untried), *said.get("untried", ())])
    return {
        "diagnosed": said.get("diagnosed", False) or found.diagnosed,
        "explanations": [*explained, *of_output],
        "facts": list(map(fact, every)),
        "untried": list(untried),
        "first_difference": None if found.first is None else found.first.name,
        "right_until": found.right_until or None,
        "explains_output": found.explains_output,
        "output_follows": found.follows,
        "arrays": {**arrays, **said.get("arrays", {})},
    }


def _with_gradients(said: Mapping[str, Any], back: BackwardFinding, labels: Mapping[str, AnyLabels]) -> dict[str, Any]:
    """Return what came of gradients, after what came of the output."""
    arrays = {
        f"d_{each.name}": {"agrees": each.agrees, "shape_of": each.like or None}
        | _compared(each.comparison, each.layout, back.roundings.get(each.name), labels, row_of(each))
        for each in back.seen
    }
    return {
        "diagnosed": said.get("diagnosed", False) or back.diagnosed,
        "explanations": [*said.get("explanations", ()), *map(_explanation, back.explanations)],
        "facts": [*said.get("facts", ()), *map(fact, back.facts)],
        "stopped": back.stopped,
        "arrays": {**said.get("arrays", {}), **arrays},
    }


def _compared(
    c: Comparison, layout: Layout, rounding: Level | None, labels: Mapping[str, AnyLabels], row: str = "query"
) -> dict[str, Any]:
    """Return what came of comparing one array."""
    return {
        "error": c.error,
        "tolerance": c.tolerance,
        "precision": IN_ENGLISH.say(c.level.words()),
        "rounding": None if rounding is None else IN_ENGLISH.say(rounding.words()),
        "layout": layout.name,
        "layout_is_own": layout.own,
        "worst": _worst(c.worst, labels.get(f"{row}_labels"), row),
        "rows": int(c.wrong.size),
        "rows_that_differ": int(c.wrong.sum()),
        "heads_that_differ": np.flatnonzero(c.differing(1)).tolist(),
        "batch_items_that_differ": np.flatnonzero(c.differing(0)).tolist(),
        "nan": {"expected": c.nan[0], "computed": c.nan[1]},
        "infinite": {"expected": c.infinite[0], "computed": c.infinite[1]},
        "first_not_finite": None if c.nonfinite_at is None else list(c.nonfinite_at),
    }


def _worst(worst: Worst, labels: AnyLabels | None, row: str) -> dict[str, Any]:
    return {
        "batch": worst.batch,
        "head": worst.head,
        row: worst.query,
        "label": of_item(labels, worst.batch)[worst.query] if labels else None,
        "column": worst.feature,
        "expected": worst.expected,
        "computed": worst.computed,
    }


def _explanation(explanation: Explanation) -> dict[str, Any]:
    return {
        "mistakes": list(explanation.mistakes),
        "rank": explanation.rank,
        "said": list(map(IN_ENGLISH.say, explanation.descriptions)),
        "part": None if explanation.part is None else explanation.part.axes(),
        "detail": in_english(explanation.detail),
        "residual": explanation.residual,
        "rows": list(explanation.rows),
        "fix": IN_ENGLISH.say(fix(explanation)),
        "options": explanation.options,
        "libraries": libraries(explanation.mistakes),
    }


def _ruled_out(found: RuledOut) -> list[dict[str, Any]]:
    """Return the families of mistakes; errors are shares of a row."""
    return [
        {
            "family": each.family,
            "tried": each.tried,
            "nearest": None
            if each.nearest is None
            else {
                "mistakes": [mistake.id for mistake in each.nearest.mistakes],
                "said": IN_ENGLISH.say(each.nearest.description),
                "error": each.error,
            },
            "more_than": each.error if each.tried and each.nearest is None else None,
            "why_not": each.why_not or None,
            "right": found.right,
            "tolerance": found.tolerance,
        }
        for each in found.families
    ]


def _word(kind: str, name: str) -> str:
    return IN_ENGLISH.say(word(kind, name))


def fact(found: Sentence) -> dict[str, Any]:
    """Return a fact for programs."""
    return facts.record(found, IN_ENGLISH.say(found))


def in_english(value: Any) -> Any:
    """Return details with what is said in them in words."""
    if isinstance(value, Mapping):
        return {name: in_english(each) for name, each in value.items()}
    return IN_ENGLISH.say(value) if isinstance(value, Sentence | Listed) else value


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
