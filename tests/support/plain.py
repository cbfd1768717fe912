"""Attention by its definition, query by query in extended precision: what every path of the program is held to.

It shares nothing with the program: not its stages, its shapes, its masks, nor its order of operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Long = np.longdouble


def attend(arrays: dict[str, Any], options: dict[str, Any]) -> Array:
    """Return the output (batch, heads, L, Ev) of arrays with four axes (over scores: as many as they like)."""
    at = {name: np.asarray(array) for name, array in arrays.items()}
    batch = max(len(at[name]) for name in ("query", "key", "value"))
    heads, queries = at["query"].shape[1:3]
    output = np.zeros((batch, heads, queries, at["value"].shape[3]), Long)
    for b in range(batch):
        for h in range(heads):
            key, value, past = of_head(at, b, h, heads)
            first = first_position(at, options, b, queries, len(key), past)
            turned = [turn(k, j, options) if j >= past else k for j, k in enumerate(key)]
            for i in range(queries):
                p = first + i
                query = turn(pick(at["query"], b)[h, i].astype(Long), p, options)
                opened = [is_open(at, options, b, h, i, p, j, len(key)) for j in range(len(key))]
                logits = [
                    logit(at, options, (b, h, i, j), query, turned[j], heads, p) for j in range(len(key)) if opened[j]
                ]
                output[b, h, i] = weighted(np.array(logits, Long), value[np.array(opened)], sink(at, h))
    return output


def pick(array: Array, index: int) -> Array:
    """Return one of several, or the only one."""
    return array[index if len(array) > 1 else 0]


def of_head(at: dict[str, Array], b: int, h: int, heads: int) -> tuple[Array, Array, int]:
    """Return the keys and the values that a query head meets, past ones first, and how many of them are past."""
    found = []
    for name in ("key", "value"):
        parts = [pick(at[each], b) for each in (f"past_{name}", name) if each in at]
        found.append(np.concatenate([part[h // (heads // len(part))].astype(Long) for part in parts]))
    return found[0], found[1], at["past_key"].shape[2] if "past_key" in at else 0


def first_position(at: dict[str, Array], options: dict[str, Any], b: int, queries: int, keys: int, past: int) -> int:
    """Return the position of the first query."""
    offset = options.get("offset")
    if offset is not None:
        return keys - queries if offset == "end" else int(offset)
    return int(pick(at["key_lengths"], b)) - queries if "key_lengths" in at else past


def turn(state: Array, position: int, options: dict[str, Any]) -> Array:
    """Return a state turned by its position: each pair of features as a complex number."""
    pairing = options.get("rope")
    if pairing is None:
        return state
    half = len(state) // 2
    pairs = [(i, i + half) if pairing == "half" else (2 * i, 2 * i + 1) for i in range(half)]
    turned = state.copy()
    for i, (one, two) in enumerate(pairs):
        angle = position * Long(options.get("rope_theta", 10000.0)) ** (Long(-2 * i) / len(state))
        number = (state[one] + 1j * state[two]) * np.exp(1j * angle)
        turned[one], turned[two] = number.real, number.imag
    return turned


def over_scores(array: Array, b: int, h: int, i: int) -> Array:
    """Return the row of a mask or bias that belongs to a query."""
    full = array.reshape((1,) * (4 - array.ndim) + array.shape)
    return pick(pick(pick(full, b), h), i)


def is_open(at: dict[str, Array], options: dict[str, Any], b: int, h: int, i: int, p: int, j: int, keys: int) -> bool:
    """Tell whether a query at position p may attend to key j."""
    left, right = options.get("window") or (-1, -1)
    if (options.get("causal") and j > p) or (left >= 0 and j < p - left) or (right >= 0 and j > p + right):
        return False
    if "key_lengths" in at and j >= pick(at["key_lengths"], b):
        return False
    if "mask" in at:
        row = over_scores(at["mask"], b, h, i)
        if j >= len(row) or (not row[j] if row.dtype == bool else row[j] == -np.inf):
            return False
    if "bias" in at:
        row = over_scores(at["bias"], b, h, i)
        return bool(row[j if len(row) > 1 else 0] > -np.inf)
    return True


def logit(
    at: dict[str, Array],
    options: dict[str, Any],
    place: tuple[int, int, int, int],
    q: Array,
    k: Array,
    heads: int,
    p: int,
) -> Any:
    """Return the logit of an open key."""
    b, h, i, j = place
    number = meet(at, options.get("score", "dot"), q, k) * factor(options, len(q))
    if options.get("softcap"):
        number = options["softcap"] * np.tanh(number / options["softcap"])
    if "mask" in at and at["mask"].dtype != bool:
        number = number + over_scores(at["mask"], b, h, i)[j].astype(Long)
    if "bias" in at:
        row = over_scores(at["bias"], b, h, i)
        number = number + row[j if len(row) > 1 else 0].astype(Long)
    if options.get("alibi"):
        number = number - slope(heads, h) * abs(p - j)
    return number


def meet(at: dict[str, Array], score: str, q: Array, k: Array) -> Any:
    """Return the score of a query and a key."""
    if score == "dot":
        return (q * k).sum()
    if score == "cosine":
        lengths = np.sqrt((q * q).sum()), np.sqrt((k * k).sum())
        return Long(0) if 0 in lengths else (q / lengths[0] * (k / lengths[1])).sum()
    if score == "general":
        return (q[:, None] * at["w_a"].astype(Long) * k).sum() if "w_a" in at else (q * k).sum()
    left = (q[:, None] * at["w_a"].astype(Long)).sum(axis=0) if "w_a" in at else q
    right = (k[:, None] * at["u_a"].astype(Long)).sum(axis=0) if "u_a" in at else k
    return (at["v_a"].astype(Long) * np.tanh(left + right)).sum() if "v_a" in at else np.tanh(left + right).sum()


def factor(options: dict[str, Any], features: int) -> Any:
    """Return the scale."""
    scale = options.get("scale", "none")
    return Long(1) if scale == "none" else 1 / np.sqrt(Long(features)) if scale == "sqrt" else Long(scale)


def slope(heads: int, h: int) -> Any:
    """Return the slope of a head: for n heads, n a power of two, 2^(−8(h+1)/n); the rest from between those of 2n."""
    power = 1
    while 2 * power <= heads:
        power *= 2
    return Long(2) ** (Long(-8 * (h + 1)) / power if h < power else Long(-8 * (2 * (h - power) + 1)) / (2 * power))


def sink(at: dict[str, Array], h: int) -> Any:
    """Return the sink of a head."""
    return at["sinks"][h].astype(Long) if "sinks" in at else Long(-np.inf)


def weighted(logits: Array, values: Array, more: Any) -> Array:
    """Return the weighted sum of the values of open keys, beside a sink."""
    highest = max([*logits, more], default=-np.inf)
    if not len(logits) or highest == -np.inf:
        return np.zeros(values.shape[1], Long)
    powers = np.exp(logits - highest)
    return (powers[:, None] * values).sum(axis=0) / (powers.sum() + np.exp(more - highest))
