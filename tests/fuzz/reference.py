"""Attention by its definition, one number at a time: what random problems are held to.

Nothing here is fast, and nothing is shared with the package. The type of the numbers is a parameter: in long double
this is the truth, in float32 or float64 it is the plain computation whose error says how far right results may be off.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from attncli.attend.arrays import ARRAYS
from tests.fuzz.problems import Array, Problem
from tests.mistakes.stages import slopes
from tests.support.rules import is_open

Number = Any  # a scalar of NumPy, of the type that is computed with
Vector = list[Number]
Kind = Callable[[Any], Number]
Nudge = Callable[[Array], Array]


def dot(one: Vector, other: Vector) -> Number:
    """Return Σ aᵢ·bᵢ."""
    total = one[0] * other[0]
    for a, b in zip(one[1:], other[1:], strict=True):
        total = total + a * b
    return total


def times(vector: Vector, matrix: Array | None) -> Vector:
    """Return vector · matrix; without one, the vector itself."""
    return vector if matrix is None else [dot(vector, list(matrix[:, column])) for column in range(matrix.shape[1])]


def unit(vector: Vector) -> Vector:
    """Return a vector of length 1 in the same direction; one that has none stays 0."""
    length = np.sqrt(dot(vector, vector))
    return vector if length == 0 else [each / length for each in vector]


def additive(q: Vector, k: Vector, given: Mapping[str, Array]) -> Number:
    """Return v_a·tanh(q·W_a + k·U_a)."""
    left, right = times(q, given.get("w_a")), times(k, given.get("u_a"))
    bent = [np.tanh(a + b) for a, b in zip(left, right, strict=True)]
    return dot(list(given.get("v_a", np.ones(len(bent), bent[0].dtype))), bent)


SLOPES = cache(slopes)


@cache
def codes(kind: str) -> list[float]:
    """Return all codes of a type in their order, from the largest negative one; each second one is even, 0 is."""
    if kind.startswith("int"):
        most = 2 ** (int(kind[3:]) - 1) - 1
        return [float(each) for each in range(-most, most + 1)]
    found = np.arange(256, dtype="u1").view({"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}[kind])
    return sorted({float(each) for each in found if np.isfinite(each)})


def kept(x: Vector, how: str) -> Vector:
    """Return a state as a cache gives it back, by exact fractions."""
    kind, scales = how.split(":")
    size = int(scales[5:]) if scales.startswith("group") else len(x)
    return [each for at in range(0, len(x), size) for each in _kept(x[at : at + size], kind, scales)]


def _kept(x: Vector, kind: str, scales: str) -> Vector:
    known = codes(kind)
    finite = [abs(Fraction(float(each))) for each in x if np.isfinite(each)]
    scale = Fraction(1) if scales == "unscaled" else (max(finite, default=0) or 1) / Fraction(known[-1])
    found = []
    for each in x:
        if np.isnan(each):
            found.append(each)
            continue
        exact = Fraction(known[-1] if each > 0 else known[0]) if np.isinf(each) else Fraction(float(each)) / scale
        above = min(max(bisect_left(known, exact), 1), len(known) - 1)
        nearest = min((above - 1, above), key=lambda at: (abs(Fraction(known[at]) - exact), (at - len(known) // 2) % 2))
        found.append(type(each)(float(Fraction(known[nearest]) * scale)))
    return found


# How a query meets a key, by the value of --score. One that is declared and missing here fails a test.
SCORES: Mapping[str, Callable[[Vector, Vector, Mapping[str, Array]], Number]] = {
    "dot": lambda q, k, given: dot(q, k),
    "cosine": lambda q, k, given: dot(unit(q), unit(k)),
    "general": lambda q, k, given: dot(times(q, given.get("w_a")), k),
    "additive": additive,
}


@dataclass(frozen=True, eq=False)
class Plain:
    """The computation of one problem in one type of numbers.

    Attributes:
        p: the problem.
        kind: the type.
        given: its arrays in that type, but for booleans and numbers of keys.
        nudge: what moves every number by a rounding error, those that are given and those of every step.
    """

    p: Problem
    kind: Kind
    given: Mapping[str, Array]
    nudge: Nudge

    @classmethod
    def of(cls, p: Problem, kind: Any, nudge: Nudge = lambda array: array) -> Plain:
        """Prepare a problem: all numbers are rounded to the precision of the computation first, and then nudged."""
        with np.errstate(all="ignore"):
            rounded = {
                name: array if _is_kept(name, array) else nudge(array.astype(types(p)[0])).astype(kind)
                for name, array in p.arrays.items()
            }
        return cls(p, kind, rounded, nudge)

    def option(self, name: str, default: Any) -> Any:
        """Return an option, or what it is if it is not given."""
        return self.p.options.get(name, default)

    def rounded(self, row: Vector) -> Vector:
        """Return numbers as another computation might round them."""
        return list(self.nudge(np.array(row)))

    def angle(self, position: int, base: float, exponent: float) -> Number:
        """Return position · base^exponent, which no precision of the computation makes coarser than float64."""
        if self.kind is np.longdouble:
            return position * np.longdouble(base) ** np.longdouble(exponent)
        return position * self.nudge(np.asarray(np.float64(base) ** exponent))[()]

    # Positions are whole numbers of any size: Python's do not overflow.

    def first(self, b: int) -> int:
        """Return the position of the first query."""
        offset = self.option("offset", None)
        if offset == "end":
            return self.p.sizes.keys - self.p.sizes.L
        if offset is not None:
            return int(offset)
        return self.length(b) - self.p.sizes.L if "key_lengths" in self.given else self.p.sizes.P

    def length(self, b: int) -> int:
        """Return how many keys there are."""
        lengths = self.given.get("key_lengths")
        return self.p.sizes.keys if lengths is None else int(lengths[b % len(lengths)])

    # States.

    def state(self, name: str, b: int, head: int, at: int) -> Vector:
        """Return one query, key or value, past ones first."""
        past = self.given.get(f"past_{name}")
        if past is not None and at < self.p.sizes.P:
            return list(past[b % len(past), head, at])
        array = self.given[name]
        return list(array[b % len(array), head, at - (self.p.sizes.P if past is not None else 0)])

    def stands(self, name: str, b: int, at: int) -> list[int]:
        """Return where a query or a new key stands: at one position, or at three."""
        if name == "key_positions" and name not in self.given and self.p.sizes.L == self.p.sizes.S:
            name = "positions" if "positions" in self.given else name
        if name not in self.given:
            return [self.first(b) + at if name == "positions" else self.p.sizes.P + at]
        array = self.given[name]
        sections = "rope_sections" in self.p.options and len(array) == 3 and array.ndim > 1
        each = list(array) if sections else [array]
        return [int(one[b, at] if one.ndim == 2 and len(one) > 1 else one.reshape(-1)[at]) for one in each]

    def longest(self) -> int:
        """Return the largest position + 1."""
        s = self.p.sizes
        queries = (p for b, i in np.ndindex(s.B, s.L) for p in self.stands("positions", b, i))
        keys = (p for b, j in np.ndindex(s.B, s.S) for p in self.stands("key_positions", b, j))
        return 1 + max(max(queries), max(keys))

    def query(self, b: int, h: int, i: int) -> Vector:
        """Return a query, turned by its position."""
        return self.turned(self.state("query", b, h, i), self.stands("positions", b, i))

    def keys(self, b: int, h: int) -> list[Vector]:
        """Return the keys of a query head; those of a cache were turned before they came there."""
        found = [self.state("key", b, self.shared(h), j) for j in range(self.p.sizes.keys)]
        past = self.p.sizes.P
        return [
            self.cached("key", each if j < past else self.turned(each, self.stands("key_positions", b, j - past)))
            for j, each in enumerate(found)
        ]

    def cached(self, name: str, x: Vector) -> Vector:
        """Return a key or a value as the cache gives it back."""
        how = dict(part.split("=") for part in self.option("cache", "").split(",") if part)
        return kept(x, how[name]) if name in how else x

    def shared(self, h: int) -> int:
        """Return the key head that serves a query head."""
        return h // (self.p.sizes.H // self.p.sizes.K)

    def turned(self, x: Vector, positions: list[int]) -> Vector:
        """Turn each pair of the features that are turned by position · theta^(−2i/D)."""
        pairing = self.option("rope", None)
        if pairing is None:
            return x
        count, *last = self.option("rope_dim", (len(x),))
        out, half, start = list(x), count // 2, len(x) - count if last else 0
        for i in range(half):
            first, second = (i, i + half) if pairing == "half" else (2 * i, 2 * i + 1)
            first, second = start + first, start + second
            position = positions[self.section(i) if len(positions) == 3 else 0]
            if "cos" in self.given:
                cos, sin = (self.kind(self.given[name][position, i]) for name in ("cos", "sin"))
            else:
                angle, factor = self.scaled(position, i, count)
                cos, sin = self.kind(np.cos(angle) * factor), self.kind(np.sin(angle) * factor)
            out[first], out[second] = x[first] * cos - x[second] * sin, x[first] * sin + x[second] * cos
        return out

    def section(self, pair: int) -> int:
        """Return by which of three positions a pair turns; blocks of one pair and turns of one are the same."""
        assert self.option("rope_sections", ())[:3] == (1, 1, 1)
        return pair

    def scaled(self, position: int, pair: int, count: int) -> tuple[Number, Number]:
        """Return the angle of a pair at a position, and the factor on cosine and sine."""
        scaling = self.option("rope_scaling", {"rope_type": "default"})
        theta, factor = float(self.option("rope_theta", 10000.0)), scaling.get("factor", 1.0)
        match scaling["rope_type"]:
            case "dynamic":
                most = scaling["max_position_embeddings"]
                theta *= (factor * max(self.longest(), most) / most - (factor - 1)) ** (count / (count - 2))
                factor = 1.0
            case "proportional" if pair >= int(scaling["partial_rotary_factor"] * count // 2):
                return 0.0 * self.angle(1, theta, 0.0), 1.0
        angle = self.angle(position, theta, -2 * pair / count)
        if scaling["rope_type"] != "longrope":
            return angle / factor, 1.0
        original = scaling["original_max_position_embeddings"]
        each = scaling["long_factor" if self.longest() > original else "short_factor"][pair]
        return angle / each, math.sqrt(1 + math.log(factor) / math.log(original))

    # Scores.

    def score(self, query: Vector, key: Vector) -> Number:
        """Return scale · score(query, key)."""
        scale, size = self.option("scale", "none"), self.kind(self.p.sizes.E)
        factor = 1.0 if scale == "none" else 1 / np.sqrt(size) if scale == "sqrt" else scale
        return SCORES[self.option("score", "dot")](query, key, self.given) * self.kind(factor)

    def capped(self, score: Number) -> Number:
        """Return X·tanh(score / X)."""
        limit = self.option("softcap", None)
        return self.kind(limit) * np.tanh(score / self.kind(limit)) if limit else score

    def over(self, name: str, b: int, h: int, i: int, j: int) -> Any:
        """Return the element of a mask or bias for a query and key; None beyond the end of a mask."""
        array = self.given[name]
        array = array.reshape((1,) * (4 - array.ndim) + array.shape)
        if name == "mask" and j >= array.shape[3]:
            return None
        if name == "bias" and array.shape[3] == 1:
            j = 0
        return array[b % array.shape[0], h % array.shape[1], i % array.shape[2], j]

    def logit(self, b: int, h: int, i: int, j: int, capped: Number) -> Number:
        """Return what softmax sees: −∞ where the key is closed, otherwise all that is added."""
        closed = self.kind(-np.inf)
        position = self.first(b) + i
        if not is_open(self.p.arrays, self.p.options, (b, h, i, j), position, self.p.sizes.keys):
            return closed
        total = capped
        for name in ("mask", "bias"):
            if name in self.given:
                element = self.over(name, b, h, i, j)
                if element is None or element == -np.inf or (element.dtype == bool and not element):
                    return closed
                total = total if element.dtype == bool else total + element
        if self.option("alibi", False):
            place = self.stands("positions", b, i)[0]
            key = j if j < self.p.sizes.P else self.stands("key_positions", b, j - self.p.sizes.P)[0]
            total = total - self.kind(SLOPES(self.p.sizes.H)[h]) * self.kind(abs(place - key))
        return total

    # Softmax and sum.

    def weights(self, h: int, logits: Vector) -> Vector:
        """Return exp(logit) / Σ exp(logit), sinks included in the sum; all 0 if no key is open."""
        sinks = [self.given["sinks"].reshape(-1)[h]] if "sinks" in self.given else []
        top = np.max([*logits, *sinks])
        if top == -np.inf:
            return [self.kind(0)] * len(logits)
        powers = [np.exp(each - top) for each in [*logits, *sinks]]
        total = powers[0]
        for each in powers[1:]:
            total = total + each
        return [each / total for each in powers[: len(logits)]]

    def log_sum(self, h: int, logits: Vector) -> Number:
        """Return log Σ exp(logit), sinks included; −∞ if no key is open."""
        every = [*logits, *([self.given["sinks"].reshape(-1)[h]] if "sinks" in self.given else [])]
        top = np.max(every)
        if top == -np.inf:
            return top
        powers = [np.exp(each - top) for each in every]
        total = powers[0]
        for each in powers[1:]:
            total = total + each
        return top + np.log(total)

    def own_scale(self, b: int, h: int, i: int) -> Number:
        """Return the factor that a query has of its own."""
        if "query_scale" not in self.given:
            return self.kind(1)
        array = self.given["query_scale"]
        array = array.reshape((1,) * (3 - array.ndim) + array.shape)
        return array[tuple(at % length for at, length in zip((b, h, i), array.shape, strict=True))]

    def output(self, b: int, h: int, weights: Vector) -> Vector:
        """Return Σ weight · value; a key of weight 0 adds nothing, whatever its value is."""
        total = [self.kind(0)] * self.p.sizes.Ev
        for j, weight in enumerate(weights):
            if weight != 0:
                value = self.cached("value", self.state("value", b, self.shared(h), j))
                total = [sum_ + weight * each for sum_, each in zip(total, value, strict=True)]
        return total

    def run(self) -> dict[str, Array]:
        """Return all results, each (B, H, L, …)."""
        s = self.p.sizes
        names = ("scores", "capped", "logits", "weights", "output", "lse")
        widths = {"output": s.Ev, "lse": 1}
        made = {name: np.zeros((s.B, s.H, s.L, widths.get(name, s.keys)), self.kind) for name in names}
        with np.errstate(all="ignore"):
            keys = {(b, h): self.keys(b, h) for b, h in np.ndindex(s.B, s.H)}
            for b, h, i in np.ndindex(s.B, s.H, s.L):
                query = self.query(b, h, i)
                own = self.own_scale(b, h, i)
                scores = self.rounded([own * self.score(query, key) for key in keys[b, h]])
                capped = self.rounded([self.capped(each) for each in scores])
                logits = self.rounded([self.logit(b, h, i, j, each) for j, each in enumerate(capped)])
                weights = self.rounded(self.weights(h, logits))
                rows = (scores, capped, logits, weights, self.output(b, h, weights), [self.log_sum(h, logits)])
                for name, row in zip(names, rows, strict=True):
                    made[name][b, h, i] = row
            made["lse"] = made["lse"][..., 0]
            made["output"] = made["output"] if self.kind is np.longdouble else made["output"].astype(types(self.p)[1])
        return made if self.option("softcap", None) else {name: made[name] for name in names if name != "capped"}


def _is_kept(name: str, array: Array) -> bool:
    return ARRAYS[name].is_whole or (name == "mask" and array.dtype == bool)


def types(p: Problem) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the type that is computed with, and that of the output."""
    wide = max((_own(p.arrays[name].dtype) for name in ("query", "key", "value")), key=lambda each: each.itemsize)
    if "dtype" in p.options:
        return np.dtype(p.options["dtype"]), np.dtype(p.options["dtype"])
    return max(wide, np.dtype("f4"), key=lambda each: each.itemsize), wide


def _own(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type as which numbers count: whole ones as float64, bfloat16 as float32."""
    return np.dtype(f"f{dtype.itemsize}") if dtype.kind == "f" else np.dtype("f4" if dtype.kind == "V" else "f8")
