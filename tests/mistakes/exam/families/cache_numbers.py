"""Caches whose numbers are wrong: codes of few bits, their scales and zero points."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core
from tests.mistakes.stages import Array, Rng

WHERE = "extend grouped"
CODES = r"(int8|8.bit|bits|quanti|codes?|scale|zero.point|rounded|cache|offset|constant)"


def coded(y: Array, axes: tuple[int, ...], most: int = 127) -> tuple[Array, Array]:
    """Symmetric codes, and the scale along the axes."""
    scale = np.abs(y).max(axis=axes, keepdims=True) / most
    return np.rint(y / scale), scale


@kind(
    "cache/zero-point-forgotten",
    WHERE,
    "cache-rounded",
    (all_of(CODES, "(zero.point|constant|offset|added|shift|key|value)"),),
)
def zero_point(x: Core, rng: Rng) -> Array:
    """Codes 0 … 255 of each token, given back without their lowest number."""

    def through(y: Array) -> Array:
        low = y.min(-1, keepdims=True)
        scale = (y.max(-1, keepdims=True) - low) / 255
        return np.rint((y - low) / scale) * scale

    return x.but(k=through(x.k), v=through(x.v)).out()


@kind(
    "cache/value-zero-point-forgotten",
    WHERE,
    "cache-rounded",
    (all_of("value", r"(zero.point|constant|offset|added|shift)"), all_of(r"outside|not in", "span")),
)
def value_zero_point(x: Core, rng: Rng) -> Array:
    low = x.v.min(axis=(2, 3), keepdims=True)
    scale = (x.v.max(axis=(2, 3), keepdims=True) - low) / 255
    return x.but(v=np.rint((x.v - low) / scale) * scale).out()


@kind(
    "cache/scale-of-one-head-for-all",
    WHERE,
    "cache-rounded",
    (all_of(r"(scale|factor|multiple|larger|smaller|times)", "head"),),
)
def one_scale(x: Core, rng: Rng) -> Array:
    k, ks = coded(x.k, (2, 3))
    v, vs = coded(x.v, (2, 3))
    return x.but(k=k * ks[:, :1], v=v * vs[:, :1]).out()


@kind(
    "cache/channel-scale-taken-for-head",
    WHERE,
    "cache-rounded",
    (all_of(r"(scale|factor)", r"(channel|feature|head)"),),
)
def channel_for_head(x: Core, rng: Rng) -> Array:
    """Codes by channel, given back by the largest scale of the head."""
    k, scale = coded(x.k, (2,))
    return x.but(k=k * scale.max(-1, keepdims=True)).out()


@kind(
    "cache/scale-forgotten",
    WHERE,
    "cache-rounded scale operands-scaled",
    (all_of(r"(scale|factor|multiple|times|larger)"),),
)
def no_scale(x: Core, rng: Rng) -> Array:
    """Keys to codes of ±127 with a scale for all, which is not given back: the logits are that much larger."""
    k, _ = coded(x.k, (0, 1, 2, 3))
    return x.but(k=k).out()


@kind("cache/scale-twice-on-values", WHERE, "cache-rounded output-factor", (all_of(r"(scale|factor|multiple|times)"),))
def value_scale_twice(x: Core, rng: Rng) -> Array:
    v, scale = coded(x.v, (0, 1, 2, 3))
    return x.but(v=v * scale * scale).out()


@kind(
    "cache/float8-saturated",
    WHERE,
    "cache-rounded",
    (all_of(r"(float8|fp8|e4m3|8.bit|saturat|clamp|clip|limit|at most|largest)"),),
)
def saturated(x: Core, rng: Rng) -> Array:
    """A scale that maps 4 to 448·4: what is larger than 1 is cut."""
    k = np.clip(x.k * 448, -448, 448).astype(ml_dtypes.float8_e4m3fn).astype(x.k.dtype) / 448
    return x.but(k=k).out()


@kind("cache/int4-overflow-wraps", "extend", "cache-rounded", (all_of(r"(bits?|int4|codes?|wrap|overflow|quanti)"),))
def wraps(x: Core, rng: Rng) -> Array:
    """Codes to ±8 kept in four bits: +8 comes back as −8."""
    scale = np.abs(x.v).max(-1, keepdims=True) / 8
    codes = np.rint(x.v / scale)
    return x.but(v=np.where(codes == 8, -8, codes) * scale).out()


@kind("cache/int8-values", WHERE, "cache-rounded rounding", (all_of(r"(int8|8.bit|bits|quanti|codes?|round|cache)"),))
def int8_values(x: Core, rng: Rng) -> Array:
    v, scale = coded(x.v, (3,))
    return x.but(v=v * scale).out()


@kind("cache/int4-groups", WHERE, "cache-rounded rounding", (all_of(r"(int4|4.bit|bits|quanti|codes?|round|cache)"),))
def int4_groups(x: Core, rng: Rng) -> Array:
    grouped = x.k.reshape(*x.k.shape[:3], -1, 16)
    codes, scale = coded(grouped, (-1,), 7)
    return x.but(k=(codes * scale).reshape(x.k.shape)).out()


@kind(
    "cache/high-and-low-nibble-swapped",
    "extend grouped",
    "cache-rounded features-moved",
    (
        all_of(r"(nibble|pair|feature|neighbou?r|column)", r"(swap|exchang|order|moved|permut)"),
        all_of(r"(column|feature)", r"(order|other|exchang|swap|permut)"),
    ),
)
def nibbles(x: Core, rng: Rng) -> Array:
    """int4 values are unpacked high nibble first: each pair of features is exchanged."""
    codes, scale = coded(x.v, (-1,), 7)
    v = (codes * scale).reshape(*x.v.shape[:3], -1, 2)[..., ::-1]
    return x.but(v=v.reshape(x.v.shape)).out()


@kind(
    "cache/keys-not-given-back-at-all",
    "extend",
    "cache-rounded keys-lost",
    (all_of(r"(past|key|cache)", rf"(scale|factor|times|{LOST})"),),
)
def past_only(x: Core, rng: Rng) -> Array:
    """Past keys are used as codes of a scale by head, new ones as they are."""
    codes, _ = coded(x.g.past_k, (2, 3))
    return x.but(k=np.concatenate([codes, x.k[:, :, x.g.past :]], 2)).out()
