"""Rows of an output that hold one number throughout: they were not written, or every key was closed to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.compare import Comparison
from attncli.check.explanation import Explanation
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import NOT_WRITTEN
from attncli.check.part import LEAST, Part
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray


# What a row may hold throughout.
ZERO, NAN, CONSTANT = "0", "nan", "constant"


def kinds(expected: NDArray[Any]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Return where rows (batch, heads, L) hold one number throughout, by kind."""
    first = expected[..., :1]
    same = (expected == first).all(axis=-1) & (expected.shape[-1] > 1)
    zero = (expected == 0).all(axis=-1)
    yield ZERO, zero
    yield NAN, np.isnan(expected).all(axis=-1)
    yield CONSTANT, same & ~zero


def unwritten(comparison: Comparison, expected: NDArray[Any], right: NDArray[Any]) -> Explanation | None:
    """Say that all rows that differ hold one number throughout, if they do.

    Rows that are 0 rightly, for no key is open to them, are a matter of the policy for empty rows.

    Args:
        comparison: of the two outputs.
        expected: (batch, heads, L, Ev) what was observed.
        right: likewise what is right.
    """
    wrong = comparison.wrong
    if (wrong & (right == 0).all(axis=-1)).any() or wrong.sum() * expected.shape[-1] < LEAST:
        return None
    for kind, where in kinds(expected):
        if not (wrong & ~where).any():
            return _explanation(kind, Part(wrong), int(wrong.sum()))
    return None


def _explanation(kind: str, part: Part, rows: int) -> Explanation:
    return Explanation(
        (NOT_WRITTEN.id,),
        ((pieces.PLACES.name, kind),),
        (sentence("output_throughout", what=word("throughout", kind)),),
        (sentence("fix_unwritten_nan" if kind == NAN else "fix_unwritten"),),
        {NOT_WRITTEN.id: {"number": kind}},
        None,
        0.0,
        (rows, rows),
        part=part if part.axes() else None,
    )
