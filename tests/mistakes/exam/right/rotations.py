"""Rotary embedding by other routes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.mistakes.exam.kinds import kind_of
from tests.mistakes.exam.plain import Core, core
from tests.mistakes.exam.routes import route
from tests.mistakes.exam.turning import How, right_how, turn
from tests.mistakes.stages import Array, Problem, quarter


def turns(p: Problem) -> bool:
    """Problems with rotary embedding."""
    return "rope" in p.options


def in_float32(x: Array, at: Array, how: How) -> Array:
    """Tables as transformers makes them: positions, frequencies, products and cosines in float32."""
    pairs = len(how.frequencies)
    place = at[..., None] if how.sections is None else np.moveaxis(at[how.sections], 0, -1)
    angle = (place.astype(np.float32) * how.frequencies.astype(np.float32))[:, None]
    angle = np.concatenate([angle, angle], -1) if how.pairing == "half" else np.repeat(angle, 2, -1)
    cos, sin = (f(angle) * np.float32(how.attention) for f in (np.cos, np.sin))
    return with_tables(x, how, pairs, cos, sin)


def with_tables(x: Array, how: How, pairs: int, cos: Array, sin: Array) -> Array:
    """x·cos + rotate_half(x)·sin."""
    span = slice(how.start, how.start + 2 * pairs)
    made = np.broadcast_to(x, (max(len(x), len(cos)), *x.shape[1:])).copy()
    made[..., span] = x[..., span] * cos + quarter(x[..., span], how.pairing) * sin
    return made


@route("rotary tables in float32", suits=turns)
def float32_tables(x: Core) -> Array:
    return core(x.g, turn_q=in_float32, turn_k=in_float32).out()


@route("rotary tables in the type of the states", suits=turns)
def own_tables(x: Core) -> Array:
    """cos.to(x.dtype), and the rotation in that type."""
    form = kind_of(x.p)

    def rounded(y: Array) -> Array:
        return np.asarray(y.astype(form).astype(y.dtype))

    def turned(y: Array, at: Array, how: How) -> Array:
        return rounded(turn(y, at, replace(how, spoil=lambda table: rounded(table.astype(np.float32)))))

    return core(x.g, turn_q=turned, turn_k=turned).out()


@route("rotation by complex numbers", suits=turns)
def complex_numbers(x: Core) -> Array:
    def turned(y: Array, at: Array, how: How) -> Array:
        pairs = len(how.frequencies)
        place = at[..., None] if how.sections is None else np.moveaxis(at[how.sections], 0, -1)
        wave = np.exp(1j * (place * how.frequencies))[:, None].astype(np.complex64) * np.float32(how.attention)
        part = y[..., how.start : how.start + 2 * pairs]
        if how.pairing == "half":
            a, b = np.split(part, 2, -1)
        else:
            a, b = part[..., ::2], part[..., 1::2]
        z = (a + 1j * b).astype(np.complex64) * wave
        both = np.concatenate([z.real, z.imag], -1) if how.pairing == "half" else interleaved(z)
        made = np.broadcast_to(y, (max(len(y), len(z)), *y.shape[1:])).copy()
        made[..., how.start : how.start + 2 * pairs] = both
        return made

    return core(x.g, turn_q=turned, turn_k=turned).out()


def interleaved(z: Array) -> Array:
    """Real and imaginary parts side by side."""
    return np.stack([z.real, z.imag], -1).reshape(*z.shape[:-1], -1)


@route("the same shift of both positions", suits=lambda p: turns(p) and "past_key" not in p.arrays)
def shifted(x: Core) -> Array:
    return core(replace(x.g, q_at=x.g.q_at + 100, k_at=x.g.k_at + 100)).out()


@route("features in the interleaved order on both", suits=turns)
def permuted(x: Core) -> Array | None:
    """Weights of query and key permuted from half to interleaved pairs, as GGUF files have them."""
    if x.g.past or "rope-dim" in x.p.options or "qk-norm" in x.p.options:
        return None
    how: Any = right_how(x.p)
    size = x.q.shape[3]
    order = np.arange(size).reshape(2, -1).T.ravel()
    if how.pairing != "half":
        return None
    g = replace(x.g, q=x.g.q[..., order], k=x.g.k[..., order])
    return core(g, replace(how, pairing="interleaved")).out()
