"""Wrong merges of partial results over parts of the keys: split-k, ring attention, context parallel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.mistakes.exam.families.words import LOST, TWICE, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, finish, softmax
from tests.mistakes.stages import Array, Rng, repeated

WHERE = "dense cross decode causal"
SPLIT = r"(split|part|half|halves|quarter|third|tile|key|range|border|merge)"
LSE = r"(lse|log.sum|merge|share|sum|normali|averag|weight|mean|maximum)"


def parts_of(x: Core, count: int) -> tuple[list[Array], list[Array], list[Array]]:
    """The output of each part, its log-sum-exp and its maximum."""
    v = repeated(x.v, x.shape[1])
    outputs, sums, tops = [], [], []
    for span in np.array_split(np.arange(x.shape[3]), count):
        logits = x.logits()[..., span]
        outputs.append(softmax(logits) @ v[:, :, span])
        sums.append(np.logaddexp.reduce(logits, axis=-1, keepdims=True))
        tops.append(logits.max(-1, keepdims=True))
    return outputs, sums, tops


def joined(x: Core, outputs: list[Array], shares: list[Array]) -> Array:
    """Σ share · output, the shares normalised."""
    total = sum(shares)
    made = sum(o * share for o, share in zip(outputs, shares, strict=True))
    return finish(x.p, np.nan_to_num(np.asarray(made) / np.where(total == 0, 1, total)))


COUNTS = {"halves": 2, "quarters": 4}

for label, count in COUNTS.items():

    @kind(
        f"splits/averaged-{label}",
        WHERE,
        "splits",
        (all_of(SPLIT, r"(averag|mean|equal|alike|without (their )?lse|not weighted)"),),
    )
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        outputs, _, _ = parts_of(x, count)
        return finish(x.p, np.asarray(sum(outputs) / count))

    @kind(f"splits/added-{label}", WHERE, "splits", (all_of(SPLIT, r"(added|sum|not divided|without)"),))
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        return finish(x.p, np.asarray(sum(parts_of(x, count)[0])))

    @kind(f"splits/max-for-lse-{label}", WHERE, "splits", (all_of(SPLIT, r"(max)"),))
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        outputs, _, tops = parts_of(x, count)
        most = np.max(tops, axis=0)
        return joined(x, outputs, [np.exp(top - most) for top in tops])

    @kind(
        f"splits/lse-in-base-2-{label}", WHERE, "splits", (all_of(SPLIT, r"(base 2|log2|log₂|2\^|1\.44|0\.693|exp2)"),)
    )
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        """lse in base 2 merged with exp: shares e^(lse / ln 2)."""
        outputs, sums, _ = parts_of(x, count)
        most = np.max(sums, axis=0)
        return joined(x, outputs, [np.exp((s - most) / np.log(2)) for s in sums])

    @kind(f"splits/exp2-of-lse-{label}", WHERE, "splits", (all_of(SPLIT, r"(base 2|log2|log₂|2\^|1\.44|0\.693|exp2)"),))
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        """A natural lse merged with exp2."""
        outputs, sums, _ = parts_of(x, count)
        most = np.max(sums, axis=0)
        return joined(x, outputs, [np.exp2(s - most) for s in sums])

    @kind(f"splits/last-lost-{label}", WHERE, "tile-lost keys-lost", (all_of(SPLIT, LOST),))
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        outputs, sums, _ = parts_of(x, count)
        most = np.max(sums[:-1], axis=0)
        most = np.where(np.isfinite(most), most, 0)
        return joined(x, outputs[:-1], [np.exp(s - most) for s in sums[:-1]])

    @kind(f"splits/first-lost-{label}", "dense cross decode", "tile-lost keys-lost", (all_of(SPLIT, LOST),))
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        outputs, sums, _ = parts_of(x, count)
        most = np.max(sums[1:], axis=0)
        return joined(x, outputs[1:], [np.exp(s - most) for s in sums[1:]])

    @kind(f"splits/first-twice-{label}", WHERE, "tile-doubled keys-doubled", (all_of(SPLIT, TWICE),))
    def _(x: Core, rng: Rng, count: int = count) -> Array:
        outputs, sums, _ = parts_of(x, count)
        most = np.max(sums, axis=0)
        shares = [np.exp(s - most) for s in sums]
        return joined(x, [*outputs, outputs[0]], [*shares, shares[0]])


@kind("splits/lse-of-unscaled-scores", "dense decode", "splits", (all_of(SPLIT, r"(lse|log.sum|scale|share|merge)"),))
def unscaled_lse(x: Core, rng: Rng) -> Array:
    """The shares come from an lse of scores that were not scaled."""
    outputs, _, _ = parts_of(x, 2)
    _, sums, _ = parts_of(x.but(scale=1.0), 2)
    most = np.max(sums, axis=0)
    return joined(x, outputs, [np.exp(s - most) for s in sums])


@kind(
    "splits/shares-of-the-wrong-part",
    "dense decode",
    "splits",
    (all_of(SPLIT, r"(swap|exchang|other|share|lse|merge)"),),
)
def shares_exchanged(x: Core, rng: Rng) -> Array:
    outputs, sums, _ = parts_of(x, 2)
    most = np.max(sums, axis=0)
    return joined(x, outputs, [np.exp(s - most) for s in sums[::-1]])


@kind(
    "splits/not-normalised-shares",
    "dense decode causal",
    "splits",
    (all_of(SPLIT, r"(merge|lse|normali|sum|multiple|share)"),),
)
def not_normalised(x: Core, rng: Rng) -> Array:
    """Σ e^(lse − max) · output, not divided by Σ e^(lse − max)."""
    outputs, sums, _ = parts_of(x, 2)
    most = np.max(sums, axis=0)
    return finish(x.p, np.nan_to_num(np.asarray(sum(o * np.exp(s - most) for o, s in zip(outputs, sums, strict=True)))))


@kind("splits/lse-without-maximum", "softcap dense", "splits", (all_of(SPLIT, r"(merge|lse|maximum|share|sum)"),))
def without_maximum(x: Core, rng: Rng) -> Array:
    """The maximum is not put back into the lse of a part: its share is that of Σ e^(logit − maximum)."""
    outputs, sums, tops = parts_of(x, 2)
    return joined(x, outputs, [np.exp(s - top) for s, top in zip(sums, tops, strict=True)])


@kind("splits/lse-of-head-0", "dense grouped", "splits heads-mapped", (all_of(SPLIT, r"head"),))
def lse_of_head_0(x: Core, rng: Rng) -> Array:
    outputs, sums, _ = parts_of(x, 2)
    most = np.max(sums, axis=0)
    return joined(x, outputs, [np.repeat(np.exp(s - most)[:, :1], x.shape[1], 1) for s in sums])


@kind(
    "splits/merged-pairwise-as-averages",
    "dense",
    "splits",
    (all_of(SPLIT, r"(averag|mean|equal|alike|lse|merge|weight)"),),
)
def running_average(x: Core, rng: Rng) -> Array:
    """Ring attention whose step is (old + new)/2."""
    outputs, _, _ = parts_of(x, 3)
    made = outputs[0]
    for each in outputs[1:]:
        made = (made + each) / 2
    return finish(x.p, made)


@kind(
    "splits/ring-causal-step-whole",
    "causal rope",
    "mask-blocks causal-diagonal tile-diagonal",
    (
        all_of(
            r"(half|halves|block|part|split|key|chunk|ahead|rank|multiple|diagonal)",
            r"(open|seen|causal|extra|whole|ahead|future|mask)",
        ),
    ),
)
def ring_whole(x: Core, rng: Rng) -> Array:
    """Each rank's own block without the causal rule."""
    block = np.arange(x.shape[3]) * 4 // x.shape[3]
    return x.but(keep=x.keep | (block[:, None] == block)).out()


