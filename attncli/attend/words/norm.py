"""The words of the stage norm."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.attend.checks import or_none, positive
from attncli.attend.norms import norm
from attncli.attend.words.array import Array, Role
from attncli.attend.words.option import Facts, Option, option
from attncli.text import plain


def _norm_words(facts: Facts) -> str:
    found = facts.options.qk_norm
    return "" if found is None else f"qk-norm {found}, eps {plain(facts.options.norm_eps, 4)}"


@dataclass(frozen=True, kw_only=True)
class NormOptions:
    """How each query and key is normalised."""

    qk_norm: str | None = option(
        None,
        Option(
            "norm",
            or_none(norm),
            "Normalise each query and key before they are rotated, or after-rope; plus-one multiplies by 1 + the "
            "weights (default none).",
            "rms|l2|layer[,after-rope][,plus-one]",
            words=_norm_words,
        ),
    )
    norm_eps: float = option(
        1e-6,
        Option(
            "norm",
            positive,
            "ε in the root of the norm (default 1e-06).",
            "X",
            needs=("qk_norm",),
        ),
    )


def _weights(name: str, what: str, more: str = "") -> Array:
    return Array(
        name,
        Role.INPUT,
        "norm",
        ("E",) if name != "v_norm" else ("Ev",),
        f"Weights of --qk-norm for each {what}: of one head; (heads, features), for each head its own; or of all heads "
        f"side by side, which then are normalised as one.{more}",
        needs=("qk_norm",),
        words=lambda facts: name if name in facts.taking_part else "",
    )


NORM_ARRAYS = (
    _weights("q_norm", "query"),
    _weights("k_norm", "key"),
    _weights("v_norm", "value", " Values are normalised only where it is given."),
)
