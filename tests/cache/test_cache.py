"""What `attn compute` and `attn check` say of a cache of fewer bits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.cache.measure import Change, measure
from tests.support.arrays import normal
from tests.support.declared import put
from tests.support.places import SAMPLES
from tests.support.processes import called

Array = np.ndarray[Any, Any]


def one_head(arrays: dict[str, Any], **options: Any) -> Change:
    """Return what changes in the first head."""
    o = prepare({name: np.array(array) for name, array in arrays.items()}, Options.parse(options))
    return measure(o, [0], [0]).heads[0][2]


def test_what_changes_by_hand() -> None:
    """Two keys, 1 and 0.35, in codes of a seventh: 0.35 becomes 2/7."""
    found = one_head({"query": [[1.0]], "key": [[1.0], [0.35]], "value": [[1.0], [0.0]]}, cache="key=int4:tensor")
    exact, rounded = 1 / (1 + math.exp(-0.65)), 1 / (1 + math.exp(-5 / 7))
    assert math.isclose(found.key.share, (0.35 - 2 / 7) / math.hypot(1, 0.35), rel_tol=1e-12)
    assert math.isclose(found.logit, (0.35 - 2 / 7) / math.sqrt(2), rel_tol=1e-12)
    assert math.isclose(found.largest_logit, 0.35 - 2 / 7, rel_tol=1e-12)
    apart = exact * math.log(exact / rounded) + (1 - exact) * math.log((1 - exact) / (1 - rounded))
    assert math.isclose(found.mean_divergence, apart, rel_tol=1e-9)
    assert math.isclose(found.output.share, (rounded - exact) / exact, rel_tol=1e-12)
    assert (found.queries, found.first_changed, found.value.share) == (1, 0, 0)


def test_another_key_comes_first() -> None:
    """0.51 beside a 7 becomes 1, 0.49 becomes 0; a tie that was one is none."""
    key = [[0.49, 7.0], [0.45, 0.0]]
    found = one_head({"query": [[1.0, 0.0], [-1.0, 0.0]], "key": key, "value": [[1.0], [2.0]]}, cache="key=int4:token")
    assert (found.queries, found.first_changed) == (2, 2)
    tied = one_head({"query": [[0.0]], "key": [[1.0], [0.3]], "value": [[1.0], [2.0]]}, cache="int4:tensor")
    assert (tied.first_changed, tied.mean_divergence) == (0, 0)


def test_divergence_is_that_of_the_definition() -> None:
    """With masks, sinks and groups; queries that see nothing do not count."""
    arrays = {"query": normal(4, 5, 8), "key": normal(2, 7, 8), "value": normal(2, 7, 3), "sinks": normal(4)}
    arrays["mask"] = normal(4, 5, 7) > -0.5
    arrays["mask"][:, 2] = False
    o = prepare(arrays, Options.parse({"cache": "int4:token", "scale": "sqrt"}))
    for _, head, found in measure(o, [0], range(4)).heads:
        key = arrays["key"][head // 2]
        codes = np.rint(key / (np.abs(key).max(axis=1, keepdims=True) / 7))
        rounded = codes * np.abs(key).max(axis=1, keepdims=True) / 7
        apart = []
        for row in (0, 1, 3, 4):
            opened = arrays["mask"][head, row]
            parts = []
            for each in (key, rounded):
                powers = np.exp([*(each @ arrays["query"][head, row] / np.sqrt(8))[opened], arrays["sinks"][head]])
                parts.append(powers / powers.sum())
            apart.append(float((parts[0] * np.log(parts[0] / parts[1])).sum()))
        assert found.queries == 4
        assert math.isclose(found.mean_divergence, float(np.mean(apart)), rel_tol=1e-9)
        assert math.isclose(found.largest_divergence, max(apart), rel_tol=1e-9)


def test_of_many_queries_some_are_looked_at() -> None:
    """Spread over all of them, and it is said how many."""
    arrays = {"query": normal(1 << 17, 2), "key": normal(64, 2), "value": normal(64, 1)}
    found = measure(prepare(arrays, Options.parse({"cache": "int8"})), [0], [0])
    assert found.seen == (1 << 16, 1 << 17)
    assert found.together.queries == 1 << 16


def test_compute_shows_it_by_head() -> None:
    """A token's scale takes the capital of France from the head that looked at Paris; the whole table."""
    out = called("compute", SAMPLES / "decode.npz", "--cache", "key=int4:token", "--head", "5", "--width", "80").out
    assert out.splitlines()[-7:] == [
        "what cache key int4:token changes, in the query of each head",
        "            key  logits    max      KL  max KL  first key  output",
        "──────────────────────────────────────────────────────────────────",
        " head 5  0.2415  0.7667  1.602  0.3124  0.3124      1.000  0.4298",
        "key, value, output: error as a share of what they are; logits: error, root mean",
        "square; KL: Kullback-Leibler divergence of the weights in nats, mean; first key:",
        "share of queries of which another key has the most weight",
    ]
    every = called("compute", SAMPLES / "decode.npz", "--cache", "key=int4:token", "--step", "softmax").out
    assert [line.split()[:2] for line in every.splitlines() if line.startswith(" head")] == [
        ["head", str(head)] for head in range(9)
    ]
    assert any(line.startswith(" together") for line in every.splitlines())
    markdown = called("compute", SAMPLES / "decode.npz", "--cache", "int8", "--head", "0", "-f", "markdown").out
    assert "| head 0 | " in markdown


