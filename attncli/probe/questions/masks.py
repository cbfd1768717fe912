"""What is open: masks, padding, empty rows, the causal rule and the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import causal, masks, pieces, softmax, window
from attncli.check.recipe import Recipe
from attncli.probe.question import Answer, Family, Others, Phrase, Question, among, plainly

MASK, CLOSING, EMPTY = pieces.MASK.name, pieces.CLOSING.name, pieces.EMPTY.name


def _families(*families: Family) -> Family:
    return lambda o: chain.from_iterable(family(o) for family in families)


def _with_mask(wanted: Callable[[Operands], bool], *several: Others) -> Others:
    """Return what asks only of problems with such a mask."""

    def others(o: Operands) -> Iterator[Answer]:
        if o.mask is not None and wanted(o):
            yield from chain.from_iterable(each(o) for each in several)

    return others


def _other_mask(question: str, id_: str, change: Callable[[Operands], Operands]) -> Answer:
    def apply(recipe: Recipe) -> Recipe:
        return replace(recipe, operands=change(recipe.operands))

    return Answer(question, Phrase(id_), apply, pieces.MASK.order)


def _is_boolean(o: Operands) -> bool:
    return o.mask is not None and o.mask.dtype == bool


def _is_padding(o: Operands) -> bool:
    """Tell whether all queries of an item see the same keys."""
    return o.mask is not None and _is_boolean(o) and bool((o.mask == o.mask[:, :, :1]).all())


def _first_item(o: Operands) -> Iterator[Answer]:
    if o.mask is not None and len(o.mask) > 1:
        yield _other_mask("boolean-mask", "first-item", _of_first)


def _of_first(o: Operands) -> Operands:
    return o if o.mask is None else replace(o, mask=np.broadcast_to(o.mask[:1], o.mask.shape))


def _scaled(o: Operands) -> Iterator[Answer]:
    if o.factor != 1:
        yield _other_mask("added-mask", "scaled", _times_the_scale)


def _times_the_scale(o: Operands) -> Operands:
    return o if o.mask is None or o.mask.dtype == bool else replace(o, mask=o.mask * o.factor)


def _counted(o: Operands) -> Iterator[Answer]:
    for id_, from_the_end in (("from-start", False), ("from-end", True)):
        yield _other_mask("padding", id_, lambda o, end=from_the_end: _as_lengths(o, end))  # type: ignore[misc]


def _as_lengths(o: Operands, from_the_end: bool) -> Operands:
    """Return the problem with as many keys open, but all of them at the beginning, or at the end."""
    if o.mask is None or o.mask.dtype != bool:
        return o
    keys = np.arange(o.mask.shape[-1])
    count = o.mask.sum(axis=-1, keepdims=True)
    return replace(o, mask=(keys[::-1] if from_the_end else keys) < count)


BOOLEAN_MASK = Question(
    "boolean-mask",
    plainly("attend"),
    _with_mask(
        lambda o: _is_boolean(o) and not _is_padding(o),
        among(
            "boolean-mask",
            _families(masks.mask, softmax.closing),
            {
                (MASK, "inverted"): "ignore",
                (MASK, "dropped"): "dropped",
                (CLOSING, "mask added where open"): "added",
                (CLOSING, "mask added where closed"): "added-closed",
                (CLOSING, "mask filled with 0"): "zero",
                (CLOSING, "mask after softmax"): "after-softmax",
            },
        ),
        _first_item,
    ),
)
ADDED_MASK = Question(
    "added-mask",
    plainly("added"),
    _with_mask(
        lambda o: not _is_boolean(o),
        among(
            "added-mask",
            masks.mask,
            {
                (MASK, "subtracted"): "subtracted",
                (MASK, "true attends"): "true",
                (MASK, "true ignores"): "false",
                (MASK, "inverted"): "inverted",
                (MASK, "dropped"): "dropped",
            },
        ),
        _scaled,
    ),
)
PADDING = Question(
    "padding",
    plainly("closed"),
    _with_mask(
        _is_padding,
        among("padding", masks.mask, {(MASK, "dropped"): "attended", (MASK, "inverted"): "inverted"}),
        _counted,
    ),
)
EMPTY_ROW = Question(
    "empty-row",
    plainly("zero"),
    among("empty-row", softmax.closing, {(EMPTY, "nan"): "nan", (EMPTY, "mean"): "mean", (EMPTY, "all"): "all"}),
)


CAUSAL, WINDOWED = pieces.CAUSAL.name, pieces.WINDOW.name
CORNERS = {(CAUSAL, "top left"): "top-left", (CAUSAL, "bottom right"): "bottom-right"}
UNASKED = among("no-mask", causal.causal, CORNERS)
OTHER_CAUSAL = among(
    "causal-corner",
    causal.causal,
    {
        **CORNERS,
        (CAUSAL, "dropped"): "dropped",
        (CAUSAL, "up to p−1"): "one-less",
        (CAUSAL, "up to p+1"): "one-more",
        (CAUSAL, "inverted"): "turned",
        (CAUSAL, "inverted, strict"): "turned-strict",
    },
)
OTHER_WINDOW = among(
    "window",
    window.window,
    {
        (WINDOWED, "dropped"): "dropped",
        (WINDOWED, "one key short on the left"): "shorter",
        (WINDOWED, "one key too long on the left"): "longer",
        (WINDOWED, "taken to both sides"): "both-sides",
    },
)


def _no_right(o: Operands) -> Iterator[Answer]:
    left, right = o.options.window or (-1, -1)
    if right >= 0:
        apply = partial(masks.with_rule_options, window=(left, -1))
        yield Answer("window", Phrase("no-right"), apply, pieces.WINDOW.order)


def _corner(o: Operands) -> Phrase:
    first = int(o.positions[0, 0])
    name = {0: "top-left", o.sizes.keys - o.sizes.queries: "bottom-right"}.get(first)
    return Phrase(name) if name else Phrase("position", {"position": first})


def _window(o: Operands) -> Phrase:
    left, right = o.options.window or (-1, -1)
    return Phrase("bounds", {"left": left if left >= 0 else "∞", "right": right if right >= 0 else "∞"})


NO_MASK = Question("no-mask", plainly("all"), lambda o: () if o.options.causal else UNASKED(o))
CAUSAL_CORNER = Question("causal-corner", _corner, lambda o: OTHER_CAUSAL(o) if o.options.causal else ())
WINDOW = Question("window", _window, lambda o: () if o.options.window is None else (*OTHER_WINDOW(o), *_no_right(o)))
