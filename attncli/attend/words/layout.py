"""How states lie in their arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attncli.attend.checks import count, or_none
from attncli.attend.layouts import ORDERS, Name
from attncli.attend.words.option import LAYOUT, Option, choice, option
from attncli.said import Said


@dataclass(frozen=True, kw_only=True)
class LayoutOptions:
    """How states lie in their arrays."""

    states: Literal["rows", "columns"] = option(
        "rows",
        choice(
            LAYOUT,
            ("rows", "columns"),
            "Whether each state is a row or a column of its matrix (default rows).",
            words=lambda facts: Said("states {states}", states=facts.options.states),
        ),
    )
    layout: Name = option(
        "bhsd",
        choice(
            LAYOUT,
            tuple(ORDERS),
            "Order of the axes of states: b batch, h heads, s length, d features; thd has packed documents, (tokens, "
            "heads, features). The output lies likewise (default bhsd).",
            words=lambda facts: (
                "" if facts.options.layout == "bhsd" else Said("layout {layout}", layout=facts.options.layout)
            ),
        ),
    )
    heads: int | None = option(
        None,
        Option(
            LAYOUT,
            or_none(count),
            "Split a packed last axis into N heads, each a contiguous block of features (default: not packed).",
            "N",
            words=lambda facts: (
                "" if facts.options.heads is None else Said("{count} heads side by side", count=facts.head_count)
            ),
        ),
    )
    kv_heads: int | None = option(
        None,
        Option(
            LAYOUT,
            or_none(count),
            "The same for key and value (default: as --heads).",
            "N",
            words=lambda facts: (
                Said("{count} query heads per key head", count=facts.sizes.group) if facts.sizes.group > 1 else ""
            ),
        ),
    )
