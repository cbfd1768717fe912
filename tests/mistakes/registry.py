"""Every known mistake, by name: which stages it replaces, and what it needs of a problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tests.mistakes.stages import (
    OPERANDS,
    Array,
    Problem,
    Way,
    anything,
    causal,
    factor,
    geometric,
    kept,
    masked,
    numbers,
    padding,
    rotate,
    run,
    sink_logits,
    slopes,
    softmax,
    window,
)
from tests.mistakes.wrong import (
    across,
    as_fp8,
    bias_before_scale,
    bottom_right,
    cap_after_bias,
    cap_after_mask,
    cap_before_scale,
    cap_last,
    careless,
    coded,
    dropped_out,
    filled,
    from_zero,
    fused,
    left_open,
    lowered,
    mask_added,
    masked_after,
    merge_interleaved,
    merge_without_transpose,
    mixed_documents,
    moved,
    no_numbers,
    no_softmax,
    on,
    other_bias,
    other_order,
    rope_on_heads,
    split_interleaved,
    split_without_transpose,
    tiled,
    top_left,
    transposed,
    triangle,
    triu,
    truth,
    unit,
)


class Mistake(NamedTuple):
    """One variant: its id in the table, its wrong output, the problems it can be made in, the stages it replaces."""

    id: str
    wrong: Callable[[Problem], Array]
    fits: Callable[[Problem], bool]
    stages: Mapping[str, Any]


Fits: TypeAlias = Callable[[Problem], bool]


def has_mask(p: Problem, *, boolean: bool) -> bool:
    """Say whether there is a mask of this kind."""
    return "mask" in p.arrays and (p.arrays["mask"].dtype == bool) == boolean


TRAITS: dict[str, Fits] = {
    # no array but query, key and value, and nothing that belongs to a head
    "bare": lambda p: len(p.arrays) == 3 and "alibi" not in p.options,
    "square": lambda p: p.queries == p.keys and not p.past,
    "uncached": lambda p: not p.past,
    "cached": lambda p: p.past > 0 or "offset" in p.options,
    "one-width": lambda p: p.size == p.arrays["value"].shape[3],
    "even-heads": lambda p: p.heads == p.arrays["key"].shape[1],
    "grouped": lambda p: 1 < p.arrays["key"].shape[1] < p.heads,
    # some key is closed to some query
    "hides": lambda p: not bool(kept(p, Way()).all()),
    # a mask of true and false, or one of numbers
    "mask": lambda p: has_mask(p, boolean=True),
    "number-mask": lambda p: has_mask(p, boolean=False),
    # key lengths, or a mask that is the same for all queries
    "padding": lambda p: "key_lengths" in p.arrays or (has_mask(p, boolean=True) and masked(p).shape[2] == 1 < p.keys),
    # masks that differ from one batch item to the next
    "by-item": lambda p: len(padding(p)) > 1 or len(masked(p)) > 1,
    "documents": lambda p: p.kind.startswith("documents"),
    "no-sinks": lambda p: "sinks" not in p.arrays,
    "uncapped": lambda p: "softcap" not in p.options,
    "not-causal": lambda p: "causal" not in p.options,
}
"""What a mistake may need of a problem, besides arrays and options by their names."""


def needing(words: str) -> Fits:
    """Problems with all of these traits, arrays and options."""
    return lambda p: all(TRAITS[x](p) if x in TRAITS else x in p.arrays or x in p.options for x in words.split())


def by(bound: int, step: int) -> int:
    """A bound moved, where there is one."""
    return bound + step if bound >= 0 else bound


MISTAKES: dict[str, Mistake] = {}


def known(name: str, needs: str = "", /, **stages: Any) -> None:
    """Enter `id/variant` into the registry."""
    MISTAKES[name] = Mistake(name.partition("/")[0], partial(run, **stages), needing(needs), stages)


QKV = OPERANDS[:3]
UNMASKED = {"mask": anything, "padding": anything}
AFTER = {"close": left_open, "weights": masked_after}

known("mask-inverted/not-mask", "mask", mask=lambda p: ~masked(p))
known("mask-inverted/float-as-bool", "mask", mask=lambda p: np.where(masked(p), 0.0, -1e9).astype(bool))
known("mask-inverted/not-mask-finite-fill", "mask", mask=lambda p: ~masked(p), close=filled(-1e9))
known("mask-inverted/not-mask-nan", "mask", mask=lambda p: ~masked(p), weights=careless)
known("mask-inverted/numbers", "number-mask", added=lambda p, way: no_numbers(p, way) + 1 - numbers(p))
known("mask-inverted/padding", "key_lengths", padding=lambda p: ~padding(p))
known("mask-inverted/triu-kept", "causal", causal=triu)
known("mask-inverted/triu-1-kept", "causal", causal=partial(triu, diagonal=1))
known("mask-inverted/all-finite-fill", "hides", keep=lambda p, way: ~kept(p, way), close=filled(-1e9))
for corner in (top_left, bottom_right):
    known(f"causal-corner/{corner.__name__}", "causal", causal=partial(causal, first=corner))
    both_bounds = {"causal": partial(causal, first=corner), "window": partial(window, first=corner)}
    known(f"causal-corner/{corner.__name__}-window-too", "causal window", **both_bounds)
    known(f"causal-unwanted/{corner.__name__}", "not-causal", causal=partial(triangle, first=corner))
known("layout/heads-for-positions", "bare square", operands=on(transposed, *QKV), merge=transposed)
known("head-reshape/split", "uncached", operands=on(split_without_transpose, *QKV))
known("head-reshape/merge", merge=merge_without_transpose)
known("head-reshape/both", "uncached", operands=on(split_without_transpose, *QKV), merge=merge_without_transpose)
known("head-reshape/split-interleaved", "uncached", operands=on(split_interleaved, *QKV))
known("head-reshape/merge-interleaved", merge=merge_interleaved)
known("head-reshape/both-interleaved", "uncached", operands=on(split_interleaved, *QKV), merge=merge_interleaved)
known("strides/all", "uncached", operands=on(split_without_transpose, *QKV))
known("strides/value", "uncached", operands=on(split_without_transpose, "value"))
known("strides/all-reverse", "uncached", operands=on(merge_without_transpose, *QKV))
known("strides/value-reverse", "uncached", operands=on(merge_without_transpose, "value"))
known("scale/none", scale=lambda p: 1.0)
known("scale/model-width", scale=lambda p: float((p.heads * p.size) ** -0.5))
known("scale/heads", scale=lambda p: float(p.heads**-0.5))
known("scale/one-over-d", scale=lambda p: 1 / p.size)
known("scale/twice", scale=lambda p: factor(p) ** 2)
known("scale/root-d", scale=lambda p: float(p.size**0.5))
known("scale/padded", scale=lambda p: float((-(-p.size // 64) * 64) ** -0.5))
known("scale/root-for-given", scale=lambda p: float(p.size**-0.5))
known("scale/odd-0.173", scale=lambda p: 0.173)
known("scale/odd-0.61", scale=lambda p: 0.61)
known("scale/keys", scale=lambda p: float(p.keys**-0.5))
known("rope-pairing/other", "rope", rotate=partial(rotate, other=(True, True)))
known("rope-pairing/other-table", "rope", rotate=partial(rotate, other=(True, False)))
known("rope-pairing/other-turn", "rope", rotate=partial(rotate, other=(False, True)))
known("rope-pairing/left-out", "rope", rotate=partial(rotate, times=(0, 0, 0)))
known("rope-pairing/query-only", "rope", rotate=partial(rotate, times=(1, 0, 0)))
known("rope-pairing/key-only", "rope", rotate=partial(rotate, times=(0, 1, 0)))
known("rope-pairing/head-axis", "rope uncached even-heads", rotate=rope_on_heads)
known("rope-theta/500000", "rope", rotate=partial(rotate, theta=500000.0))
known("rope-offset/query-at-0", "rope cached", rotate=partial(rotate, query=from_zero))
known("rope-offset/new-at-0", "rope past_key", rotate=partial(rotate, query=from_zero, key=from_zero))
known("rope-offset/query-one-too-far", "rope cached", rotate=partial(rotate, query=lambda x: x + 1))
known("rope-offset/query-one-short", "rope cached", rotate=partial(rotate, query=lambda x: x - 1))
known("rope-offset/key-twice", "rope", rotate=partial(rotate, times=(1, 2, 0)))
known("rope-offset/past-twice", "rope past_key", rotate=partial(rotate, times=(1, 1, 1)))
known("padding-attended/not-built", "padding", **UNMASKED)
known("mask-added/all", "hides", close=lambda logits, keep: logits + keep)
known("mask-added/mask-only", "mask", mask=anything, added=mask_added)
known("mask-as-boolean/true-attends", "number-mask", added=no_numbers, mask=truth)
known("mask-as-boolean/true-attends-finite-fill", "number-mask", added=no_numbers, mask=truth, close=filled(-1e9))
known("mask-as-boolean/true-ignores", "number-mask", added=no_numbers, mask=lambda p: ~truth(p))
known("mask-dropped/causal", "causal", causal=anything)
known("mask-dropped/padding", "key_lengths", padding=anything)
known("mask-dropped/window", "window", window=anything)
known("mask-dropped/mask", "mask", mask=anything)
known("mask-dropped/numbers", "number-mask", added=no_numbers)
known("mask-dropped/all", "hides", close=left_open)
for label, change in {
    "left+1": lambda b: (by(b[0], 1), b[1]),
    "left-1": lambda b: (by(b[0], -1), b[1]),
    "right+1": lambda b: (b[0], by(b[1], 1)),
    "both+1": lambda b: (by(b[0], 1), by(b[1], 1)),
    "right-lost": lambda b: (b[0], -1),
    "left-lost": lambda b: (-1, b[1]),
    "symmetric": lambda b: (b[0], b[0]),
    "one-sided": lambda b: (b[0], 0),
    "halved": lambda b: (b[0] // 2, b[0] // 2),
    "left-6": lambda b: (6, b[1]),
    "ignored": lambda b: (-1, -1),
}.items():
    known(f"window-bounds/{label}", "window", window=partial(window, bounds=change))
known("window-bounds/local-rows", "window", window=partial(window, first=top_left))
known("empty-row/nan", "hides", weights=careless)
known("empty-row/mean", "hides", close=filled(-1e9))
known("empty-row/lowest-float32", "hides", close=filled(float(np.finfo(np.float32).min)))
known("empty-row/all-keys", "hides", close=lowered(-1e4))
known("heads-tiled/both", "grouped", share_key=tiled, share_value=tiled)
known("heads-tiled/key", "grouped", share_key=tiled)
known("heads-tiled/value", "grouped", share_value=tiled)
known("qkv-split/heads-as-blocks", "bare square one-width", operands=fused)
known("qkv-split/blocks-as-heads", "bare square one-width", operands=partial(fused, reverse=True))
for rate, grown in product((0.1, 0.5), (True, False)):
    name = f"dropout/{rate}{'' if grown else '-not-scaled'}"
    known(name, spoil=partial(dropped_out, rate=rate, grown=grown))
for label, axis in {"queries": -2, "heads": 1, "batch": 0}.items():
    known(f"softmax-axis/{label}", "no-sinks", weights=partial(softmax, axis=axis))
known("softmax-axis/none", "no-sinks", weights=no_softmax)
known("mask-value/0", "hides", close=filled(0.0))
known("mask-value/-1e-9", "hides", close=filled(-1e-9))
known("mask-value/times", "hides", close=lambda logits, keep: logits * keep)
known("mask-value/-3", "hides", close=filled(-3.0))
known("softcap/missing", "softcap", cap=lambda scores, p: scores)
known("softcap/after-mask", "softcap", logits=cap_after_mask)
known("softcap/after-bias", "softcap bias", logits=cap_after_bias)
known("softcap/after-all", "softcap", logits=cap_last)
known("softcap/before-scale", "softcap", logits=cap_before_scale)
known("softcap/7", "softcap", cap=lambda scores, p: 7 * np.tanh(scores / 7))
known("softcap/not-multiplied", "softcap", cap=lambda scores, p: np.tanh(scores / p.number("softcap")))
known("bias/left-out", "bias", added=other_bias(np.zeros_like))
known("bias/subtracted", "bias", added=other_bias(np.negative))
known("bias/twice", "bias", added=other_bias(lambda bias: 2 * bias))
known("bias/transposed", "bias square", added=other_bias(lambda bias: bias.swapaxes(2, 3)))
known("bias/before-scale", "bias uncapped", logits=bias_before_scale)
known("score-function/cosine", "uncached", operands=on(unit, "query", "key"))
known("output-factor/half", merge=lambda x: x / 2)
known("output-factor/three", merge=lambda x: x * 3)
TOKENS, EIGHTH_BITS = partial(coded, most=127), partial(as_fp8, largest=448)
known("cache-rounded/int8-token", share_key=TOKENS, share_value=TOKENS)
known("cache-rounded/int4-key-token", share_key=partial(coded, most=7))
known("cache-rounded/fp8-value-token", share_value=EIGHTH_BITS)
CHANNELS = partial(coded, most=127, axis=2)
known("cache-rounded/int8-channel-token", "bare uncached", share_key=CHANNELS, share_value=TOKENS)
known("sink/left-out", "sinks", sinks=lambda p: sink_logits(p) - np.inf)
known("sink/scaled", "sinks", sinks=lambda p: sink_logits(p) * factor(p))
known("sink/doubled", "sinks", sinks=lambda p: sink_logits(p) * 2)
known("documents-mixed/all", "documents", mask=mixed_documents)
known("documents-mixed/one-boundary", "documents", mask=partial(mixed_documents, cuts=1))
QUERY_PADDING = {"padding": across(padding), "mask": across(masked)}
known("mask-axis/queries", "padding square", **QUERY_PADDING)
known("mask-axis/queries-finite-fill", "padding square", close=filled(-1e9), **QUERY_PADDING)
known("mask-axis/transposed", "mask square", mask=across(masked))
known("mask-axis/head-batch-order", "by-item", padding=other_order(padding), mask=other_order(masked))
known("causal-diagonal/strict", "causal", causal=partial(causal, shift=-1))
known("causal-diagonal/strict-finite-fill", "causal", causal=partial(causal, shift=-1), close=filled(-1e9))
known("causal-diagonal/one-ahead", "causal", causal=partial(causal, shift=1))
known("alibi-slopes/geometric", "alibi", slopes=geometric)
known("alibi-slopes/from-0", "alibi", slopes=partial(geometric, start=0))
known("alibi-slopes/power-below", "alibi", slopes=lambda n: 2.0 ** (-8 * np.arange(1, n + 1) / 2 ** int(np.log2(n))))
known("alibi-slopes/power-above", "alibi", slopes=lambda n: geometric(1 << (n - 1).bit_length())[:n])
known("alibi-slopes/sign", "alibi", slopes=lambda n: -slopes(n))
known("alibi-slopes/left-out", "alibi", slopes=np.zeros)
known("alibi-slopes/signed", "alibi not-causal", distance=np.positive)
known("mask-after-softmax/all", "hides", **AFTER)
known("operands-swapped/key-value", "uncached one-width", operands=moved(key="value", value="key"))
known("operands-swapped/query-key", "square even-heads", operands=moved(query="key", key="query"))
known("operands-swapped/query-value", "bare square one-width even-heads", operands=moved(query="value", value="query"))
known(
    "operands-swapped/cyclic",
    "bare square one-width even-heads",
    operands=moved(query="key", key="value", value="query"),
)
