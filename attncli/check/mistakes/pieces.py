"""The pieces of the computation that mistakes replace."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """One piece of the computation. Two mistakes can be made at once if they replace different pieces.

    Attributes:
        name: its part of a mistake's key.
        order: mistakes in pieces of lower order are made first; the others find them made.
        turns: whether it is the rotation itself, so that query and key must not be rotated beforehand.
        needs_all_heads: whether it cannot be seen in some heads without the others.
        keeps_places: whether it changes weights, not where numbers stand, so that dropout can be seen beside it.
    """

    name: str
    order: int
    turns: bool = False
    needs_all_heads: bool = False
    keeps_places: bool = False


ROTATION = Piece("rotation", 0, turns=True, keeps_places=True)

CAUSAL = Piece("causal", 1, keeps_places=True)
WINDOW = Piece("window", 1, keeps_places=True)
LENGTH = Piece("length", 1, keeps_places=True)
MASK = Piece("mask", 1, keeps_places=True)

LAYOUT = Piece("layout", 2, needs_all_heads=True)
HEADS = Piece("heads", 2, needs_all_heads=True)
OPERANDS = Piece("operands", 2)
KEYS = Piece("keys", 4)
CACHE = Piece("cache", 2, keeps_places=True)

FUNCTION = Piece("function", 3, keeps_places=True)
SCALE = Piece("scale", 3, keeps_places=True)
CAP = Piece("cap", 3, keeps_places=True)
ALIBI = Piece("alibi", 3, keeps_places=True)
BIAS = Piece("bias", 3, keeps_places=True)

CLOSING = Piece("closing", 4)
EMPTY = Piece("empty", 4)

SOFTMAX = Piece("softmax", 5, needs_all_heads=True)
SOFTMAX_ROW = Piece("softmax of a row", 5)
SINK = Piece("sink", 5)

PLACES = Piece("places", 6, needs_all_heads=True)
OUTPUT = Piece("output", 6)
DROPOUT = Piece("dropout", 6)
