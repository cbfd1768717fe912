"""Where the patches of a picture lie among the keys of an image model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels

# What `attn trace` calls patches: row and column, and whatever follows.
LABEL = re.compile(r"r(\d{1,6})c(\d{1,6})(?!\d)")
GIVEN = re.compile(r"(\d{1,6})[x×](\d{1,6})")
# The most class tokens and registers that a model puts before its patches.
MOST_BEFORE = 16
# How far the shape of a grid may be from that of the picture.
NEAR = 0.1


@dataclass(frozen=True)
class Patches:
    """A grid of patches, row by row.

    Attributes:
        down: how many lie below each other.
        across: how many lie side by side.
        before: how many keys stand before the first of them, such as a class token.
        keys: how many keys there are.
    """

    down: int
    across: int
    before: int
    keys: int

    @property
    def part(self) -> slice:
        """The keys that are patches."""
        return slice(self.before, self.before + self.down * self.across)

    def grid(self, row: NDArray[Any]) -> NDArray[Any]:
        """Return what a row (keys) has for each patch, (down, across)."""
        return row[self.part].reshape(self.down, self.across)

    def place(self, query: int, queries: int) -> tuple[int, int] | None:
        """Return the row and column of a query that is a patch itself; None if it is none."""
        at = query - self.before
        is_patch = queries == self.keys and 0 <= at < self.down * self.across
        return divmod(at, self.across) if is_patch else None


def find(labels: Labels | None, keys: int, size: tuple[int, int], given: str | None) -> Patches:
    """Find out which keys are patches, and how they lie.

    Args:
        labels: of the keys, if they have some.
        keys: how many there are.
        size: the width and height of the picture.
        given: how many rows and columns there are, as a flag says it.

    Raises:
        InputError: the keys make no grid.

    Example:
        >>> find(None, 197, (640, 480), None)
        Patches(down=14, across=14, before=1, keys=197)
        >>> find(None, 12, (40, 30), None), find(None, 12, (40, 30), "2x5")
        (Patches(down=3, across=4, before=0, keys=12), Patches(down=2, across=5, before=2, keys=12))
    """
    if given is not None:
        return _given(given, keys)
    found = _labelled(labels or (), keys) or _guessed(keys, size)
    if found is None:
        raise InputError(
            f"{keys} keys are no grid of patches that a picture of {size[0]} × {size[1]} pixels could have",
            hint="--patches ROWSxCOLS says how many there are",
        )
    return found


def _given(given: str, keys: int) -> Patches:
    match = GIVEN.fullmatch(given)
    if match is None:
        raise InputError(f"--patches is ROWSxCOLS, such as 14x14, not {given[:40]!r}")
    down, across = map(int, match.groups())
    before = keys - down * across
    if down * across == 0 or before < 0:
        raise InputError(f"--patches {given}: that is {down * across} patches, and there are {keys} keys")
    return Patches(down, across, before, keys)


def _labelled(labels: Sequence[str], keys: int) -> Patches | None:
    """Return what labels such as r0c1 say, if they stand row by row."""
    places = {at: (int(found[1]), int(found[2])) for at, each in enumerate(labels) if (found := LABEL.match(each))}
    if len(places) < 4:
        return None
    before = min(places)
    down, across = (1 + max(place[axis] for place in places.values()) for axis in (0, 1))
    whole = {before + at: divmod(at, across) for at in range(len(places))}
    return Patches(down, across, before, keys) if places == whole and down * across == len(places) else None


def _guessed(keys: int, size: tuple[int, int]) -> Patches | None:
    """Return the first grid that has the shape of the picture, or is a square, behind as few tokens as can be."""
    shape = size[1] / size[0]
    for before in range(min(MOST_BEFORE, keys - 4) + 1):
        count = keys - before
        down = max(1, round(math.sqrt(count * shape)))
        if count % down == 0 and abs(down * down / count / shape - 1) < NEAR:
            return Patches(down, count // down, before, keys)
        if math.isqrt(count) ** 2 == count:
            return Patches(math.isqrt(count), math.isqrt(count), before, keys)
    return None