def test_json_has_a_record_that_nothing_reads_again(tmp_path: Path) -> None:
    """By head, all of them together, and the output of a whole layer; the file is a problem as before."""
    path = tmp_path / "made.json"
    called("compute", SAMPLES / "layer.npz", "--cache", "key=int8:channel,value=int4:group8", "-o", path)
    found = json.loads(path.read_text())["cache_effect"]
    assert found["cache"] == {"key": "int8:channel", "value": "int4:group8"}
    assert found["queries"] == {"seen": 8, "all": 8}
    assert [(each["batch"], each["head"], each["queries"]) for each in found["heads"]] == [(0, 0, 8), (0, 1, 8)]
    assert found["together"]["queries"] == 16
    assert 0 < found["together"]["key_error"] < found["together"]["value_error"] < found["output_error"] * 10
    plain = json.loads(called("compute", SAMPLES / "layer.npz", "-f", "json").out)
    exact, made = (np.array(each["output"]) for each in (plain, json.loads(path.read_text())))
    share = np.linalg.norm(made - exact) / np.linalg.norm(exact)
    assert math.isclose(found["output_error"], share, rel_tol=1e-3)
    called("softmax", path)
    assert "cache_effect" not in plain


def by_kernel(x: Array, kind: str, axis: int | tuple[int, ...]) -> Array:
    """Return keys or values (heads, S, E) as a kernel in float32 rounds them, times the reciprocal of the scale."""
    largest = np.float32({"int8": 127, "int4": 7, "e4m3": 448}[kind])
    scale = np.abs(x).max(axis=axis, keepdims=True) / largest
    codes = x * (np.float32(1) / scale)
    if kind == "e4m3":
        return np.clip(codes, -448, 448).astype(ml_dtypes.float8_e4m3fn).astype("f4") * scale
    return np.clip(np.rint(codes), -largest, largest) * scale


def attend(query: Array, key: Array, value: Array) -> Array:
    """Return softmax(q·kᵀ/√d)·v in float32, each key head for two query heads."""
    key, value = np.repeat(key, 2, axis=0), np.repeat(value, 2, axis=0)
    powers = np.exp(query @ key.swapaxes(1, 2) * np.float32(query.shape[-1] ** -0.5))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True) @ value, dtype="f4")


KERNELS = [
    ("key=int8:channel,value=int8:token", "int8", 1, 2),
    ("key=int4:token,value=int4:token", "int4", 2, 2),
    ("key=e4m3:tensor,value=e4m3:tensor", "e4m3", (0, 1, 2), (0, 1, 2)),
    ("key=int8:head,value=int8:head", "int8", (1, 2), (1, 2)),
]


@pytest.mark.takes(2)
@pytest.mark.parametrize(("text", "kind", "of_key", "of_value"), KERNELS)
def test_check_names_the_cache_of_a_kernel(text: str, kind: str, of_key: Any, of_value: Any, tmp_path: Path) -> None:
    """Though it rounds some numbers to other codes; with that cache it agrees, and with another it does not."""
    query, key, value = (normal(*shape).astype("f4") for shape in ((4, 30, 64), (2, 300, 64), (2, 300, 32)))
    expected = attend(query, by_kernel(key, kind, of_key), by_kernel(value, kind, of_value))
    np.savez(tmp_path / "p.npz", query=query, key=key, value=value, expected=expected)
    asked = ["check", tmp_path / "p.npz", "--scale", "sqrt", "-f", "json"]
    plain = json.loads(called(*asked, status=1).out)
    assert [each["mistakes"] for each in plain["explanations"]] == [["cache-rounded"]]
    assert plain["explanations"][0]["options"] == {"cache": text}
    assert "cache_effect" not in plain
    same = json.loads(called(*asked, "--cache", text).out)
    assert same["agrees"]
    assert same["tolerance"] < 1e-4
    assert len(same["cache_effect"]["heads"]) == 4
    assert not json.loads(called(*asked, "--cache", "int8:token", "--no-diagnose", status=1).out)["agrees"]


