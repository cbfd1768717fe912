"""The layouts in which an array may be given, recognised by its shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from attncli.attend.layouts import LETTERS, Name
from attncli.attend.layouts import ORDERS as LAYOUTS
from attncli.attend.shapes import Sizes, show
from attncli.check.voice import IN_ENGLISH
from attncli.errors import InputError
from attncli.sentences import Field, Listed, sentence, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What each axis of an array is made of: one axis, or several packed into it.
Axes: TypeAlias = tuple[tuple[str, ...], ...]
AXES = ("batch", "heads", "queries", "features")
# Orders of the axes that libraries use, and the transpose of the last two; the order of this program first.
ORDERS = (
    (0, 1, 2, 3),
    (0, 2, 1, 3),
    (2, 0, 1, 3),
    (1, 0, 2, 3),
    (0, 1, 3, 2),
    (2, 1, 0, 3),
    (0, 2, 3, 1),
    (0, 3, 2, 1),
)


@dataclass(frozen=True)
class Layout:
    """One reading of an array.

    Attributes:
        axes: its axes from the first to the last, each with those that are packed into it; without those of length 1.
        array: (batch, heads, length, features), a view.
        own: whether it is the layout that the problem itself has.
    """

    axes: Axes
    array: NDArray[Any]
    own: bool

    @property
    def name(self) -> str:
        """Its axes as a program names them."""
        return IN_ENGLISH.say(self.words())

    def words(self) -> Field:
        """Name its axes.

        >>> Layout((("batch",), ("heads", "features")), None, own=True).name
        '(batch, heads·features)'
        """
        every = tuple(words("axis", each, "packed_axes") for each in self.axes)
        return (
            every[0]
            if len(self.axes) == 1 and len(self.axes[0]) == 4
            else sentence("axes", names=Listed(every, "next_axis"))
        )


def readings(expected: NDArray[Any], sizes: Sizes, layout: Name = "bhsd") -> list[Layout]:
    """Return every way in which an array can be read as the output; the problem's own layout first.

    Args:
        expected: the array.
        sizes: those of the problem.
        layout: the option of that name.

    Raises:
        InputError: the shapes do not fit.
    """
    orders = own_orders(layout, packed=sizes.packed)
    found = readings_as(expected, sizes.output_shape, orders)
    if not found:
        raise InputError(
            f"expected {show(expected.shape)} does not match the output, "
            f"{show(sizes.output_shape)} ({'×'.join(AXES)}), in any layout",
            arrays=["expected"],
        )
    return found


def own_orders(layout: Name, *, packed: bool) -> list[tuple[int, ...]]:
    """Return the orders of axes that states of the problem have, the likeliest first."""
    own: list[tuple[int, ...]] = [tuple(map(LETTERS.index, LAYOUTS[layout]))]
    return [(0, 2, 1, 3), *own] if packed and layout == "bhsd" else own


def readings_as(
    expected: NDArray[Any], counts: Sequence[int], own: Sequence[tuple[int, ...]], axes: Sequence[str] = AXES
) -> list[Layout]:
    """Return every way in which an array can be read as one with these axes; none where its shape does not fit.

    Args:
        expected: the array.
        counts: (batch, heads, length, features).
        own: the orders of axes that the problem itself uses.
        axes: what the axes are called.
    """
    found: list[Layout] = []
    seen = set()
    for order in [*own, *(each for each in ORDERS if each not in own)]:
        for shape, names in _shapes(order, counts, axes):
            if _squeezed(shape) != _squeezed(expected.shape) or _scatters_heads(names, axes):
                continue
            full = expected.reshape([counts[axis] for axis in order])
            array = full.transpose([order.index(axis) for axis in range(4)])
            key = tuple(s for n, s in zip(array.shape, array.strides, strict=True) if n > 1)
            if key not in seen:
                seen.add(key)
                found.append(Layout(names, array, own=not found and order in own))
            break
    return found


def _shapes(order: tuple[int, ...], lengths: Sequence[int], axes: Sequence[str]) -> Iterator[tuple[list[int], Axes]]:
    """Return the shapes that this order of axes may have: apart, or with neighbours packed into one."""
    counts, names = [lengths[axis] for axis in order], [axes[axis] for axis in order]
    apart: Axes = tuple((name,) for name in names)
    yield counts, _named(counts, apart)
    for first in range(3):
        packed = [*counts[:first], counts[first] * counts[first + 1], *counts[first + 2 :]]
        yield packed, _named(packed, (*apart[:first], (names[first], names[first + 1]), *apart[first + 2 :]))
    pairs = [counts[0] * counts[1], counts[2] * counts[3]]
    yield pairs, _named(pairs, (tuple(names[:2]), tuple(names[2:])))
    three = [counts[0] * counts[1] * counts[2], counts[3]]
    yield three, _named(three, (tuple(names[:3]), (names[3],)))
    everything = three[0] * three[1]
    yield [everything], (tuple(names),)


def _scatters_heads(names: Axes, axes: Sequence[str]) -> bool:
    """Tell whether heads are packed behind features: no library does that, and who finds it merged them wrongly."""
    _, heads, _, features = axes
    return any({heads, features} <= {*pack} and pack.index(features) < pack.index(heads) for pack in names)


def _named(counts: Sequence[int], axes: Axes) -> Axes:
    return tuple(each for count, each in zip(counts, axes, strict=True) if count > 1)


def _squeezed(shape: Any) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)
