"""Which head, and which axis: grouped heads, the order of axes, the axis of softmax."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import layout, operands, pieces, softmax
from attncli.check.recipe import Recipe
from attncli.probe.question import Answer, Phrase, Question, among, plainly

TILED = among("grouped-heads", operands.heads_tiled, {(pieces.HEADS.name, "key and value tiled"): "tiled"})


def _grouped(o: Operands) -> Iterator[Answer]:
    if o.sizes.group > 1 and o.sizes.key_heads > 1:
        yield from TILED(o)
        heads, count = np.arange(o.sizes.heads), o.sizes.key_heads
        orders = {"reversed": count - 1 - heads // o.sizes.group, "first": 0 * heads}
        for id_, order in orders.items():
            yield Answer("grouped-heads", Phrase(id_), partial(_served, order=order.tolist()), pieces.HEADS.order)


def _served(recipe: Recipe, *, order: list[int]) -> Recipe | None:
    """Let query heads be served by these key heads."""
    sizes = recipe.operands.sizes
    if sizes.key_heads <= max(order) or sizes.heads != len(order):
        return None
    arrays = {name: getattr(recipe.operands, name)[:, order] for name in ("key", "value")}
    return recipe.with_operands(sizes=replace(sizes, key_heads=sizes.heads), **arrays)


GROUPED_HEADS = Question("grouped-heads", plainly("blocks"), _grouped)
AXES = Question(
    "axes",
    plainly("own"),
    among(
        "axes",
        layout.axes,
        {(pieces.LAYOUT.name, "length and heads"): "heads", (pieces.LAYOUT.name, "length and batch"): "batch"},
    ),
)
SOFTMAX = Question(
    "softmax",
    plainly("keys"),
    among(
        "softmax",
        softmax.axis,
        {(pieces.SOFTMAX.name, form): form for form in ("none", "queries", "heads")},
    ),
)
