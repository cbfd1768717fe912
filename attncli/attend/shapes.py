"""The shapes of states, as the user has them and as (batch, heads, length, features), and the sizes of a problem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attncli.attend.arrays import STATES
from attncli.attend.layouts import WORDS, Form, most_axes
from attncli.attend.options import Options
from attncli.errors import InputError

Shape = tuple[int, ...]

# The states whose shapes must fit; `hidden` plays the part of two of them.
FITTED = tuple(name for name in STATES if name != "hidden")


@dataclass(frozen=True)
class Sizes:
    """The sizes of one problem, with all arrays viewed as (batch, heads, length, features).

    Attributes:
        keys: S, including past keys.
        past: the number of past keys.
        rank: number of axes of scores, logits and weights; a 1-D query gives 1-D scores, weights and output.
        packed: whether heads were split off the last axis, so that the output is packed again.
        out_features: of the output, if a matrix makes it of the sums of all heads; 0 stands for none.
    """

    batch: int
    heads: int
    key_heads: int
    queries: int
    keys: int
    features: int
    value_features: int
    past: int = 0
    rank: int = 4
    packed: bool = False
    out_features: int = 0

    @property
    def context_shape(self) -> tuple[int, int, int, int]:
        """(batch, heads, L, Ev), the shape of the weighted sums."""
        return self.batch, self.heads, self.queries, self.value_features

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """The shape of the output before the user's axes are restored; of all heads together (batch, 1, L, out)."""
        if self.out_features:
            return self.batch, 1, self.queries, self.out_features
        return self.context_shape

    @property
    def scores(self) -> int:
        """The number of scores of the whole problem."""
        return self.batch * self.heads * self.queries * self.keys

    @property
    def group(self) -> int:
        """The number of consecutive query heads that share a key head."""
        return self.heads // self.key_heads


def as_four_axes(name: str, shape: Shape, options: Options = Options(), heads: int | None = None) -> Shape:  # noqa: B008
    """Return the shape as (batch, heads, length, features), each state a row.

    Args:
        name: of the array, for the message.
        shape: as in the file.
        options: whether states are columns, and in which order their axes lie.
        heads: number of heads to split the last axis into; None: it is not split.

    Raises:
        InputError: no axes or too many, one of length 0, or a last axis that ``heads`` does not divide.

    Example:
        >>> as_four_axes("query", (5, 7)), as_four_axes("query", (5, 6), heads=2)
        ((1, 1, 5, 7), (1, 2, 5, 3))
    """
    if not 1 <= len(shape) <= 4:
        fact = f"has {len(shape)} axes; at most 4 are supported" if shape else "is a single number, not an array"
        raise InputError(f"{name} {fact}", arrays=[name])
    if 0 in shape:
        raise InputError(f"{name} {show(shape)} has an axis of length 0", arrays=[name])
    turned = shape[:-2] + shape[:-3:-1] if options.states == "columns" and len(shape) >= 2 else shape
    _check_axes(name, shape, options, packed=heads is not None)
    if heads is not None and turned[-1] % heads:
        raise InputError(f"{name} {show(shape)} has {turned[-1]} features, not divisible by --heads {heads}")
    return Form.of_state(len(shape), options.layout, heads).lengths(turned)


def _check_axes(name: str, shape: Shape, options: Options, *, packed: bool) -> None:
    """Check that a state has as many axes as its layout has, and heads on one of them."""
    most = most_axes(options.layout, packed=packed)
    if packed and not 2 <= len(shape) <= 3:
        fact = f"{name} {show(shape)} has {len(shape)} axes; --heads splits the last axis of 2 or 3"
        raise InputError(fact, arrays=[name])
    if len(shape) > most:
        words = "tokens, heads·features" if packed else WORDS[options.layout]
        fact = f"{name} {show(shape)} has {len(shape)} axes; with --layout {options.layout} it has at most {most}"
        raise InputError(f"{fact}, ({words})", arrays=[name])


def show(shape: Iterable[int]) -> str:
    """Format a shape for people: ``3×5``."""
    return "×".join(map(str, shape)) or "scalar"


def heads_of(name: str, shape: Shape, options: Options, value_heads: int | None = None) -> int | None:
    """Return the number of heads to split the last axis of this array into; None: it is not split.

    Past keys and values may be packed like the others, or have four axes, as caches do.
    """
    if options.heads is None or (name.startswith("past") and len(shape) == 4):
        return None
    if value_heads is not None and name.endswith("value"):
        return value_heads
    return options.heads if name == "query" else options.kv_heads or options.heads
