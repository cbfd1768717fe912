"""How the states of one side, queries or keys, are turned by their positions.

Source of the two pairings, the tables and the partial rotation: the ONNX operator ``RotaryEmbedding`` (opset 23); of
the sections: Wang et al., *Qwen2-VL*, 2024, section 2.1, and Qwen3-VL's published code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.threads import each
from attncli.attend.views import blocks, one_of, product, some_heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURN = 2 * math.pi


@dataclass(frozen=True, eq=False, kw_only=True)
class Rotation:
    """How states are turned, all but where they stand.

    Attributes:
        pairing: ``"half"`` pairs feature i with i + D/2 of the D that are turned, ``"interleaved"`` 2i with 2i + 1.
        first: the first feature that is turned.
        frequencies: (D/2) radians a position.
        attention: the factor on cosine and sine.
        axes: (D/2) by which of the positions, 0, 1 or 2, each pair turns; None: each state has one position.
        table: cosines and sines instead of frequencies, (1, positions, D/2); or with a batch of them, whose rows are
            those of the states.
    """

    pairing: str
    frequencies: NDArray[np.float64]
    first: int = 0
    attention: float = 1.0
    axes: NDArray[np.int64] | None = None
    table: tuple[NDArray[Any], NDArray[Any]] | None = None

    @property
    def features(self) -> int:
        """How many features are turned, D."""
        return 2 * len(self.frequencies)

    @property
    def pairs(self) -> tuple[slice, slice]:
        """The indices of the first and of the second feature of every pair, in the whole state."""
        return pairs(self.features, self.pairing, self.first)

    def angles(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the angle of each pair in radians, (batch or 1, L, D/2).

        Args:
            positions: (3 or 1, batch or 1, L), three with sections; one serves all.
        """
        return self._spread(positions) * self.frequencies

    def tables(self, positions: NDArray[np.int64], dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return cosine and sine of each pair, times the factor, (batch or 1, L, D/2).

        Args:
            positions: as for `angles`; or which rows of a table.
            dtype: the precision; the angles are computed in float64.
        """
        if self.table is not None:
            cos, sin = self._looked_up(positions)
            if self.attention != 1:
                cos, sin = cos * self.attention, sin * self.attention
            return cos.astype(dtype, copy=False), sin.astype(dtype, copy=False)
        cos, sin = (np.empty((*positions.shape[1:], len(self.frequencies)), dtype=dtype) for _ in range(2))

        def run(block: tuple[int, slice]) -> None:
            item, rows = block
            found = cos_and_sin(self.angles(positions[:, item : item + 1, rows]), dtype)
            for table, part in zip((cos, sin), found, strict=True):
                np.multiply(part[0], self.attention, out=table[item, rows], casting="same_kind")

        each(run, blocks(*positions.shape[1:]), cos.size)
        return cos, sin

    def turn(self, states: NDArray[Any], cos: NDArray[Any], sin: NDArray[Any]) -> NDArray[Any]:
        """Turn each pair of features (a, b): (a·cos − b·sin, a·sin + b·cos).

        Args:
            states: (batch, heads, L, E), in the precision of the tables.
            cos: (batch or 1, L, D/2); a batch of it may meet one state for all.
            sin: likewise.

        Returns:
            (batch, heads, L, E); features that are not turned stay as they are.
        """
        batch, length = max(len(states), len(cos)), states.shape[2]
        turned = np.empty((batch, *states.shape[1:]), dtype=states.dtype)
        factors = self.factors(cos, sin)

        def run(block: tuple[int, slice]) -> None:
            item, rows = block
            some, into = one_of(states, item)[:, rows], turned[item, :, rows]
            mine = [one_of(table, item)[rows] for table in factors]
            for part in some_heads(*some.shape[:2]):
                self.turn_into(some[part], mine, into[part])

        each(run, blocks(batch, length), turned.size)
        return turned

    def turn_back(self, gradient: NDArray[Any], cos: NDArray[Any], sin: NDArray[Any]) -> NDArray[Any]:
        """Return the gradient of states, of a gradient of what `turn` made of them: turned the other way."""
        if np.isfinite(cos).all() and np.isfinite(sin).all():
            return self.turn(gradient, cos, -sin)
        # Given tables may hold anything for keys that are closed, whose gradient is 0 all the same.
        first, second = self.pairs
        of_a, of_b, cos, sin = gradient[..., first], gradient[..., second], cos[:, None], sin[:, None]
        back = gradient.copy()
        back[..., first] = product(of_a, cos) + product(of_b, sin)
        back[..., second] = product(of_b, cos) - product(of_a, sin)
        return back

    def of_tables(
        self, states: NDArray[Any], gradient: NDArray[Any], positions: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the gradients of the tables of cosines and sines, each of their shape.

        Args:
            states: (batch or 1, heads, L, E) what was turned.
            gradient: (batch, heads, L, E) that of what came out.
            positions: (3 or 1, batch or 1, L) which rows of the tables turned them.
        """
        assert self.table is not None
        first, second = self.pairs
        a, b, of_a, of_b = states[..., first], states[..., second], gradient[..., first], gradient[..., second]
        both = product(of_a, a) + product(of_b, b), product(of_b, a) - product(of_a, b)
        found = tuple(np.zeros(table.shape, gradient.dtype) for table in self.table)
        pairs = np.arange(self.features // 2)
        for table, of_pairs in zip(found, both, strict=True):
            rows = self.attention * of_pairs.sum(axis=1)  # (batch, L, D/2)
            items = np.arange(len(rows))[:, None, None] if len(table) > 1 else np.zeros((len(rows), 1, 1), np.int64)
            np.add.at(table, (items, self._spread(positions), pairs), rows)
        return found[0], found[1]

    def factors(self, cos: NDArray[Any], sin: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return what states are multiplied by, made of cosines and sines (batch or 1, L, D/2).

        Returns:
            For neighbours e^(i·angle), (batch or 1, L, D/2). For halves what a feature itself is multiplied by,
            (batch or 1, L, 2, D/2), and its partner: both for whole rows, so that long runs of numbers are multiplied.
        """
        if self.pairing == "interleaved":
            turns = np.empty(cos.shape, dtype=np.result_type(cos, np.complex64))
            turns.real, turns.imag = cos, sin
            return (turns,)
        same, across = (np.empty((*cos.shape[:2], 2, cos.shape[2]), dtype=cos.dtype) for _ in range(2))
        same[...] = cos[:, :, None]
        across[:, :, 1] = sin
        np.negative(sin, out=across[:, :, 0])
        return same, across

    def turn_into(self, states: NDArray[Any], factors: Sequence[NDArray[Any]], into: NDArray[Any]) -> None:
        """Write a block of states turned, which stays in the processor's cache.

        Args:
            states: (…, L, E)
            factors: those of `factors` for these rows, (L, …).
            into: likewise; it may be the states themselves.
        """
        last = self.first + self.features
        if into is not states:
            into[..., : self.first], into[..., last:] = states[..., : self.first], states[..., last:]
        states, into = states[..., self.first : last], into[..., self.first : last]
        with np.errstate(invalid="ignore", over="ignore"):  # each thread has its own
            if self.pairing == "interleaved":
                # A pair is a complex number, which is turned by another one: a single pass over memory.
                kind = factors[0].dtype
                np.multiply(np.ascontiguousarray(states).view(kind), factors[0], out=into.view(kind))
                return
            same, across = factors
            halves, turned = (array.reshape(*array.shape[:-1], 2, -1) for array in (states, into))
            partners = halves[..., ::-1, :] * across
            np.multiply(halves, same, out=turned)
            turned += partners

    def _spread(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position by which each pair turns, (batch or 1, L, D/2 or 1)."""
        if self.axes is None or len(positions) == 1:
            return positions[0, ..., None]
        return np.moveaxis(positions[self.axes], 0, -1)

    def _looked_up(self, positions: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        assert self.table is not None
        cos, sin = self.table
        if len(cos) > 1:
            return cos[:, positions[0, 0]], sin[:, positions[0, 0]]
        where = self._spread(positions), np.arange(self.features // 2)
        return cos[0][where], sin[0][where]


def pairs(features: int, pairing: str, start: int = 0) -> tuple[slice, slice]:
    """Return the indices of the first and of the second feature of every pair.

    Args:
        features: how many features make pairs.
        pairing: see `Rotation`.
        start: the first of them.
    """
    if pairing == "half":
        return slice(start, start + features // 2), slice(start + features // 2, start + features)
    return slice(start, start + features, 2), slice(start + 1, start + features, 2)


def axes_of(sections: Sequence[int | str]) -> NDArray[np.int64]:
    """Return by which of three positions each pair turns.

    Blocks: the first A pairs by the first, the next B by the second, the last C by the third. Interleaved: of every
    three pairs one by each, as long as the second and the third have any left; all others by the first.

    >>> axes_of((1, 2, 1)).tolist(), axes_of((3, 2, 1, "interleaved")).tolist()
    ([0, 1, 1, 2], [0, 1, 2, 0, 1, 0])
    """
    counts = [each for each in sections if isinstance(each, int)]
    if len(counts) == len(sections):
        return np.repeat(np.arange(3), counts)
    found = np.zeros(sum(counts), dtype=np.int64)
    for axis in (1, 2):
        found[axis : 3 * counts[axis] : 3] = axis
    return found


def cos_and_sin(angles: NDArray[np.float64], dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return cosines and sines of angles, in a precision.

    In float32 they are computed of what is left of an angle after whole turns, much faster than in float64.
    """
    if dtype != np.float32:
        return np.cos(angles), np.sin(angles)
    left = angles - np.rint(angles / TURN) * TURN
    near = left.astype(np.float32)
    rest = (left - near).astype(np.float32)
    cos, sin = np.cos(near), np.sin(near)
    return cos - rest * sin, sin + rest * cos
