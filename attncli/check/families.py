"""The families of mistakes, in the order in which they are named where several explain the same.

What is reported most often comes first. A family is a function from the right operands to the mistakes that can be made
with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attncli.attend.operands import Operands
from attncli.check.mistakes import (
    additions,
    biases,
    blocks,
    borders,
    cache,
    caps,
    causal,
    clamps,
    constants,
    extremes,
    features,
    flushed,
    frequencies,
    functions,
    gates,
    heads,
    kept,
    key_slots,
    latent,
    layout,
    lower,
    masks,
    norms,
    numbers,
    offsets,
    operands,
    other_rules,
    pages,
    past,
    penalties,
    places,
    projections,
    quantised,
    ranges,
    residual,
    rotated_before,
    rotation,
    rules,
    score_features,
    shares_elsewhere,
    shares_fitted,
    sinks,
    slots,
    softmax,
    splits,
    standing,
    temperature,
    values,
    window,
)
from attncli.check.mistakes.variant import Generator, Unknown, Variant

Family = Callable[[Operands], Iterable[Variant | Unknown]]
Reading = Callable[[Operands], Iterable[Variant | Unknown | Generator]]

# Mistakes that are made in pairs too.
_FAMILIES: tuple[tuple[str, Family], ...] = (
    ("rotary", frequencies.forgotten),
    ("rotary", features.by_the_whole_head),
    ("score", caps.caps),
    ("scale", temperature.scales),
    ("mask", masks.mask),
    ("mask", masks.lengths),
    ("mask", pages.ends),
    ("keys", pages.tables),
    ("keys", past.evicted),
    ("mask", rules.ignored),
    ("causal", causal.causal),
    ("layout", layout.axes),
    ("layout", layout.reshapes),
    ("scale", numbers.scale),
    ("rotary", rotation.rope),
    ("mask", softmax.closing),
    ("window", window.window),
    ("heads", operands.heads_tiled),
    ("layout", operands.fused),
    ("softmax", softmax.axis),
    ("score", numbers.softcap),
    ("softmax", softmax.sink),
    ("bias", additions.alibi),
    ("values", operands.swapped),
    ("bias", additions.bias),
    ("score", operands.score_function),
    ("around", numbers.factor),
    ("softmax", functions.early),
    ("softmax", kept.alone),
)
# Mistakes that are read off what was observed, and those of which there are too many to try them in pairs.
_GENERATORS: tuple[tuple[str, Reading], ...] = (
    ("layout", places.moved),
    ("layout", places.blank),
    ("heads", heads.elsewhere),
    ("mask", borders.borders),
    ("keys", pages.entries),
    ("keys", past.of_items),
    ("mask", other_rules.mixed),
    ("keys", ranges.runs),
    ("keys", key_slots.slots),
    ("keys", slots.runs),
    ("softmax", sinks.sinks),
    ("keys", past.exchanged),
    ("softmax", functions.functions),
    ("softmax", kept.kept),
    ("tiles", splits.splits),
    ("tiles", blocks.blocks),
    ("tiles", shares_elsewhere.merged),
    ("softmax", extremes.extremes),
    ("rotary", frequencies.scaling),
    ("rotary", features.parts),
    ("rotary", features.ways),
    ("rotary", features.sections),
    ("rotary", features.values),
    ("rotary", standing.given),
    ("rotary", standing.documents),
    ("rotary", standing.steps),
    ("rotary", standing.tables),
    ("rotary", standing.borders),
    ("rotary", offsets.offsets),
    ("rotary", frequencies.orders),
    ("rotary", rotated_before.unasked),
    ("around", gates.gates),
    ("around", projections.before),
    ("around", projections.behind),
    ("around", norms.norms),
    ("around", residual.residual),
    ("around", constants.constants),
    ("values", latent.turning_part),
    ("values", latent.values),
    ("values", latent.cut),
    ("score", score_features.cut),
    ("score", clamps.clamps),
    ("scale", temperature.given),
    ("bias", biases.biases),
    ("bias", penalties.alibi),
    ("bias", penalties.ends),
    ("scale", temperature.unasked),
)
# What fits more than one thing that has a name of its own, and comes after all that has.
_LAST: tuple[tuple[str, Reading], ...] = (
    ("rounding", quantised.codes),
    ("rounding", lower.kept),
    ("rounding", flushed.small),
    ("tiles", shares_fitted.fitted),
    ("values", values.changed),
)
FAMILIES = tuple(family for _, family in _FAMILIES)
GENERATORS = tuple(family for _, family in _GENERATORS)
LAST = tuple(family for _, family in _LAST)
# The same by what they are about; caches of fewer bits are looked for on their own.
TOPICS: dict[str, tuple[Reading, ...]] = {
    name: tuple(
        family for topic, family in (*_FAMILIES, *_GENERATORS, *_LAST, ("rounding", cache.rounded)) if topic == name
    )
    for name in (
        "scale",
        "score",
        "mask",
        "causal",
        "window",
        "rotary",
        "heads",
        "layout",
        "keys",
        "softmax",
        "tiles",
        "rounding",
        "bias",
        "around",
        "values",
    )
}
