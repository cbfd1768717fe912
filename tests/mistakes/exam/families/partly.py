"""Known mistakes that happen to a part only: one head, half of the heads, one item, rows from a border on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, core
from tests.mistakes.stages import Array, Rng

HEAD, ITEM, ROWS = r"(heads?)", r"(item|batch)", r"(row|quer|from|position)"


def unscaled(x: Core) -> Array:
    """No scale."""
    return x.but(scale=1.0).out()


def not_causal(x: Core) -> Array:
    """No mask."""
    return x.but(keep=np.ones_like(x.keep)).out()


def strict(x: Core) -> Array:
    """One key less."""
    i = np.arange(x.shape[2])[:, None] + x.g.first[0]
    return x.but(keep=np.broadcast_to(np.arange(x.shape[3]) < i, x.keep.shape)).out()


def not_turned(x: Core) -> Array:
    """No rotation."""
    return core(x.g, turn_q=lambda q, at, how: q, turn_k=lambda k, at, how: k).out()


def one_off(x: Core) -> Array:
    """Keys one position too far."""
    return core(replace(x.g, k_at=x.g.k_at + 1)).out()


def value_next(x: Core) -> Array:
    """Values of the next key head."""
    return x.out(v=np.roll(x.v, -1, 1))


def wide(x: Core) -> Array:
    """A window that is one wider."""
    i, j = np.arange(x.shape[2])[:, None], np.arange(x.shape[3])
    return x.but(keep=np.broadcast_to((j <= i) & (j >= i - 6), x.keep.shape)).out()


# What goes wrong: where, the ids, and words for it.
CHANGES: dict[str, tuple[Callable[[Core], Array], str, str, str]] = {
    "unscaled": (unscaled, "dense causal", "scale", "(scale|factor|times)"),
    "not-causal": (not_causal, "causal grouped", "mask-dropped", rf"(causal|mask|{LOST})"),
    "strict": (strict, "causal", "causal-diagonal", r"(diagonal|strict|own key|one key)"),
    "not-turned": (not_turned, "rope", "rope-pairing", r"(rot|turn)"),
    "key-one-off": (one_off, "rope", "rope-offset", r"(position|offset|shift|rot)"),
    "window-wide": (wide, "window", "window-bounds", r"window"),
}


def mixed(wrong: Array, right: Array, where: Array) -> Array:
    """Wrong where it is said, right elsewhere."""
    return np.where(where, wrong, right)


def part(x: Core, name: str, rng: Rng) -> tuple[Array, dict[str, object]]:
    """The part that is wrong, as a truth over (B, H, L, 1), and its numbers."""
    _, h, n, _ = x.shape
    heads, rows = np.arange(h).reshape(1, -1, 1, 1), np.arange(n).reshape(1, 1, -1, 1)
    if name == "one-head":
        head = int(rng.integers(1, h))
        return heads == head, {"head": head}
    if name == "second-half-of-heads":
        return heads >= h // 2, {"head": h // 2}
    if name == "every-other-head":
        return heads % 2 == 1, {"head": 1}
    if name == "last-row":
        return rows == n - 1, {"row": n - 1}
    border = 8 if n < 16 else 64
    return rows >= border, {"row": border}


PARTS = {
    "one-head": all_of(HEAD, r"\b<head>\b"),
    "second-half-of-heads": all_of(HEAD, r"\b<head>\b"),
    "every-other-head": all_of(HEAD, r"(every|odd|other|1, 3)"),
    "rows-from-a-border": all_of(ROWS, r"\b<row>\b"),
    "last-row": all_of(r"(last|row|query)", r"(<row>\b|last)"),
}

for change, (make, on, ids, words) in CHANGES.items():
    for where, place in PARTS.items():
        if where == "last-row" and change in ("not-causal", "window-wide"):
            continue  # the last row sees everything anyway, or differs by one key

        @kind(f"partly/{change}-in-{where}", on, ids, (rf"{place}(?=.*{words})",))
        def _(x: Core, rng: Rng, make: Callable[[Core], Array] = make, where: str = where) -> Wrong:
            there, facts = part(x, where, rng)
            return Wrong(mixed(make(x), x.out(), there), facts)


for change, (make, ids, words) in {
    "unscaled": (unscaled, "scale", "(scale|factor|times)"),
    "not-causal": (not_causal, "mask-dropped", rf"(causal|mask|{LOST})"),
    "values-of-the-next-head": (value_next, "heads-mapped", "head"),
}.items():

    @kind(f"partly/{change}-in-one-item", "batch-causal", ids, (all_of(ITEM, r"\b<item>\b", words),))
    def _(x: Core, rng: Rng, make: Callable[[Core], Array] = make) -> Wrong:
        made, item = x.out(), int(rng.integers(1, x.shape[0]))
        made[item] = make(x)[item]
        return Wrong(made, {"item": item})