@kind("splits/ring-step-missing", "causal rope dense", "keys-lost mask-blocks", (all_of(SPLIT + "|chunk", LOST),))
def ring_missing(x: Core, rng: Rng) -> Array:
    """The block of the neighbour before never arrives."""
    block = np.arange(x.shape[3]) * 4 // x.shape[3]
    return x.but(keep=x.keep & (block[:, None] - 1 != block)).out()


@kind(
    "splits/zigzag-not-undone",
    "causal dense",
    "rows-moved",
    (all_of(r"rows?|quer", r"(order|other|moved|permut|places|are those|of row)"),),
)
def zigzag(x: Core, rng: Rng) -> Array:
    """Rows in the order in which load balancing dealt them to two ranks."""
    chunks = np.array_split(np.arange(x.shape[2]), 4)
    return x.out()[:, :, np.concatenate([chunks[0], chunks[3], chunks[1], chunks[2]])]


@kind("splits/rank-0-only", "grouped dense", "heads-lost not-written", (all_of("heads?", r"(zero|0\b|left|missing)"),))
def rank_0(x: Core, rng: Rng) -> Array:
    """Tensor parallel: the other rank's half of the heads is not gathered."""
    made = x.out()
    made[:, x.shape[1] // 2 :] = 0
    return made


@kind(
    "splits/ranks-exchanged",
    "dense grouped",
    "heads-mapped",
    (all_of("heads?", r"(order|other|exchang|swap|moved|half|roll|another)"),),
)
def ranks(x: Core, rng: Rng) -> Array:
    return np.roll(x.out(), x.shape[1] // 2, 1)


@kind(
    "splits/reduced-twice", "dense layer", "output-factor", (all_of(r"(twice|doubled?|factor|multiple|\b2\b|times)"),)
)
def reduced_twice(x: Core, rng: Rng) -> Array:
    return 2 * x.out()


Shares = Callable[[list[Array]], list[Array]]


@kind("splits/row-of-another-split", "decode extend", "splits", (all_of(SPLIT),))
def only_largest(x: Core, rng: Rng) -> Wrong:
    """The split with the largest lse stands for all."""
    outputs, sums, _ = parts_of(x, 4)
    best = np.argmax(sums, axis=0)
    made = np.choose(np.broadcast_to(best, outputs[0].shape), outputs)
    return Wrong(finish(x.p, made))
