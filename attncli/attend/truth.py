"""Masks of 0 and 1: of whole numbers they say who may attend, of floating ones they are added to the scores.

This is decided here, and nowhere else: PyTorch, NumPy and most tokenizers write a mask of true and false as whole
numbers, but one that is added as floating ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.views import in_pieces
from attncli.said import Said

if TYPE_CHECKING:
    from numpy.typing import NDArray

READ = Said("mask holds only the whole numbers 0 and 1, which are read as false and true: 1 = may attend")
CLOSED = Said("mask holds only the whole number 0, which is read as false: all keys are closed; 0.0 would add nothing")
ADDED = Said("mask holds the numbers 0 and 1, which are added to the scores; to close keys, use true and false")


def as_rule(mask: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Return a mask as it is meant, boolean or numbers to add, and a notice if it could have been meant otherwise.

    An integer mask that holds only 0 and 1 is boolean, even one of zeros alone, which closes everything: what one
    number means must not depend on whether there is another one somewhere else.

    >>> as_rule(np.array([1, 0]))[0], as_rule(np.array([1, 2]))[0], as_rule(np.array([1.0, 0.0]))[0]
    (array([ True, False]), array([1, 2]), array([1., 0.]))
    """
    if mask.dtype == bool or not _is_binary(mask):
        return mask, ""
    holds_one = any(piece.any() for piece in in_pieces(mask))
    if mask.dtype.kind not in "iu":
        return mask, ADDED if holds_one else ""
    # Numbers of one byte are read in place: a mask may be larger than memory.
    truth = mask.view(bool) if mask.dtype.itemsize == 1 else mask.astype(bool)
    return truth, READ if holds_one else CLOSED


def whole(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return numbers from a text that has no types: integers if all are 0 or 1, otherwise as they are."""
    return numbers.astype(np.int8) if numbers.dtype != bool and _is_binary(numbers) else numbers


def _is_binary(numbers: NDArray[Any]) -> bool:
    return all(bool(((piece == 0) | (piece == 1)).all()) for piece in in_pieces(numbers))
