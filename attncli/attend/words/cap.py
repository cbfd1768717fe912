"""The words of the stage cap."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.attend.checks import or_none, softcap
from attncli.attend.words.option import Option, option
from attncli.text import plain


@dataclass(frozen=True, kw_only=True)
class CapOptions:
    """Between which bounds scores are kept."""

    softcap: float | None = option(
        None,
        Option(
            "cap",
            or_none(softcap),
            "X in X·tanh(score/X), before any mask or bias; 0 means none (default none).",
            "X",
            words=lambda facts: "" if facts.options.softcap is None else f"softcap {plain(facts.options.softcap, 4)}",
        ),
    )
