"""Heads of which only a part turns, as MLA has them."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core, core
from tests.mistakes.stages import Array, Rng

LATENT = r"(last|rope|rotary|turn|rotat|part|feature)"


@kind("around/mla-rotary-part-missing", "rope-last", "features-lost rope-pairing", (all_of(LATENT, LOST),))
def no_rotary_part(x: Core, rng: Rng) -> Array:
    return x.but(q=x.q[..., :-8], k=x.k[..., :-8]).out()


@kind("around/mla-rotary-part-alone", "rope-last", "features-lost", (all_of(LATENT, rf"({LOST}|only|alone)"),))
def rotary_alone(x: Core, rng: Rng) -> Array:
    return x.but(q=x.q[..., -8:], k=x.k[..., -8:]).out()


@kind("around/mla-rotary-part-not-turned", "rope-last", "rope-pairing", (all_of(r"(rope|rotary|turn|rotat)", LOST),))
def not_turned(x: Core, rng: Rng) -> Array:
    return core(x.g, turn_q=lambda q, at, how: q, turn_k=lambda k, at, how: k).out()


@kind(
    "around/mla-rotary-part-first-in-query",
    "rope-last",
    "features-moved",
    (all_of(r"(feature|part|rotary|quer|first|roll)", r"(first|order|before|roll|moved|shift|last|8)"),),
)
def part_first(x: Core, rng: Rng) -> Array:
    """[rotary | other] in the query, [other | rotary] in the key."""
    return x.but(q=np.roll(x.q, 8, -1)).out()


@kind("around/mla-rotary-key-of-the-next-head", "rope-last", "heads-mapped", (all_of("key", "head"),))
def other_heads_part(x: Core, rng: Rng) -> Array:
    k = x.k.copy()
    k[..., -8:] = np.roll(k[..., -8:], 1, 1)
    return x.but(k=k).out()


@kind("around/mla-value-of-the-key", "rope-last", "operands-swapped", (all_of("key", "value"),))
def value_of_key(x: Core, rng: Rng) -> Array:
    """The value is taken from the first features of the key."""
    return x.out(v=x.k[..., : x.v.shape[3]])
