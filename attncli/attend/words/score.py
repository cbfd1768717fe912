"""The words of the stage score."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.attend.checks import Scale, scale
from attncli.attend.scores import FUNCTIONS
from attncli.attend.words.array import Array, Role
from attncli.attend.words.option import Facts, Option, choice, option
from attncli.said import Said
from attncli.text import joined, plain


def _score_words(facts: Facts) -> str:
    score = facts.options.score
    if not facts.parameters:
        return Said("score {score}", score=score)
    return Said("score {score} with {parameters}", score=score, parameters=joined(facts.parameters))


def _scale_words(facts: Facts) -> str:
    scale = facts.options.scale
    if scale == "sqrt":
        return Said("scale {scale}", scale=f"sqrt = 1/√{facts.sizes.features} = {plain(facts.factor, 4)}")
    return Said("scale {scale}", scale=scale if isinstance(scale, str) else plain(scale, 4))


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """How a query meets a key."""

    score: str = option(
        "dot",
        choice(
            "score",
            tuple(FUNCTIONS),
            "How a query meets a key (default dot).",
            words=_score_words,
        ),
    )
    scale: Scale = option(
        "none",
        Option(
            "score",
            scale,
            "Factor on the scores, such as 0.125 or 1/8; sqrt is 1/√d, d the features of one head (default none).",
            "none|sqrt|X",
            words=_scale_words,
        ),
    )


SCORE_ARRAYS = (
    Array(
        "query_scale",
        Role.INPUT,
        "score",
        ("B", "H", "L"),
        "A factor for each query beside the scale, such as a temperature by position.",
        broadcasts=True,
        words=lambda facts: Said("a scale for each query") if "query_scale" in facts.inputs else "",
    ),
    Array(
        "w_a",
        Role.INPUT,
        "score",
        ("E", "A"),
        "The matrix of --score general, q·W_a·k, which is (E, Ek), and of additive, v_a·tanh(q·W_a + k·U_a).",
        before=("w_score", "w_query"),
    ),
    Array("u_a", Role.INPUT, "score", ("Ek", "A"), "The matrix of the keys in --score additive.", before=("w_key",)),
    Array("v_a", Role.INPUT, "score", ("A",), "v_a of --score additive; without it, ones.", before=("v_score",)),
)
