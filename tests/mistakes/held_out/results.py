"""Numbers and results."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from tests.mistakes.exam.families.words import MOVED, ZERO, all_of
from tests.mistakes.exam.kinds import Wrong
from tests.mistakes.exam.plain import Core
from tests.mistakes.held_out.hidden import hidden
from tests.mistakes.stages import Array, Rng

ROUND = r"(round|precision|bits|int8|float8|truncat|decimal|levels?)"
ROW = r"(rows?|quer|position)"


@hidden("numbers/output-in-float8", "dense causal", "rounding", all_of(ROUND))
def output_in_float8(x: Core, rng: Rng) -> Array:
    return x.out().astype(ml_dtypes.float8_e4m3fn).astype(np.float32)


@hidden("numbers/scores-to-whole-numbers", "dense causal", "rounding", all_of(r"(whole|integer|int|round|precision)"))
def whole_scores(x: Core, rng: Rng) -> Array:
    return x.but(q=0 * x.q, add=np.rint(2 * x.scores()) / 2).out()


@hidden(
    "numbers/values-truncated",
    "dense grouped",
    "rounding values-rounded cache-rounded",
    all_of(ROUND),
    all_of("value", r"(smaller|less|factor)"),
)
def truncated(x: Core, rng: Rng) -> Array:
    """Toward zero, to four bits behind the point."""
    return x.out(v=np.trunc(x.v * 8) / 8)


@hidden(
    "numbers/weights-to-two-decimals",
    "dense causal",
    "rounding",
    all_of(ROUND),
    all_of("weights", r"(small|zero|cut|sum)"),
)
def two_decimals(x: Core, rng: Rng) -> Array:
    return x.out(np.round(x.weights(), 2))


@hidden("numbers/nan-in-the-last-row", "dense causal", "numbers", all_of("nan", r"(<row>|last)"))
def nan_row(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    made[:, :, -1] = np.nan
    return Wrong(made, {"row": x.shape[2] - 1})


@hidden("numbers/infinity-in-one-head", "dense", "numbers", all_of(r"(∞|inf)", "head"))
def infinite(x: Core, rng: Rng) -> Array:
    made = x.out()
    made[:, 2] = np.inf
    return made


@hidden("numbers/heads-dropped", "dense causal", "heads-lost dropout", all_of("head", ZERO))
def dropped_heads(x: Core, rng: Rng) -> Array:
    made = x.out()
    made[:, ::2] = 0
    return made


@hidden("numbers/noise-in-one-head", "dense causal", "", all_of("head", r"\b<head>\b"))
def noisy_head(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    made[:, 1] += 0.3 * rng.standard_normal(made[:, 1].shape) * made.std()
    return Wrong(made, {"head": 1})


@hidden("results/two-rows-exchanged", "causal dense", "rows-moved", all_of(ROW, r"\b<a>\b", r"\b<b>\b", MOVED))
def exchanged(x: Core, rng: Rng) -> Wrong:
    a, b = sorted(int(i) for i in rng.choice(np.arange(1, x.shape[2]), 2, replace=False))
    made = x.out()
    made[:, :, [a, b]] = made[:, :, [b, a]]
    return Wrong(made, {"a": a, "b": b})


@hidden("results/rows-two-on", "causal dense", "rows-moved", all_of(ROW, r"(2|two|shift|moved|roll)"))
def two_on(x: Core, rng: Rng) -> Array:
    return np.roll(x.out(), 2, 2)


@hidden("results/columns-one-on", "dense causal", "columns-moved", all_of(r"(column|feature|permuted columns)"))
def column_on(x: Core, rng: Rng) -> Array:
    return np.roll(x.out(), 1, -1)


@hidden("results/columns-doubled", "dense causal", "columns-moved columns-lost", all_of(r"(column|feature)"))
def columns_doubled(x: Core, rng: Rng) -> Array:
    made = x.out()
    half = made.shape[3] // 2
    return np.concatenate([made[..., :half]] * 2, -1)


@hidden("results/signs-alternate", "dense causal", "output-factor", all_of(r"(sign|-1|−1|negat|factor|multiple)"))
def signs(x: Core, rng: Rng) -> Array:
    return x.out() * np.where(np.arange(x.shape[2]) % 2, -1, 1).reshape(1, 1, -1, 1)


@hidden("results/growing-with-the-row", "dense causal", "output-factor", all_of(r"(factor|multiple|times)"))
def growing(x: Core, rng: Rng) -> Array:
    return x.out() * (1 + np.arange(x.shape[2]) / x.shape[2]).reshape(1, 1, -1, 1)


@hidden(
    "results/mean-with-the-row-before",
    "causal dense",
    "rows-mixed",
    all_of(ROW, r"(mean|averag|sum|before|previous|mix)"),
)
def mean_of_two(x: Core, rng: Rng) -> Array:
    made = x.out()
    made[:, :, 1:] = (made[:, :, 1:] + made[:, :, :-1]) / 2
    return made


@hidden(
    "results/running-mean-of-values",
    "causal",
    "scale weights-uniform",
    all_of(r"(uniform|mean|equal|alike|same weight)"),
)
def running_mean(x: Core, rng: Rng) -> Array:
    return x.out(x.keep / x.keep.sum(-1, keepdims=True))


@hidden("results/items-rolled", "batch batch-causal", "batch-mapped", all_of(r"(item|batch)", MOVED))
def items_rolled(x: Core, rng: Rng) -> Array:
    return np.roll(x.out(), 1, 0)


@hidden("results/item-1-zero", "batch batch-causal", "items-lost", all_of(r"(item|batch)", r"\b1\b", ZERO))
def item_zero(x: Core, rng: Rng) -> Array:
    made = x.out()
    made[1] = 0
    return made


@hidden("results/clipped", "dense causal", "output-clipped", all_of(r"(clip|clamp|limit|at most|largest|cut|saturat)"))
def clipped(x: Core, rng: Rng) -> Array:
    made = x.out()
    return np.clip(made, -made.std(), made.std())


@hidden("results/relu", "dense causal", "output-function", all_of(r"(relu|negative|zero|\b0\b)"))
def relu(x: Core, rng: Rng) -> Array:
    return np.maximum(x.out(), 0)


@hidden(
    "results/first-query-in-each-tile",
    "dense causal",
    "rows-moved",
    all_of(ROW, r"(tile|same|first|repeat|multiple|are those)"),
)
def first_of_tile(x: Core, rng: Rng) -> Array:
    tile = 4 if x.shape[2] < 16 else 16
    return x.out()[:, :, np.arange(x.shape[2]) // tile * tile]


@hidden(
    "results/heads-and-items-exchanged",
    "batch",
    "layout batch-mapped heads-mapped",
    all_of(r"(head|item|batch|axes|permut)"),
)
def axes(x: Core, rng: Rng) -> Array:
    made = x.out()
    b, h = made.shape[:2]
    return made.swapaxes(0, 1).reshape(b * h, *made.shape[2:]).reshape(b, h, *made.shape[2:])
