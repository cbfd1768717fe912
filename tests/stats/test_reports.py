"""What `attn stats` prints and writes: tables, data, the atlas, rollouts, profiles; and what it refuses."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import attncli
from attncli.languages import LANGUAGES
from attncli.stats.numbers import NUMBERS
from tests.support.places import SAMPLES
from tests.support.processes import called, in_terminal

ENCODER = SAMPLES / "encoder.npz"
Array = np.ndarray[Any, np.dtype[Any]]


def layers() -> list[Array]:
    """Return the weights of all layers of the sample, (heads, L, L), computed in float64."""
    found = []
    with np.load(ENCODER) as file:
        for layer in range(6):
            query, key = (file[f"encoder.{layer}.{name}"].astype(float) for name in ("query", "key"))
            scores = query @ key.swapaxes(1, 2) / np.sqrt(32)
            powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
            found.append(powers / powers.sum(axis=-1, keepdims=True))
    return found


def test_json_and_csv_hold_the_same(tmp_path: Path) -> None:
    """A record for each head of each problem, under the names that programs know; null is an empty cell."""
    found = json.loads(called("stats", "sample:encoder", "sample:image", "-f", "json").out)
    assert len(found) == 6 * 12 + 4
    assert list(found[0]) == ["problem", "batch", "head", *NUMBERS, "word"]
    assert (found[14]["problem"], found[14]["head"]) == ("sample:encoder:encoder.1", 2)
    rows = list(csv.DictReader(io.StringIO(called("stats", "sample:encoder", "sample:image", "-f", "csv").out)))
    assert [{name: "" if value is None else str(value) for name, value in each.items()} for each in found] == rows


def test_the_encoder_has_a_head_that_looks_at_the_token_before() -> None:
    """As the title of the sample says; the mean weights of all heads are those of the plain computation."""
    found = json.loads(called("stats", ENCODER, "-f", "json").out)
    weights = np.concatenate(layers())
    assert_allclose([each["first_key"] for each in found], weights[:, :, 0].mean(axis=1), rtol=1e-5)
    previous = np.diagonal(weights, -1, 1, 2).mean(axis=1)
    assert_allclose([each["previous"] for each in found], previous, rtol=1e-5)
    assert [(each["problem"][-1], each["head"]) for each in found if each["word"] == "previous token"] == [("0", 2)]


def test_a_table_leaves_out_what_does_not_fit() -> None:
    """And says so; the rest keeps its order. A wide one has all."""
    narrow = called("stats", "sample:induction", "--width", "60")
    assert max(map(len, narrow.out.splitlines())) <= 60
    assert "Left out" in narrow.out
    headings = next(line for line in narrow.out.splitlines() if line.startswith("head "))
    assert headings.split() == ["head", "keys", "first", "own", "prev", "far", "in", "a", "word"]
    wide = called("stats", "sample:induction", "--width", "140").out
    assert "Left out" not in wide
    assert "first·|v|" in wide
    assert [line.split()[-1] for line in wide.splitlines() if line.split()[:1] == ["6"]] == ["induction"]


def test_one_number_of_all_layers_in_the_terminal_and_in_markdown() -> None:
    """Rows are layers, columns heads; on a terminal the largest has the last colour of the map."""
    out = called("stats", ENCODER, "--what", "previous", "--width", "120").out
    row = next(line for line in out.splitlines() if "encoder.0" in line).split()
    assert row == ["encoder.0", *(f"{value:.2f}" for value in np.diagonal(layers()[0], -1, 1, 2).mean(axis=1))]
    shown = in_terminal("stats", ENCODER, "--what", "previous", columns=120)
    assert "48;2;253;231;37" in shown or "48;5;" in shown
    marked = called("stats", ENCODER, "--what", "previous", "-f", "markdown").out
    assert marked.splitlines()[0].count("|") == 14


def test_heads_and_items_are_chosen() -> None:
    """With their own indices."""
    found = json.loads(called("stats", "sample:padding", "--head", "1", "--batch", "1", "-f", "json").out)
    whole = json.loads(called("stats", "sample:padding", "-f", "json").out)
    assert found == [whole[3]]


def test_a_rollout_is_the_product_of_half_the_mean_weights_and_half_the_identity() -> None:
    """Rows add up to 1; labels stand beside CSV."""
    expected = np.eye(16)
    for weights in layers():
        expected = (weights.mean(axis=0) + np.eye(16)) / 2 @ expected
    found = json.loads(called("stats", ENCODER, "--rollout", "-f", "json").out)
    assert list(found) == ["rollout"]
    assert_allclose(found["rollout"], expected, rtol=1e-5)
    rows = called("stats", ENCODER, "--rollout", "-f", "csv").out.splitlines()
    assert rows[0].startswith(",[CLS],the,animal")
    assert_allclose(float(rows[3].split(",")[1]), expected[2, 0], rtol=1e-5)


def test_a_rollout_needs_layers_that_follow_each_other() -> None:
    """Of the same tokens; the hint names what is meant."""
    ran = called("stats", "sample:encoder", "sample:image", "--rollout", "-f", "json")
    assert len(json.loads(ran.out)["rollout"]) == 16  # the encoder's own layers
    ran = called("stats", "sample:speech", "--rollout", status=2)
    assert "12×132" in ran.err
    assert "hint:" in ran.err


@pytest.mark.parametrize("causal", [False, True])
def test_a_profile_has_mean_weights_and_logits_by_distance(causal: bool, tmp_path: Path) -> None:
    """Over the open keys at each distance; positive is behind the query."""
    rng = np.random.default_rng(8)
    query, key = rng.standard_normal((2, 7, 3)), rng.standard_normal((2, 9, 3))
    options = {"causal": causal, "offset": 2}
    np.savez(tmp_path / "f.npz", query=query, key=key, options=np.array(json.dumps(options)))
    found = json.loads(called("stats", "f.npz", "--profile", "-f", "json", cwd=tmp_path).out)
    made = attncli.steps(query, key, key, **options)  # type: ignore[arg-type]
    places = [(i, j) for i in range(7) for j in range(9) if not causal or j <= i + 2]
    distances = sorted({i + 2 - j for i, j in places})
    for head, each in enumerate(found):
        assert (each["head"], each["distance"]) == (head, distances)
        for name, of in (("weight", made.weights), ("logit", made.logits)):
            means = [np.mean([of[head, i, j] for i, j in places if i + 2 - j == d]) for d in distances]
            assert_allclose(each[name], means, rtol=1e-10)
    rows = called("stats", "f.npz", "--profile", "-f", "csv", cwd=tmp_path).out.splitlines()
    assert rows[0] == "problem,batch,head,distance,weight,logit"
    assert len(rows) == 1 + 2 * len(distances)
    assert "Mean logit by distance" in called("stats", "f.npz", "--profile", cwd=tmp_path).out


def data_of(page: Path) -> Any:
    return json.loads(page.read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0])


def test_the_page_holds_the_map_of_each_head(tmp_path: Path) -> None:
    """To three digits."""
    called("stats", ENCODER, "--what", "induction", "-o", tmp_path / "a.html")
    data = data_of(tmp_path / "a.html")
    assert data["numbers"][data["what"]]["key"] == "induction"
    for line, weights in zip(data["lines"], layers(), strict=True):
        for head, expected in zip(line["heads"], weights, strict=True):
            found = np.frombuffer(base64.b64decode(head["map"]), "<f2").reshape(16, 16)
            assert_allclose(found, expected, rtol=2e-3, atol=1e-6)


def test_large_maps_are_averaged_and_closed_keys_left_out(tmp_path: Path) -> None:
    """Each cell the mean of its open keys, whatever pieces the rows came in; a cell without any is closed."""
    rng = np.random.default_rng(9)
    query, key = (rng.standard_normal((1300, 4)).astype("f4") for _ in range(2))
    np.savez(tmp_path / "f.npz", query=query, hidden=key, options=np.array('{"causal": true}'))
    called("stats", "f.npz", "-o", "a.html", cwd=tmp_path)
    (line,) = data_of(tmp_path / "a.html")["lines"]
    run = line["run"][0]
    assert (line["run"], len(line["keys"])) == ([14, 14], 93)
    weights = np.asarray(attncli.steps(query, hidden=key, causal=True).weights, dtype=float)
    opened = np.tri(1300, dtype=bool)
    found = np.frombuffer(base64.b64decode(line["heads"][0]["map"]), "<f2").reshape(93, 93)
    for row, column in ((0, 0), (50, 20), (92, 92), (92, 0), (47, 46)):
        cell = np.s_[row * run : (row + 1) * run, column * run : (column + 1) * run]
        assert_allclose(found[row, column], weights[cell][opened[cell]].mean(), rtol=2e-3)
    assert (found[np.triu_indices(93, 1)] == -np.inf).all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_everything(language: str, tmp_path: Path) -> None:
    """Tables, grids and pages; programs get the same whatever it is."""
    table = called("stats", "sample:induction", "--lang", language, "--width", "150").out
    assert ("induction" in table.splitlines()[-3]) is (language == "en")
    called("stats", "sample:induction", "--lang", language, "-o", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in page
    assert "%%" not in page
    assert '"word": "induction"' in called("stats", "sample:induction", "--lang", language, "-f", "json").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rollout", "--profile"], "--rollout and --profile are two different things"),
        (["--what", "own", "-f", "json"], "--what has no effect on json"),
        (["--what", "own", "--profile"], "--what has no effect with --profile"),
        (["--head", "1", "--rollout"], "--head has no effect with --rollout"),
        (["--profile", "-o", "x.html"], "--profile is not written to .html files"),
        (["--head", "9"], "--head 9: the indices run from 0 to 8"),
    ],
)
def test_what_contradicts_itself_is_refused(words: list[str], message: str, tmp_path: Path) -> None:
    """In one line, before anything is written."""
    ran = called("stats", "sample:induction", *words, status=2, cwd=tmp_path)
    assert message in ran.err
    assert list(tmp_path.iterdir()) == []
