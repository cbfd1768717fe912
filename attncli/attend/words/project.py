"""The words of the stage project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attncli.attend.words.array import Array, Role
from attncli.attend.words.option import Facts, choice, option
from attncli.said import Said

MATRICES = ("w_q", "w_k", "w_v", "w_qkv", "w_g", "w_o")
_MATRIX, _BIAS = ("in", "out"), ("out",)


def _weights_words(facts: Facts) -> str:
    matrices = set(MATRICES) & set(facts.taking_part)
    return Said("matrices {weights}", weights=facts.options.weights) if matrices else ""


@dataclass(frozen=True, kw_only=True)
class ProjectOptions:
    """How matrices of weights lie."""

    weights: Literal["in-out", "out-in"] = option(
        "in-out",
        choice(
            "project",
            ("in-out", "out-in"),
            "Whether matrices are (in, out), for x·W, or (out, in), as nn.Linear of PyTorch has them (default in-out).",
            needs=MATRICES,
            words=_weights_words,
        ),
    )
    qkv: Literal["blocks", "heads"] = option(
        "blocks",
        choice(
            "project",
            ("blocks", "heads"),
            "How w-qkv is put together: [q|k|v], or for each key head [its queries|k|v] (default blocks).",
            needs=("w_qkv", "b_qkv"),
            words=lambda facts: f"w_qkv in {facts.options.qkv}" if "w_qkv" in facts.taking_part else "",
        ),
    )


def _matrix(name: str, role: str) -> Array:
    what = f"Matrix that makes the {role} of x, (in, heads·features); see --weights."
    return Array(name, Role.INPUT, "project", _MATRIX, what, words=lambda facts: _projected(facts, name, role))


def _bias(name: str, role: str) -> Array:
    what = f"What is added to the projected {role}."
    return Array(name, Role.INPUT, "project", _BIAS, what, words=lambda facts: _biased(facts, name, role))


def _projected(facts: Facts, name: str, role: str) -> str:
    """Say what makes a state, the bias included."""
    if name not in facts.taking_part:
        return ""
    bias = f"b{name[1:]}"
    return f"{role} = x·{name.capitalize()}" + f" + {bias}" * (bias in facts.taking_part)


def _biased(facts: Facts, name: str, role: str) -> str:
    """Say what is added to a state that no matrix makes."""
    return f"{role} + {name}" if name in facts.taking_part and f"w{name[1:]}" not in facts.taking_part else ""


PROJECT_ARRAYS = (
    _matrix("w_q", "query"),
    _matrix("w_k", "key"),
    _matrix("w_v", "value"),
    _bias("b_q", "query"),
    _bias("b_k", "key"),
    _bias("b_v", "value"),
    Array(
        "w_qkv",
        Role.INPUT,
        "project",
        _MATRIX,
        "The three matrices in one; see --qkv.",
        words=lambda facts: _projected(facts, "w_qkv", "query, key, value"),
    ),
    Array(
        "b_qkv",
        Role.INPUT,
        "project",
        _BIAS,
        "The three biases in one.",
        words=lambda facts: _biased(facts, "b_qkv", "query, key, value"),
    ),
)
