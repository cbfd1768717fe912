"""The trials: each a problem with values on which some questions show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.check.rounding import BFLOAT16
from attncli.errors import InputError
from attncli.probe.registry import PRECISION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# The most scores of one head, and of a problem: every known answer is computed, with all scores at once.
OF_ONE, OF_ALL = 1 << 22, 1 << 26
# Numbers whose products are sums of few bits, so that every precision has the same scores.
NUMBERS = (-2.0, -1.0, 0.0, 1.0, 2.0)
# How far scores rise along the keys in trials of tiles, before the scale, and in steps of which size.
RISE, STEP = 8.0, 1 / 16
# What query and key have in one feature so that all scores are low.
LOW = (2.0, -12.0)


@dataclass(frozen=True)
class Sizes:
    """How large the arrays of a trial are."""

    batch: int
    heads: int
    key_heads: int
    queries: int
    keys: int
    features: int


def check_scores(batch: int, heads: int, queries: int, keys: int) -> None:
    """Refuse a problem that is too large to be asked.

    Raises:
        InputError: with its size.
    """
    if queries * keys > OF_ONE or batch * heads * queries * keys > OF_ALL:
        what = f"{batch} × {heads} × {queries} × {keys} scores are too many for a probe"
        raise InputError(what, hint=f"at most {OF_ONE} of one head, and {OF_ALL} in all")


@dataclass(frozen=True)
class Trial:
    """One problem.

    Attributes:
        id: its name in the file.
        questions: what it asks.
        queries: how many there are, unless flags say it.
        keys: likewise.
        option: the option that it is about; one that nobody applies is not asked for.
        options: those that are in force where no flag says anything of them.
        masks: what makes its mask.
        grouped: whether it has fewer key heads than query heads, where flags say nothing.
        one: whether it has one batch item, where flags say nothing.
        unless: an option with which it asks nothing.
        states: what makes its query, key and value; None: `plain`.
    """

    id: str
    questions: tuple[str, ...]
    queries: int
    keys: int
    option: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    masks: Callable[[Sizes, np.random.Generator], Array] | None = None
    grouped: bool = False
    one: bool = False
    unless: str = ""
    states: Callable[[Sizes, np.random.Generator], tuple[Array, Array, Array]] | None = None

    def arrays(self, sizes: Sizes) -> dict[str, Array]:
        """Return its arrays, (batch, heads, length, features) and (batch, 1, L, S), always the same ones."""
        rng = np.random.default_rng([ord(each) for each in self.id])
        found = dict(zip(("query", "key", "value"), (self.states or plain)(sizes, rng), strict=True))
        found = {name: array.astype(np.float32) for name, array in found.items()}
        return found if self.masks is None else found | {"mask": self.masks(sizes, rng)}


def plain(sizes: Sizes, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return query and key of few numbers, and values from which weights can be read off where there is room for it."""
    query, key, value = (rng.choice(NUMBERS, each) for each in shapes(sizes))
    return query, key, readable(sizes) if sizes.keys <= sizes.features else value


def shapes(sizes: Sizes) -> list[tuple[int, ...]]:
    """Return the shapes of query, key and value."""
    key = (sizes.batch, sizes.key_heads, sizes.keys, sizes.features)
    return [(sizes.batch, sizes.heads, sizes.queries, sizes.features), key, key]


def readable(sizes: Sizes) -> Array:
    """Return values of which each has one feature of its own: the output has the weights in it, in another order.

    The order differs between heads and between batch items.
    """
    value = np.zeros(shapes(sizes)[2])
    batch, head, key = np.indices(value.shape[:3])
    value[batch, head, key, (key + 3 * head + 5 * batch) % sizes.features] = 1
    return value


def rising(sizes: Sizes, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return states whose scores rise along the keys for every other query, and fall for the others."""
    query, key, value = (rng.choice(NUMBERS, each) for each in shapes(sizes))
    query[..., 0] = np.where(np.arange(sizes.queries) % 2, -1, 1)
    key[..., 0] = np.round(np.linspace(-RISE, RISE, sizes.keys) / STEP) * STEP
    return query, key, value


def lowered(sizes: Sizes, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return the same with all scores below 0, so that a key of zeros weighs much; softmax does not change by that."""
    query, key, value = rising(sizes, rng)
    query[..., 1], key[..., 1] = LOW
    return query, key, value


def measured(sizes: Sizes, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return states as layers have them, of numbers that half precision has too: what is rounded comes later."""
    query, key, value = (BFLOAT16.round(rng.standard_normal(each)) for each in shapes(sizes))
    return query, key, value


def scattered(sizes: Sizes, rng: np.random.Generator) -> Array:
    """Return a mask of which every row opens some keys and closes some."""
    shape = (sizes.batch, 1, sizes.queries, sizes.keys)
    order = rng.permuted(np.broadcast_to(np.arange(sizes.keys), shape), axis=-1)
    return np.asarray(order < rng.integers(1, sizes.keys, (*shape[:3], 1)))


def added(sizes: Sizes, rng: np.random.Generator) -> Array:
    """Return numbers to add, 0 and −∞ among them."""
    shape = (sizes.batch, 1, sizes.queries, sizes.keys)
    return np.where(scattered(sizes, rng), rng.choice((-2, -1, 0, 0, 1), shape), -np.inf).astype(np.float32)


def padded(sizes: Sizes, rng: np.random.Generator) -> Array:
    """Return padding: behind the keys of every other batch item, and before those of the others."""
    at = np.arange(sizes.keys)
    behind, before = at < sizes.keys - sizes.keys // 3, at >= sizes.keys // 4
    items = np.where(np.arange(sizes.batch)[:, None] % 2, behind, before)[:, None, None]
    return np.ascontiguousarray(np.broadcast_to(items, (sizes.batch, 1, sizes.queries, sizes.keys)))


def with_an_empty_row(sizes: Sizes, rng: np.random.Generator) -> Array:
    """Return a mask of which one row opens nothing, and one everything, in case it is read the other way round."""
    mask = scattered(sizes, rng)
    mask[0, :, 0] = True
    mask[-1, :, -1] = False
    return mask


CAUSAL = {"causal": True}
TRIALS: dict[str, Trial] = {
    each.id: each
    for each in (
        Trial("scale", ("scale", "axes", "softmax"), 11, 11),
        Trial("cross", ("no-mask",), 5, 11, unless="causal"),
        Trial("heads", ("grouped-heads",), 7, 11, grouped=True),
        Trial("mask", ("boolean-mask",), 7, 11, masks=scattered),
        Trial("added", ("added-mask",), 7, 11, masks=added),
        Trial("padding", ("padding",), 7, 11, masks=padded),
        Trial("empty", ("empty-row",), 7, 11, masks=with_an_empty_row),
        Trial("causal", ("causal-corner",), 5, 11, "causal", CAUSAL),
        Trial("window", ("window",), 13, 13, "window", CAUSAL | {"window": (3, 0)}),
        Trial("softcap", ("softcap",), 7, 11, "softcap", {"softcap": 2.0}, scattered),
        Trial("rotary", ("rotary",), 13, 13, "rope", {"rope": "half"}),
        Trial("tail", ("tail",), 77, 269, one=True, states=lowered),
        Trial("tiles", ("tiles",), 128, 512, one=True, states=rising),
        Trial("diagonal", ("causal-tiles",), 269, 269, "causal", CAUSAL, one=True, states=rising),
        Trial("precision", (PRECISION,), 7, 13, states=measured),
    )
}
