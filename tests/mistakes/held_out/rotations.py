"""Rotations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.plain import Core, core
from tests.mistakes.exam.setups import SCALINGS
from tests.mistakes.exam.turning import llama3, plain_frequencies, right_how, turn
from tests.mistakes.held_out.hidden import hidden
from tests.mistakes.stages import Array, Rng

TURN = r"(rot|rope|turn|frequenc|position)"
SCALING = r"(scal|frequenc|factor)"


def with_frequencies(x: Core, each: Array) -> Array:
    """The output with other frequencies."""
    return core(x.g, replace(right_how(x.p), frequencies=each)).out()


def placed(x: Core, q_at: Array, k_at: Array) -> Array:
    """The output with other positions."""
    return core(replace(x.g, q_at=q_at, k_at=k_at)).out()


@hidden(
    "rotary/llama3-factor-of-another-model",
    "rope-llama3",
    "rope-scaling",
    all_of(SCALING, r"(32|other|another|fit|factor)"),
)
def factor_32(x: Core, rng: Rng) -> Array:
    each = plain_frequencies(x.q.shape[3], 10000.0)
    return with_frequencies(x, llama3(each, SCALINGS["llama3"] | {"factor": 32.0}))


@hidden(
    "rotary/llama3-borders-exchanged",
    "rope-llama3",
    "rope-scaling",
    all_of(SCALING, r"(llama3|border|low|high|fit|other|frequenc)"),
)
def borders(x: Core, rng: Rng) -> Array:
    each = plain_frequencies(x.q.shape[3], 10000.0)
    return with_frequencies(x, np.where(each > np.median(each), each / 8, each))


@hidden(
    "rotary/ntk-for-linear", "rope-linear", "rope-scaling rope-theta", all_of(r"(base|theta|scal|frequenc|ntk|dynamic)")
)
def ntk(x: Core, rng: Rng) -> Array:
    d = x.q.shape[3]
    return with_frequencies(x, plain_frequencies(d, 10000.0 * 4 ** (d / (d - 2))))


@hidden(
    "rotary/three-quarters-turn",
    "rope",
    "rope-dim rope-pairing",
    all_of(TURN, r"(part|first|only|features|pairs|12|24|48|3/4)"),
)
def three_quarters(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    count = len(how.frequencies)
    return with_frequencies(x, np.where(np.arange(count) < count * 3 // 4, how.frequencies, 0))


@hidden(
    "rotary/key-with-another-base", "rope extend-rope", "rope-theta", all_of(r"(base|theta|frequenc)", r"(key|quer)")
)
def other_base(x: Core, rng: Rng) -> Array:
    other = replace(right_how(x.p), frequencies=plain_frequencies(x.q.shape[3], 500000.0))
    return core(x.g, turn_k=lambda k, at, how: turn(k, at, other)).out()


@hidden(
    "rotary/positions-doubled",
    "rope",
    "rope-offset rope-scaling",
    all_of(r"(position|frequenc)", r"(2|twice|doubl|stride|scal)"),
)
def doubled(x: Core, rng: Rng) -> Array:
    return placed(x, 2 * x.g.q_at, 2 * x.g.k_at)


@hidden("rotary/positions-reversed", "rope", "rope-offset rope-pairing", r"(backward|revers|other way|opposite|sign)")
def reversed_positions(x: Core, rng: Rng) -> Array:
    n = x.q.shape[2]
    return placed(x, n - 1 - x.g.q_at, n - 1 - x.g.k_at)


@hidden(
    "rotary/sine-left-out", "rope", "rope-pairing rope-table", all_of(r"\bsin", LOST), all_of("cos", r"(only|alone)")
)
def no_sine(x: Core, rng: Rng) -> Array:
    def cosines(y: Array, at: Array, how: object) -> Array:
        each = np.cos(at[..., None] * right_how(x.p).frequencies)[:, None]
        return np.asarray(y * np.concatenate([each, each], -1).astype(y.dtype))

    return core(x.g, turn_q=cosines, turn_k=cosines).out()


@hidden("rotary/left-out-in-even-heads", "rope", "rope-pairing", all_of("head", TURN, r"(0, 2|even|every)"))
def odd_only(x: Core, rng: Rng) -> Array:
    still = core(x.g, turn_q=lambda q, at, how: q, turn_k=lambda k, at, how: k).out()
    return np.where(np.arange(x.shape[1]).reshape(1, -1, 1, 1) % 2 == 0, still, x.out())


@hidden("rotary/item-1-one-step-on", "rope-batch", "rope-offset", all_of(r"(item|batch)", r"\b1\b", TURN))
def item_on(x: Core, rng: Rng) -> Array:
    at = np.repeat(x.g.q_at, 1, 0) + (np.arange(x.shape[0]) == 1)[:, None]
    return placed(x, at, np.broadcast_to(x.g.k_at, at.shape))


@hidden(
    "rotary/both-turned-twice",
    "rope rope-interleaved",
    "rope-offset rope-scaling",
    all_of(TURN, r"(twice|2|again|doubl)"),
)
def both_twice(x: Core, rng: Rng) -> Array:
    return core(
        x.g, turn_q=lambda q, at, h: turn(turn(q, at, h), at, h), turn_k=lambda k, at, h: turn(turn(k, at, h), at, h)
    ).out()


@hidden("rotary/table-interleaved-turn-half", "rope", "rope-pairing", all_of(r"(pair|interleav|table)"))
def mixed(x: Core, rng: Rng) -> Array:
    def turned(y: Array, at: Array, how: object) -> Array:
        angle = np.repeat(at[..., None] * right_how(x.p).frequencies, 2, -1)[:, None]
        a, b = np.split(y, 2, -1)
        return np.asarray(
            y * np.cos(angle).astype(y.dtype) + np.concatenate([-b, a], -1) * np.sin(angle).astype(y.dtype)
        )

    return core(x.g, turn_q=turned, turn_k=turned).out()


@hidden(
    "rotary/past-at-one-less",
    "extend-rope decode-rope",
    "rope-offset",
    all_of(r"(past|old|cache|new|quer|key)", r"(position|offset|one|1|shift)"),
)
def past_off(x: Core, rng: Rng) -> Array:
    return placed(x, x.g.q_at + 1, x.g.k_at + 1)


@hidden(
    "rotary/sections-interleaved",
    "rope-sections",
    "rope-sections",
    all_of(r"(section|position)", r"(interleav|order|other|swap)"),
)
def interleaved_sections(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return core(x.g, replace(how, sections=np.array([0, 1, 2, 0, 1, 2, 1, 2]))).out()


@hidden(
    "rotary/partial-over-the-middle",
    "rope-partial",
    "rope-dim",
    all_of(r"(feature|part|first|middle|last|turn|rot)", TURN),
)
def middle(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return core(x.g, replace(how, start=4)).out()
