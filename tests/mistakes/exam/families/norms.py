"""Norms of query and key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core, core, joined, normed
from tests.mistakes.exam.turning import right_how, turn
from tests.mistakes.stages import Array, Problem, Rng

NORM = r"(norm|rms|qk_norm|q_norm|k_norm)"


def only(*names: str) -> object:
    """Normalise some of query and key."""

    def norm(x: Array, p: Problem, weight: str) -> Array:
        return normed(x, p, weight) if weight in names else x

    return norm


@kind("around/norms-left-out", "normed", "qk-norm", (all_of(NORM, LOST),))
def no_norms(x: Core, rng: Rng) -> Array:
    return core(x.g, norm=only()).out()


@kind("around/query-norm-left-out", "normed", "qk-norm", (all_of(NORM, "(quer|q_norm)"),))
def no_query_norm(x: Core, rng: Rng) -> Array:
    return core(x.g, norm=only("k_norm")).out()


@kind("around/key-norm-left-out", "normed", "qk-norm", (all_of(NORM, "(key|k_norm)"),))
def no_key_norm(x: Core, rng: Rng) -> Array:
    return core(x.g, norm=only("q_norm")).out()


@kind("around/norm-after-rotary", "normed", "qk-norm", (all_of(NORM, r"(after|order|rot)"),))
def after_rotary(x: Core, rng: Rng) -> Array:
    g, how = x.g, right_how(x.p)
    q, k = (normed(turn(y, at, how), x.p, n) for y, at, n in ((g.q, g.q_at, "q_norm"), (g.k, g.k_at, "k_norm")))
    return joined(g, q, k).out()


def weighted(x: Core, **weights: Array) -> Array:
    """The output with other weights of the norms."""
    p = x.p.changed(**weights)
    return core(replace(x.g, p=p)).out()


@kind("around/norm-without-weights", "normed", "qk-norm", (all_of(NORM, "weight"),))
def no_weights(x: Core, rng: Rng) -> Array:
    return weighted(x, q_norm=np.ones(x.q.shape[3]), k_norm=np.ones(x.q.shape[3]))


@kind("around/norm-weights-exchanged", "normed", "qk-norm", (all_of(NORM, r"(exchang|swap|other|weights)"),))
def weights_exchanged(x: Core, rng: Rng) -> Array:
    return weighted(x, q_norm=x.p.arrays["k_norm"], k_norm=x.p.arrays["q_norm"])


@kind("around/norm-plus-one", "normed", "qk-norm", (all_of(NORM, r"(plus|1 \+|weight)"),))
def plus_one(x: Core, rng: Rng) -> Array:
    return weighted(x, q_norm=1 + x.p.arrays["q_norm"], k_norm=1 + x.p.arrays["k_norm"])


@kind("around/layer-norm-for-rms", "normed", "qk-norm", (all_of(NORM, r"(layer|mean)"),))
def layer_norm(x: Core, rng: Rng) -> Array:
    def norm(y: Array, p: Problem, weight: str) -> Array:
        y = y - y.mean(-1, keepdims=True)
        return normed(y, p, weight)

    return core(x.g, norm=norm).out()


@kind("around/l2-for-rms", "normed", "qk-norm scale", (all_of(rf"({NORM}|scale)"),))
def l2(x: Core, rng: Rng) -> Array:
    root = x.q.shape[3] ** -0.5

    def norm(y: Array, p: Problem, weight: str) -> Array:
        return normed(y, p, weight) * root

    return core(x.g, norm=norm).out()


@kind("around/norm-over-all-heads", "normed", "qk-norm", (all_of(NORM, r"(all heads|whole|side by side|head)"),))
def over_all(x: Core, rng: Rng) -> Array:
    def norm(y: Array, p: Problem, weight: str) -> Array:
        mean = (y * y).mean(axis=(1, 3), keepdims=True)
        return np.asarray(y / np.sqrt(mean + 1e-6) * p.arrays[weight].astype(y.dtype))

    return core(x.g, norm=norm).out()


@kind("around/norm-epsilon", "normed", "qk-norm", (all_of(rf"({NORM}|eps|ε)"),))
def epsilon(x: Core, rng: Rng) -> Array:
    def norm(y: Array, p: Problem, weight: str) -> Array:
        return normed(y, p, weight, eps=0.5)

    return core(x.g, norm=norm).out()


@kind("around/norm-unasked", "rope dense", "qk-norm score-function scale", (all_of(rf"({NORM}|cosine)"),))
def unasked(x: Core, rng: Rng) -> Array:
    def norm(y: Array, p: Problem, weight: str) -> Array:
        return np.asarray(y / np.sqrt((y * y).mean(-1, keepdims=True) + 1e-6))

    return core(x.g, norm=norm).out()
