"""For every option and array that is declared, problems in which it has an effect."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

from attncli import Steps
from attncli.attend import steps as stepwise
from attncli.attend.arrays import ARRAYS
from attncli.attend.fast import stream, tiles
from attncli.attend.options import Options, as_flag, records
from attncli.attend.prepare import prepare
from attncli.attend.scores import FUNCTIONS
from attncli.attend.words.option import LAYOUT, Option
from attncli.check.diagnosis import Wanted, check
from attncli.check.recipe import Recipe
from attncli.errors import InputError
from tests.support.arrays import normal

Given = dict[str, Any]

# Queries and keys: a few; rows that do not fit into one piece; several tiles of keys; keys cut into parts.
FEW = (5, 7)
SHAPES = (FEW, (700, 241), (tiles.FEW_ROWS + 1, 2 * tiles.KEYS + 1), (1, 2 * tiles.PART))

# Options with which nothing has a gradient: where problems are differentiated they are left out.
WITHOUT_GRADIENT = tuple(name for name, each in records().items() if each.no_gradient)

# The keys of a page, and how many pages a pool has beside those that are used.
PAGE, SPARE = 3, 2
SIZES = {"k": 3, "H·Ev": 12, "B": 2, "H": 4, "K": 2, "P": 3, "E": 6, "Ek": 6, "Ev": 3, "A": 6}

# The features of what is projected, of what a layer makes, and of all heads' values together.
IN, OUT = 8, 5
# The lengths of arrays of a layer, whose axes do not tell them.
LENGTHS: Mapping[str, tuple[int, ...]] = {
    "w_q": (24, 24),
    "w_k": (12, 12),
    "w_v": (6, 6),
    "b_q": (24,),
    "b_k": (12,),
    "b_v": (6,),
    "w_qkv": (IN, 48),
    "b_qkv": (48,),
    "w_g": (24, 12),
    "b_g": (12,),
    "w_o": (12, OUT),
    "b_o": (12,),
}
# The features of query, key and value, all heads side by side, where this array is given.
PACKED = {"query": 24, "key": 12, "value": 6}
MADE: Mapping[str, Mapping[str, int]] = {
    "w_qkv": dict.fromkeys(PACKED, IN),
    "w_q": {},
    "w_k": {},
    "w_v": {},
    "b_qkv": {"value": 12},
    "b_q": {},
    "b_k": {},
    "b_v": {},
}

# What an option is set to that is neither a choice nor on or off; the last one stands out in a text.
NUMBERS: Mapping[str, tuple[object, ...]] = {
    "scale": ("sqrt", 0.37),
    "heads": (2,),
    "kv_heads": (2,),
    "rope_theta": (123.0,),
    "rope_dim": ((4,), (2, "last")),
    "rope_scaling": (
        {"rope_type": "linear", "factor": 4.0},
        {"rope_type": "dynamic", "factor": 4.0, "max_position_embeddings": 3},
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8, "beta_fast": 4.0},
        {"rope_type": "longrope", "factor": 4.0, "original_max_position_embeddings": 4}
        | {"short_factor": [1.0, 1.5, 2.0], "long_factor": [2.0, 3.0, 4.0]},
        {"rope_type": "llama3", "factor": 4.0, "original_max_position_embeddings": 8}
        | {"low_freq_factor": 1.0, "high_freq_factor": 1.2},
        {"rope_type": "proportional", "partial_rotary_factor": 0.5},
        {"rope_type": "default", "partial_rotary_factor": 0.7},
    ),
    "rope_sections": ((1, 1, 1), (1, 1, 1, "interleaved")),
    "softcap": (1.25,),
    "window": ((-1, 1), (2, 0)),
    "offset": (-2, "end", 3),
    "qk_norm": ("rms", "l2,after-rope", "layer,plus-one"),
    "norm_eps": (0.37,),
    "cache": ("key=int4:channel,value=int8:token", "key=e4m3:tensor,value=e5m2:unscaled", "value=int4:group2"),
    "prefix": (2,),
    "chunk": (3,),
}

# What an option cannot be given beside, where both are taken at their first value.
APART: Mapping[str, tuple[str, ...]] = {
    "window": ("causal",),  # which closes keys ahead already
    "qkv": ("weights",),  # a fused matrix has another shape when it lies the other way round
    "rope_scaling": ("rope_dim", "rope_sections"),  # longrope has a number for each pair
    "rope_sections": ("rope_dim",),
}

# What must be given for an option to mean anything, where that is no option that its record names.
BESIDE: Mapping[str, Given] = {
    "kv_heads": {"heads": 4},
    "weights": {"heads": 4, "kv_heads": 2},
    "qkv": {"heads": 4, "kv_heads": 2},
}

# Arrays without which an option means nothing.
WITH: Mapping[str, tuple[str, ...]] = {"weights": ("w_q",), "qkv": ("w_qkv",)}

# Arrays for the options that say how arrays lie; without them they lie otherwise, or do not fit.
LAYOUTS: Mapping[str, Callable[[int, int], Given]] = {
    "states": lambda queries, keys: {"query": normal(6, queries), "key": normal(6, keys), "value": normal(3, keys)},
    "heads": lambda queries, keys: {"query": normal(queries, 8), "key": normal(keys, 8), "value": normal(keys, 6)},
    "kv_heads": lambda queries, keys: {"query": normal(queries, 16), "key": normal(keys, 8), "value": normal(keys, 4)},
    # In all of them but the usual one.
    "layout": lambda queries, keys: {
        "query": normal(queries, 4, 6),
        "key": normal(keys, 2, 6),
        "value": normal(keys, 2, 3),
    },
}

# What an array holds that is not any numbers.
SPECIAL: Mapping[str, tuple[Callable[[tuple[int, ...], int], Any], ...]] = {
    "mask": (
        lambda shape, keys: normal(*shape) > -1,
        lambda shape, keys: np.where(normal(*shape) > -1, normal(*shape, seed=1), -np.inf),
    ),
    "bias": (
        lambda shape, keys: normal(*shape, seed=2),
        lambda shape, keys: np.where(normal(*shape) < 1, normal(*shape, seed=2), -np.inf),
    ),
    "key_lengths": (lambda shape, keys: keys - 2 - np.arange(*shape),),
    "positions": (lambda shape, keys: standing(shape),),
    "key_positions": (lambda shape, keys: standing(shape),),
    # Each page once, in any order.
    "block_table": (lambda shape, keys: shuffled(np.prod(shape, dtype=int) + SPARE)[SPARE:].reshape(shape),),
    # Documents of neighbours, and of keys between those of others; each batch item has others.
    "segments": (
        lambda shape, keys: (np.arange(keys) + np.arange(2)[:, None]) * 5 // (2 * keys),
        lambda shape, keys: (np.arange(keys) + np.arange(2)[:, None]) % 3,
    ),
    "query_segments": (lambda shape, keys: (3 * np.arange(shape[1]) + 2 * np.arange(2)[:, None]) // max(shape[1], 3),),
    "cu_seqlens": (lambda shape, keys: np.array([0, keys // 3, keys // 3, 2 * keys // 3, keys]),),
    "blocks": (
        lambda shape, keys: (np.arange(keys) + np.arange(2)[:, None]) // 4,
        lambda shape, keys: (np.arange(keys) + np.arange(2)[:, None]) % 4 - 1,
    ),
    "indices": (lambda shape, keys: np.random.default_rng(shape[2]).integers(-1, keys, shape),),
    # As much as all keys together, or with many of them nothing is left of it.
    "gate": (lambda shape, keys: normal(*shape, seed=3),),
    "sinks": (lambda shape, keys: np.log(keys) + normal(*shape),),
}


def standing(shape: tuple[int, ...]) -> Any:
    """Return positions, others for each batch item, out of order and with gaps."""
    return np.random.default_rng(shape).permutation(2 * int(np.prod(shape)))[: np.prod(shape)].reshape(shape)


def shuffled(count: int) -> Any:
    """Return the numbers below a count in some order."""
    return np.random.default_rng(0).permutation(count)


@dataclass(frozen=True)
class Setting:
    """One value of an option, with what must be given beside it."""

    name: str
    value: object
    beside: Given

    def __str__(self) -> str:
        return "-".join(map(str, [self.name, self.value, *self.beside]))

    @property
    def options(self) -> Given:
        """The options as Python and files give them."""
        return self.beside | {self.name: self.value}

    def arrays(self, queries: int, keys: int) -> Given:
        """Return arrays on which it has an effect."""
        record = records()[self.name]
        if record.stage == LAYOUT:
            return LAYOUTS[self.name](queries, keys)
        found = states(queries, keys)
        for name in WITH.get(self.name, ()):
            found = states_for(name, queries, keys) | {name: numbers(name, queries, keys)}
        if self.name == "score":
            found |= {each: numbers(each, queries, keys) for each in FUNCTIONS[str(self.value)].parameters}
        if self.name == "rope_sections":
            found |= {"positions": standing((3, queries)), "key_positions": standing((3, keys))}
        # The arrays' own precision must be another one.
        return {name: array.astype("f4") for name, array in found.items()} if self.value == "float64" else found


def values_of(name: str) -> list[object]:
    """Return what an option can be set to beside its default; nothing if it is a new one that `NUMBERS` lacks."""
    record = records()[name]
    default = getattr(Options(), name)
    if record.choices:
        return [choice for choice in record.choices if choice != default]
    return list(NUMBERS.get(name, ())) if record.metavar else [not default]


def settings() -> list[Setting]:
    """Return every option with every value, beside each of the options that it needs one of."""
    return [
        Setting(name, value, beside)
        for name, record in records().items()
        for value in values_of(name)
        for beside in [{need: values_of(need)[0]} for need in needs_of(record)] or [BESIDE.get(name, {})]
    ]


def differentiable() -> list[Setting]:
    """Return the settings of options through which gradients go."""
    return [each for each in settings() if each.name not in WITHOUT_GRADIENT]


def needs_of(record: Option) -> list[str]:
    """Return the options of which an option needs one; it may also need an array."""
    return [need for need in record.needs if need in records()]


def numbers(name: str, queries: int, keys: int, form: int = 0) -> Any:
    """Return an array of this name, with the axes that it is declared with, for heads that share two key heads."""
    sizes = SIZES | {"L": queries, "S": keys, "N": max(queries, keys), "D": SIZES["E"] // 2, "blocks": -(-keys // PAGE)}
    shape = LENGTHS.get(name) or tuple(sizes.get(axis, 0) for axis in ARRAYS[name].axes)
    special = SPECIAL.get(name)
    return special[form](shape, keys) if special else normal(*shape, seed=list(ARRAYS).index(name))


def states_for(name: str, queries: int, keys: int) -> Given:
    """Return a query, key and value for a problem with this array, in which some have to be projected."""
    if name == "block_table":
        pages = numbers(name, queries, keys).size + SPARE
        pools = {"key": normal(pages, PAGE, 2, 6), "value": normal(pages, PAGE, 2, 3, seed=1)}
        return states(queries, keys) | pools
    if name not in MADE:
        return states(queries, keys)
    widths = PACKED | dict(MADE[name])
    lengths = {"query": queries, "key": keys, "value": keys}
    return {each: normal(2, lengths[each], width, seed=at) for at, (each, width) in enumerate(widths.items())}


def options_for(name: str) -> Given:
    """Return the options with which an array has a part in the computation."""
    users = {each: score for score, function in FUNCTIONS.items() for each in function.parameters}
    found: Given = {"score": users[name]} if name in users else {}
    found |= {"heads": 4, "kv_heads": 2} if name in MADE else {}
    return found | {need: values_of(need)[0] for need in ARRAYS[name].needs}


def states(queries: int, keys: int) -> Given:
    """Return a query, key and value."""
    return {name: numbers(name, queries, keys) for name in ("query", "key", "value")}


def agree(arrays: Given, options: Given) -> Steps:
    """Compute with the steps, and assert that the fast twin and what `check` compares with make the same of it.

    Args:
        arrays: as Python gives them.
        options: each of the type that it is kept as.
    """
    o = prepare(arrays, Options(**options))
    made = stepwise.run(o)
    tolerance: Any = {"rtol": 1e-9, "atol": 1e-11} if o.dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-5}
    streamed = stream.run(o, threads=2, with_lse=True)
    assert_allclose(streamed.output, made.output, **tolerance)
    assert streamed.lse is not None
    assert_allclose(streamed.lse, made.lse, **tolerance)
    rows = np.unique([0, o.sizes.queries // 2, o.sizes.queries - 1])
    core = stream.alone(o.core)
    sums = made.output if made.context is None else made.context
    for batch in range(o.sizes.batch):
        for head in range(o.sizes.heads):
            found = Recipe(core).compute(batch, head, rows)
            assert_allclose(found, sums[batch, head, rows], **tolerance)
    assert check(o, made.output, Wanted(diagnose=False)).agrees
    return made


def differ(one: Steps, arrays: Given, options: Given) -> bool:
    """Tell whether something else comes out of these arrays and options, or nothing can."""
    try:
        other = stepwise.run(prepare(arrays, Options.parse(options)))
    except InputError:
        return True
    return any(not _same(getattr(one, each.name), getattr(other, each.name)) for each in fields(Steps))


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-3))


def flags(options: Given) -> list[str]:
    """Return options as the command line gives them."""
    words = []
    for name, value in options.items():
        if isinstance(value, bool):
            words.append(f"--{as_flag(name)}" if value else f"--no-{as_flag(name)}")
        else:
            words += [f"--{as_flag(name)}", _text(value)]
    return words


def _text(value: object) -> str:
    """Return a value as a flag has it: a list between commas, or between colons within a list of parameters."""
    if isinstance(value, dict):
        kind, *parameters = value.items()
        texts = (":".join(map(str, each)) if isinstance(each, list) else str(each) for _, each in parameters)
        return ",".join([kind[1], *(f"{name}={text}" for (name, _), text in zip(parameters, texts, strict=True))])
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def put(path: Path, arrays: Given, options: Given | None = None) -> Path:
    """Write a problem as NPZ."""
    np.savez(path, **arrays, options=np.array(json.dumps(options or {})))
    return path
