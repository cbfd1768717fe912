"""What comes back, and what it is compared with."""

from __future__ import annotations

from collections.abc import Iterable

from attncli.attend.words.array import OF_OUTPUT, OVER_SCORES, Array, Role

_QUERY, _KEY, _VALUE = ("B", "H", "L", "E"), ("B", "K", "S", "E"), ("B", "K", "S", "Ev")

RESULT_ARRAYS = (
    Array(
        "expected",
        Role.EXPECTED,
        "",
        OF_OUTPUT,
        "What another program made of it, to compare with.",
        ("expected_output",),
    ),
    Array("projected_query", Role.RESULT, "project", _QUERY, "x·W_q + b_q, past the cut into heads."),
    Array("projected_key", Role.RESULT, "project", _KEY, "x·W_k + b_k; past keys go before it."),
    Array("projected_value", Role.RESULT, "project", _VALUE, "x·W_v + b_v; past values go before it."),
    Array("normed_query", Role.RESULT, "norm", _QUERY, "Normalised queries."),
    Array("normed_key", Role.RESULT, "norm", _KEY, "Normalised keys."),
    Array("normed_value", Role.RESULT, "norm", _VALUE, "Normalised values."),
    Array("rotated_query", Role.RESULT, "rotate", _QUERY, "Queries turned by their positions."),
    Array("rotated_key", Role.RESULT, "rotate", _KEY, "Keys turned by their positions."),
    Array("cached_key", Role.RESULT, "cache", _KEY, "Keys as the cache gives them back, past ones included."),
    Array("cached_value", Role.RESULT, "cache", _VALUE, "Values likewise."),
    Array("scores", Role.RESULT, "score", OVER_SCORES, "Scaled scores.", closes=True),
    Array("capped", Role.RESULT, "cap", OVER_SCORES, "Scores after softcap, if there is one.", closes=True),
    Array(
        "logits",
        Role.RESULT,
        "mask",
        OVER_SCORES,
        "What softmax sees: mask and bias added, −∞ where a key is closed.",
        closes=True,
    ),
    Array("weights", Role.RESULT, "softmax", OVER_SCORES, "Each row sums to 1, or is 0 if no key is open."),
    Array(
        "lse",
        Role.RESULT,
        "softmax",
        ("B", "H", "L"),
        "Natural logarithm of each row's sum of exponentials, sinks included; −∞ if no key is open.",
        closes=True,
    ),
    Array("context", Role.RESULT, "sum", OF_OUTPUT, "Σ weights · value, if anything comes after it."),
    Array("output", Role.RESULT, "out", OF_OUTPUT, "What comes out: Σ weights · value, gated and projected."),
)


def expected_arrays(made: Iterable[Array]) -> tuple[Array, ...]:
    """Return what each result but the output is compared with.

    >>> expected_arrays([each for each in RESULT_ARRAYS if each.name == "lse"])[0].shape
    '(B, H, L)'
    """
    return tuple(
        Array(
            f"expected_{each.name}",
            Role.EXPECTED,
            "",
            each.axes,
            f"What another program made of the result {each.name}.",
            closes=each.closes,
        )
        for each in made
        if each.role is Role.RESULT and each.name != "output"
    )
