"""Wrong rotations: frequencies, features, directions, tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, core
from tests.mistakes.exam.setups import SCALINGS
from tests.mistakes.exam.turning import How, linear, plain_frequencies, right_how, turn, yarn_blend
from tests.mistakes.stages import Array, Rng

SCALING = r"(scal|frequenc|factor|yarn|llama3|linear|interpolat)"


def again(x: Core, how: How, **ways: Any) -> Array:
    """The output with another rotation."""
    return core(x.g, how, **ways).out()


def plain(x: Core) -> Array:
    """θ^(−2i/D) of the features that turn."""
    return plain_frequencies(2 * len(right_how(x.p).frequencies), 10000.0)


for name in ("linear", "llama3", "yarn"):

    @kind(f"rotary/{name}-forgotten", f"rope-{name}", "rope-scaling", (all_of(SCALING, LOST),))
    def _(x: Core, rng: Rng) -> Array:
        return again(x, replace(right_how(x.p), frequencies=plain(x), attention=1.0))


@kind(
    "rotary/linear-multiplied", "rope-linear", "rope-scaling", (all_of(SCALING, r"(multipl|inver|wrong way|16|4\b)"),)
)
def multiplied(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=plain(x) * 4))


@kind("rotary/linear-twice", "rope-linear", "rope-scaling", (all_of(SCALING, r"(twice|16|another factor|0\.0625)"),))
def twice_linear(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=plain(x) / 16))


@kind(
    "rotary/linear-unasked",
    "rope",
    "rope-scaling",
    (all_of(SCALING, r"(unasked|although|not asked|linear|/ ?4|0\.25|squeez)"),),
)
def linear_unasked(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=linear(plain(x), SCALINGS["linear"])))


@kind(
    "rotary/llama3-by-positions",
    "rope-llama3",
    "rope-scaling",
    (all_of(r"(position|linear|all frequenc|all pairs)", r"(divid|/ ?8|scal|0\.125)"),),
)
def by_positions(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=plain(x) / 8))


@kind(
    "rotary/yarn-attention-forgotten",
    "rope-yarn",
    "rope-scaling",
    (
        all_of(
            r"(attention.factor|mscale|temperature|1\.139|1\.138|1\.296|1\.297)",
        ),
    ),
)
def yarn_without_factor(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), attention=1.0))


@kind(
    "rotary/yarn-attention-alone",
    "rope-yarn",
    "rope-scaling",
    (all_of(SCALING, LOST), all_of(SCALING, "(factor alone|only the (attention )?factor)")),
)
def yarn_factor_alone(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=plain(x)))


@kind(
    "rotary/yarn-not-blended",
    "rope-yarn",
    "rope-scaling",
    (all_of(SCALING, r"(blend|ramp|all frequenc|linear|all pairs)"),),
)
def not_blended(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=plain(x) / 4))


@kind(
    "rotary/yarn-blend-reversed",
    "rope-yarn",
    "rope-scaling",
    (all_of(SCALING, r"(blend|ramp|revers|other way|invert)"),),
)
def blend_reversed(x: Core, rng: Rng) -> Array:
    each = plain(x)
    blend = 1 - yarn_blend(2 * len(each), 10000.0, SCALINGS["yarn"])
    return again(x, replace(right_how(x.p), frequencies=each / 4 * blend + each * (1 - blend)))


PART = r"(rope.dim|part|all features|whole head|every feature|all of the features|first|last|features)"


@kind(
    "rotary/all-features-turn",
    "rope-partial",
    "rope-dim rope-pairing",
    (all_of(r"(turn|rotat)", r"(all|every|whole|16|32|64)"),),
)
def all_turn(x: Core, rng: Rng) -> Array:
    size = x.q.shape[-1]
    return again(x, replace(right_how(x.p), frequencies=plain_frequencies(size, 10000.0)))


@kind(
    "rotary/frequencies-by-whole-head",
    "rope-partial",
    "rope-dim",
    (all_of("frequenc", r"(head|of (16|32|64)|wrong|dim|features)"),),
)
def by_whole_head(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=plain_frequencies(x.q.shape[-1], 10000.0)[:4]))


@kind("rotary/last-for-first", "rope-partial", "rope-dim", (all_of(r"last", r"(turn|rotat)"),))
def last_for_first(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), start=x.q.shape[-1] - 8))


@kind("rotary/first-for-last", "rope-last", "rope-dim", (all_of(r"first", r"(turn|rotat)"),))
def first_for_last(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), start=0))


@kind(
    "rotary/half-of-the-features",
    "rope",
    "rope-dim rope-pairing",
    (all_of(r"(half|only|first|part|8|16|32)", r"(turn|rotat)"),),
)
def half_turns(x: Core, rng: Rng) -> Array:
    return again(x, replace(right_how(x.p), frequencies=plain_frequencies(x.q.shape[-1] // 2, 10000.0)))


@kind(
    "rotary/backwards",
    "rope rope-interleaved",
    "rope-pairing",
    (r"(backward|other way|opposite|sign|negative|inverse)",),
)
def backwards(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, replace(how, frequencies=-how.frequencies))


@kind(
    "rotary/query-backwards",
    "rope extend-rope",
    "rope-pairing",
    (all_of("quer", r"(backward|other way|opposite|sign|inverse)"),),
)
def query_backwards(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, how, turn_q=lambda q, at, _: turn(q, at, replace(how, frequencies=-how.frequencies)))


@kind(
    "rotary/sin-cos-swapped",
    "rope",
    "rope-pairing rope-table",
    (r"(sin\w* and cos|cos\w* and sin|cos\w* for sin|sin\w* for cos|swapped tables)",),
)
def swapped_tables(x: Core, rng: Rng) -> Array:
    def turned(q: Array, at: Array, how: How) -> Array:
        angle = (at[..., None] * how.frequencies)[:, None]
        cos, sin = np.sin(angle).astype(q.dtype), np.cos(angle).astype(q.dtype)
        a, b = np.split(q, 2, -1)
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    return again(x, right_how(x.p), turn_q=turned, turn_k=turned)


@kind("rotary/interleaved-key-only", "rope extend-rope", "rope-pairing", (all_of("key", r"(pair|interleav)"),))
def key_interleaved(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, how, turn_k=lambda k, at, _: turn(k, at, replace(how, pairing="interleaved")))


@kind(
    "rotary/exponent-halved",
    "rope",
    "rope-theta rope-frequencies",
    (all_of(r"(frequenc|exponent|base|theta)", r"(100\b|half|root|i/d|√|wrong)"),),
)
def exponent_halved(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, replace(how, frequencies=how.frequencies**0.5))


@kind("rotary/theta", "rope rope-interleaved rope-partial", "rope-theta", (all_of(r"(base|theta)"),))
def theta(x: Core, rng: Rng) -> Wrong:
    how = right_how(x.p)
    return Wrong(again(x, replace(how, frequencies=plain_frequencies(2 * len(how.frequencies), 1e6))))


@kind(
    "rotary/frequencies-reversed",
    "rope",
    "rope-frequencies rope-pairing",
    (all_of("frequenc", r"(revers|order|backward)"),),
)
def reversed_frequencies(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, replace(how, frequencies=how.frequencies[::-1]))


@kind("rotary/value-turned", "rope", "rope-value rope-pairing", (all_of("value", r"(turn|rotat)"),))
def value_turned(x: Core, rng: Rng) -> Array:
    return x.out(v=turn(x.v, x.g.k_at, right_how(x.p)))


@kind("rotary/output-not-turned-back", "rope", "rope-value rope-pairing", (all_of(r"output|value", r"(turn|rotat)"),))
def output_turned(x: Core, rng: Rng) -> Array:
    return turn(x.out(), x.g.q_at, right_how(x.p))


@kind(
    "rotary/last-pair-not-turned",
    "rope",
    "rope-dim rope-pairing rope-frequencies",
    (all_of(r"(pair|feature|frequenc|dim)", r"(first|last|not turned|only|left|0\b)"),),
)
def first_pair_still(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, replace(how, frequencies=np.where(np.arange(len(how.frequencies)) == 0, 0.0, how.frequencies)))
