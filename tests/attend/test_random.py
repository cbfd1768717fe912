"""Random problems of all options and arrays, at the rims of the range too: steps, stream and the plain definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli.attend import steps as stepwise
from attncli.attend.fast import stream
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from tests.support.plain import attend

Given = dict[str, Any]
PROBLEMS = 160
TOLERANCE = {"f8": 1e-8, "f4": 3e-3, "f2": 3e-2}
# The powers of ten that query and key may be off by, where the scale brings the scores back.
FAR = {"f8": (-140, 200), "f4": (-15, 27)}
LENGTHS = ((1, 1), (1, 5), (1, 700), (2, 300), (3, 7), (5, 5), (65, 9), (66, 121), (70, 3))
LOWEST = {name: float(np.finfo(dtype).min) for name, dtype in {"f8": "f8", "f4": "f4", "f2": "f4"}.items()}


class Draw:
    """Draws one problem."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype = self.one("f8", "f4", "f2")
        self.batch, self.key_heads, self.group = self.one(1, 1, 2), self.one(1, 2, 3), self.one(1, 1, 2)
        self.heads = self.key_heads * self.group
        (self.queries, self.keys), self.features = self.one(*LENGTHS), self.one(2, 4, 6)
        self.total = self.keys
        self.options: Given = {}
        self.arrays = self.states()
        self.scores()
        self.cache()
        self.rules()
        self.over_scores()

    def one(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def often(self, probability: float = 0.3) -> bool:
        return bool(self.rng.random() < probability)

    def normal(self, *shape: int) -> Any:
        return self.rng.standard_normal(shape)

    def states(self) -> Given:
        batches = [self.batch, self.one(self.batch, 1), self.one(self.batch, 1)]
        self.rng.shuffle(batches)
        shapes = {
            "query": (batches[0], self.heads, self.queries, self.features),
            "key": (batches[1], self.key_heads, self.keys, self.features),
            "value": (batches[2], self.key_heads, self.keys, self.one(1, 3)),
        }
        return {name: self.normal(*shape).astype(self.dtype) for name, shape in shapes.items()}

    def scores(self) -> None:
        score = self.one("dot", "dot", "cosine", "general", "additive")
        self.options |= {"score": score, "scale": self.one("none", "sqrt", 0.3, 3.0)}
        if score == "general" and self.often(0.7):
            self.arrays["w_a"] = self.normal(self.features, self.features)
        if score == "additive" and self.often(0.7):
            self.arrays |= {name: self.normal(self.features, 5) for name in ("w_a", "u_a")}
            self.arrays |= {"v_a": self.normal(5)}
        if score in ("dot", "general") and self.dtype in FAR and self.often():
            one, other = (float(10.0 ** self.rng.integers(*FAR[self.dtype])) for _ in range(2))
            self.arrays["query"] = (self.arrays["query"] * one).astype(self.dtype)
            self.arrays["key"] = (self.arrays["key"] * other).astype(self.dtype)
            self.options["scale"] = 1 / one / other
        if self.often():
            extremes = (1e-300, 1e-44, 1e-30, 1e30, 1e37, 1e39, 1e300) if self.often() else ()
            self.options["softcap"] = self.one(0.5, 5.0, *extremes)
        if self.often():
            self.options |= {"rope": self.one("half", "interleaved"), "rope_theta": self.one(10000.0, 100.0)}

    def cache(self) -> None:
        kind = self.one("none", "none", "past", "lengths")
        if kind == "past":
            size = float(abs(self.arrays["key"]).max())
            self.arrays["past_key"] = size / 3 * self.normal(1, self.key_heads, 4, self.features)
            self.arrays["past_value"] = self.normal(1, self.key_heads, 4, self.arrays["value"].shape[3])
            for name in ("past_key", "past_value"):
                self.arrays[name] = self.arrays[name].astype(self.dtype)
            self.total += 4
        if kind == "lengths":
            self.arrays["key_lengths"] = self.rng.integers(0, self.keys + 1, self.batch)

    def rules(self) -> None:
        if self.often():
            self.options["causal"] = True
        if self.often():
            self.options["window"] = (int(self.rng.integers(-1, 9)), int(self.rng.integers(-1, 9)))
        if self.often():
            self.options["offset"] = self.one("end", 3, int(self.rng.integers(-5, 9)))
        if self.often():
            self.options["alibi"] = True

    def over_scores(self) -> None:
        shape = (self.one(self.batch, 1), self.one(self.heads, 1), self.one(self.queries, 1), self.total)
        kind = self.one("none", "none", "boolean", "numbers", "lowest")
        if kind == "boolean":
            self.arrays["mask"] = self.rng.random(shape) > 0.3
        if kind == "numbers":
            self.arrays["mask"] = np.where(self.rng.random(shape) > 0.2, self.normal(*shape), -np.inf)
        if kind == "lowest":
            self.arrays["mask"] = np.where(self.rng.random(shape) > 0.5, 0, LOWEST[self.one(self.dtype, "f8")])
        if kind in ("boolean", "numbers") and self.often():
            self.arrays["mask"] = self.arrays["mask"][..., : max(1, self.total // 2)]
        if kind != "lowest" and self.often():
            self.arrays["bias"] = self.normal(*shape) * self.one(1, 1, 1e30)
        if self.often():
            # Beside the lowest number float32 has no lower one for a sink.
            beyond = () if kind == "lowest" else (1e39, 1e300)
            self.arrays["sinks"] = self.normal(self.heads) * self.one(1, 5, *beyond)


@pytest.mark.takes(3)
@pytest.mark.parametrize("seed", range(PROBLEMS))
def test_steps_and_stream_are_the_definition(seed: int) -> None:
    """To the rounding of each precision; and both name the same queries that see nothing."""
    draw = Draw(seed)
    o = prepare(draw.arrays, Options.parse(draw.options))
    expected = attend(draw.arrays, draw.options)
    made, streamed = stepwise.run(o), stream.run(o, threads=2)
    tolerance: Any = {"rtol": TOLERANCE[draw.dtype], "atol": TOLERANCE[draw.dtype]}
    assert_allclose(made.output.astype(np.longdouble), expected, **tolerance)
    assert_allclose(streamed.output.astype(np.longdouble), expected, **tolerance)
    if "sinks" not in draw.arrays:
        empty = np.flatnonzero((made.logits == -np.inf).all(axis=-1).any(axis=(0, 1)))
        assert streamed.empty == empty.tolist()


def extreme(factor: float, more: float, dtype: str) -> tuple[Given, Given]:
    """A query and keys whose products only the scale brings back into the range."""
    query, key = np.array([[1.0, 2.0]]) * factor, np.array([[1.0, 0.0], [0.0, 1.0]]) * more
    arrays = {"query": query.astype(dtype), "key": key.astype(dtype), "value": np.array([[0.0], [1.0]], dtype)}
    return arrays, {"scale": 1 / factor / more}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("queries", [1, 100])
def test_products_beyond_the_range_with_a_small_scale(queries: int, dtype: str) -> None:
    """Scores of 1 and 2: the second key has e²/(e + e²) of the weight, although the product has no number."""
    arrays, options = extreme(1e30, 1e12, "f4") if dtype == "f4" else extreme(1e200, 1e109, "f8")
    arrays["query"] = np.repeat(arrays["query"], queries, axis=0)
    o = prepare(arrays, Options.parse(options))
    second = np.full((1, 1, queries, 1), np.e / (1 + np.e))
    assert_allclose(stepwise.run(o).output, second, rtol=1e-6)
    assert_allclose(stream.run(o).output, second, rtol=1e-6)


@pytest.mark.parametrize("queries", [1, 100])
@pytest.mark.parametrize("sinks", [None, -np.inf])
def test_scores_near_the_end_of_the_range_close_nothing(queries: int, sinks: float | None) -> None:
    """−3e38 in float32: as exponents of 2 they would be −∞, but the larger of the two takes all."""
    query = np.full((1, queries, 1), 1e19, "f4")
    key, value = np.array([[[-3e19], [-2.9e19]]], "f4"), np.array([[[1.0], [3.0]]], "f4")
    arrays = {"query": query, "key": key, "value": value} | ({} if sinks is None else {"sinks": [sinks]})
    o = prepare(arrays, Options())
    streamed = stream.run(o)
    assert streamed.output.ravel().tolist() == [3] * queries == stepwise.run(o).output.ravel().tolist()
    assert streamed.empty == []


@pytest.mark.parametrize(
    ("cap", "expected"), [(1e-300, 0.5), (1e-44, 0.5), *((cap, 1 / (1 + np.e)) for cap in (1e37, 1e39, 1e300))]
)
def test_softcap_beyond_float32(cap: float, expected: float) -> None:
    """A tiny cap leaves no difference between the keys, a huge one leaves the scores 1 and 0 as they are."""
    arrays = {"query": np.ones((100, 1), "f4"), "key": np.array([[1], [0]], "f4"), "value": np.array([[0], [1]], "f4")}
    o = prepare(arrays, Options.parse({"softcap": cap}))
    assert_allclose(stepwise.run(o).output, np.full((1, 1, 100, 1), expected), rtol=1e-6)
    assert_allclose(stream.run(o).output, np.full((1, 1, 100, 1), expected), rtol=1e-6)
