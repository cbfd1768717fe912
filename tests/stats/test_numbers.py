"""The numbers of heads, against a plain computation on whole matrices, and on heads that do one thing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import attncli
from attncli.stats.numbers import NUMBERS
from tests.support.processes import called

Numbers = np.ndarray[Any, np.dtype[Any]]


def plain(
    weights: Numbers, opened: Numbers, at: Numbers, value: Numbers, labels: tuple[list[str], list[str]] | None = None
) -> dict[str, float | None]:
    """Return all numbers of one head as their definitions say, row by row."""
    keys = weights.shape[1]
    lengths = np.linalg.norm(value, axis=-1)
    rows: dict[str, list[float]] = {name: [] for name in NUMBERS}
    for i, row in enumerate(weights.astype(np.float64)):
        if not opened[i].any():
            continue
        positive = row[row > 0]
        effective = np.exp(-(positive * np.log(positive)).sum())
        rows["effective_keys"].append(effective)
        rows["effective_share"].append(effective / opened[i].sum())
        rows["largest_weight"].append(row.max())
        rows["saturated"].append(float(row.max() >= 0.99))
        rows["first_key"].append(row[0])
        rows["first_key_normed"].append(row[0] * lengths[0] / (row * lengths).sum())
        rows["distance"].append((row * np.abs(at[i] - np.arange(keys))).sum() / row.sum())
        rows["keys_for_90"].append(1 + (np.cumsum(np.sort(row)[::-1]) < 0.9 * row.sum()).sum())
        for name, place in (("own", at[i]), ("previous", at[i] - 1)):
            if 0 <= place < keys:
                rows[name].append(row[place])
        if labels is not None:
            earlier = [key for key in range(at[i]) if labels[1][key] == labels[0][i]]
            if earlier:
                rows["duplicate"].append(row[earlier].sum())
                rows["induction"].append(row[[key + 1 for key in earlier]].sum())
    return {name: float(np.mean(found)) if found else None for name, found in rows.items()}


def measured(*words: object, cwd: Path) -> list[dict[str, Any]]:
    found = json.loads(called("stats", *words, "-f", "json", cwd=cwd).out)
    assert isinstance(found, list)
    return found


def assert_same(found: Mapping[str, Any], expected: Mapping[str, float | None], rtol: float) -> None:
    for name, value in expected.items():
        if value is None:
            assert found[name] is None, name
        else:
            assert_allclose(found[name], value, rtol=rtol, atol=rtol, err_msg=name)


# Options and arrays with which keys close, weights are lost to a sink, or heads share keys.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "causal": ({"causal": True}, {}),
    "window": ({"causal": True, "window": [5, 0]}, {}),
    "behind": ({"causal": True, "offset": "end"}, {}),
    "ahead": ({"offset": 30}, {}),
    "sink": ({"scale": 0.1}, {"sinks": np.array([3.0, -1.0, 0.0, 9.0])}),
    "softcap": ({"softcap": 2.0}, {}),
    "alibi": ({"alibi": True, "causal": True}, {}),
    "rope": ({"rope": "half", "causal": True}, {}),
    "cosine": ({"score": "cosine", "scale": 5.0}, {}),
    "mask": ({}, {"mask": np.random.default_rng(1).random((2, 1, 23, 29)) > 0.6}),
    "bias": ({}, {"bias": np.where(np.random.default_rng(2).random((4, 23, 29)) > 0.3, 1.5, -np.inf)}),
    "lengths": ({"offset": 0}, {"key_lengths": np.array([29, 11])}),
    "segments": ({}, {"segments": np.repeat([0, 1, 2, 1], [8, 7, 9, 5])}),
    "indices": ({}, {"indices": np.array([2, 5, 28, -1])}),
    "lowest": ({}, {"mask": np.where(np.random.default_rng(3).random((23, 29)) > 0.5, 0, np.finfo("f4").min)}),
}


@pytest.mark.takes(4)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_each_number_is_what_its_definition_says(name: str, dtype: str, tmp_path: Path) -> None:
    """Of batches, of heads that share keys, whatever closes keys, with labels that repeat."""
    rng = np.random.default_rng(0)
    options, arrays = CASES[name]
    states: dict[str, Any] = {
        "query": rng.standard_normal((2, 4, 23, 6)),
        "key": rng.standard_normal((2, 2, 29, 6)),
        "value": rng.standard_normal((2, 2, 29, 5)) * rng.random((2, 2, 29, 1)) * 9,
    }
    states = {key: array.astype(dtype) for key, array in states.items()}
    given: dict[str, Any] = {
        key: array.astype(dtype) if array.dtype == np.float64 else array for key, array in arrays.items()
    }
    keys = list(rng.choice(list("abcdefgh"), 29))
    made = attncli.steps(**states, **given, **options)
    first = {"behind": 6, "ahead": 30}.get(name, 0)
    at = [np.arange(23) + first, np.arange(23) + first]
    queries = keys[first : first + 23]
    agree = len(queries) == 23
    labels: dict[str, Any] = {"query_labels": np.array(queries if agree else ["x"] * 23), "key_labels": np.array(keys)}
    np.savez(tmp_path / "f.npz", **states, **given, **labels, options=np.array(json.dumps(options)))
    found = measured("f.npz", cwd=tmp_path)
    assert [(each["batch"], each["head"]) for each in found] == [(b, h) for b in range(2) for h in range(4)]
    for each in found:
        b, h = each["batch"], each["head"]
        opened = np.asarray(made.logits[b, h]) > -np.inf
        expected = plain(
            np.asarray(made.weights[b, h]),
            opened,
            at[b],
            states["value"][b, h // 2].astype(np.float64),
            (queries, keys) if agree else None,
        )
        assert_same(each, expected, 1e-12 if dtype == "float64" else 3e-6)


def test_more_rows_than_a_tile_holds_and_any_number_of_threads(tmp_path: Path) -> None:
    """Pieces are added up in their order, to the last bit."""
    rng = np.random.default_rng(4)
    query, key = (rng.standard_normal((3, 1400, 4)).astype("f4") for _ in range(2))
    np.savez(tmp_path / "f.npz", query=query, hidden=key)
    one, two = (called("stats", "f.npz", "-f", "json", "--threads", n, cwd=tmp_path).out for n in (1, 3))
    assert one == two
    scores = query[1].astype(float) @ key[1].T.astype(float)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    expected = plain(weights, np.ones_like(weights, dtype=bool), np.arange(1400), key[1].astype(float))
    assert_same(json.loads(one)[1], expected, 1e-4)


def head(folder: Path, weights: Numbers, causal: bool = False, labels: str = "") -> dict[str, Any]:
    """Measure a head whose weights are these, made by keys that are the identity; a weight of 0 is next to none."""
    logits = np.log(np.maximum(weights, 1e-30))
    problem: dict[str, Any] = {"query": logits.tolist(), "hidden": np.eye(weights.shape[1]).tolist()}
    problem |= {"labels": list(labels)} if labels else {}
    (folder / "f.json").write_text(json.dumps(problem | {"options": {"causal": causal}}))
    (found,) = measured("f.json", cwd=folder)
    return found


def test_a_head_that_looks_at_the_token_before(tmp_path: Path) -> None:
    """Its score is 1, and it is named; the first query has no such key, and stays where it is."""
    found = head(tmp_path, np.eye(6, k=-1) + np.eye(6)[:, :1] @ np.eye(6)[:1], causal=True)
    assert_allclose([found["previous"], found["own"], found["effective_keys"]], [1, 1 / 6, 1], atol=1e-12)
    assert_allclose([found["distance"], found["saturated"], found["first_key"]], [5 / 6, 1, 2 / 6], atol=1e-12)
    assert found["word"] == "previous token"


def test_heads_that_look_at_one_place(tmp_path: Path) -> None:
    """Themselves, or the first token."""
    found = head(tmp_path, np.eye(6))
    assert (found["word"], round(found["own"], 12), round(found["distance"], 12)) == ("diagonal", 1, 0)
    found = head(tmp_path, np.ones((6, 1)) @ np.eye(6)[:1], causal=True)
    assert (found["word"], round(found["first_key"], 12), round(found["distance"], 12)) == ("first token", 1, 2.5)


def test_a_head_that_looks_everywhere(tmp_path: Path) -> None:
    """Each of ten keys has a tenth: nine of them hold 0.9; causally a query sees as many keys as are behind it."""
    found = head(tmp_path, np.full((10, 10), 0.1))
    assert_allclose([found[name] for name in ("effective_keys", "effective_share", "first_key")], [10, 1, 0.1])
    assert (found["keys_for_90"], found["word"]) == (9, "uniform")
    assert_allclose(found["distance"], 3.3)  # 2 · (1·9 + 2·8 + … + 9·1) / 100
    found = head(tmp_path, np.ones((10, 10)), causal=True)
    assert_allclose([found["effective_keys"], found["effective_share"]], [5.5, 1])
    assert found["word"] == "uniform"


def test_a_head_that_copies(tmp_path: Path) -> None:
    """Queries whose letter stood before look at what followed; the others rest on the first key."""
    weights = np.zeros((8, 8))
    weights[:, 0] = 1
    for query, key in ((5, 2), (6, 3), (7, 4)):  # b, c and d stood at 1, 2 and 3
        weights[query] = np.eye(8)[key]
    found = head(tmp_path, weights, causal=True, labels="abcdebcd")
    assert_allclose([found["induction"], found["duplicate"], found["first_key"]], [1, 0, 5 / 8], atol=1e-12)
    assert found["word"] == "induction"
    found = head(tmp_path, weights, causal=True)
    assert (found["induction"], found["duplicate"], found["word"]) == (None, None, "first token")


def test_a_head_that_looks_near_by(tmp_path: Path) -> None:
    """A tenth of the weight anywhere, the rest on seven keys around; with fewer keys that would say nothing."""
    near = np.abs(np.arange(40)[:, None] - np.arange(40)) <= 3
    weights = np.where(near, 0.9 / near.sum(axis=1, keepdims=True), 0.1 / (~near).sum(axis=1, keepdims=True))
    assert head(tmp_path, weights)["word"] == "local ±3"
    assert head(tmp_path, np.eye(7) * 0.2 + 0.8 / 7)["word"] == "uniform"


def test_a_head_that_is_nothing_clear_has_no_word(tmp_path: Path) -> None:
    """Nor has one with a single key."""
    assert head(tmp_path, np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.4, 0.3], [0.3, 0.1, 0.2, 0.4]]))["word"] is None
    assert head(tmp_path, np.ones((1, 1)))["word"] is None


def test_distances_between_patches_are_in_cells(tmp_path: Path) -> None:
    """A class token is no patch: where it looks does not count, nor what looks at it."""
    labels = ["CLS", "r0c0", "r0c1█", "r1c0", "r1c1"]
    looks = np.zeros((5, 5))
    for query, key in ((0, 4), (1, 4), (2, 2), (3, 4)):
        looks[query, key] = 1
    looks[4] = [0.5, 0, 0.5, 0, 0]
    problem = {"query": np.log(np.maximum(looks, 1e-30)).tolist(), "hidden": np.eye(5).tolist(), "labels": labels}
    (tmp_path / "f.json").write_text(json.dumps(problem))
    (found,) = measured("f.json", cwd=tmp_path)
    assert_allclose(found["distance"], (np.sqrt(2) + 0 + 1 + 1) / 4)


def test_without_a_value_there_is_no_share_of_what_is_added_up(tmp_path: Path) -> None:
    """Everything else is there; labels of queries and keys that differ say nothing of repetitions."""
    problem = {"query": [[1, 0], [0, 1]], "key": [[1, 2], [3, 4]], "query_labels": ["a", "b"], "key_labels": ["c", "a"]}
    (tmp_path / "f.json").write_text(json.dumps(problem))
    (found,) = measured("f.json", cwd=tmp_path)
    assert {name for name in NUMBERS if found[name] is None} == {"first_key_normed", "duplicate", "induction"}
    assert list(found) == ["problem", "batch", "head", *NUMBERS, "word"]


def test_a_closed_key_cannot_leak(tmp_path: Path) -> None:
    """Not even NaN or ∞ in it; a query that sees nothing does not count, and is named."""
    rng = np.random.default_rng(6)
    states: dict[str, Any] = {name: rng.standard_normal((6, 3)) for name in ("query", "key", "value")}
    mask = np.ones((6, 6), dtype=bool)
    mask[:, 4], mask[2] = False, False
    np.savez(tmp_path / "a.npz", **states, mask=mask)
    states["key"][4], states["value"][4] = np.nan, np.inf
    np.savez(tmp_path / "b.npz", **states, mask=mask)
    found = [measured(f"{name}.npz", cwd=tmp_path)[0] for name in "ab"]
    assert_same(found[1], {name: found[0][name] for name in NUMBERS}, 1e-12)
    assert "query 2 may attend to nothing" in called("stats", "a.npz", cwd=tmp_path).err


def test_nan_is_null(tmp_path: Path) -> None:
    """A query that holds it has no numbers, and so the head has none."""
    np.savez(tmp_path / "f.npz", query=np.array([[np.nan], [1.0]]), hidden=np.array([[1.0], [2.0]]))
    (found,) = measured("f.npz", cwd=tmp_path)
    assert found["effective_keys"] is found["keys_for_90"] is found["saturated"] is found["word"] is None
    assert "query holds 1 NaN" in called("stats", "f.npz", cwd=tmp_path).err


def test_logits_beyond_the_range_of_exponents_of_two(tmp_path: Path) -> None:
    """The reference decides: scores of ±2e38 are finite in float32, times log2(e) they are not."""
    query = np.array([[2e38], [-2e38], [1]], dtype="f4")
    np.savez(tmp_path / "f.npz", query=query, hidden=np.array([[1], [1], [0.5]], dtype="f4"))
    (found,) = measured("f.npz", cwd=tmp_path)
    rest = np.exp([1, 1, 0.5]) / np.exp([1, 1, 0.5]).sum()
    assert_allclose(found["effective_keys"], (2 + 1 + np.exp(-(rest * np.log(rest)).sum())) / 3, rtol=1e-6)
