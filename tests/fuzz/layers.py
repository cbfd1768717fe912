"""Random layers, from x to their output, against plain NumPy: what is around the attention, and the attention in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from attncli import attention, steps
from attncli.attend.arrays import ARRAYS as DECLARED
from attncli.attend.words.array import Role
from tests.fuzz.campaign import Case
from tests.fuzz.guard import BrokenError
from tests.fuzz.problems import Array, Rng
from tests.support.declared import Given

# The arrays that only layers have, in the stages around the attention.
STAGES = ("project", "norm", "gate", "out")
LAYER_DRAWN = tuple(name for name, each in DECLARED.items() if each.stage in STAGES and each.role is Role.INPUT)
# The options that only layers have; one that is declared and missing here fails a test.
OPTIONS: Mapping[str, Callable[[Rng], object]] = {
    "weights": lambda rng: ("in-out", "out-in")[rng.integers(2)],
    "qkv": lambda rng: ("blocks", "heads")[rng.integers(2)],
    "qk_norm": lambda rng: (None, "rms", "l2", "layer", "rms,plus-one", "layer,plus-one")[rng.integers(6)],
    "norm_eps": lambda rng: float(10.0 ** rng.integers(-6, 0)),
}
# Results are off by no more than this share of the largest number.
ALLOWED = {"f8": 1e-10, "f4": 1e-3}


def layer(case: Case) -> None:
    """The steps and the stream of one random layer give what plain NumPy gives."""
    given, plain = drawn(case.numbers)
    case.about = ", ".join(f"{name}={getattr(each, 'shape', each)}" for name, each in given.items())
    made = steps(**given)
    case.tried["layers"] += 1
    for what, found in (("steps", made.output), ("attention", attention(**given))):
        near(plain, found, what)
    if made.context is not None and {"w_o", "w_g", "b_o"} & given.keys():
        case.tried["layers with something behind the sum"] += 1


def near(plain: Array, found: Array, what: str) -> None:
    """Assert that an output is right up to rounding."""
    if found.shape != plain.shape:
        raise BrokenError(f"{what}: a layer's output has another shape", f"{found.shape}, not {plain.shape}")
    apart = np.abs(found.astype("f8") - plain).max() / max(1.0, np.abs(plain).max())
    if not apart <= ALLOWED[found.dtype.str[1:]]:
        raise BrokenError(f"{what}: a layer's output is wrong", f"by {apart:.3g} of its largest number")


def drawn(rng: Rng) -> tuple[Given, Array]:
    """Return a layer as Python takes it, and its output, (batch, L, out), in float64."""
    kv = int(rng.integers(1, 4))
    heads, e, ev = kv * int(rng.integers(1, 3)), int(rng.integers(1, 4)) * 2, int(rng.integers(1, 4))
    batch, length, keys, width = (int(n) for n in rng.integers(1, 5, 4))
    kind = ("f8", "f8", "f4")[rng.integers(3)]
    options: dict[str, Any] = {name: draw(rng) for name, draw in OPTIONS.items()}
    options |= {"heads": heads, "kv_heads": kv, "scale": ("none", "sqrt")[rng.integers(2)]}
    options |= {"causal": bool(rng.integers(2))}

    def numbers(*shape: int) -> Array:
        return rng.standard_normal(shape).astype(kind)

    x = numbers(batch, length, width)
    y = x if rng.random() < 0.5 else numbers(batch, keys, width)
    fuses = rng.random() < 0.3
    ev = e if fuses else ev
    widths = {"q": heads * e, "k": kv * e, "v": kv * ev}
    w = {letter: numbers(width, columns) for letter, columns in widths.items()}
    b = {letter: numbers(columns) for letter, columns in widths.items()} if rng.random() < 0.5 else {}
    arrays: Given = {"hidden": y} if y is x else {"query": x, "hidden": y}
    arrays |= fused(w, b, heads, kv, options["qkv"]) if fuses else {f"w_{n}": each for n, each in w.items()}
    arrays |= {} if fuses else {f"b_{n}": each for n, each in b.items()}
    norms = {n: numbers(e) for n in "qk" if options["qk_norm"] and rng.random() < 0.6}
    whole = bool(norms.get("q") is not None and rng.random() < 0.3)
    norms |= {"q": numbers(heads * e)} if whole else {}
    if not whole and rng.random() < 0.3:  # each head has its own
        norms |= {n: numbers(heads if n == "q" else kv, e) for n in norms}
    norms |= {"v": numbers(ev)} if options["qk_norm"] and rng.random() < 0.3 else {}
    arrays |= {f"{n}_norm": each for n, each in norms.items()}
    width_of_gate = (heads, heads * ev)[rng.integers(2)]
    gate = {"w_g": numbers(width, width_of_gate)} if rng.random() < 0.4 else {}
    gate |= {"b_g": numbers(width_of_gate)} if gate and rng.random() < 0.5 else {}
    gate |= {"gate": numbers(batch, length, width_of_gate)} if not gate and rng.random() < 0.3 else {}
    out = {"w_o": numbers(heads * ev, int(rng.integers(1, 6)))} if rng.random() < 0.7 else {}
    out |= {"b_o": numbers(out["w_o"].shape[1] if out else heads * ev)} if rng.random() < 0.5 else {}
    arrays |= gate | out
    plain = computed(x, y, w, b, norms, gate, out, options)
    if options["weights"] == "out-in":
        arrays = {n: each.T if n.startswith("w_") else each for n, each in arrays.items()}
    given = {n: value for n, value in options.items() if value is not None}
    return arrays | given, plain


def fused(w: Mapping[str, Array], b: Mapping[str, Array], heads: int, kv: int, how: str) -> Given:
    """Return the three matrices, and the biases if there are any, in one each."""
    found = {}
    for name, parts in (("w_qkv", w), ("b_qkv", b)):
        if not parts:
            continue
        q, k, v = (each.reshape(*each.shape[:-1], kv, -1) for each in (parts["q"], parts["k"], parts["v"]))
        together = np.concatenate([q, k, v], axis=-1) if how == "heads" else None
        blocks = np.concatenate([parts[n] for n in "qkv"], axis=-1)
        found[name] = blocks if together is None else together.reshape(*blocks.shape)
    return found


def computed(
    x: Array,
    y: Array,
    w: Mapping[str, Array],
    b: Mapping[str, Array],
    norms: Mapping[str, Array],
    gate: Mapping[str, Array],
    out: Mapping[str, Array],
    options: Mapping[str, Any],
) -> Array:
    """Return the output of a layer, head by head, in float64."""
    heads, kv = options["heads"], options["kv_heads"]

    def wide(array: Array) -> Array:
        return array.astype("f8")

    def made(source: Array, letter: str) -> Array:
        states = wide(source) @ wide(w[letter]) + (wide(b[letter]) if b else 0)
        count = heads if letter == "q" else kv
        cut = states.reshape(*states.shape[:2], count, -1)
        if options["qk_norm"] is None or (letter == "v" and "v" not in norms):
            return cut
        weights = wide(norms[letter]) if letter in norms else None
        if weights is not None and weights.ndim == 1 and len(weights) > cut.shape[-1]:
            return normed(states, weights, options).reshape(cut.shape)
        return normed(cut, weights, options)

    q, k, v = made(x, "q"), made(y, "k"), made(y, "v")
    sums = []
    for head in range(heads):
        at = head // (heads // kv)
        scores = q[:, :, head] @ k[:, :, at].swapaxes(1, 2)
        scores = scores / np.sqrt(q.shape[-1]) if options["scale"] == "sqrt" else scores
        if options["causal"]:
            scores = np.where(np.arange(scores.shape[2]) <= np.arange(scores.shape[1])[:, None], scores, -np.inf)
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        sums.append(powers / powers.sum(-1, keepdims=True) @ v[:, :, at])
    context = np.stack(sums, axis=2)  # (batch, L, heads, Ev)
    if gate:
        logit = wide(gate["gate"]) if "gate" in gate else wide(x) @ wide(gate["w_g"])
        opened = 1 / (1 + np.exp(-(logit + (wide(gate["b_g"]) if "b_g" in gate else 0))))
        context = context * opened.reshape(*opened.shape[:2], heads, -1)
    packed = context.reshape(*context.shape[:2], -1)
    packed = packed @ wide(out["w_o"]) if "w_o" in out else packed
    return packed + wide(out["b_o"]) if "b_o" in out else packed


def normed(states: Array, weights: Array | None, options: Mapping[str, Any]) -> Array:
    """Return states normalised over their last axis."""
    kind, _, plus = options["qk_norm"].partition(",")
    if kind == "layer":
        states = states - states.mean(-1, keepdims=True)
    size = (states**2).sum(-1, keepdims=True)
    size = size if kind == "l2" else size / states.shape[-1]
    states = states / np.sqrt(size + options["norm_eps"])
    return states if weights is None else states * (weights + bool(plus))
