"""What the user should know about a mask that was read and opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.views import in_pieces
from attncli.problem.notices import of_inputs, of_unused
from attncli.said import Said
from attncli.text import plain

if TYPE_CHECKING:
    from attncli.mask.comparison import Side

# What is added to close a key is at most this; ALiBi and learned biases hardly ever are.
MEANT_TO_CLOSE = -1000.0


def of_side(side: Side) -> Iterator[str]:
    """Yield notices about one mask."""
    o, problem = side.opening.operands, side.problem
    yield from problem.notices
    yield from of_unused(problem.arrays, o)
    yield from of_inputs(o, {})
    if o.options.alibi:
        yield Said("alibi has no effect on which keys are open: it adds numbers")
    for name, array in (("mask", o.mask), ("bias", o.bias)):
        if array is None or array.dtype.kind != "f" or not array.size:
            continue
        least = min(float(np.min(piece, initial=np.inf)) for piece in in_pieces(array))
        if np.isfinite(least) and least <= MEANT_TO_CLOSE:
            yield Said(
                "{name} holds numbers down to {least} but no -∞: they are added, and close no key",
                name=name,
                least=plain(least, 3),
            )