def test_check_looks_for_mistakes_beside_the_cache_that_is_meant(tmp_path: Path) -> None:
    """In what has been rounded; and says that a rotation cannot be seen in it, and what the cache changes."""
    query, key, value = (normal(*shape).astype("f4") for shape in ((4, 6, 16), (2, 9, 16), (2, 9, 16)))
    given: dict[str, Any] = {"query": query, "key": key, "value": value}
    options: dict[str, Any] = {"rope": "half", "cache": "int8:token", "causal": True, "scale": "sqrt"}
    put(tmp_path / "right.npz", given, options)
    wrong = called("compute", tmp_path / "right.npz", "--no-causal", "-f", "npy").raw
    (tmp_path / "wrong.npy").write_bytes(wrong)
    asked = ["check", tmp_path / "right.npz", "--expected", tmp_path / "wrong.npy"]
    out = " ".join(called(*asked, status=1).out.split())
    assert "mask-dropped" in out
    assert "whether the rotation is right (keys rounded after they were rotated)" in out
    assert "what cache key int8:token, value int8:token changes, in all 6 queries of each head" in out


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_lesson_works_out_a_number_and_what_it_changes(lang: str) -> None:
    """By hand: 3.1 beside 7 is code 3; the first key of the row is another one."""
    problem = {"query": [[1, 0]], "key": [[0.49, 7], [0.45, 0]], "value": [[1], [2]]}
    text = json.dumps(problem | {"options": {"cache": "key=int4:token"}})
    out = " ".join(
        called("explain", "-", "--step", "cache", "--col", "0", "--lang", lang, stdin=text.encode()).out.split()
    )
    assert "max |x| / 7 = 7 / 7 = 1" in out
    assert "0.49 / 1 = 0.49" in out
    assert "0 · 1 = 0" in out
    first, second = (
        ("key 1 now has the most weight", "key 0 has it")
        if lang == "en"
        else ("现在权重最大的是键 1", "不用缓存时是键 0")
    )
    assert first in out
    assert second in out


def test_the_filters_round_values_too(tmp_path: Path) -> None:
    """Of a head's scale, with padding behind the keys of one item."""
    arrays: dict[str, Any] = {"query": normal(2, 2, 3, 4), "key": normal(2, 2, 5, 4), "value": normal(2, 2, 5, 4)}
    arrays |= {"key_lengths": np.array([3, 5])}
    put(tmp_path / "p.npz", arrays, {"cache": "int4:head"})
    whole = json.loads(called("compute", tmp_path / "p.npz", "-f", "json").out)
    first = called("score", tmp_path / "p.npz").raw
    last = json.loads(called("sum", stdin=called("softmax", stdin=first).raw).out)
    assert last["output"] == whole["output"]
    peaks = [np.abs(np.array(each)[0, :, :3]).max(axis=(1, 2)) for each in (whole["cached_value"], arrays["value"])]
    assert_allclose(peaks[0], peaks[1], rtol=1e-15)


def test_stats_and_cost_of_a_problem_with_a_cache(tmp_path: Path) -> None:
    """Weights and lengths of values are those of what the cache gives back; bytes are not, and it is said."""
    arrays = {"query": [[1.0]], "key": [[1.0], [0.35]], "value": [[0.35], [1.0]], "options": {"cache": "int4:tensor"}}
    path = tmp_path / "p.json"
    path.write_text(json.dumps(arrays), encoding="utf-8")
    (found,) = json.loads(called("stats", path, "-f", "json").out)
    first = 1 / (1 + math.exp(2 / 7 - 1))
    assert math.isclose(found["first_key"], first, rel_tol=1e-9)
    assert math.isclose(found["first_key_normed"], first * 2 / 7 / (first * 2 / 7 + 1 - first), rel_tol=1e-9)
    said = called("cost", path)
    assert "cache = 2 · 8 bytes · 2 = 32 bytes" in said.out
    assert "cache key int4:tensor, value int4:tensor: bytes are counted as float64 all the same" in said.err


def test_stats_of_one_head_have_the_scales_of_all(tmp_path: Path) -> None:
    """The second head has the larger keys, and so the scale of the first."""
    arrays = {"query": [[[1.0]], [[1.0]]], "key": [[[1.0], [0.35]], [[7.0], [0.0]]], "value": [[[1.0], [1.0]]] * 2}
    path = tmp_path / "p.json"
    path.write_text(json.dumps(arrays | {"options": {"cache": "key=int4:tensor"}}), encoding="utf-8")
    (found,) = json.loads(called("stats", path, "--head", "0", "-f", "json").out)
    assert math.isclose(found["first_key"], 1 / (1 + math.exp(-1)), rel_tol=1e-9)
