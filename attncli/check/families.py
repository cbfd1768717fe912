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
    borders,
    caps,
    causal,
    constants,
    features,
    frequencies,
    functions,
    gates,
    heads,
    key_slots,
    latent,
    layout,
    masks,
    norms,
    numbers,
    offsets,
    operands,
    other_rules,
    penalties,
    places,
    projections,
    ranges,
    residual,
    rotated_before,
    rotation,
    rules,
    slots,
    softmax,
    standing,
    temperature,
    tiles,
    values,
    window,
)
from attncli.check.mistakes.variant import Generator, Unknown, Variant

Family = Callable[[Operands], Iterable[Variant | Unknown]]
Reading = Callable[[Operands], Iterable[Variant | Unknown | Generator]]

# Mistakes that are made in pairs too.
FAMILIES: tuple[Family, ...] = (
    frequencies.forgotten,
    features.by_the_whole_head,
    caps.caps,
    temperature.scales,
    masks.mask,
    masks.lengths,
    rules.ignored,
    causal.causal,
    layout.axes,
    layout.reshapes,
    numbers.scale,
    rotation.rope,
    softmax.closing,
    window.window,
    operands.heads_tiled,
    operands.fused,
    softmax.axis,
    numbers.softcap,
    softmax.sink,
    additions.alibi,
    operands.swapped,
    additions.bias,
    operands.score_function,
    numbers.factor,
)
# Mistakes that are read off what was observed, and those of which there are too many to try them in pairs.
GENERATORS: tuple[Reading, ...] = (
    places.moved,
    places.blank,
    heads.elsewhere,
    borders.borders,
    other_rules.mixed,
    ranges.runs,
    key_slots.slots,
    slots.runs,
    functions.functions,
    tiles.tiles,
    frequencies.scaling,
    features.parts,
    features.ways,
    features.sections,
    features.values,
    standing.given,
    standing.documents,
    standing.steps,
    standing.tables,
    standing.borders,
    offsets.offsets,
    frequencies.orders,
    rotated_before.unasked,
    gates.gates,
    projections.before,
    projections.behind,
    norms.norms,
    residual.residual,
    constants.constants,
    latent.turning_part,
    latent.values,
    latent.cut,
    temperature.given,
    biases.biases,
    penalties.alibi,
    penalties.ends,
    temperature.unasked,
)
# What fits more than one thing that has a name of its own, and comes after all that has.
LAST: tuple[Reading, ...] = (values.changed,)
