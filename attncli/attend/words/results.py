"""What comes back, and what it is compared with."""

from __future__ import annotations

from attncli.attend.words.array import OF_OUTPUT, OVER_SCORES, Array, Role

RESULT_ARRAYS = (
    Array("expected", Role.EXPECTED, "", OF_OUTPUT, "What another program made of it, to compare with."),
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
    Array("output", Role.RESULT, "sum", OF_OUTPUT, "Σ weights · value."),
)
