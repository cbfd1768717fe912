"""How much memory work takes at its peak, reckoned from shapes before anything is computed.

Every command asks here, so that all of them refuse the same; a test holds what is reckoned to what processes take.
Arrays that were read are not counted: those in memory are there already, and the pages of mapped files need not stay.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from attncli.attend.alone import Softmax, WeightedSum
from attncli.attend.operands import Operands, ScoreOperands
from attncli.attend.scores import FUNCTIONS
from attncli.attend.steps import STEPS
from attncli.files.formats import Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Whatever is done: modules that are loaded for it, buffers of BLAS, and the piece that is written at the moment.
ALWAYS = 24 << 20
# What a folder of chunks takes while it is written: a shard of 128 MB as its chunks, put together, and as a file.
SHARDS = 3 << 27
# One number as text, with what separates it from the next.
TEXT = 21
# One cell of a table: its text, the lists that it is in, and its share of the lines.
CELL = 130
# The gradients of a score on the way back, and what they are made of; those of a feature of a key, and of a value; and
# one number of a value where a finite difference is taken.
BACK_SCORE, BACK_KEY, FINITE = 4, 3, 16
# One number of a map that is averaged: what it is made from, in float64, and its share of the sums.
AVERAGED = 40
# One number of a page: itself, and its text on the way into the page.
PAGED = 24
# One tile of a row that is worked out in tiles, and one largest logit of a tile of any row.
KEPT_OF_TILE, PEAK = 640, 4
# One cell of a mask that is made from its rules, which compare positions; and what keeps the place of a query or key.
MASK_CELL, PLACED = 40, 128
# One cell of two masks where what makes them differ is looked for.
RULED = 40
# One pixel of matplotlib's canvas, with the copies that it makes of a map on the way there.
PIXEL = 88
# The copies of a tile that are made to look at its rows; and more where the profile is wanted, in float64.
WATCHED, PROFILED = 5, 6
# One number of a product of layers, with the factors; and as text, in a list that is written at once.
MULTIPLIED, LISTED = 32, 100


def steps(o: ScoreOperands, last: str) -> int:
    """Return what the steps take up to the last one that is asked for, all their results included.

    Args:
        o: the part that is computed.
        last: the name of the step.
    """
    sizes, width = o.sizes, o.dtype.itemsize
    plane = sizes.queries * sizes.keys
    scores = sizes.batch * sizes.heads * plane * width
    over = [each for each in (o.mask, o.bias) if each is not None]
    added = sum(each.dtype != bool for each in over) + o.options.alibi
    rules = _rules(o)
    changes = min(2, added + (rules > 0) + len(over))
    beside = sum(each.size * (width + 2) for each in over) + rules * plane
    beside += sizes.heads * plane * (8 + width) * o.options.alibi
    if "indices" in o.inputs:
        indices = o.inputs["indices"]
        beside += 3 * indices.nbytes + 2 * math.prod(indices.shape[:3]) * sizes.keys
    # Every result is kept. While one is made, there is one more of its size, and a second one where it takes two turns.
    met = scores * (2 if FUNCTIONS[o.options.score].is_dot else 4)
    kept = scores * (1 + (o.options.softcap is not None))
    masked = kept + scores * changes + beside
    kept += scores * (changes > 0)
    softened = kept + 2 * scores * (STEPS.index(last) > STEPS.index("score"))
    output = 3 * math.prod(sizes.context_shape) * width * (STEPS.index(last) >= STEPS.index("sum"))
    output += 2 * math.prod(sizes.output_shape) * width * o.has_after
    return ALWAYS + _states(o) + max(met, masked, softened) + output


def back_to_element(o: ScoreOperands, rows: int) -> int:
    """Return what the gradients of some rows of one head take, and a finite difference of one of them in float64."""
    sizes, width = o.sizes, o.dtype.itemsize
    of_keys = sizes.keys * max(BACK_KEY * sizes.features * width, FINITE * sizes.value_features)
    return BACK_SCORE * rows * sizes.keys * width + of_keys


def in_tiles(o: ScoreOperands, rows: int, width: int) -> int:
    """Return what it takes to work a row out in tiles of so many keys, and to look for a row that shows more."""
    tiles = -(-o.sizes.keys // width)
    return tiles * (KEPT_OF_TILE + PEAK * rows * o.dtype.itemsize)


def _rules(o: ScoreOperands) -> int:
    """Return how many planes of true and false the rules by position and by ids take while they are made."""
    options = o.options
    found: int = options.causal * (1 + 2 * (options.prefix is not None) + 3 * ("blocks" in o.inputs))
    found += 3 * (options.window is not None) + (o.key_lengths is not None)
    return found + ("segments" in o.inputs) + (options.chunk is not None)


def back_to_scores(o: Operands) -> int:
    """Return what the gradients of weights, logits and scores take.

    Args:
        o: the part that is computed.
    """
    scores = o.sizes.scores * o.dtype.itemsize
    # Of the way back the gradients of weights, logits and, if there is a softcap, scores are kept.
    kept = scores * (2 + (o.options.softcap is not None))
    return steps(o, STEPS[-1]) + kept + 3 * scores


def backward(o: Operands, converted: int, *, threads: int | None) -> int:
    """Return what the gradients of the arrays take, tile by tile.

    Args:
        o: the problem.
        converted: the bytes of those that have another type than the computation.
        threads: how many; None: as many as the stream takes by itself.
    """
    from attncli.attend.fast.tiles import plan
    from attncli.attend.threads import thread_count

    layout, width, sizes = plan(o), o.dtype.itemsize, o.sizes
    threads = threads or thread_count()
    rows = layout.heads * layout.rows * sizes.group
    features = sizes.features + sizes.value_features
    # What a piece makes, of which some wait for their turn.
    piece = rows * sizes.features + layout.heads * sizes.keys * features
    numeric = [each for each in (o.mask, o.bias) if each is not None and each.dtype != bool]
    whole = (sizes.batch, sizes.heads, sizes.queries)  # such a one has a place of its own for what each piece makes
    piece += sum(rows * sizes.keys for each in numeric if each.shape[:3] != whole)
    tile = rows * (layout.keys * (2 + (o.options.softcap is not None)) + 2 * features)
    tile *= 1 if FUNCTIONS[o.options.score].is_dot else 3
    states = sum(each.size for each in o.states.values())
    turned = (o.query.size + o.key.size) * (o.options.rope is not None)
    kept = states + turned + 2 * sum(each.size for each in numeric) + 2 * math.prod(sizes.context_shape)
    layer = 3 * sum(each.size for each in o.given.values()) + 2 * states if o.early is not None else 0
    # The forward stream is done before.
    needed = stream(o, threads=threads, in_place=True) - ALWAYS
    return (
        ALWAYS
        + max(needed, (threads * tile + (threads + 2) * piece) * width)
        + (kept + layer) * width
        + _states(o)
        + converted
    )


Part = TypeVar("Part", ScoreOperands, Operands, Softmax, WeightedSum)


def first(part: Part, rows: int | None) -> Part:
    """Return the first queries of a part, to be reckoned with; nothing is copied for it.

    Args:
        part: prepared arrays.
        rows: how many queries; None: all.
    """
    if rows is None:
        return part
    over = {name: getattr(part, name, None) for name in ("query", "mask", "bias", "logits", "weights")}
    changed: dict[str, Any] = {name: array[:, :, :rows] for name, array in over.items() if array is not None}
    if isinstance(part, ScoreOperands):
        changed["sizes"] = replace(part.sizes, queries=min(rows, part.sizes.queries))
    return replace(part, **changed)


def stream(o: Operands, *, threads: int | None, in_place: bool) -> int:
    """Return what the output alone takes, tile by tile.

    Args:
        o: the part that is computed.
        threads: how many; None: as many as the stream takes by itself.
        in_place: whether the output is written to a mapped file.
    """
    from attncli.attend.fast.results import MOST_COPIED
    from attncli.attend.fast.tiles import TILE, plan
    from attncli.attend.threads import thread_count

    layout, width = plan(o), o.dtype.itemsize
    row = layout.keys + o.sizes.features + 3 * (o.sizes.value_features + 1)  # scores, a query, three kinds of sums
    tile = layout.heads * layout.rows * o.sizes.group * row * width
    ones = min(MOST_COPIED, o.value.size * width)
    if "indices" in o.inputs:  # what is gathered, or which keys of the rows of a piece are named
        indices = o.inputs["indices"]
        many = layout.rows if indices.shape[2] > 1 else 1
        heads = o.sizes.group * layout.heads if indices.shape[1] > 1 else 1
        tile += 2 * TILE if layout.gathers else 2 * many * heads * (o.sizes.keys + 8 * indices.shape[3])
    options = o.options
    changed = options.rope or options.cache or FUNCTIONS[options.score].needs_preparation
    output = math.prod(o.sizes.output_shape) * o.output_dtype.itemsize * (not in_place)
    return ALWAYS + (threads or thread_count()) * tile + ones + (_states(o) if changed else 0) + output


def watch(o: ScoreOperands, *, threads: int, side: int, profile: bool) -> int:
    """Return what it takes to look at all rows of weights, a tile at a time.

    Args:
        o: the part that is looked at.
        threads: how many.
        side: the most cells down and across of the maps that are made.
        profile: whether sums by distance are made too.
    """
    from attncli.attend.fast.tiles import TILE

    sizes, width = o.sizes, o.dtype.itemsize
    tile = max(TILE, sizes.group * sizes.keys * width)
    heads = sizes.batch * sizes.heads
    cells = heads * min(side, sizes.queries) * min(side, sizes.keys)
    distances = heads * (sizes.queries + sizes.keys) * profile
    changed = bool(o.options.rope or o.options.cache) or FUNCTIONS[o.options.score].needs_preparation
    return (
        ALWAYS
        + threads * tile * (WATCHED + PROFILED * profile)
        + (2 * cells + 3 * distances) * 8
        + changed * _states(o)
    )


def rollout(o: ScoreOperands, rows: int, *, text: bool) -> int:
    """Return what it takes to multiply the weights of layers.

    Args:
        o: one head of one of them.
        rows: how many of its queries are computed at a time.
        text: whether all numbers of the product are written as text at once.
    """
    cells = o.sizes.queries**2
    return steps(first(o, rows), "softmax") + cells * (MULTIPLIED + LISTED * text)


def softmax(c: Softmax) -> int:
    """Return what softmax alone takes."""
    return ALWAYS + _copy(c.logits, c.dtype) + 2 * c.logits.size * c.dtype.itemsize


def weighted_sum(c: WeightedSum) -> int:
    """Return what the weighted sum alone takes."""
    output = math.prod(c.shape) * c.value.shape[-1] * c.dtype.itemsize
    return ALWAYS + _copy(c.weights, c.dtype) + _copy(c.value, c.dtype) + 3 * output


def encoded(kind: Format, counts: Mapping[str, int], itemsize: int) -> int:
    """Return how many bytes results take in a format.

    Args:
        kind: the format.
        counts: how many numbers each array has.
        itemsize: the bytes of a number.
    """
    return sum(counts.values()) * (TEXT if kind.text else itemsize)


def table(rows: int, columns: int) -> int:
    """Return what a table takes beside its numbers."""
    return rows * columns * CELL


def averages(o: ScoreOperands) -> int:
    """Return what it takes to average the weights of these queries."""
    return steps(o, "softmax") + o.sizes.queries * o.sizes.keys * AVERAGED


def maps(cells: int) -> int:
    """Return what maps take that have so many cells together."""
    return cells * PAGED


def mask_rows(queries: int, keys: int, rows: int) -> int:
    """Return what it takes to make some rows of a mask from its rules.

    Args:
        queries: of the whole mask.
        keys: likewise.
        rows: how many are made at a time.
    """
    return ALWAYS + rows * keys * MASK_CELL + (queries + keys) * PLACED


def two_masks(cells: int) -> int:
    """Return what it takes to look for what makes two masks of so many cells differ."""
    return ALWAYS + cells * RULED


def canvas(pixels: int) -> int:
    """Return what matplotlib takes for a canvas of so many pixels."""
    return ALWAYS + pixels * PIXEL


def _states(o: ScoreOperands) -> int:
    """Return what query, key and value take beside the arrays that were read."""
    copies = sum(_copy(each, o.dtype) for each in o.states.values())
    turned = (o.query.size + o.key.size) * o.dtype.itemsize
    times = 3 * (o.options.rope is not None) + 2 * FUNCTIONS[o.options.score].needs_preparation
    held = sum(each.size for name, each in o.states.items() if name != "query") * o.dtype.itemsize
    return copies + turned * times + held * (o.options.cache is not None)


def _copy(array: NDArray[Any], dtype: np.dtype[Any]) -> int:
    """Return what the array takes as the steps need it: nothing where it is so already."""
    plain = array.dtype == dtype and array.flags.c_contiguous
    return 0 if plain else array.size * dtype.itemsize
