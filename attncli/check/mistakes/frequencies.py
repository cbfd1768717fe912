"""Wrong rotations: other frequencies, above all where they are to be scaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.rotary.scaling import TYPES, frequencies, scaled
from attncli.attend.stages.rotate import rotation_of
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import ROPE_FREQUENCIES, ROPE_SCALING
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.turning import Side, both
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.rounding import to_half
from attncli.errors import InputError
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# Factors that models scale by, and where the search for another one begins.
FACTORS = (2.0, 4.0, 8.0, 16.0, 32.0, 40.0, 64.0)
GRID = tuple(np.logspace(-2, 2, 41).tolist())
# Scalings that models have, by the names of their kinds.
COMMON: dict[str, dict[str, Any]] = {
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
}
# Parameters that may be taken for one another.
ALIKE = (
    ("beta_fast", "beta_slow"),
    ("low_freq_factor", "high_freq_factor"),
    ("short_factor", "long_factor"),
    ("original_max_position_embeddings", "max_position_embeddings"),
)


def forgotten(o: Operands) -> Iterator[Variant]:
    """The scaling of frequencies that is asked for, or its attention factor, is left out."""
    asked = _asked(o)
    if o.options.rope is None or o.cos is not None or asked is None:
        return
    right, kind = rotation_of(o, o.query.shape[-1]), asked["rope_type"]
    plain = frequencies(right.features, o.options.rope_theta)
    made = partial(_with, ROPE_SCALING, fix=_fix(asked))
    yield made("forgotten", sentence("scaling_left_out", kind=kind), other=plain, attention=1.0)
    attention = right.attention
    if attention != 1:
        said = sentence("scaling_factor_alone", kind=kind, factor=f"{attention:.6g}")
        yield made("attention factor alone", said, other=plain, attention=attention)
        said = sentence("scaling_no_factor", kind=kind, factor=f"{attention:.6g}")
        yield made("no attention factor", said, other=right.frequencies, attention=1.0)


def _asked(o: Operands) -> Mapping[str, Any] | None:
    """Return the scaling that is asked for; None: none is."""
    asked = o.options.rope_scaling
    return None if asked is None or asked["rope_type"] == "default" else asked


def _fix(asked: Mapping[str, Any]) -> Sentence:
    return sentence("fix_scaling", kind=asked["rope_type"])


def scaling(o: Operands) -> Iterator[Variant | Unknown]:
    """The scaling of frequencies is done otherwise, or is not asked for."""
    if o.options.rope is None or o.cos is not None:
        return
    right = rotation_of(o, o.query.shape[-1])
    asked = _asked(o)
    if asked is not None:
        yield from _otherwise(right, o.options.rope_theta, asked)
        yield from _parameters(o, right, asked, _fix(asked))
    else:
        yield from _unasked(o, right)
    yield Unknown(pieces.ROTATION, GRID, partial(_multiplied, right), alone=True)


def orders(o: Operands) -> Iterator[Variant]:
    """Frequencies stand in another order, have other exponents, or are rounded."""
    if o.options.rope is None or o.cos is not None:
        return
    right = rotation_of(o, o.query.shape[-1])
    each, count, theta = right.frequencies, len(right.frequencies), o.options.rope_theta
    at = np.arange(count)
    fix = sentence("fix_frequencies", theta=f"{theta:g}", count=2 * count)
    others: dict[str, tuple[Sentence, Array]] = {
        "frequencies reversed": (sentence("frequencies_reversed"), each[::-1]),
        "frequencies from 1": (sentence("frequencies_from_1"), theta ** (-(at + 1) / count)),
        "frequencies to the end": (
            sentence("frequencies_to_the_end", last=count - 1, count=count),
            theta ** (-at / max(1, count - 1)),
        ),
        "frequencies inverse": (sentence("frequencies_inverse"), 1 / each),
        "frequencies in bfloat16": (sentence("frequencies_rounded", kind="bfloat16"), to_half(each, "bfloat16")),
        "frequencies in float16": (sentence("frequencies_rounded", kind="float16"), to_half(each, "float16")),
        "first pair still": (sentence("frequencies_first_still"), np.where(at == 0, 0.0, each)),
        "last pair still": (sentence("frequencies_last_still"), np.where(at == count - 1, 0.0, each)),
    }
    for form, (said, other) in others.items():
        if not np.array_equal(other, each):
            yield _with(ROPE_FREQUENCIES, form, said, fix, other, right.attention)


def _otherwise(right: Rotation, theta: float, asked: Mapping[str, Any]) -> Iterator[Variant]:
    """Return what may be done instead of a scaling that is asked for."""
    kind, each, attention = asked["rope_type"], right.frequencies, right.attention
    plain = frequencies(right.features, theta)
    made = partial(_with, ROPE_SCALING, fix=_fix(asked))
    if attention != 1:
        for how, power in (("once", 0.5), ("twice", 2)):
            said = sentence(f"scaling_factor_{how}", kind=kind, factor=f"{attention:.6g}")
            yield made(f"attention factor {how}", said, other=each, attention=attention**power)
    factor = _factor(asked)
    if factor is None:
        return
    by = f"{factor:g}"
    if kind != "linear":
        for kept in dict.fromkeys((attention, 1.0)):
            said = sentence("scaling_positions_divided", by=by)
            if kept != attention:
                said = sentence("scaling_positions_alone", what=said, kind=kind)
            yield made(f"positions divided, {kept:g}", said, other=plain / factor, attention=kept)
    said = sentence("scaling_multiplied", by=by, kind=kind)
    yield made("multiplied", said, other=plain * factor, attention=attention)
    said = sentence("scaling_twice", by=by, kind=kind)
    yield made("twice", said, other=each * each / plain, attention=attention)
    if kind in ("yarn", "llama3"):
        said = sentence("scaling_ramp_reversed", kind=kind)
        yield made("ramp reversed", said, other=plain / factor + plain - each, attention=attention)


def _parameters(o: Operands, right: Rotation, asked: Mapping[str, Any], fix: Sentence) -> Iterator[Variant]:
    """Return the scaling with a parameter left out or taken for another, and others of the same kind."""
    for form, (said, parameters) in _other_parameters(asked).items():
        yield from _scaled(o, right, form, said, fix, parameters)


def _other_parameters(asked: Mapping[str, Any]) -> dict[str, tuple[Sentence, dict[str, Any]]]:
    """Return other parameters of the same kind, and what was done, by their forms."""
    kind = asked["rope_type"]
    found: dict[str, tuple[Sentence, dict[str, Any]]] = {}
    for name in TYPES[kind].may:
        if name in asked:
            said = sentence("scaling_ignored", name=name, kind=kind)
            found[f"{name} ignored"] = said, {key: each for key, each in asked.items() if key != name}
    for one, two in ALIKE:
        if one in asked and two in asked:
            said = sentence("scaling_exchanged", one=one, other=two, kind=kind)
            found[f"{one} and {two} exchanged"] = said, {**asked, one: asked[two], two: asked[one]}
    if kind == "yarn":
        truncate = not asked.get("truncate", True)
        said = sentence("scaling_truncated") if truncate else sentence("scaling_not_truncated")
        found["truncated" if truncate else "not truncated"] = said, {**asked, "truncate": truncate}
    for factor in FACTORS if "factor" in asked else ():
        if factor != asked["factor"]:
            said = sentence("scaling_other_factor", kind=kind, by=f"{factor:g}", right=f"{asked['factor']:g}")
            found[f"factor {factor:g}"] = said, {**asked, "factor": factor}
    return found


def _unasked(o: Operands, right: Rotation) -> Iterator[Variant]:
    """Return scalings that nobody asked for."""
    fix = sentence("fix_unasked_scaling")
    for factor in FACTORS:
        said = sentence("scaling_unasked", by=f"{factor:g}")
        yield from _scaled(o, right, f"linear by {factor:g}", said, fix, {"rope_type": "linear", "factor": factor})
    for name, parameters in COMMON.items():
        said = sentence("scaling_unasked_of_model", name=word("model_scaling", name))
        yield from _scaled(o, right, f"{name} of a model", said, fix, parameters)


def _scaled(
    o: Operands, right: Rotation, form: str, said: Sentence, fix: Sentence, parameters: Mapping[str, Any]
) -> Iterator[Variant]:
    try:
        other, attention = scaled(parameters, right.features, o.options.rope_theta, o.rope_length)
    except (InputError, ArithmeticError, TypeError, ValueError):  # these parameters do not go together
        return
    if np.isfinite(other).all() and not (np.array_equal(other, right.frequencies) and attention == right.attention):
        yield _with(ROPE_SCALING, form, said, fix, other, attention)


def _factor(asked: Mapping[str, Any]) -> float | None:
    """Return by what a scaling stretches; None: by no one number."""
    if "factor" in asked:
        return float(asked["factor"])
    most, original = asked.get("max_position_embeddings"), asked.get("original_max_position_embeddings")
    return most / original if most and original else None


def _multiplied(right: Rotation, by: float) -> Variant:
    said, fix = sentence("frequencies_multiplied", by=f"{by:.6g}"), sentence("fix_frequencies_multiplied")
    return _with(ROPE_SCALING, "all multiplied", said, fix, right.frequencies * by, right.attention)


def _with(mistake: Mistake, form: str, said: Sentence, fix: Sentence, other: Array, attention: float) -> Variant:
    """Return the mistake that turns by other frequencies, and another factor."""

    def change(rotation: Rotation) -> Rotation:
        return replace(rotation, frequencies=other, attention=attention)

    return both(mistake, form, Side(change), said, fix)
