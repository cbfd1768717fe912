"""Wrong closing and wrong softmax: values that do not mask, empty rows, the axis, sinks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import pieces
from attncli.check.mistakes.arithmetic import exponentials
from attncli.check.mistakes.empty import all_when_empty, mean_when_empty, nan_when_empty
from attncli.check.mistakes.general import KEYS_OPENED
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import (
    EMPTY_ROW,
    MASK_ADDED,
    MASK_AFTER_SOFTMAX,
    MASK_VALUE,
    SINK,
    SOFTMAX_AXIS,
)
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe, close, softmax, zero_when_empty
from attncli.sentences import Sentence, sentence, word, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.check.mistakes.empty import Empty
    from attncli.check.recipe import Array, Opened

    Close: TypeAlias = Callable[[Array, Opened], Array]

# Where the search for a sink, a factor on sinks and a masking value starts.
LOGITS = (-6.0, -4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0, 6.0)
TIMES = (0.1, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0, 8.0)
UNSCALED = sentence("fix_sink")
ONE_TOO_MANY = sentence("fix_no_sink")
# So near to a whole number of keys a sum may be, as a share and in keys; of more than exp(12) none could be told.
NEAR, WHOLE, MOST_LOGIT = 1e-3, 0.02, 12.0
# So many scores at most go through one softmax together; what kernels fill keys up to a multiple of.
SCORES = 1 << 20
TILES = (4, 8, 16, 32, 64, 128, 256)
FILLS = (-1.0, -2.0, -5.0, -10.0, -20.0, 1.0, 5.0)


def closing(o: Operands) -> Iterator[Variant | Unknown]:
    """Keys are closed in a way that does not close them."""
    rules = [name for name in rules_of(o) if name != "bias"]
    sets = ([tuple(rules)] if len(rules) > 1 else []) + [(rule,) for rule in rules]
    for names in sets:
        yield from _not_closed(names)
    if rules:
        yield from _empty()


def _not_closed(names: tuple[str, ...]) -> Iterator[Variant | Unknown]:
    """The keys that these rules close stay open in one way or another."""
    what = words("rule", names)
    description = sentence("closed_with_0", rules=what)
    yield _closing(names, MASK_VALUE, "filled with 0", {"close": _filling(names, 0.0)}, description, {"fill": 0.0})
    description = sentence("mask_added", rules=what)
    detail: dict[str, object] = {"added": "1 where open"}
    yield _closing(names, MASK_ADDED, "added where open", {"close": _adding(names, where=True)}, description, detail)
    description = sentence("mask_added_where_closed", rules=what)
    detail = {"added": "1 where closed"}
    yield _closing(names, MASK_ADDED, "added where closed", {"close": _adding(names, where=False)}, description, detail)
    description = sentence("mask_after_softmax", rules=what)
    after = {"close": partial(_left_open, names=names), "masked": partial(_masked, names=names)}
    yield _closing(names, MASK_AFTER_SOFTMAX, "after softmax", after, description, {})
    yield Unknown(pieces.CLOSING, FILLS, partial(_filled, names=names))


def _named(names: tuple[str, ...]) -> str:
    return " and ".join({"length": "padding"}.get(name, name) for name in names)


def rules_of(o: Operands) -> list[str]:
    """Return the rules in force; one row is enough to see them."""
    return list(openings(o.select(batch=0, head=0, rows=np.arange(1))))


def _filled(value: float, *, names: tuple[str, ...]) -> Variant:
    description = sentence("closed_with_number", rules=words("rule", names), logit=f"{value:.6g}")
    return _closing(names, MASK_VALUE, "filled", {"close": _filling(names, value)}, description, {"fill": value})


def _closing(
    names: tuple[str, ...],
    mistake: Mistake,
    form: str,
    stages: Mapping[str, Any],
    description: Sentence,
    detail: Mapping[str, object],
) -> Variant:
    def apply(recipe: Recipe) -> Recipe | None:
        there = rules_of(recipe.masking)
        return replace(recipe, **stages) if set(names) <= set(there) else None

    fix = sentence("fix_closing")
    detail = {"rules": list(names), **detail}
    return Variant((mistake,), pieces.CLOSING, f"{_named(names)} {form}", apply, description, fix, detail)


def _filling(names: tuple[str, ...], value: float) -> Close:
    """Return what gives the keys that these rules close a number for a logit."""

    def close_wrongly(logits: Array, opened: Opened) -> Array:
        return close(np.where(_open_to(names, opened), logits, value), _others(names, opened))

    return close_wrongly


def _adding(names: tuple[str, ...], *, where: bool) -> Close:
    """Return what adds 1 to the logits of the keys that these rules leave open (True), or close (False)."""

    def close_wrongly(logits: Array, opened: Opened) -> Array:
        return close(logits + (_open_to(names, opened) == where), _others(names, opened))

    return close_wrongly


def _left_open(logits: Array, opened: Opened, *, names: tuple[str, ...]) -> Array:
    return close(logits, _others(names, opened))


def _masked(weights: Array, opened: Opened, *, names: tuple[str, ...]) -> Array:
    return np.where(_open_to(names, opened), weights, 0)


def _open_to(names: tuple[str, ...], opened: Opened) -> NDArray[np.bool_]:
    """Return where all of these rules are open."""
    together = np.ones((1, 1, 1, 1), dtype=bool)
    for name in names:
        together = together & opened.get(name, True)
    return together


def _others(names: tuple[str, ...], opened: Opened) -> Opened:
    """Return the other rules: what they close stays closed."""
    return {name: rule for name, rule in opened.items() if name not in names}


def _empty() -> Iterator[Variant]:
    policies: dict[str, Empty] = {"nan": nan_when_empty, "mean": mean_when_empty, "all": all_when_empty}
    for policy, stage in policies.items():
        apply, description, fix = partial(_emptied, stage=stage), sentence(f"empty_{policy}"), sentence("fix_empty")
        yield Variant((EMPTY_ROW,), pieces.EMPTY, policy, apply, description, fix, {"policy": policy})


def _emptied(recipe: Recipe, *, stage: Empty) -> Recipe:
    return replace(recipe, empty=stage)


def axis(o: Operands) -> Iterator[Variant]:
    """Softmax runs along another axis, or not at all."""
    description = sentence("softmax_none")
    yield _axis("none", "none", description, {"softmax": _no_softmax, "empty": zero_when_empty})
    for number, name in ((2, "queries"), (1, "heads"), (0, "batch")):
        description = sentence(f"softmax_{name}")
        stages = {"softmax": partial(_along, axis=number), "whole": frozenset({number}), "empty": zero_when_empty}
        yield _axis(name, name, description, stages)
        if rules_of(o):
            yield _axis(name, f"{name}, empty rows nan", description, stages | {"empty": nan_when_empty})
    for name, axes in (("queries and keys", (2, 3)), ("heads and keys", (1, 3)), ("everything", (0, 1, 2, 3))):
        if len(axes) > 2 and o.sizes.batch * o.sizes.heads * o.sizes.queries * o.sizes.keys > SCORES:
            continue
        stages = {"softmax": partial(_along_all, axes=axes), "whole": frozenset(axes) - {3}, "empty": zero_when_empty}
        yield replace(_axis(name, name, word("softmax", name), stages), alone=True)


def _axis(name: str, form: str, description: Sentence, stages: Mapping[str, Any]) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return replace(recipe, **stages)

    fix = sentence("fix_softmax")
    return Variant((SOFTMAX_AXIS,), pieces.SOFTMAX, form, apply, description, fix, {"axis": name})


def _no_softmax(logits: Array, o: Operands) -> Array:
    return np.where(np.isfinite(logits), logits, 0)


def _along(logits: Array, o: Operands, *, axis: int) -> Array:
    # Sinks are keys: along another axis they have no place.
    return np.moveaxis(softmax(np.moveaxis(logits, axis, -1), replace(o, sinks=None)), -1, axis)


def _along_all(logits: Array, o: Operands, *, axes: tuple[int, ...]) -> Array:
    made = exponentials(logits, axes)
    return made / np.maximum(made.sum(axis=axes, keepdims=True), np.finfo(float).tiny)


def sink(o: Operands) -> Iterator[Variant | Unknown]:
    """The sink is left out, scaled, or not wanted."""
    if o.sinks is None:
        yield sink_variant(np.zeros(o.sizes.heads), "0 added", sentence("sink_0_added"), ONE_TOO_MANY)
        tails = dict.fromkeys(-o.sizes.keys % tile for tile in TILES)
        yield from (replace(_one_more(o, math.log(count)), alone=True) for count in tails if count > 1)
        yield Unknown(pieces.SINK, LOGITS, partial(_one_more, o), alone=True)
        return
    own = np.asarray(o.sinks, dtype=np.float64)
    yield sink_variant(None, "left out", sentence("sink_left_out"), UNSCALED)
    others = {"taken as 0": 0 * own, "sign": -own}
    if o.factor not in (0, 1):
        others["scaled"] = own * o.factor
        others["divided"] = own / o.factor
    with np.errstate(all="ignore"):
        plain = np.where(own > 0, np.log(own), -np.inf)
    others["no exponential"] = plain
    for form, value in others.items():
        yield sink_variant(value, form, word("sink", form), UNSCALED)
    yield Unknown(pieces.SINK, TIMES, partial(_times, own), alone=True)


def _one_more(o: Operands, logit: float) -> Variant:
    value, count = np.full(o.sizes.heads, logit), _keys_of_0(logit)
    if count is None:
        return sink_variant(value, "a number added", sentence("sink_number_added", logit=f"{logit:.6g}"), ONE_TOO_MANY)
    description = sentence("sink_as_keys_of_0", logit=f"{logit:.6g}", count=count)
    variant = sink_variant(value, f"{count} keys of 0 added", description, sentence("fix_keys_behind"))
    return replace(variant, mistakes=(KEYS_OPENED,), detail={"keys": count, "logit": logit})


def _keys_of_0(logit: float) -> int | None:
    """Return how many keys and values of 0 come to one more logit; None: no whole number of them, or one alone.

    >>> _keys_of_0(1.386294), _keys_of_0(1.0), _keys_of_0(0.0)
    (4, None, None)
    """
    count = math.exp(min(logit, MOST_LOGIT))
    whole = round(count)
    return whole if whole >= 2 and abs(count - whole) <= min(NEAR * whole, WHOLE) else None


def _times(own: NDArray[np.float64], factor: float) -> Variant:
    return sink_variant(own * factor, "multiplied", sentence("sink_multiplied", factor=f"{factor:.6g}"), UNSCALED)


def sink_variant(value: NDArray[Any] | None, form: str, description: Sentence, fix: Sentence) -> Variant:
    """Return the mistake with these sinks (heads,); None: without any."""

    def apply(recipe: Recipe) -> Recipe | None:
        fits = value is None or len(value) == recipe.operands.sizes.heads
        return recipe.with_operands(sinks=value) if fits else None

    return Variant((SINK,), pieces.SINK, form, apply, description, fix, {"sink": description})
