"""The words of the stages gate and out."""

from __future__ import annotations

from attncli.attend.words.array import Array, Role

_GATE = ("B", "L", "H·Ev")

OUT_ARRAYS = (
    Array(
        "gate",
        Role.INPUT,
        "gate",
        _GATE,
        "σ of it multiplies the weighted sum: one number for each feature of each head, or one for each head.",
        words=lambda facts: "gated" if "gate" in facts.taking_part else "",
    ),
    Array(
        "w_g",
        Role.INPUT,
        "gate",
        ("in", "out"),
        "Matrix that makes the gate of what the query is made of; see --weights.",
        words=lambda facts: "gated by a matrix" if "w_g" in facts.taking_part else "",
    ),
    Array(
        "b_g",
        Role.INPUT,
        "gate",
        ("out",),
        "What is added to the gate.",
        words=lambda facts: "gate with a bias" if "b_g" in facts.taking_part else "",
    ),
    Array(
        "w_o",
        Role.INPUT,
        "out",
        ("H·Ev", "out"),
        "Matrix that makes the output of all heads' sums, (heads·features, out); see --weights.",
        words=lambda facts: "output projected" if "w_o" in facts.taking_part else "",
    ),
    Array(
        "b_o",
        Role.INPUT,
        "out",
        ("out",),
        "What is added to the output.",
        words=lambda facts: "output with a bias" if "b_o" in facts.taking_part else "",
    ),
)
