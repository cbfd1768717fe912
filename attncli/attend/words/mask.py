"""The words of the stage mask."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.attend.checks import Offset, Window, flag, offset, or_none, window
from attncli.attend.words.array import OVER_SCORES, Array, Role, some
from attncli.attend.words.option import Facts, Option, option

# The options for which the position of a query matters.
POSITIONAL = ("causal", "window", "alibi", "rope")


def _window_words(facts: Facts) -> str:
    if facts.options.window is None:
        return ""
    left, right = ("any" if side < 0 else str(side) for side in facts.options.window)
    return f"window {left} back, {right} ahead"


def _offset_words(facts: Facts) -> str:
    # Where positions are given, only rules go by the order.
    by_order = ("causal", "window") if facts.places is not None else POSITIONAL
    if not any(facts.options.in_force(name) for name in by_order):
        return ""
    places = list(dict.fromkeys(facts.positions[:, 0].tolist()))
    return f"first query at position {', '.join(map(str, places[:5]))}{', …' * (len(places) > 5)}"


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """Who may attend to what."""

    causal: bool = option(
        False,
        Option(
            "mask",
            flag,
            "A query at position p sees keys up to p (default off).",
            words=lambda facts: "causal" if facts.options.causal else "",
        ),
    )
    window: Window | None = option(
        None,
        Option(
            "mask",
            or_none(window),
            "A query at position p sees keys from p-LEFT to p+RIGHT; -1, or no RIGHT, means no bound (default none).",
            "LEFT[,RIGHT]",
            words=_window_words,
        ),
    )
    offset: Offset | None = option(
        None,
        Option(
            "mask",
            or_none(offset),
            "Position of the first query; end is keys - queries (default 0, the length of past-key, or key-lengths - "
            "queries).",
            "N|end",
            needs=POSITIONAL,
            words=_offset_words,
        ),
    )
    alibi: bool = option(
        False,
        Option(
            "mask",
            flag,
            "Add -slope·|p - j| for key j, with a slope for each head (default off).",
            words=lambda facts: "alibi" if facts.options.alibi else "",
        ),
    )


MASK_ARRAYS = (
    Array(
        "mask",
        Role.INPUT,
        "mask",
        OVER_SCORES,
        "Who may attend to what: boolean, or only whole numbers 0 and 1 (true, 1 = may attend); or other numbers, "
        "which are added to the scores.",
        ("attn_mask",),
        closes=True,
        broadcasts=True,
        is_truth=True,
        words=lambda facts: "" if facts.mask is None else "boolean mask" if facts.mask.dtype == bool else "mask added",
    ),
    Array(
        "bias",
        Role.INPUT,
        "mask",
        OVER_SCORES,
        "Numbers to add to the scores, after softcap.",
        closes=True,
        broadcasts=True,
        words=lambda facts: "" if facts.bias is None else "bias added",
    ),
    Array(
        "key_lengths",
        Role.INPUT,
        "mask",
        ("B",),
        "How many of the keys each batch item has; the others are padding.",
        words=lambda facts: "" if facts.key_lengths is None else f"key lengths {some(facts.key_lengths)}",
    ),
)
