"""Rotary embedding as models have it: frequencies, their scaling, and the turn itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.mistakes.stages import Array, Problem, quarter


@dataclass(frozen=True)
class How:
    """How states are turned.

    Attributes:
        pairing: "half" or "interleaved".
        frequencies: (pairs) radians a position.
        start: the first feature that turns.
        attention: the factor on cosine and sine.
        sections: (pairs) by which of several positions each pair turns; None: there is one.
        spoil: what becomes of the table of cosines or sines.
    """

    pairing: str
    frequencies: Array
    start: int = 0
    attention: float = 1.0
    sections: Array | None = None
    spoil: Callable[[Array], Array] = np.asarray


def turn(x: Array, at: Array, how: How) -> Array:
    """Turn x (B, H, N, E) at positions (B or 1, N), or with sections (3, B or 1, N)."""
    pairs = len(how.frequencies)
    place = at[..., None] if how.sections is None else np.moveaxis(at[how.sections], 0, -1)
    angle = (place * how.frequencies)[:, None]  # (B, 1, N, pairs)
    angle = np.concatenate([angle, angle], -1) if how.pairing == "half" else np.repeat(angle, 2, -1)
    cos, sin = (how.spoil(f(angle) * how.attention).astype(x.dtype) for f in (np.cos, np.sin))
    span = slice(how.start, how.start + 2 * pairs)
    part = x[..., span]
    made = np.broadcast_to(x, (max(len(x), len(angle)), *x.shape[1:])).copy()
    made[..., span] = part * cos + quarter(part, how.pairing) * sin
    return made


def plain_frequencies(count: int, theta: float) -> Array:
    """θ^(−2i/D)."""
    return theta ** (-np.arange(0, count, 2) / count)


def linear(each: Array, scaling: Mapping[str, Any]) -> Array:
    """Positions squeezed together."""
    return each / scaling["factor"]


def llama3(each: Array, scaling: Mapping[str, Any]) -> Array:
    """As `_compute_llama3_parameters` of transformers has it."""
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    old, factor = scaling["original_max_position_embeddings"], scaling["factor"]
    wave = 2 * np.pi / each
    smooth = (old / wave - low) / (high - low)
    between = (1 - smooth) * each / factor + smooth * each
    return np.where(wave > old / low, each / factor, np.where(wave < old / high, each, between))


def yarn_blend(count: int, theta: float, scaling: Mapping[str, Any]) -> Array:
    """The share of each pair that is interpolated."""
    old = scaling["original_max_position_embeddings"]

    def pair(turns: float) -> float:
        return float(count * np.log(old / (turns * 2 * np.pi)) / (2 * np.log(theta)))

    low = max(np.floor(pair(scaling.get("beta_fast", 32))), 0)
    high = min(np.ceil(pair(scaling.get("beta_slow", 1))), count - 1)
    return np.clip((np.arange(count // 2) - low) / max(high - low, 0.001), 0, 1)


def features(p: Problem) -> int:
    """Of a head."""
    if "hidden" not in p.arrays:
        return p.size
    return int(p.arrays["w_q"].shape[1] // p.number("heads"))


def right_how(p: Problem) -> How:
    """How the problem turns query and key."""
    size, option = features(p), p.options.get("rope-dim")
    count, last = (size, False) if option is None else (option[0], len(option) > 1)  # type: ignore[index,arg-type]
    theta = float(p.options.get("rope-theta", 10000.0))  # type: ignore[arg-type]
    each, attention = plain_frequencies(count, theta), 1.0
    scaling: Any = p.options.get("rope-scaling")
    if scaling:
        kind = scaling["rope_type"]
        if kind == "linear":
            each = linear(each, scaling)
        elif kind == "llama3":
            each = llama3(each, scaling)
        else:
            blend = yarn_blend(count, theta, scaling)
            each, attention = each / scaling["factor"] * blend + each * (1 - blend), yarn_factor(scaling)
    sections: Any = p.options.get("rope-sections")
    which = None if sections is None else np.repeat(np.arange(3), sections)
    return How(str(p.options["rope"]), each, size - count if last else 0, attention, which)


def yarn_factor(scaling: Mapping[str, Any]) -> float:
    """0.1·ln f + 1."""
    return float(0.1 * np.log(scaling["factor"]) + 1)
