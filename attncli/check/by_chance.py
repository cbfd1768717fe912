"""Differences that look like chance: noise, or something that was lost at random and cannot be solved for.

If a weight w is dropped with the probability p and else divided by 1 − p, a number of the output is off by a random sum
with the variance p/(1 − p) · Σ w²·v². Other things that are random have other variances. The likeliest of them is said,
if the differences of neighbouring rows have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.check.mistakes.variant import Observed
from attncli.check.recipe import OUTPUT
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# In how many heads, and rows of each, differences are looked at; and how many numbers there must be.
HEADS, ROWS, NUMBERS = 8, 48, 256
# Of rows with fewer keys than this, times the features, dropout is solved for.
LONG = 2
# So many rows of a head must differ: some lose nothing.
MOST = 0.5
# What cannot be told apart: where the output is near 0 beside the values, these are the same.
ALIKE = ("weights", "keys")
# The likeliest must be so many times e more likely than any other.
CLEAR = 12.0
# Sums of random numbers have a fourth moment near 3; and a mean or a correlation of neighbours no larger than this,
# times what chance makes of so many numbers.
FOURTH, CHANCE = (2.0, 5.0), 5.0


def facts(observed: Observed) -> Iterator[Sentence]:
    """Say what the differences look like, if they look like chance."""
    right = observed.right
    if right.until != OUTPUT or right.operands.has_after or not _heads(observed).size:
        return
    parts = list(_parts(observed))
    if not parts:
        return
    apart = np.concatenate([each[0] for each in parts])  # (heads, rows, Ev)
    if apart.size < NUMBERS or not np.isfinite(apart).all():
        return
    models = {name: np.concatenate([each[1][name] for each in parts]) for name in parts[0][1]}
    fits = {name: _likelihood(apart, model) for name, model in models.items()}
    best, *others = sorted(fits, key=lambda name: -fits[name])
    next_one = next(name for name in others if not {best, name} <= set(ALIKE))
    if fits[best] - fits[next_one] < CLEAR or not _is_random(apart, models[best]):
        return
    times = float((apart**2 / models[best]).mean())
    if best in ("even", "relative"):
        yield sentence(f"fact_chance_{best}", number=f"{np.sqrt(times):.2g}")
    elif 0.01 < times < 2 and right.operands.sizes.keys > LONG * apart.shape[-1]:
        # The change of scores that are dropped is no linear one, and its size says little of p.
        is_linear = best in ALIKE
        yield (
            sentence("fact_chance_sum", p=f"{times / (1 + times):.2g}") if is_linear else sentence("fact_chance_scores")
        )


def _heads(observed: Observed) -> NDArray[np.int64]:
    """Return batch item and head of those in which most rows differ."""
    return np.argwhere(observed.wrong.mean(axis=2) > MOST)


def _parts(observed: Observed) -> Iterator[tuple[Array, Mapping[str, Array]]]:
    """Return, head by head, the differences (1, rows, Ev) and what their variances would be, but for a factor."""
    size = float(observed.output.std())
    for batch, head in _heads(observed)[:HEADS].tolist():
        rows = np.arange(min(ROWS, observed.output.shape[2]))
        made = observed.output[batch, head, rows].astype(np.float64)
        apart = observed.expected[batch, head, rows].astype(np.float64) - made
        weights = observed.right.weights(batch, head, rows)
        _, value = observed.right.logits_and_values(batch, head, rows[:1])
        with np.errstate(all="ignore"):
            logits = np.log(np.where(weights > 0, weights, 1))
        # Logits are known but for one number a row, which makes their mean 0.
        logits = np.where(weights > 0, logits - logits.sum(-1, keepdims=True) / (weights > 0).sum(-1, keepdims=True), 0)
        squares = weights**2
        around = {
            "keys": _around(squares, value, made),
            "scores": _around(squares * logits**2, value, made),
            "weights": squares @ value**2,
            "even": np.full(made.shape, size**2),
            "relative": made**2,
        }
        yield apart[None], {name: np.maximum(each, 1e-12 * size**2)[None] for name, each in around.items()}


def _around(squares: Array, value: Array, made: Array) -> Array:
    """Return Σ squares · (v − r)²."""
    return np.asarray(squares @ value**2 - 2 * made * (squares @ value) + squares.sum(-1, keepdims=True) * made**2)


def _likelihood(apart: Array, model: Array) -> float:
    """Return the logarithm of how likely normal differences of these variances are, times what fits best."""
    variance = model * (apart**2 / model).mean()
    return float(-0.5 * (np.log(variance) + apart**2 / variance).sum())


def _is_random(apart: Array, model: Array) -> bool:
    units = apart / np.sqrt(model)
    units = units / np.sqrt((units**2).mean())
    beside = (units[:, 1:] * units[:, :-1]).mean() * np.sqrt(units[:, 1:].size)
    across = (units[..., 1:] * units[..., :-1]).mean() * np.sqrt(units[..., 1:].size)
    mean = units.mean() * np.sqrt(units.size)
    fourth = float((units**4).mean())
    return max(map(abs, (beside, across, mean))) < CHANCE and FOURTH[0] < fourth < FOURTH[1]
