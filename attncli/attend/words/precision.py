"""In which type everything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attncli.attend.words.option import PRECISION, choice, option
from attncli.said import Said


@dataclass(frozen=True, kw_only=True)
class PrecisionOptions:
    """In which type everything is computed."""

    dtype: Literal["float32", "float64"] | None = option(
        None,
        choice(
            PRECISION,
            ("float32", "float64"),
            "Precision (default: float64 for text, that of the arrays otherwise, at least float32).",
            optional=True,
            words=lambda facts: Said("computed in {dtype}", dtype=facts.dtype.name),
        ),
    )
