"""Every known mistake on the way back, by name: which stages it replaces, and what it needs of a problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tests.mistakes.back import Back, sinks_back
from tests.mistakes.registry import needing
from tests.mistakes.stages import Problem, Way, anything, causal, factor, geometric, masked, rotate, sink_logits, window
from tests.mistakes.wrong import across, bottom_right, left_open, mixed_documents, other_bias, tiled, top_left
from tests.mistakes.wrong_back import (
    again,
    cap_slope,
    cut_keys,
    cut_queries,
    grouped,
    not_back,
    on,
    other_delta,
    packed_view,
    renamed,
    scaled_twice,
    softmax_again,
    tiled_sum,
    times,
    turned_on,
)


class Mistake(NamedTuple):
    """One variant: its id, the problems it can be made in, the stages it replaces."""

    id: str
    fits: Callable[[Problem], bool]
    stages: Mapping[str, Any]


MISTAKES: dict[str, Mistake] = {}


def known(name: str, needs: str = "", /, **stages: Any) -> None:
    """Enter `id/variant` into the registry."""
    MISTAKES[name] = Mistake(name.partition("/")[0], needing(needs), stages)


def one(p: Problem) -> float:
    """No scale."""
    return 1.0


known("delta/left-out", delta=lambda made, g, d_weights, p: 0.0)
known("delta/sign", delta=other_delta(lambda delta, p: -delta))
known("delta/twice", delta=other_delta(lambda delta, p: 2 * delta))
known("delta/mean-of-keys", delta=other_delta(lambda delta, p: delta / p.keys))
known("delta/scaled", delta=other_delta(lambda delta, p: delta * factor(p)))
known("delta/mean-of-features", delta=lambda made, g, d_weights, p: (g * made.output).mean(-1, keepdims=True))
known("delta/no-output", delta=lambda made, g, d_weights, p: g.sum(-1, keepdims=True))
known("delta/no-d-output", delta=lambda made, g, d_weights, p: made.output.sum(-1, keepdims=True))
known("delta/of-d-weights", delta=lambda made, g, d_weights, p: d_weights.sum(-1, keepdims=True))
known(
    "delta/along-queries",
    "no-sinks",
    delta=lambda made, g, d_weights, p: (made.weights * d_weights).sum(-2, keepdims=True),
)
for which in (("query",), ("key",), ("query", "key")):
    label = "-".join(which)
    for variant, change in {"none": one, "twice": scaled_twice, "root": lambda p: factor(p) ** 0.5}.items():
        known(f"scale-back/{variant}-{label}", **{k: v for name in which for k, v in times(name, change).items()})
    known(f"rotation-back/not-turned-{label}", "rope", rotate=not_back(*which))
    known(f"rotation-back/wrong-way-{label}", "rope", rotate=turned_on(*which))
known("scale-back/none-query-twice-key", scale_query=one, scale_key=scaled_twice)
known("gradient-factor/query", scale_query=lambda p: 3 * factor(p))
known("gradient-factor/value", of_value=lambda made, g: 3 * made.weights.swapaxes(-1, -2) @ g)
for label, share in {
    "last": lambda each, heads: grouped(each, heads)[:, :, -1],
    "first": lambda each, heads: grouped(each, heads)[:, :, 0],
    "mean": lambda each, heads: grouped(each, heads).mean(2),
}.items():
    known(f"group-sum/{label}", "grouped", share_key=share, share_value=share)
    known(f"group-sum/{label}-key", "grouped", share_key=share)
    known(f"group-sum/{label}-value", "grouped", share_value=share)
known("group-sum/apart", "grouped", share_key=lambda each, heads: each, share_value=lambda each, heads: each)
known("group-order/both", "grouped", share_key=tiled_sum, share_value=tiled_sum)
known("group-order/key", "grouped", share_key=tiled_sum)
known("group-order/value", "grouped", share_value=tiled_sum)
known("softcap-back/left-out", "softcap", cap=lambda d_capped, made, p: d_capped)
known("softcap-back/not-squared", "softcap", cap=cap_slope(lambda s, x: 1 - np.tanh(s / x)))
known("softcap-back/capped-again", "softcap", cap=cap_slope(lambda s, x: 1 - np.tanh(np.tanh(s / x)) ** 2))
known("softcap-back/not-divided", "softcap", cap=cap_slope(lambda s, x: 1 - (x * np.tanh(s / x)) ** 2))
known("softcap-back/times-x", "softcap", cap=cap_slope(lambda s, x: x * (1 - np.tanh(s / x) ** 2)))
known("gradients-swapped/query-key", finish=renamed(query="key", key="query"))
known("gradients-swapped/key-value", "one-width", finish=renamed(key="value", value="key"))
known("gradients-swapped/round", "square one-width even-heads", finish=renamed(query="key", key="value", value="query"))
known("transposed/key", "square", of_key=lambda d_scores, made: d_scores @ made.query)
known("transposed/query", "square", of_query=lambda d_scores, made: d_scores.swapaxes(-1, -2) @ made.key)
known("transposed/value", "square", of_value=lambda made, g: made.weights @ g)
known("transposed/query-by-query", "square even-heads", of_query=lambda d_scores, made: d_scores @ made.query)
known("transposed/key-by-key", "square even-heads", of_key=lambda d, made: d.swapaxes(-1, -2) @ made.key)
known("d-output/1-over-length", loss=lambda g, p: g / p.queries)
known("d-output/mean", loss=lambda g, p: g / g.size)
known("d-output/1-over-rows", loss=lambda g, p: g / (p.queries * g.shape[-1]))
known("d-output/loss-scale", loss=lambda g, p: g * 1024)
known("d-output/ones", loss=lambda g, p: np.ones_like(g))
known("d-output/layout", loss=lambda g, p: packed_view(g))
known("split/keys-lost", of_query=cut_keys(2, 4, 0))
known("split/keys-twice", of_query=cut_keys(0, 3, 2))
known("split/last-keys-lost", of_query=cut_keys(4, 99, 0))
known("split/queries-lost", **cut_queries(2, 4, 0))
known("split/queries-twice", **cut_queries(0, 3, 2))
known("split/queries-of-key", of_key=cut_queries(3, 5, 0)["of_key"])
known("split/queries-of-value", of_value=cut_queries(3, 5, 0)["of_value"])
known("sink-back/zero", "sinks", sinks=lambda made, delta, p: 0 * p.arrays["sinks"])
known("sink-back/sign", "sinks", sinks=lambda made, delta, p: -sinks_back(made, delta, p))
known("sink-back/no-share", "sinks", sinks=lambda made, delta, p: -delta.sum((0, 2, 3)))
known("broadcast-sum/mean", "bias", bias=lambda d, p: d.mean(0, keepdims=True))
known("broadcast-sum/last", "bias", bias=lambda d, p: d[-1:])
known("broadcast-sum/scaled", "bias", bias=lambda d, p: factor(p) * d.sum(0, keepdims=True))
known("softmax-back/left-out", softmax=lambda made, d_weights, delta: d_weights)
known(
    "softmax-back/not-weighted",
    softmax=lambda made, d_weights, delta: np.where(made.weights == 0, 0, d_weights - delta),
)
known("softmax-back/weights", softmax=lambda made, d_weights, delta: made.weights)
known("gradient-layout/query", finish=on(packed_view, "query"))
known("gradient-layout/all", finish=on(packed_view, "query", "key", "value"))
known(
    "gradient-layout/turned-key",
    finish=on(lambda x: np.ascontiguousarray(x.swapaxes(-1, -2)).reshape(x.shape), "key"),
)

# Mistakes of the forward pass: made in both passes, in weights that are computed again from lse, or in a softmax that
# is computed again.
FORWARD: dict[str, tuple[str, dict[str, Any]]] = {
    "mask-dropped/causal": ("causal", {"causal": anything}),
    "mask-dropped/mask": ("mask", {"mask": anything}),
    "padding-attended/lengths": ("key_lengths", {"padding": anything}),
    "padding-attended/not-built": ("padding", {"mask": anything, "padding": anything}),
    "documents-mixed/all": ("documents", {"mask": mixed_documents}),
    "mask-dropped/lengths": ("key_lengths", {"padding": anything}),
    "mask-dropped/window": ("window", {"window": anything}),
    "window-bounds/ignored": ("window", {"window": anything}),
    "bias/left-out": ("bias", {"added": other_bias(np.zeros_like)}),
    "bias/twice": ("bias", {"added": other_bias(lambda bias: 2 * bias)}),
    "softcap/missing": ("softcap", {"cap": lambda scores, p: scores}),
    "mask-dropped/all": ("hides", {"close": left_open}),
    "mask-axis/transposed": ("mask square", {"mask": across(masked)}),
    "causal-corner/bottom-right": ("causal", {"causal": partial(causal, first=bottom_right)}),
    "causal-corner/top-left": ("causal", {"causal": partial(causal, first=top_left)}),
    "causal-unwanted/top-left": (
        "not-causal",
        {"causal": lambda p: np.arange(p.keys) <= np.arange(p.queries)[:, None]},
    ),
    "causal-diagonal/one-ahead": ("causal", {"causal": partial(causal, shift=1)}),
    "window-bounds/left+1": ("window", {"window": partial(window, bounds=lambda b: (b[0] + 1, b[1]))}),
    "scale/none": ("", {"scale": one}),
    "scale/log2": ("", {"scale": lambda p: factor(p) * np.log2(np.e)}),
    "scale/one-over-d": ("", {"scale": lambda p: 1 / p.size}),
    "sink/left-out": ("sinks", {"sinks": lambda p: sink_logits(p) - np.inf}),
    "alibi-slopes/geometric": ("alibi", {"slopes": partial(geometric, start=0)}),
    "alibi-slopes/left-out": ("alibi", {"slopes": np.zeros}),
    "rope-theta/500000": ("rope", {"rotate": partial(rotate, theta=500000.0)}),
    "rope-pairing/other": ("rope", {"rotate": partial(rotate, other=(True, True))}),
    "rope-pairing/query-only": ("rope", {"rotate": partial(rotate, times=(1, 0, 0))}),
}


def without(name: str) -> dict[str, Any]:
    """What has no gradient where it is left out: sinks; and the slope of a softcap that is not there is 1."""
    known_ones: dict[str, dict[str, Any]] = {
        "sink/left-out": {"sinks": lambda made, delta, p: 0 * p.arrays["sinks"]},
        "softcap/missing": {"cap": lambda d_capped, made, p: d_capped},
        "bias/left-out": {"bias": lambda d_logits, p: 0 * p.arrays["bias"]},
    }
    return known_ones.get(name, {})


def scaled(stages: Mapping[str, Any]) -> dict[str, Any]:
    """The same scale on the way back."""
    return {"scale_query": stages["scale"], "scale_key": stages["scale"]} if "scale" in stages else {}


def turned(stages: Mapping[str, Any]) -> dict[str, Any]:
    """The same rotation on the way back."""
    if "rotate" not in stages:
        return {}
    right = Back().rotate
    return {"rotate": lambda p, way, query, key: right(p, replace(Way(), **stages), query, key)}


for name, (needs, stages) in FORWARD.items():
    carried = {"way": replace(Way(), **stages), **scaled(stages), **without(name)}
    known(f"{name}, both", needs, **carried)
    if name != "sink/left-out":  # lse holds it
        known(f"{name}, from lse", needs, again=again(**stages), **scaled(stages), **turned(stages), **without(name))
    known(
        f"{name}, softmax again",
        needs,
        again=softmax_again(**stages),
        **scaled(stages),
        **turned(stages),
        **without(name),
    )
known(
    "heads-tiled/both",
    "grouped",
    way=replace(Way(), share_key=tiled, share_value=tiled),
    share_key=tiled_sum,
    share_value=tiled_sum,
)
