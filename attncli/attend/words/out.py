"""The words of the stages gate and out."""

from __future__ import annotations

from attncli.attend.words.array import Array, Role
from attncli.attend.words.option import Facts
from attncli.said import Said

_GATE = ("B", "L", "H·Ev")


def _after(facts: Facts, words: str, matrix: str, bias: str) -> str:
    """Say what a matrix makes, its bias included."""
    return words + f" + {bias}" * (bias in facts.taking_part) if matrix in facts.taking_part else ""


OUT_ARRAYS = (
    Array(
        "gate",
        Role.INPUT,
        "gate",
        _GATE,
        "σ of it multiplies the weighted sum: one number for each feature of each head, or one for each head.",
        words=lambda facts: Said("gated") if "gate" in facts.taking_part else "",
    ),
    Array(
        "w_g",
        Role.INPUT,
        "gate",
        ("in", "out"),
        "Matrix that makes the gate of what the query is made of; see --weights.",
        words=lambda facts: _after(facts, "gate = x·W_g", "w_g", "b_g"),
    ),
    Array(
        "b_g",
        Role.INPUT,
        "gate",
        ("out",),
        "What is added to the gate.",
        words=lambda facts: "",  # said with its matrix
    ),
    Array(
        "w_o",
        Role.INPUT,
        "out",
        ("H·Ev", "out"),
        "Matrix that makes the output of all heads' sums, (heads·features, out); see --weights.",
        words=lambda facts: _after(facts, "output = context·W_o", "w_o", "b_o"),
    ),
    Array(
        "b_o",
        Role.INPUT,
        "out",
        ("out",),
        "What is added to the output.",
        words=lambda facts: "output + b_o" if {"b_o", "w_o"} & facts.taking_part == {"b_o"} else "",
    ),
)
