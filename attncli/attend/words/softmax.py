"""The words of the stage softmax."""

from __future__ import annotations

from attncli.attend.words.array import Array, Role

SOFTMAX_ARRAYS = (
    Array(
        "sinks",
        Role.INPUT,
        "softmax",
        ("H",),
        "One logit per query head, of one more key whose value is 0.",
        words=lambda facts: "" if facts.sinks is None else "sinks",
    ),
)
