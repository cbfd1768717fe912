"""Wrong rules: a causal rule or a window that closes other keys than it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes.masks import both_open, with_empty, with_rule_options
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.probe import Group, Probe
from attncli.check.recipe import Recipe

if TYPE_CHECKING:
    pass


def causal(o: Operands) -> Iterator[Variant | Unknown]:
    """The causal rule is missing, unwanted, shifted, or the other way round."""
    first = int(o.positions[0, 0])
    corners = {0: "top left", o.sizes.keys - o.sizes.queries: "bottom right", o.sizes.past: "behind the past keys"}
    if not o.options.causal:
        for shift, corner in corners.items():
            yield _causal(o, ("causal-unwanted",), shift, f"a causal rule was applied ({corner})", {"corner": corner})
        yield Unknown("causal", "rules", _reach, partial(_found_causal, o), smooth=False)
        return
    yield Variant(
        ("mask-dropped",),
        "causal",
        "rules",
        lambda recipe: with_rule_options(recipe, causal=False),
        "the causal rule was dropped: queries saw later keys",
        "pass the causal rule on (is_causal=True)",
        {"rule": "causal"},
        {"causal": False},
    )
    for shift, corner in corners.items():
        if shift != first:
            said = f"the causal rule was aligned {corner} instead of at position {first}"
            variant = _causal(o, ("causal-corner",), shift, said, {"corner": corner, "offset": shift})
            yield from with_empty(_left_behind(o, variant, shift=shift))
    for step in (-1, 1):
        said = f"the causal diagonal is off by one: keys up to p{'+' if step > 0 else '−'}1 were seen"
        variant = _causal(o, ("causal-diagonal",), first + step, said, {"diagonal": step})
        variant = replace(variant, apply=partial(_shifted, by=step))
        yield from with_empty(_left_behind(o, variant, by=step))
    for strict in (False, True):
        yield from with_empty(
            Variant(
                ("mask-inverted",),
                "causal",
                "rules",
                partial(_upper, strict=strict),
                f"the causal rule was turned round: queries saw keys from p{' + 1' * strict} on (triu used as keep)",
                "keep the lower triangle (tril), or close where triu is true",
                {"rule": "causal", "diagonal": not strict},
            )
        )
    yield Unknown("causal", "rules", _reach, partial(_found_causal, o), smooth=False)


def _left_behind(o: Operands, variant: Variant, **shift: Any) -> Variant:
    """Return a shift of the causal rule in which a window, where there is one, stays where it was."""
    if o.options.window is None:
        return variant
    return replace(variant, apply=partial(_shifted, alone=True, **shift), options=None)


def _causal(o: Operands, names: tuple[str, ...], shift: int, said: str, detail: dict[str, object]) -> Variant:
    plain = o.options.rope is None and not o.options.alibi and o.options.window is None
    where = f"let the query at position p see keys up to p, the first one at {int(o.positions[0, 0])}"
    return Variant(
        names,
        "causal",
        "rules",
        partial(_shifted, shift=shift),
        said,
        where if o.options.causal else "do not apply a causal rule here",
        detail,
        {"causal": True, "offset": shift} if plain else None,
    )


def _found_causal(o: Operands, shift: float) -> Variant:
    said = f"keys up to p{shift - int(o.positions[0, 0]):+.0f} were seen"
    detail: dict[str, object] = {"offset": int(shift)}
    return _causal(o, ("causal-diagonal" if o.options.causal else "causal-unwanted",), int(shift), said, detail)


def _shifted(recipe: Recipe, *, shift: int | None = None, by: int = 0, alone: bool = False) -> Recipe | None:
    """Return the recipe with a causal rule that begins at another position; a window stays behind, or goes with it.

    Args:
        recipe: the recipe as it is.
        shift: position of the first query; None leaves it, and moves every query…
        by: …by so many positions.
        alone: whether a window stays behind.
    """
    o = recipe.masking
    positions = o.positions + by if shift is None else np.full((1, 1), shift) + np.arange(o.sizes.queries)
    if alone:
        before = np.arange(o.sizes.keys) <= positions[:, None, :, None]
        return recipe.with_rules(mask=both_open(before, o), options=replace(o.options, causal=False))
    if o.options.causal and np.array_equal(np.broadcast_to(positions, o.positions.shape), o.positions):
        return None
    return recipe.with_rules(positions=positions, options=replace(o.options, causal=True))


def _upper(recipe: Recipe, *, strict: bool) -> Recipe:
    """Return the recipe with the upper triangle open instead of the lower."""
    o = recipe.masking
    ahead = np.arange(o.sizes.keys) >= (o.positions + strict)[:, None, :, None]
    return recipe.with_rules(options=replace(o.options, causal=False), mask=both_open(ahead, o))


def window(o: Operands) -> Iterator[Variant | Unknown]:
    """The window has other bounds, or is not looked at."""
    if o.options.window is not None:
        left, right = o.options.window
        said = "the window was not looked at"
        yield _window(o, (-1, -1), ("window-bounds", "mask-dropped"), said)
        others = {
            (left - 1, right): "one key short on the left",
            (left + 1, right): "one key too long on the left",
            (left, -1): "its right bound was lost",
            (-1, right): "its left bound was lost",
            (left, left): "taken to both sides",
            (left, 0): "taken to the left side only",
            (right, left): "its sides were swapped",
        }
        if right >= 0:
            others |= {(left, right - 1): "one key short on the right", (left, right + 1): "one too long on the right"}
            others |= {
                (left - 1, right - 1): "one key short on both sides",
                (left + 1, right + 1): "one too long on both",
            }
            others |= {(right, right): "the right bound was taken to both sides"}
        if left > 0:
            others |= {(left // 2, left // 2): "split in half to both sides"}
        for bounds, how in others.items():
            if bounds != (left, right) and min(bounds) >= -1 and bounds != (-1, -1):
                yield _window(o, bounds, ("window-bounds",), f"the window is wrong: {how}")
        yield from _chunks(o)
        yield from _moved(o)
    yield Unknown("window", "rules", _behind, partial(_found_window, o), smooth=False)


def _window(o: Operands, bounds: tuple[int, int], names: tuple[str, ...], said: str) -> Variant:
    value = None if bounds == (-1, -1) else bounds
    text = "no window" if o.options.window is None else "a window of {}, {}".format(*o.options.window)
    return Variant(
        names,
        "window",
        "rules",
        lambda recipe: None if recipe.masking.options.window == value else with_rule_options(recipe, window=value),
        said,
        f"use {text} (left, right; both inclusive, -1 is no bound)",
        {"window": list(bounds)},
        {"window": ",".join(map(str, bounds))},
    )


def _moved(o: Operands) -> Iterator[Variant]:
    """Causal rule and window are shifted together."""
    if not o.options.causal:
        return
    first = int(o.positions[0, 0])
    for step in (-1, 1):
        said = f"causal rule and window are off by one: positions are p{'+' if step > 0 else '−'}1"
        variant = _causal(o, ("causal-diagonal",), first + step, said, {"diagonal": step, "window": "moved"})
        yield from with_empty(replace(variant, slot="window", apply=partial(_shifted, by=step)))
    for shift in dict.fromkeys((0, o.sizes.keys - o.sizes.queries, o.sizes.past)):
        if shift != first:
            said = f"causal rule and window were taken from position {shift}, not {first}"
            yield from with_empty(_causal(o, ("causal-corner",), shift, said, {"offset": shift, "window": "moved"}))


def _found_window(o: Operands, left: float) -> Variant:
    right = -1 if o.options.window is None else o.options.window[1]
    return _window(o, (int(left), right), ("window-bounds",), f"the window reached {left:.0f} keys back")


def _chunks(o: Operands) -> Iterator[Variant]:
    """Positions are counted from the start of a chunk of queries, not from that of the sequence."""
    left = (o.options.window or (-1, -1))[0]
    size = 8
    while size < o.sizes.queries and left >= 0:
        yield Variant(
            ("window-bounds",),
            "window",
            "rules",
            partial(_local, size=size, left=left),
            f"the window was counted from the row inside a chunk of {size} queries",
            "count positions from the start of the sequence",
            {"chunk": size},
        )
        size *= 2


def _local(recipe: Recipe, *, size: int, left: int) -> Recipe:
    o = recipe.masking
    local = np.arange(o.sizes.queries) % size
    near = np.arange(o.sizes.keys) >= local[:, None] - left
    right = (o.options.window or (-1, -1))[1]
    return recipe.with_rules(mask=both_open(near[None, None], o), options=replace(o.options, window=(-1, right)))


def _reach(recipe: Recipe, probe: Probe) -> list[float]:
    """Return where the causal rule would begin if each observed row were made of the keys before some key."""
    return _ends(recipe, probe, lambda made, group, row: made - group.rows[row])


def _behind(recipe: Recipe, probe: Probe) -> list[float]:
    """Return how far back a window would reach if each observed row were made of the keys from some key on."""
    positions = recipe.operands.positions

    def reach(kept_keys: int, group: Group, row: int) -> float:
        position = positions[group.batch % len(positions), group.rows[row]]
        return int(position) - (recipe.operands.sizes.keys - 1 - kept_keys)

    return [each for each in _ends(recipe, probe, reach, backwards=True) if each >= 0]


def _ends(
    recipe: Recipe, probe: Probe, number: Callable[[int, Group, int], float], *, backwards: bool = False
) -> list[float]:
    """Find, for the last rows of the worst head, the run of keys that makes what was observed; return what it says.

    All runs of a row are tried at once: their sums are the running sums of exponentials and of values.
    """
    if (
        recipe.axis != "keys"
        or recipe.back
        or recipe.closing
        or recipe.empty != "zero"
        or recipe.operands.sinks is not None
    ):
        return []
    open_ = with_rule_options(recipe, window=None) if backwards else with_rule_options(recipe, causal=False)
    group = probe.groups[0]
    found: list[float] = []
    for row in sorted({len(group.rows) - 1, len(group.rows) // 2, max(0, len(group.rows) - 2)}, reverse=True):
        logits, value = open_.logits_and_values(group.batch, group.head, group.rows[row : row + 1])
        if backwards:
            logits, value = logits[::-1], value[::-1]
        with np.errstate(all="ignore"):
            powers = np.exp(logits - logits.max())[:, None]
            made = np.cumsum(powers * value, axis=0) / np.cumsum(powers, axis=0) * recipe.factor
        apart = np.abs(made - group.observed[row]).max(axis=1)
        if np.isfinite(apart).any():
            found.append(number(int(np.nanargmin(apart)), group, row))
    return list(dict.fromkeys(found))
