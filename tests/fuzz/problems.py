"""Random problems, drawn from generators of all options and all arrays.

A problem is drawn in one form, in which the reference computes it: arrays with four axes, each state a row, the value
beside the key. `tests.fuzz.forms` gives it the form of a user: fewer axes, packed heads, columns, `hidden`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.attend.options import records
from attncli.attend.scores import FUNCTIONS
from attncli.attend.words.option import LAYOUT
from tests.support.declared import Given

Array = NDArray[Any]
Rng = np.random.Generator

# How the numbers of a problem are distributed; the last ones hold what a computation may trip over.
FLAVOURS = ("normal", "normal", "normal", "whole", "equal", "large", "tiny", "special")
# Positions are whole numbers that float64 holds, and rope turns by no angle of which it keeps too few digits.
FARTHEST, MOST_RADIANS = 2**53 - 1, 2**32
# Positions that arrays give are below it.
PLACES = 12


@dataclass(frozen=True)
class Sizes:
    """The lengths of all axes, by the symbols of `attncli.attend.arrays.AXES`."""

    B: int
    H: int
    K: int
    L: int
    S: int
    P: int
    E: int
    Ek: int
    Ev: int
    A: int

    @property
    def keys(self) -> int:
        """All keys, past ones included."""
        return self.P + self.S

    def of(self, *axes: str) -> tuple[int, ...]:
        """Return the lengths of some axes."""
        return tuple(getattr(self, axis) for axis in axes)


@dataclass(frozen=True)
class Problem:
    """A problem as the reference takes it.

    Attributes:
        sizes: of its axes; S without the past keys.
        arrays: states with four axes (the first may be 1), and all else as it is given.
        options: those that are given, as Python takes them.
        layout: the form that a user gives it.
    """

    sizes: Sizes
    arrays: Mapping[str, Array]
    options: Given
    layout: Layout

    @property
    def plain(self) -> Given:
        """Its arrays and options as Python takes them in this form, in which nothing is packed or turned."""
        return dict(self.arrays) | {n: v for n, v in self.options.items() if records()[n].stage != LAYOUT}

    def changed(self, **arrays: Array) -> Problem:
        """Return the problem with other arrays."""
        return replace(self, arrays=dict(self.arrays) | arrays)

    def without(self, *names: str) -> Problem:
        """Return the problem without some arrays and options."""
        arrays, options = ({n: v for n, v in each.items() if n not in names} for each in (self.arrays, self.options))
        return replace(self, arrays=arrays, options=options)

    def typed(self, dtype: Any) -> Problem:
        """Return the problem with all its states in one type."""
        with np.errstate(all="ignore"):  # what is beyond its range becomes infinite
            return self.changed(**{name: self.arrays[name].astype(dtype) for name in STATES if name in self.arrays})


@dataclass(frozen=True)
class Layout:
    """How a user gives the arrays.

    Attributes:
        packed: heads lie side by side on the last axis.
        columns: each state is a column of its matrix.
        order: of the axes, as `--layout` has it.
        page: how many keys a page has; 0: there are no pages.
        hidden: what `hidden` stands for: nothing, or key, value or both.
        axes: the most axes that are left out where their length is 1.
        past_apart: the cache has four axes, though the others are packed.
    """

    packed: bool = False
    columns: bool = False
    order: str = "bhsd"
    page: int = 0
    hidden: tuple[str, ...] = ()
    axes: int = 0
    past_apart: bool = False


@dataclass
class Draft:
    """A problem that is being drawn."""

    rng: Rng
    sizes: Sizes
    layout: Layout
    flavour: str
    options: Given = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)

    def chance(self, share: float) -> bool:
        """Return true with this probability."""
        return bool(self.rng.random() < share)

    def one(self, *choices: Any) -> Any:
        """Return one of them."""
        return choices[self.rng.integers(len(choices))]

    def numbers(self, *axes: str) -> Array:
        """Return numbers of the flavour of this problem."""
        shape = self.sizes.of(*axes)
        found = self.rng.standard_normal(shape)
        if self.flavour == "whole":
            return np.round(3 * found)
        if self.flavour == "equal":
            return np.broadcast_to(found[..., :1], shape).copy()
        if self.flavour == "special":
            some = self.rng.random(shape) < 0.08
            return np.where(some, self.rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e300], shape), found)
        return found * {"large": 30.0, "tiny": 1e-6}.get(self.flavour, 1.0)

    def over_scores(self, *, all_keys: bool) -> tuple[int, ...]:
        """Return a shape that broadcasts to (batch, heads, L, S)."""
        full = (*self.sizes.of("B", "H", "L"), self.sizes.keys)
        shape = tuple(n if self.chance(0.6) or (at == 3 and all_keys) else 1 for at, n in enumerate(full))
        return shape[self.rng.integers(4) :] if self.chance(0.3) else shape


def _offset(d: Draft) -> object:
    if not d.chance(0.35):
        return None
    most = FARTHEST
    if "rope" in d.options:  # a pair of features turns by a radian at each position, or by up to 1/theta
        most = int(MOST_RADIANS * min(1, d.options.get("rope_theta", 1)))
    last = most - d.sizes.L + 1
    far = d.one(int(d.rng.integers(-most, last)), int(2 ** d.rng.uniform(4, 30)), -most, last)
    return d.one("end", 0, int(d.rng.integers(-4, 9)), int(d.rng.integers(-4, 9)), far)


def _window(d: Draft) -> object:
    if not d.chance(0.3):
        return None
    left, right = (int(each) for each in d.rng.integers(-1, 5, 2))
    return d.one((left, right), (left, right), left if left >= 0 else 1, (FARTHEST, right), (left, FARTHEST))


def _score(d: Draft) -> object:
    if d.sizes.Ek != d.sizes.E:
        return d.one("general", "additive")
    return d.one("dot", None, None, *FUNCTIONS)


def _rope(d: Draft) -> object:
    even = d.sizes.E % 2 == d.sizes.Ek % 2 == 0
    return d.one("half", "interleaved", None, None, None) if even else None


def _turned(d: Draft) -> int:
    """Return how many features are turned; 0 where none are."""
    if "rope" not in d.options:
        return 0
    return int(d.options["rope_dim"][0]) if "rope_dim" in d.options else d.sizes.E


def _rope_dim(d: Draft) -> object:
    if _turned(d) < 2 or d.sizes.Ek != d.sizes.E:
        return None
    return d.one(None, None, (2,), (2, "last"), (d.sizes.E,))


def _rope_scaling(d: Draft) -> object:
    turned = _turned(d)
    if not turned or d.sizes.Ek != d.sizes.E or d.chance(0.6):
        return None
    lists = {
        name: [float(each) for each in d.rng.uniform(1, 4, turned // 2)] for name in ("short_factor", "long_factor")
    }
    most = int(d.rng.integers(2, 9))
    return d.one(
        {"rope_type": "linear", "factor": 3.0},
        {"rope_type": "dynamic" if turned > 2 else "linear", "factor": 2.0, "max_position_embeddings": most},
        {"rope_type": "longrope", "original_max_position_embeddings": most, "factor": 4.0, **lists},
        {"rope_type": "proportional", "factor": 2.0, "partial_rotary_factor": 0.5},
    )


def _rope_sections(d: Draft) -> object:
    return d.one(None, (1, 1, 1), (1, 1, 1, "interleaved")) if _turned(d) == d.sizes.Ek == 6 else None


def _cache(d: Draft) -> object:
    # Scales that follow from a token alone: others change with keys that are closed. What is turned first is not the
    # same to the last bit everywhere, and may go to other codes.
    if "rope" in d.options or d.chance(0.7):
        return None
    one, other = (d.one("int8:token", "int4:group2", "e4m3:token", "e5m2:unscaled", "e4m3:group3") for _ in range(2))
    return d.one(f"key={one},value={other}", f"key={one}", f"value={other}")


# What each option may be set to; None: it is not given. An option that is declared and missing here fails a test.
OPTIONS: Mapping[str, Callable[[Draft], object]] = {
    "score": _score,
    "scale": lambda d: d.one(None, None, "none", "sqrt", "sqrt", float(d.rng.normal()), 0.125, 0.0, 1),
    "states": lambda d: "columns" if d.layout.columns else d.one(None, "rows"),
    "layout": lambda d: d.layout.order if d.layout.order != "bhsd" else d.one(None, None, "bhsd"),
    "heads": lambda d: d.sizes.H if d.layout.packed else None,
    "kv_heads": lambda d: d.sizes.K if d.layout.packed and (d.sizes.K != d.sizes.H or d.chance(0.3)) else None,
    "rope": _rope,
    "rope_theta": lambda d: d.one(None, 100.0, 1e6, 0.5) if "rope" in d.options else None,
    "rope_dim": _rope_dim,
    "rope_scaling": _rope_scaling,
    "rope_sections": _rope_sections,
    "cache": _cache,
    "softcap": lambda d: d.one(None, None, None, 0, 0.7, 30.0),
    "causal": lambda d: d.one(None, False, True, True),
    "window": _window,
    "prefix": lambda d: d.one(None, None, None, int(d.rng.integers(1, d.sizes.keys + 2))),
    "chunk": lambda d: d.one(None, None, None, int(d.rng.integers(1, d.sizes.keys + 2))),
    "offset": _offset,
    "alibi": lambda d: d.one(None, None, None, False, True),
    "dtype": lambda d: d.one(None, None, None, "float32", "float64"),
}
TYPES = (*["f8"] * 6, *["f4"] * 6, "f2", "f2", ">f4", "i1", "i8", "u1", "bool", "bfloat16")
# The options and arrays of the rotation.
ROTARY = ("rope", "rope_theta", "rope_dim", "rope_scaling", "rope_sections", "positions", "key_positions", "cos", "sin")
# The options and arrays that say by ids, or for some keys, what is open.
BY_RULE = ("prefix", "chunk", "segments", "query_segments", "cu_seqlens", "blocks", "indices")
STATES = ("query", "key", "value", "past_key", "past_value")


def of_type(name: str) -> np.dtype[Any]:
    """Return a type of numbers by its name; bfloat16 comes from a package."""
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def _state(d: Draft, *axes: str) -> Array:
    found = d.numbers(*axes)
    with np.errstate(all="ignore"):
        kind = of_type(d.one(*TYPES)) if d.chance(0.3) else of_type(d.one("f8", "f4"))
        if kind.kind in "iu":
            found = np.clip(np.nan_to_num(np.round(2 * found)), 0 if kind.kind == "u" else -100, 100)
        found = found.astype(kind)
    return found[:1] if d.chance(0.1) else found


def _beside(d: Draft, found: Array) -> Array:
    """Return an array in the type of one that has been drawn, mostly: those of a layer have one."""
    with np.errstate(all="ignore"):
        kind = d.arrays["query"].dtype
        return found.astype(kind) if d.chance(0.7) and kind.kind == "f" and found.dtype.kind == "f" else found


def _mask(d: Draft) -> Array | None:
    if not d.chance(0.45):
        return None
    shape = d.over_scores(all_keys=True)
    if d.chance(0.15):  # a mask that ends before the keys do, even after one, closes the others
        shape = (*shape[:-1], int(d.rng.integers(1, d.sizes.keys + 1)))
    is_open = d.rng.random(shape) < d.one(0.8, 0.8, 0.4)
    if d.chance(0.5):
        return is_open
    return np.where(is_open, d.rng.standard_normal(shape), -np.inf).astype(d.one("f8", "f4"))


def _bias(d: Draft) -> Array | None:
    if not d.chance(0.3):
        return None
    shape = d.over_scores(all_keys=False)
    found = d.rng.standard_normal(shape)
    if d.chance(0.2):
        return np.round(found).astype(np.int64)
    if d.chance(0.3):
        found = np.where(d.rng.random(shape) < 0.8, found, -np.inf)
    return found.astype(d.one("f8", "f4", "f2"))


def _per_key(d: Draft, least: int, most: int) -> Array:
    """Return whole numbers, one per key, in order or not, for all batch items or for each."""
    shape = d.one((d.sizes.keys,), (1, d.sizes.keys), (d.sizes.B, d.sizes.keys))
    found = d.rng.integers(least, most, shape)
    return (np.sort(found, axis=-1) if d.chance(0.6) else found).astype(d.one("i8", "i4", "f8"))


def _query_segments(d: Draft) -> Array | None:
    if "segments" not in d.arrays and "cu_seqlens" not in d.arrays:
        return None
    first = d.options.get("offset", 0 if "key_lengths" in d.arrays else d.sizes.P)
    stands = first == "end" or 0 <= first <= d.sizes.keys - d.sizes.L
    if stands and d.sizes.keys >= d.sizes.L and "key_lengths" not in d.arrays and d.chance(0.5):
        return None
    return d.rng.integers(-1, 3, d.one((d.sizes.L,), (d.sizes.B, d.sizes.L)))


def _cu_seqlens(d: Draft) -> Array | None:
    if "segments" in d.arrays or not d.chance(0.15):
        return None
    between = np.sort(d.rng.integers(0, d.sizes.keys + 1, d.rng.integers(3)))
    return np.array([0, *between, d.sizes.keys])


def _indices(d: Draft) -> Array | None:
    if not d.chance(0.2):
        return None
    shape = tuple(n if d.chance(0.6) else 1 for n in d.sizes.of("B", "H", "L"))[d.rng.integers(4) :]
    return d.rng.integers(-1, d.sizes.keys, (*shape, d.one(1, 2, 5)))


def _query_scale(d: Draft) -> Array | None:
    if not d.chance(0.15):
        return None
    shape = tuple(n if d.chance(0.6) else 1 for n in d.sizes.of("B", "H", "L"))[d.rng.integers(3) :]
    return d.rng.uniform(-2, 2, shape).astype(d.one("f8", "f4"))


def _parameter(axes: tuple[str, ...], *needed_by: str) -> Callable[[Draft], Array | None]:
    """Draw a parameter of a score function: if it has one, or the features would not fit without it."""

    def drawn(d: Draft) -> Array | None:
        score, fits = d.options.get("score", "dot"), d.sizes.E == d.sizes.Ek == d.sizes.A
        if score not in needed_by or (fits and d.chance(0.4)):
            return _beside(d, d.numbers(*axes)) if score == "dot" and d.chance(0.03) else None
        return _beside(d, d.numbers(*axes))

    return drawn


def _positions(axis: str) -> Callable[[Draft], Array | None]:
    """Draw positions: of all batch items or of each, three of a state where there are sections."""

    def drawn(d: Draft) -> Array | None:
        if not (d.options.get("rope") or d.options.get("alibi")) or d.chance(0.5):
            return None
        sections = ("rope_sections" in d.options) * (3,)
        return d.rng.integers(0, PLACES, (*sections, *d.sizes.of(*d.one((), ("B",)), axis)))

    return drawn


def _table(d: Draft) -> Array | None:
    """Draw a table: where positions are given, for else they may be anywhere."""
    if not _turned(d) or d.sizes.Ek != d.sizes.E or not {"positions", "key_positions"} <= d.arrays.keys():
        return None
    return _beside(d, d.rng.uniform(-1, 1, (PLACES, _turned(d) // 2))) if d.chance(0.4) else None


# An array of each name, or None: it is not given. An array that is declared and missing here fails a test.
ARRAYS: Mapping[str, Callable[[Draft], Array | None]] = {
    "query": lambda d: _state(d, "B", "H", "L", "E"),
    "hidden": lambda d: None,  # the layout gives key or value under this name
    "key": lambda d: _state(d, "B", "K", "S", "Ek"),
    "value": lambda d: d.arrays["key"] if d.layout.hidden == ("key", "value") else _state(d, "B", "K", "S", "Ev"),
    "past_key": lambda d: _state(d, "B", "K", "P", "Ek") if d.sizes.P else None,
    "past_value": lambda d: _state(d, "B", "K", "P", "Ev") if d.sizes.P else None,
    "positions": _positions("L"),
    "key_positions": _positions("S"),
    "cos": _table,
    "sin": lambda d: d.arrays["cos"][::-1] if "cos" in d.arrays else None,
    "block_table": lambda d: None,  # the layout puts key and value into pages
    "mask": _mask,
    "bias": _bias,
    "key_lengths": lambda d: (
        d.rng.integers(0, d.sizes.keys + 1, d.sizes.B) if not d.sizes.P and d.chance(0.25) else None
    ),
    "segments": lambda d: _per_key(d, -1, 3) if d.chance(0.2) else None,
    "cu_seqlens": _cu_seqlens,
    "query_segments": _query_segments,
    "blocks": lambda d: _per_key(d, -1, 3) if d.chance(0.15) else None,
    "indices": _indices,
    "sinks": lambda d: _beside(d, d.rng.standard_normal(d.sizes.H)) if d.chance(0.25) else None,
    "query_scale": _query_scale,
    "w_a": lambda d: _parameter(("E", "Ek" if d.options.get("score") == "general" else "A"), "general", "additive")(d),
    "u_a": _parameter(("Ek", "A"), "additive"),
    "v_a": lambda d: _beside(d, d.numbers("A")) if d.options.get("score") == "additive" and d.chance(0.6) else None,
}


def _sizes(rng: Rng) -> Sizes:
    def one(*choices: int) -> int:
        return int(choices[rng.integers(len(choices))])

    heads, features = one(1, 1, 2, 3), one(1, 2, 2, 4, 5, 6)
    other = one(2, 3, 4) if rng.random() < 0.12 else features
    return Sizes(
        B=one(1, 1, 2, 3),
        H=heads * one(1, 1, 2),
        K=heads,
        L=one(1, 1, 2, 3, 4),
        S=one(1, 2, 3, 5, 6),
        P=one(0, 0, 0, 2, 3),
        E=features,
        Ek=other,
        Ev=one(1, 2, 3, features, other),
        # Where one of two matrices is missing, the other has to end where that one would begin.
        A=one(features, other),
    )


def _layout(rng: Rng, sizes: Sizes) -> Layout:
    hidden = [(), (), ("value",), ("key",)] + [("key", "value")] * 3 * (sizes.Ek == sizes.Ev)
    orders = ["bhsd"] * 5 + ["bshd", "sbhd"] + ["thd"] * (sizes.B == 1)
    columns, order = bool(rng.random() < 0.2), orders[rng.integers(len(orders))]
    pages = [size for size in range(1, sizes.S + 1) if sizes.S % size == 0]
    page = pages[rng.integers(len(pages))] * bool(rng.random() < 0.2) * (sizes.P == 0)
    return Layout(
        packed=bool(rng.random() < 0.25),
        columns=columns,
        order="bhsd" if columns else order,
        page=page,
        hidden=() if page else hidden[rng.integers(len(hidden))],
        axes=int(rng.integers(4)),
        past_apart=bool(rng.random() < 0.3) and order != "thd",
    )


def draw(rng: Rng, flavours: tuple[str, ...] = FLAVOURS) -> Problem:
    """Return a small problem that is valid."""
    sizes = _sizes(rng)
    return drawn(rng, sizes, _layout(rng, sizes), flavours[rng.integers(len(flavours))])


def drawn(rng: Rng, sizes: Sizes, layout: Layout, flavour: str) -> Problem:
    """Return a problem of these sizes."""
    d = Draft(rng, sizes, layout, flavour)
    for option, value in OPTIONS.items():
        if (found := value(d)) is not None:
            d.options[option] = found
    for name, numbers in ARRAYS.items():
        if (array := numbers(d)) is not None:
            d.arrays[name] = array
    _share_batch(d)
    if layout.page and "key_lengths" in d.arrays:
        _blank(d)
    return Problem(d.sizes, d.arrays, d.options, d.layout)


def _blank(d: Draft) -> None:
    """Put 0 behind the lengths: of pages nothing else is seen there, not even where scores are shown."""
    behind = np.arange(d.sizes.S) >= d.arrays["key_lengths"][:, None]
    for name in ("key", "value"):
        array = d.arrays[name]
        d.arrays[name] = np.where(behind[:, None, :, None], np.zeros((), array.dtype), array)


def _share_batch(d: Draft) -> None:
    """Where all states came out with a single batch item, that is all there is."""
    batch = max(len(d.arrays[name]) for name in STATES if name in d.arrays)
    if batch == d.sizes.B:
        return
    d.sizes = replace(d.sizes, B=batch)
    for name in ("mask", "bias"):
        if name in d.arrays and d.arrays[name].ndim == 4:
            d.arrays[name] = d.arrays[name][:batch]
    for name, axes in {
        "key_lengths": 1,
        "segments": 2,
        "query_segments": 2,
        "blocks": 2,
        "indices": 4,
        "query_scale": 3,
    }.items():
        if name in d.arrays and d.arrays[name].ndim == axes:
            d.arrays[name] = d.arrays[name][:batch]
    for name in ("positions", "key_positions"):
        if name in d.arrays and d.arrays[name].ndim == (3 if "rope_sections" in d.options else 2):
            d.arrays[name] = d.arrays[name][..., :batch, :]
