"""Right numbers in wrong places, and results of something else."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.words import MOVED, ZERO, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core
from tests.mistakes.stages import Array, Rng

ROW = r"(rows?|quer|position)"
SHIFT = r"(shift|moved|one|roll|late|early|next|previous|neighbou?r|other rows?|order|by -?\d)"


@kind("results/rows-one-on", "causal dense rope", "rows-moved", (all_of(ROW, SHIFT),))
def one_on(x: Core, rng: Rng) -> Array:
    return np.roll(x.out(), 1, 2)


@kind("results/rows-one-back", "causal dense", "rows-moved", (all_of(ROW, SHIFT),))
def one_back(x: Core, rng: Rng) -> Array:
    made = x.out()
    return np.concatenate([made[:, :, 1:], made[:, :, -1:]], 2)


@kind("results/rows-reversed", "causal dense", "rows-moved", (all_of(ROW, r"(revers|backward|order|other rows?)"),))
def reversed_rows(x: Core, rng: Rng) -> Array:
    return x.out()[:, :, ::-1]


@kind("results/last-row-zero", "causal dense grouped", "rows-lost", (all_of(ROW, r"(last|<row>)", ZERO),))
def last_zero(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    made[:, :, -1] = 0
    return Wrong(made, {"row": x.shape[2] - 1})


@kind(
    "results/last-row-the-one-before",
    "causal dense grouped",
    "rows-moved",
    (all_of(ROW, r"(last|<row>\b)", r"(<before>\b|previous|before|another row)"),),
)
def last_repeated(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    made[:, :, -1] = made[:, :, -2]
    return Wrong(made, {"row": x.shape[2] - 1, "before": x.shape[2] - 2})


@kind("results/all-rows-the-last", "causal dense", "rows-moved", (all_of(ROW, r"(last|same|all|every|<row>)"),))
def all_last(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    return Wrong(np.repeat(made[:, :, -1:], x.shape[2], 2), {"row": x.shape[2] - 1})


@kind("results/batch-reversed", "batch batch-causal", "batch-mapped", (all_of(r"(item|batch)", rf"({MOVED}|revers)"),))
def batch_reversed(x: Core, rng: Rng) -> Array:
    return x.out()[::-1]


@kind(
    "results/item-0-for-all",
    "batch batch-causal extend-batch",
    "batch-mapped",
    (all_of(r"(item|batch)", r"(item 0|first)"),),
)
def item_0(x: Core, rng: Rng) -> Array:
    made = x.out()
    return np.repeat(made[:1], len(made), 0)


@kind("results/last-item-stale", "batch batch-causal", "items-lost", (all_of(r"(item|batch)", r"\b<item>\b"),))
def last_stale(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    made[-1] = rng.standard_normal(made[-1].shape) * made.std()
    return Wrong(made, {"item": len(made) - 1})


@kind(
    "results/another-layer",
    "dense causal rope",
    "",
    (r".",),
)
def another_layer(x: Core, rng: Rng) -> Array:
    """Nothing can be said of it: whatever fact is right."""
    q, k, v = (rng.standard_normal(y.shape).astype(y.dtype) for y in (x.q, x.k, x.v))
    return x.but(q=q, k=k, v=v).out()


@kind(
    "results/heads-half-and-double",
    "dense grouped",
    "output-factor",
    (all_of("head", r"(factor|multiple|times|0\.5|half)", r"(2|doubl)"),),
)
def half_and_double(x: Core, rng: Rng) -> Array:
    heads = np.arange(x.shape[1]).reshape(1, -1, 1, 1)
    return x.out() * np.where(heads < x.shape[1] // 2, 0.5, 2.0)


@kind(
    "results/one-head-doubled",
    "dense causal",
    "output-factor",
    (all_of("head", r"\b<head>\b", r"(factor|multiple|times|doubl)"),),
)
def one_doubled(x: Core, rng: Rng) -> Wrong:
    head, made = int(rng.integers(x.shape[1])), x.out()
    made[:, head] *= 2
    return Wrong(made, {"head": head})


@kind(
    "results/columns-reversed",
    "dense",
    "columns-moved",
    (all_of(r"(column|feature|permuted columns)", r"(revers|order|other|moved|permut|places)"),),
)
def columns_reversed(x: Core, rng: Rng) -> Array:
    return x.out()[..., ::-1]


@kind(
    "results/columns-halves-exchanged",
    "dense grouped",
    "columns-moved",
    (all_of(r"(column|feature|permuted columns)", r"(half|halves|roll|order|other|moved|permut|places)"),),
)
def halves(x: Core, rng: Rng) -> Array:
    made = x.out()
    return np.roll(made, made.shape[-1] // 2, -1)


@kind(
    "results/rows-of-the-chunk-twice",
    "dense causal",
    "rows-moved",
    (all_of(ROW, r"(first|second|half|halves|twice|repeat|are those|other rows?|same)"),),
)
def chunk_twice(x: Core, rng: Rng) -> Array:
    """The second chunk's queries were never loaded."""
    made = x.out()
    half = x.shape[2] // 2
    return np.concatenate([made[:, :, :half], made[:, :, :half], made[:, :, 2 * half :]], 2)


@kind("results/negated", "dense causal", "output-factor", (all_of(r"(factor|multiple|times|negat|sign|-1|−1)"),))
def negated(x: Core, rng: Rng) -> Array:
    return -x.out()


@kind("results/sum-of-heads", "dense", "heads-averaged", (all_of("head", r"(sum|mean|averag|same|add)"),))
def sum_of_heads(x: Core, rng: Rng) -> Array:
    made = x.out()
    return np.repeat(made.mean(1, keepdims=True), x.shape[1], 1)


@kind("results/normalised-rows", "dense causal", "output-norm", (all_of(r"(norm|length|mean square|rms)"),))
def normalised(x: Core, rng: Rng) -> Array:
    """An RMS norm behind the attention."""
    made = x.out()
    return made / np.sqrt((made * made).mean(-1, keepdims=True) + 1e-6)


@kind("results/one-row-wrong", "dense causal", "rows-lost", (all_of(ROW, r"\b<row>\b"),))
def one_row(x: Core, rng: Rng) -> Wrong:
    row, made = int(rng.integers(x.shape[2])), x.out()
    made[:, :, row] = rng.standard_normal(made[:, :, row].shape) * made.std()
    return Wrong(made, {"row": row})
