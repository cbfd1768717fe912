"""Whatever is broken is refused, with one line, and never computed: each array and option made wrong in each way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from attncli import InputError, attention, steps
from attncli.attend.arrays import ARRAYS, GIVEN
from attncli.attend.options import records
from attncli.attend.words.array import DOCUMENTS
from tests.fuzz import forms, hostile
from tests.fuzz.campaign import Case
from tests.fuzz.guard import BrokenError
from tests.fuzz.layers import LAYER_DRAWN
from tests.fuzz.problems import FARTHEST, MOST_RADIANS, ROTARY, Array, Layout, Sizes, drawn
from tests.support.declared import Given

LONGEST = 500
# Distinct lengths, so that an axis that is one longer fits nothing; two batch items and heads that share key heads.
SIZES = Sizes(B=2, H=6, K=3, L=4, S=5, P=7, E=8, Ek=8, Ev=11, A=13)


class Odd:
    """An object that is neither a number nor a text."""


# Values that no array may have, whatever its name.
NO_ARRAYS: Mapping[str, Callable[[Array], Any]] = {
    "five axes": lambda array: array.reshape((1,) * (5 - array.ndim) + array.shape),
    "an axis without length": lambda array: array[:0],
    "texts": lambda array: np.full(array.shape, "x"),
    "complex numbers": lambda array: array + 0j,
    "objects": lambda array: np.full(array.shape, Odd(), object),
    "times": lambda array: np.zeros(array.shape, "M8[s]"),
    "fields": lambda array: np.zeros(array.shape, "f4,f4"),
    "ragged rows": lambda array: [[1.0], [1.0, 2.0]],
    "a dictionary": lambda array: {"a": 1},
    "a text": lambda array: "query.npy",
}

# Values that no option may have, whatever its name; of those that take words, numbers or both.
NO_OPTIONS: tuple[object, ...] = (
    math.nan, math.inf, -math.inf, "", " ", "x", "nan", "-inf", "1e999", "1_000", "１", "0x10", [], {}, Odd(), 2 + 1j,
    10**400, 10**5000, "9" * 5000, [1, 2, 3], (1, 2, 3), ["a"], "1,2,3", b"1", np.zeros(2), np.ones(1), np.ones((1, 1)),
    np.array(["x"]), np.zeros((2000, 2)), np.complex128(1), np.datetime64(1, "s"), "\u202e", "x" * 5000,
    "e" + "\u0301" * 5000, [[1]],
)  # fmt: skip
# And those that only one of them may not have. An option that is declared and missing here fails a test.
OWN: Mapping[str, tuple[object, ...]] = {
    "score": ("Dot", "dot ", 0, True),
    "scale": (True, "1/0", "sqrtt", "None"),
    "states": ("row", "ROWS", None, 0, True),
    "layout": ("BHSD", "bhd", "dhsb", None, 0, True),
    "heads": (0, -1, 1.5, True, 5, 10**12, 2**62, 2**63),
    "kv_heads": (0, -1, 1.5, True, 2, 10**12),
    "rope": ("full", True, 0),
    "rope_theta": (0, -1, True, None, "e", 1e-12, 5e-324),
    "rope_dim": (0, -2, 3, 10, True, 2.5, "4,first", (4, "last", 1)),
    "rope_scaling": (
        "linear",
        "linear,factor=0",
        {"rope_type": "yarn"},
        {"rope_type": "linear", "factor": math.nan},
        0,
    ),
    "rope_sections": (0, (1, 1), (1, 1, 1), (2, 1, 1, "x"), (0, 2, 2), (1, 1, 2.5), True),
    "weights": ("in-in", "out", None, 0, True),
    "qkv": ("q|k|v", None, 0, True),
    "qk_norm": ("RMS", "rms,rms", "rms,after", ("rms", 1), "none,plus-one", 0, True),
    "norm_eps": (0, -1e-6, True, None),
    "cache": ("int9", "int8:head,", "key=int8,key=int4", "int8:unscaled", "int8:group0", "query=int8", True),
    "softcap": (-1, -1e-300, True),
    "causal": (0, 1, "true", "yes", None, 1.0),
    "window": (-2, (1, -2), 1.5, (1.5, 2), (), "1,", ",1", True, 2**53, 2**63, (0, 2**53)),
    "prefix": (0, -1, 1.5, True, 2**63),
    "chunk": (0, -1, 1.5, True, 2**63),
    "offset": (1.5, "begin", True, FARTHEST - 1, 2**53, -(2**53), 2**63, -(2**63), 1e300),
    "alibi": (0, 1, "true", None),
    "dtype": ("float16", "bfloat16", "int32", "f4", "complex64", "double", np.float32, 32),
}


# Whole numbers, and what goes with them; and numbers that may not stand among them.
WHOLE: Mapping[str, Callable[[np.random.Generator, Sizes], Given]] = {
    "segments": lambda rng, s: {"segments": rng.integers(0, 3, (s.B, s.keys))},
    "query_segments": lambda rng, s: {
        "segments": rng.integers(0, 3, (s.B, s.keys)), "query_segments": rng.integers(0, 3, (s.B, s.L))
    },
    "cu_seqlens": lambda rng, s: {"cu_seqlens": np.array([0, 5, 5, s.keys])},
    "blocks": lambda rng, s: {"blocks": rng.integers(-1, 3, (s.B, s.keys))},
    "indices": lambda rng, s: {"indices": rng.integers(-1, s.keys, (s.B, s.H, s.L, 3))},
}  # fmt: skip
# The score functions whose parameter an array is.
SCORES: Mapping[str, tuple[str, ...]] = {"w_a": ("general", "additive"), "u_a": ("additive",), "v_a": ("additive",)}
ODD_IDS = (0.5, math.nan, math.inf, 2.0**62)
BEYOND: Mapping[str, tuple[float, ...]] = {
    "segments": ODD_IDS,
    "query_segments": ODD_IDS,
    "blocks": ODD_IDS,
    "indices": (*ODD_IDS, -2, SIZES.keys),
}


def _whole(case: Case, name: str) -> Given:
    """Return a valid problem in which this array or option has a part, as Python takes it."""
    score = case.rng.choice(SCORES.get(name, ("dot",)))
    past = 0 if name in ("key_lengths", "block_table") else SIZES.P
    layout = Layout(hidden=("value",) if name == "hidden" else (), page=int(name == "block_table"))
    p = drawn(case.numbers, replace(SIZES, P=past), layout, "normal")
    others = (
        "w_a",
        "u_a",
        "v_a",
        "mask",
        "bias",
        "sinks",
        "key_lengths",
        "query_scale",
        *ROTARY,
        *WHOLE,
    )
    p = p.without(*p.options, *others).typed("f8")
    # All states may come out with a single batch item: an axis that is one longer would then be no fault.
    s, numbers = replace(p.sizes, B=SIZES.B), case.numbers.standard_normal
    for each in ("query", "key", "value", "past_key", "past_value"):
        if each in p.arrays:
            p = p.changed(**{each: np.broadcast_to(p.arrays[each], (s.B, *p.arrays[each].shape[1:]))})
    lengths = {axis: getattr(s, axis) for axis in ("B", "H", "L", "E", "Ek", "A")} | {"S": s.keys}
    lengths |= {"N": s.P + max(s.L, s.S), "D": s.E // 2} | ({"A": s.Ek} if score == "general" else {})
    for each in [name, *(["w_a", "u_a"] if score == "additive" else [])]:
        if each in GIVEN and each not in p.arrays and each not in ("hidden", "block_table", *WHOLE):
            p = p.changed(**{each: numbers([lengths[axis] for axis in ARRAYS[each].axes])})
    if name == "key_lengths":
        p = p.changed(key_lengths=case.numbers.integers(0, s.S + 1, s.B))
    if name.endswith("positions"):
        p = p.changed(**{name: case.numbers.integers(0, 99, (s.B, s.L if name == "positions" else s.S))})
    if name in ("cos", "sin"):
        p = p.changed(**{each: numbers([lengths["N"], lengths["D"]]) for each in ("cos", "sin")})
    if name == "query_scale":
        p = p.changed(query_scale=numbers(s.of("B", "H", "L")))
    if name in WHOLE:
        p = p.changed(**WHOLE[name](case.numbers, s))
    given = forms.given(p) | {"score": score}
    if name in ("heads", "kv_heads"):
        return _packed(given) | {"heads": s.H, "kv_heads": s.K}
    turns = name.startswith("rope_") or name in ("positions", "key_positions", "cos", "sin")
    return given | ({"rope": "half"} if turns else {}) | ({"causal": True} if name == "offset" else {})


def _packed(given: Given) -> Given:
    return {
        name: each.swapaxes(1, 2).reshape(len(each), each.shape[2], -1) if isinstance(each, np.ndarray) else each
        for name, each in given.items()
    }


def broken_arrays(given: Given, name: str) -> Iterator[tuple[str, Given]]:
    """Yield everything that can be wrong with an array, each with the problem that has it."""
    array = np.asarray(given[name])
    for what, make in NO_ARRAYS.items():
        yield what, given | {name: make(array)}
    # There may be any number of queries, of keys that are named, of documents, and of pages.
    free = {("query", "L"), ("indices", "k"), ("cu_seqlens", DOCUMENTS), ("block_table", "blocks")}
    for axis in (at for at in range(array.ndim) if (name, ARRAYS[name].axes[at]) not in free):
        pad = [(0, int(at == axis)) for at in range(array.ndim)]
        yield f"axis {ARRAYS[name].axes[axis]} one longer", given | {name: np.pad(array, pad, mode="edge")}
    if ARRAYS[name].axes != ("B",):
        yield "a single number", given | {name: np.float64(1)}
    if name.endswith("positions"):
        for value in (0.5, math.nan, math.inf, 2.0**60):
            yield f"a position of {value}", given | {name: np.where(np.arange(array.shape[-1]) == 1, value, array)}
    partners = {
        "cos": "sin",
        "sin": "cos",
        "past_key": "past_value",
        "past_value": "past_key",
        "hidden": "hidden",
        "key": "key",
    }
    if name in partners:
        yield f"without {partners[name]}", {each: held for each, held in given.items() if each != partners[name]}
    for value in BEYOND.get(name, ()):
        yield (
            f"{value} in it",
            given | {name: np.concatenate([array[..., :-1], np.full_like(array[..., :1], value, float)], -1)},
        )
    if name == "query_segments":
        yield "without segments", {each: held for each, held in given.items() if each != "segments"}
    if name == "cu_seqlens":
        yield "segments beside it", given | {"segments": np.zeros(SIZES.keys)}
        for wrong in ([1, 12], [0, 8, 3, 12], [0, 11], [0, 13], [0], [0, 0.5, 12], [[0, 12]]):
            yield f"{wrong}", given | {name: np.array(wrong)}
    if name == "key_lengths":
        most = given["key"].shape[2]
        for value in (-1, most + 1, 0.5, math.nan, math.inf, 2**62):
            yield f"a length of {value}", given | {name: np.array([value, 1])}
        yield "a cache beside it", given | {n: given[n[5:]] for n in ("past_key", "past_value")}


def broken_options(given: Given, name: str) -> Iterator[tuple[str, Given]]:
    """Yield everything that can be wrong with an option."""
    for value in (*NO_OPTIONS, *OWN[name]):
        huge = isinstance(value, int) and abs(value) > 10**400  # Python may refuse to write it
        yield f"{name}={'a huge number' if huge else repr(value)[:30]}", given | {name: value}
    if name == "rope":
        for offset in (MOST_RADIANS - 2, -MOST_RADIANS - 1):
            yield f"rope at {offset}", given | {"rope": "half", "offset": offset}
        yield "rope with theta at 2^31", given | {"rope": "half", "rope_theta": 0.25, "offset": 2**31}
        odd = {each: given[each][..., :-1] for each in ("query", "key", "past_key")}
        yield "rope of an odd number of features", given | odd | {"rope": "half"}
    if name == "kv_heads":
        yield "kv_heads without heads", {each: held for each, held in given.items() if each != "heads"}


# What is wrong with the arrays of a layer is in tests/attend/test_layer.py: their sizes follow from each other.
NAMES = [*(name for name in GIVEN if name not in LAYER_DRAWN), *records(), "unknown"]


def refused(case: Case) -> None:
    """Break one array or option in every way; each is refused in a line, by the steps and by the stream."""
    name = NAMES[case.seed % len(NAMES)]
    if name == "unknown":
        _unknown(case)
        return
    given = _whole(case, name)
    case.about = f"{name} of {', '.join(map(_shape, given.items()))}"
    steps(**given)
    ways = broken_arrays(given, name) if name in GIVEN else broken_options(given, name)
    for what, wrong in ways:
        case.tried["broken problems"] += 1
        for function in (steps, attention):
            with case.trying():
                _refuse(function, wrong, name, what)


def _shape(each: tuple[str, Any]) -> str:
    name, value = each
    return f"{name} {'×'.join(map(str, value.shape))}" if isinstance(value, np.ndarray) else f"{name}={value!r}"


def _refuse(function: Callable[..., Any], wrong: Given, name: str, what: str) -> None:
    try:
        function(**wrong)
    except InputError as error:
        text = f"{error} {error.hint}"
        if "\n" in text or max(len(error.message), len(error.hint)) > LONGEST:
            raise BrokenError("a refusal that is not one line", f"{what}: {text[:300]}") from error
    except Exception as error:
        raise BrokenError(f"{type(error).__name__} instead of InputError for {name}", f"{what}: {error}") from error
    else:
        raise BrokenError(f"{name} is wrong, and it is computed", what)


def _unknown(case: Case) -> None:
    """A name that nobody knows is refused."""
    given = _whole(case, "query")
    for name in ("quary", "Causal", "is_causal", "", "x" * 1000, *hostile.TEXTS[:9]):
        if name not in ARRAYS:
            case.tried["broken problems"] += 1
            for function in (steps, attention):
                with case.trying():
                    _refuse(function, given | {name: 1}, "an unknown name", repr(name[:20]))
