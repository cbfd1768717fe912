"""The pieces of the computation that mistakes replace."""

from __future__ import annotations

from dataclasses import dataclass

# The stages, in order.
ORDER = ("project", "norm", "rotate", "cache", "score", "cap", "mask", "softmax", "sum", "gate", "out")


@dataclass(frozen=True)
class Piece:
    """One piece of the computation. Two mistakes can be made at once if they replace different pieces.

    Attributes:
        name: its part of a mistake's key.
        order: mistakes in pieces of lower order are made first; the others find them made.
        turns: whether it is the rotation itself, so that query and key must not be rotated beforehand.
        needs_all_heads: whether it cannot be seen in some heads without the others.
        keeps_places: whether it changes weights, not where numbers stand, so that dropout can be seen beside it.
        shows: the first and the last stage of whose results it may be the first thing that is wrong.
    """

    name: str
    order: int
    turns: bool = False
    needs_all_heads: bool = False
    keeps_places: bool = False
    shows: tuple[str, str] = ("project", "out")

    def may_show(self, right: str, wrong: str) -> bool:
        """Tell whether it may be made between the stage whose results are right and that whose are the first wrong.

        >>> SCALE.may_show("rotate", "score"), SCALE.may_show("score", "softmax"), EMPTY.may_show("", "score")
        (True, False, False)
        """
        first, last = map(ORDER.index, self.shows)
        begin, end = ORDER.index(right) if right else -1, ORDER.index(wrong)
        return first <= end and (last > begin or last == end)


EARLY = Piece("early", 0, turns=True)
ROTATION = Piece("rotation", 0, turns=True, keeps_places=True, shows=("rotate", "rotate"))

CAUSAL = Piece("causal", 1, keeps_places=True, shows=("mask", "mask"))
WINDOW = Piece("window", 1, keeps_places=True, shows=("mask", "mask"))
LENGTH = Piece("length", 1, keeps_places=True, shows=("mask", "mask"))
MASK = Piece("mask", 1, keeps_places=True, shows=("mask", "mask"))

LAYOUT = Piece("layout", 2, needs_all_heads=True)
HEADS = Piece("heads", 2, needs_all_heads=True, shows=("score", "sum"))
OPERANDS = Piece("operands", 2, shows=("score", "sum"))
KEYS = Piece("keys", 4, shows=("cache", "sum"))
CACHE = Piece("cache", 2, keeps_places=True, shows=("cache", "sum"))

FUNCTION = Piece("function", 3, keeps_places=True, shows=("score", "score"))
SCALE = Piece("scale", 3, keeps_places=True, shows=("score", "score"))
CAP = Piece("cap", 3, keeps_places=True, shows=("cap", "mask"))
ALIBI = Piece("alibi", 3, keeps_places=True, shows=("mask", "mask"))
BIAS = Piece("bias", 3, keeps_places=True, shows=("mask", "mask"))

CLOSING = Piece("closing", 4, shows=("mask", "softmax"))
EMPTY = Piece("empty", 4, shows=("softmax", "softmax"))

SOFTMAX = Piece("softmax", 5, needs_all_heads=True, shows=("softmax", "softmax"))
SOFTMAX_ROW = Piece("softmax of a row", 5, shows=("softmax", "softmax"))
SINK = Piece("sink", 5, shows=("softmax", "softmax"))

ROUNDED = Piece("rounded", 5, keeps_places=True, shows=("score", "sum"))

GATE = Piece("gate", 6, shows=("gate", "out"))
OUT = Piece("out", 6, shows=("out", "out"))
PLACES = Piece("places", 6, needs_all_heads=True, shows=("sum", "out"))
OUTPUT = Piece("output", 6, shows=("sum", "out"))
DROPOUT = Piece("dropout", 6, shows=("softmax", "sum"))
