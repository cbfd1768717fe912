"""The families of mistakes, in the order in which they are named where several explain the same.

What is reported most often comes first. A family is a function from the right operands to the mistakes that can be made
with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attncli.attend.operands import Operands
from attncli.check.mistakes import (
    additions,
    borders,
    causal,
    functions,
    heads,
    key_slots,
    layout,
    masks,
    numbers,
    operands,
    other_rules,
    places,
    ranges,
    rotation,
    rules,
    slots,
    softmax,
    tiles,
    values,
    window,
)
from attncli.check.mistakes.variant import Generator, Unknown, Variant

Family = Callable[[Operands], Iterable[Variant | Unknown]]
Reading = Callable[[Operands], Iterable[Variant | Generator]]

# Mistakes that are made in pairs too.
FAMILIES: tuple[Family, ...] = (
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
)
# What fits more than one thing that has a name of its own, and comes after all that has.
LAST: tuple[Reading, ...] = (values.changed,)
