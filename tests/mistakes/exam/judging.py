"""What a check said of an output, and whether that is right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attncli.check.diagnosis import Finding
from attncli.check.record import record, strict
from attncli.check.report import Checked
from attncli.check.voice import IN_ENGLISH
from tests.mistakes.exam.kinds import Item
from tests.mistakes.exam.plain import right
from tests.mistakes.stages import Array

# How far a wrong output has to be from the right one, as a share of a row, to be asked about: by its type. Right ones
# are nearer.
VISIBLE = {"float32": 1e-4, "float16": 4e-3, "bfloat16": 3e-2}
# What says nothing of what is wrong.
EXACT = re.compile(r"; the other \d+ of \d+ are exact")
OUTCOMES = {
    "first": "the first explanation is right",
    "named": "another explanation is",
    "described": "no explanation, but a fact makes the cause plain",
    "none": "no explanation, and no fact that says it",
    "blame": "explanations, and none of them right",
    "agrees": "said to be right",
    "stopped": "took too long, and was stopped",
    "error": "ended in an error",
}


@dataclass(frozen=True)
class Said:
    """What came of one question.

    Attributes:
        name: kind and problem.
        family: of the kind, or the route of a right output.
        outcome: one of `OUTCOMES`.
        texts: what was said, explanations first.
        seconds: how long it took, of the processor.
    """

    name: str
    family: str
    outcome: str
    texts: tuple[str, ...]
    seconds: float


def leaves(value: Any) -> Iterator[str]:
    """All texts and numbers of a record, in their order."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from leaves(each)
    elif value is not None:
        yield str(value)


def of_explanations(found: Mapping[str, Any]) -> list[tuple[set[str], str]]:
    """The ids and the words of each explanation."""
    said = []
    for each in found["explanations"]:
        words = " ".join(leaves({name: each[name] for name in ("said", "detail") if name in each}))
        said.append((set(each["mistakes"]), f"{' + '.join(each['mistakes'])}: {words}"))
    return said


def judged(item: Item, finding: Finding) -> tuple[str, tuple[str, ...]]:
    """The outcome, and what was said."""
    found = strict(record(Checked("", finding)))
    explanations = of_explanations(found)
    facts = [EXACT.sub("", " ".join(leaves(each))) for each in found["facts"]]
    texts = (*(text for _, text in explanations), *facts)
    if finding.agrees:
        # What says that only rounding, and which, makes it agree says so much of the cause.
        said = "" if finding.rounding is None else IN_ENGLISH.say(finding.rounding.words())
        return ("described" if said and is_plain(item.patterns, said) else "agrees"), (*texts, said)[
            : len(texts) + bool(said)
        ]
    right_ones = [is_right(item, ids, text) for ids, text in explanations]
    if any(right_ones):
        return ("first" if right_ones[0] else "named"), texts
    if explanations:
        return "blame", texts
    return ("described" if any(is_plain(item.patterns, fact) for fact in facts) else "none"), texts


def is_right(item: Item, ids: set[str], text: str) -> bool:
    """Say whether an explanation names the cause, by its ids, or by its words where it is of one mistake."""
    return ids <= set(item.kind.ids) or (len(ids) == 1 and is_plain(item.patterns, text))


def is_plain(patterns: Sequence[re.Pattern[str]], text: str) -> bool:
    """Say whether a text makes the cause plain."""
    return any(each.search(text) for each in patterns)


def apart(output: Array, other: Array) -> float:
    """The largest difference as a share of the largest number of its row; ∞ where only one is not finite."""
    one, two = output.astype(np.float64), other.astype(np.float64)
    if (np.isfinite(one) != np.isfinite(two)).any():
        return float("inf")
    two = np.nan_to_num(two)
    size = np.maximum(np.abs(two).max(-1, keepdims=True), max(np.abs(two).mean(), 1e-30))
    return float((np.abs(np.nan_to_num(one) - two) / size).max(initial=0.0))


def is_visible(item: Item) -> bool:
    """Say whether the output differs by more than what its type costs."""
    return apart(item.wrong.output, right(item.problem)) > VISIBLE[item.type]
