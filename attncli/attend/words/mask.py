"""The words of the stage mask."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.attend.checks import Offset, Window, count, flag, offset, or_none, window
from attncli.attend.views import at_positions
from attncli.attend.words.array import DOCUMENTS, OF_NAMED, OVER_SCORES, Array, Role, some
from attncli.attend.words.option import Facts, Option, option
from attncli.said import Said
from attncli.text import a_few

# The options and arrays for which the position of a query matters; a block is nothing without a causal rule.
BY_ORDER = ("causal", "window", "chunk", "segments", "cu_seqlens")
POSITIONAL = (*BY_ORDER, "alibi", "rope")


def goes_by_position(facts: Facts) -> bool:
    """Tell whether it matters at which positions the queries of a prepared problem are."""
    # Where positions are given, only rules go by the order.
    names = POSITIONAL if facts.places is None else BY_ORDER
    return any(facts.options.in_force(name) or name in facts.inputs for name in names)


def _window_words(facts: Facts) -> str:
    if facts.options.window is None:
        return ""
    left, right = (Said("any") if side < 0 else str(side) for side in facts.options.window)
    return Said("window {left} back, {right} ahead", left=left, right=right)


def _mask_words(facts: Facts) -> str:
    if facts.mask is None:
        return ""
    return Said("boolean mask") if facts.mask.dtype == bool else Said("mask added")


def _offset_words(facts: Facts) -> str:
    if not goes_by_position(facts):
        return ""
    places = list(dict.fromkeys(facts.positions[:, 0].tolist()))
    return Said("first query at position {places}", places=a_few(places, 5))


def _document_words(facts: Facts) -> str:
    ids = facts.inputs.get("segments")
    if ids is None or "cu_seqlens" in facts.inputs:
        return ""
    count = len(set(ids.ravel().tolist()))
    return Said("1 document") if count == 1 else Said("{count} documents", count=count)


def _block_words(facts: Facts) -> str:
    ids = facts.inputs.get("blocks")
    if ids is None:
        return ""
    count = len({each for each in ids.ravel().tolist() if each >= 0})
    return Said("1 block") if count == 1 else Said("{count} blocks", count=count)


def _query_words(facts: Facts) -> str:
    """Return what says that queries are in other documents than the keys at their positions."""
    segments, given = facts.inputs.get("segments"), facts.inputs.get("query_segments")
    if given is None or (given == at_positions(segments, facts.positions, 0)).all():
        return ""
    if given.size == 1:
        return Said("queries in document {document}", document=given.item())
    return Said("queries in documents {documents}", documents=some(given.ravel()))


def _length_words(facts: Facts) -> str:
    ends = facts.inputs.get("cu_seqlens")
    return "" if ends is None else Said("documents of length {lengths}", lengths=some(ends[1:] - ends[:-1]))


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """Who may attend to what."""

    causal: bool = option(
        False,
        Option(
            "mask",
            flag,
            "A query at position p sees keys up to p (default off).",
            words=lambda facts: Said("causal") if facts.options.causal else "",
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
    prefix: int | None = option(
        None,
        Option(
            "mask",
            or_none(count),
            "Keys before N are open to all queries under a causal rule (default none).",
            "N",
            needs=("causal",),
            words=lambda facts: (
                "" if facts.options.prefix is None else Said("prefix {count}", count=facts.options.prefix)
            ),
        ),
    )
    chunk: int | None = option(
        None,
        Option(
            "mask",
            or_none(count),
            "Queries see only keys of their own chunk of N positions, counted anew in each document (default none).",
            "N",
            words=lambda facts: (
                "" if facts.options.chunk is None else Said("chunks of {count}", count=facts.options.chunk)
            ),
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
        words=_mask_words,
    ),
    Array(
        "bias",
        Role.INPUT,
        "mask",
        OVER_SCORES,
        "Numbers to add to the scores, after softcap.",
        closes=True,
        broadcasts=True,
        words=lambda facts: "" if facts.bias is None else Said("bias added"),
    ),
    Array(
        "key_lengths",
        Role.INPUT,
        "mask",
        ("B",),
        "How many of the keys each batch item has; the others are padding.",
        is_whole=True,
        words=lambda facts: (
            "" if facts.key_lengths is None else Said("key lengths {lengths}", lengths=some(facts.key_lengths))
        ),
    ),
    Array(
        "segments",
        Role.INPUT,
        "mask",
        ("B", "S"),
        "The document of each key, as any whole number: queries see only keys of their own document.",
        is_whole=True,
        words=_document_words,
    ),
    Array(
        "query_segments",
        Role.INPUT,
        "mask",
        ("B", "L"),
        "The document of each query (default: that of the key at the query's position).",
        is_whole=True,
        words=_query_words,
    ),
    Array(
        "cu_seqlens",
        Role.INPUT,
        "mask",
        (DOCUMENTS,),
        "Where each document begins, from 0, and where the last one ends: instead of segments.",
        is_whole=True,
        words=_length_words,
    ),
    Array(
        "blocks",
        Role.INPUT,
        "mask",
        ("B", "S"),
        "Tokens with the same whole number from 0 see each other under a causal rule too, as those of an image do; "
        "-1 is none.",
        is_whole=True,
        needs=("causal",),
        words=_block_words,
    ),
    Array(
        "indices",
        Role.INPUT,
        "mask",
        OF_NAMED,
        "The keys that are open to each query, as whole numbers from 0, in any order; -1 is none.",
        broadcasts=True,
        is_whole=True,
        words=lambda facts: (
            Said("{count} keys named", count=facts.inputs["indices"].shape[-1]) if "indices" in facts.inputs else ""
        ),
    ),
)
