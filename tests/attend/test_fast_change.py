"""The stream normalises and rotates a block at a time: it is the reference all the same, for any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncli.attend import steps
from attncli.attend.fast import stream
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.views import ROWS
from tests.support.arrays import normal

TOLERANCE = {"f2": 2e-3, "f4": 2e-5, "f8": 1e-11}


class Draw:
    """A problem with norms, rotation or both, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng((37, seed))

        def one(*choices: Any) -> Any:
            return choices[rng.integers(len(choices))]

        self.dtype = one("f2", "f4", "f8")
        batch, key_heads, group, features = one(1, 2), one(1, 3), one(1, 2, 4), one(2, 6, 8)
        past, queries = one(0, 0, 5), one(1, 9, ROWS // group, ROWS // group + 1, ROWS + 1)
        heads, keys = key_heads * group, queries if one(True, False) else one(4, ROWS + 3)
        shapes = {"query": (batch, heads, queries, features), "key": (batch, key_heads, keys, features)}
        shapes |= (
            {"past_key": (batch, key_heads, past, features), "past_value": (batch, key_heads, past, 3)} if past else {}
        )
        self.arrays: dict[str, Any] = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        self.arrays["value"] = rng.standard_normal((batch, key_heads, keys, 3))
        self.options: dict[str, Any] = {"scale": "sqrt", "causal": one(True, False)}
        rope = one(None, "half", "interleaved")
        norm = one("rms", "l2", "layer", *([None] if rope else []))
        if rope:
            self.options |= {"rope": rope, "rope_dim": one("2", "2,last", features)}
            if one(True, False):
                self.arrays["positions"] = rng.integers(0, 99, (one(1, batch), queries))
        if norm:
            late = rope is not None and one(True, False)
            self.options["qk_norm"] = norm + ",after-rope" * late + one("", ",plus-one")
            for name, count in (("q_norm", heads), ("k_norm", key_heads)):
                if one(True, True, False):
                    self.arrays[name] = rng.standard_normal(features * (1 if late else one(1, 1, count)))
            if one(True, False, False):
                self.arrays["v_norm"] = rng.standard_normal(3)
        if one(True, False, False):
            self.arrays["mask"] = rng.random((queries, keys + past)) > 0.8  # of few keys some rows are wholly closed
        if one(True, False, False, False):
            self.options["score"] = "cosine"
        self.arrays = {
            name: each.astype(self.dtype) if each.dtype == "f8" else each for name, each in self.arrays.items()
        }


@pytest.mark.takes(2)
@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_reference(seed: int) -> None:
    """Whatever the norm, the pairing, the group, the past, the positions; no bit depends on the threads."""
    draw = Draw(seed)
    o = prepare(draw.arrays, Options.parse(draw.options))
    expected = steps.run(o)
    found, again = (stream.run(o, threads=threads) for threads in (1, 2))
    tolerance = TOLERANCE[draw.dtype]
    assert_allclose(found.output, expected.output, rtol=tolerance, atol=tolerance)
    assert_array_equal(found.output, again.output)
    closed = (expected.logits == -np.inf).all(axis=-1).any(axis=(0, 1))
    assert found.empty == np.flatnonzero(closed).tolist()


@pytest.mark.parametrize("pairing", ["half", "interleaved"])
def test_the_number_of_threads_changes_no_bit_where_each_has_a_share(pairing: str) -> None:
    """So many states are shared out when keys are made; with projections queries are, too."""
    states = {name: normal(6, 1100, 64, seed=at).astype("f4") for at, name in enumerate(("query", "key", "value"))}
    given = {"hidden": normal(1100, 64).astype("f4"), **{f"w_{name}": normal(64, 384).astype("f4") for name in "qkv"}}
    for arrays, more in ((states, {}), (given, {"heads": 6})):
        options = {"scale": "sqrt", "rope": pairing, "qk_norm": "rms", **more}
        made = [stream.run(prepare(arrays, Options.parse(options)), threads=threads).output for threads in (1, 2, 3)]
        assert_array_equal(made[1], made[0])
        assert_array_equal(made[2], made[0])


@pytest.mark.parametrize("pairing", ["half", "interleaved"])
def test_a_state_is_turned_alike_whatever_stands_beside_it(pairing: str) -> None:
    """Alone, in a block, as a part of a wider state, and in memory that begins anywhere."""
    rotation = Rotation(pairing=pairing, frequencies=np.array([1.0, 0.3, 0.01]), first=1)
    states, places = normal(1, 2, 9, 8).astype("f4"), np.arange(9)[None, None]
    whole = rotation.turn(states, *rotation.tables(places, states.dtype))
    for row in range(9):
        alone = states[:, :, row : row + 1]
        found = rotation.turn(alone, *rotation.tables(places[..., row : row + 1], states.dtype))
        assert_array_equal(found, whole[:, :, row : row + 1])


def test_what_is_not_finite_stays_where_it_was() -> None:
    """A key of NaN and ∞ that is closed leaves no trace, though all that it is made into is NaN."""
    query, key, value = (normal(2, 70, 4, seed=at) for at in range(3))
    options = Options.parse({"rope": "half", "qk_norm": "rms", "causal": True})
    expected = stream.run(prepare({"query": query, "key": key, "value": value}, options)).output
    key[:, 69], value[:, 69] = (np.nan, np.inf, 1, 2), np.inf
    found = stream.run(prepare({"query": query, "key": key, "value": value}, options)).output
    assert_allclose(found[:, :, :69], expected[:, :, :69], rtol=1e-12)
    assert np.isnan(found[:, :, 69]).all()
