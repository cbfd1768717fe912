"""The words of the stage rotate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attncli.attend.checks import or_none, positive
from attncli.attend.rotary.scaling import Scaling
from attncli.attend.rotary.values import Dim, Sections, described, dim, scaling, sections, spoken_of
from attncli.attend.words.array import Array, Role, some
from attncli.attend.words.option import Facts, Option, choice, option
from attncli.said import Said
from attncli.text import plain


def _rope_words(facts: Facts) -> str:
    options = facts.options
    if options.rope is None:
        return ""
    return f"rope {options.rope}" + f", theta {plain(options.rope_theta, 6)}" * (facts.cos is None)


def _dim_words(facts: Facts) -> str:
    if facts.options.rope is None or facts.options.rope_dim is None:
        return ""
    count, *last = facts.options.rope_dim
    if last:
        return Said("the last {count} features turned", count=count)
    return Said("the first {count} features turned", count=count)


def _scaling_words(facts: Facts) -> str:
    found = facts.options.rope_scaling
    if facts.options.rope is None or found is None or facts.cos is not None:
        return ""
    return f"rope scaling {described(found)}"


def _sections_words(facts: Facts) -> str:
    found = facts.options.rope_sections
    return "" if facts.options.rope is None or found is None else f"sections {' '.join(map(str, found))}"


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
            replaced_by=("cos",),
        ),
    )
    rope_dim: Dim | None = option(
        None,
        Option(
            "rotate",
            or_none(dim),
            "Rotate only the first N features of each head, or the last N, with the frequencies of N features (default "
            "all).",
            "N[,last]",
            needs=("rope",),
            words=_dim_words,
        ),
    )
    rope_scaling: Scaling | None = option(
        None,
        Option(
            "rotate",
            or_none(scaling),
            "Scale the frequencies: linear, dynamic, yarn, longrope, llama3 or proportional, with the names that "
            "transformers has for parameters, lists as a:b:c (default none).",
            "TYPE[,NAME=X...]",
            needs=("rope",),
            replaced_by=("cos",),
            split=spoken_of,
            words=_scaling_words,
        ),
    )
    rope_sections: Sections | None = option(
        None,
        Option(
            "rotate",
            or_none(sections),
            "Each state has three positions: A pairs of features turn by the first, B by the second, C by the third "
            "(default none).",
            "A,B,C[,interleaved]",
            needs=("rope",),
            words=_sections_words,
        ),
    )


ROTATE_ARRAYS = (
    Array(
        "positions",
        Role.INPUT,
        "rotate",
        ("B", "L"),
        "Where the queries stand, for rope and alibi; with --rope-sections (3, L) or (3, B, L).",
        is_whole=True,
        needs=("rope", "alibi"),
        words=lambda facts: (
            "" if facts.places is None else Said("queries at {places}", places=some(facts.places.ravel()))
        ),
    ),
    Array(
        "key_positions",
        Role.INPUT,
        "rotate",
        ("B", "S"),
        "The same of the keys, past ones left out; without it they stand where the queries do, or 0, 1, ….",
        is_whole=True,
        needs=("rope", "alibi"),
        words=lambda facts: (
            "" if facts.key_places is None else Said("keys at {places}", places=some(facts.key_places.ravel()))
        ),
    ),
    Array(
        "cos",
        Role.INPUT,
        "rotate",
        ("N", "D"),
        "Cosines by position and pair of features, in place of --rope-theta; or (B, L, D), a row for each state.",
        needs=("rope",),
        words=lambda facts: (
            "" if facts.cos is None else Said("cos and sin of {count} positions", count=facts.cos.shape[1])
        ),
    ),
    Array("sin", Role.INPUT, "rotate", ("N", "D"), "Sines, beside cos.", needs=("rope",)),
)
