"""The words of the stage rotate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attncli.attend.checks import positive
from attncli.attend.words.option import Facts, Option, choice, option
from attncli.text import plain


def _rope_words(facts: Facts) -> str:
    options = facts.options
    return "" if options.rope is None else f"rope {options.rope}, theta {plain(options.rope_theta, 6)}"


@dataclass(frozen=True, kw_only=True)
class RotateOptions:
    """How query and key are turned by their positions."""

    rope: Literal["half", "interleaved"] | None = option(
        None,
        choice(
            "rotate",
            ("half", "interleaved"),
            "Rotate query and key (not past keys) by their positions: feature i pairs with i + E/2, or 2i with 2i + 1 "
            "(default off).",
            optional=True,
            words=_rope_words,
        ),
    )
    rope_theta: float = option(
        10000.0,
        Option(
            "rotate",
            positive,
            "Base of the rotary frequencies (default 10000).",
            "NUMBER",
            needs=("rope",),
        ),
    )
