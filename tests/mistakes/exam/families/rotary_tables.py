"""Tables that are too short or too coarse, and sections."""

from __future__ import annotations

from dataclasses import replace

import ml_dtypes
import numpy as np

from tests.mistakes.exam.families.rotary import again
from tests.mistakes.exam.families.words import all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core, core
from tests.mistakes.exam.turning import right_how
from tests.mistakes.stages import Array, Rng


@kind(
    "rotary/table-in-bfloat16",
    "rope-far",
    "rope-table rounding",
    (all_of(r"(bfloat16|precision|round|table|position)"),),
)
def rounded_positions(x: Core, rng: Rng) -> Array:
    q_at, k_at = (at.astype(ml_dtypes.bfloat16).astype(float) for at in (x.g.q_at, x.g.k_at))
    return core(replace(x.g, q_at=q_at, k_at=k_at)).out()


@kind(
    "rotary/table-too-short",
    "rope-far",
    "rope-table rope-offset",
    (all_of("position", r"(clamp|clip|stop|from|beyond|behind|limit|at most|table|4096|modulo|wrap)"),),
)
def clamped(x: Core, rng: Rng) -> Array | None:
    most = int(np.quantile(x.g.q_at, 0.6))
    return core(replace(x.g, q_at=np.minimum(x.g.q_at, most), k_at=np.minimum(x.g.k_at, most))).out()


@kind(
    "rotary/table-wraps",
    "rope-far",
    "rope-table rope-offset",
    (all_of("position", r"(clamp|clip|modulo|wrap|begin|restart|anew|0|table|beyond)"),),
)
def wraps(x: Core, rng: Rng) -> Array:
    most = int(np.quantile(x.g.q_at, 0.6))
    return core(replace(x.g, q_at=x.g.q_at % most, k_at=x.g.k_at % most)).out()


@kind(
    "rotary/sections-as-one",
    "rope-sections",
    "rope-sections",
    (all_of(r"(section|three positions|height|width|first position|by time)"),),
)
def one_section(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, replace(how, sections=np.zeros_like(how.sections)))


@kind(
    "rotary/sections-in-another-order",
    "rope-sections",
    "rope-sections",
    (all_of(r"section|positions", r"(order|interleav|swap|width|exchang)"),),
)
def other_sections(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)
    return again(x, replace(how, sections=(how.sections if how.sections is None else (3 - how.sections) % 3)))


@kind(
    "rotary/cosines-in-bfloat16",
    "rope-far",
    "rope-table rounding",
    (all_of(r"(bfloat16|float16|precision|round|table)"),),
)
def rounded_table(x: Core, rng: Rng) -> Array:
    spoil = lambda table: table.astype(ml_dtypes.bfloat16).astype(float)  # noqa: E731
    return again(x, replace(right_how(x.p), spoil=spoil))
