"""PNG, SVG and PDF by matplotlib."""

from __future__ import annotations

import io
import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from attncli.show import heat
from tests.support.files import files
from tests.support.memory import beyond_start
from tests.support.places import SAMPLES
from tests.support.processes import attn

MAGIC = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def colors(data: bytes) -> set[tuple[int, ...]]:
    """Return the colours of a PNG file."""
    pixels = (matplotlib.image.imread(io.BytesIO(data))[..., :3] * 255).round().astype(int)
    return {tuple(pixel) for pixel in np.unique(pixels.reshape(-1, 3), axis=0).tolist()}


def of_map(share: float) -> tuple[int, ...]:
    return heat.scale(share)


@pytest.mark.parametrize("kind", MAGIC)
@pytest.mark.parametrize("words", [["--head", "1"], ["--all-heads"], ["--what", "scores"]])
def test_each_format(tmp_path: Path, kind: str, words: list[str]) -> None:
    """By its extension, and the same bytes each time."""
    for name in ("a", "b"):
        attn("plot", SAMPLES / "coreference.npz", *words, "-o", tmp_path / f"{name}.{kind}")
    data = (tmp_path / f"a.{kind}").read_bytes()
    assert data.startswith(MAGIC[kind])
    assert data == (tmp_path / f"b.{kind}").read_bytes()


def test_cells_have_the_colours_of_their_weights(tmp_path: Path) -> None:
    """1, ½ and closed, by hand; the map is that of the terminal."""
    problem = {"query": [[0], [0]], "hidden": [[0], [0]], "mask": [[True, False], [True, True]]}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("plot", "f.json", "-o", "p.png", cwd=tmp_path)
    found = colors((tmp_path / "p.png").read_bytes())
    assert {of_map(1.0), of_map(0.5), (217, 217, 217)} <= found


@pytest.mark.parametrize("count", [3, 300])
def test_few_and_many_tokens(tmp_path: Path, count: int) -> None:
    """A size that can be looked at, whatever the number of tokens."""
    rng = np.random.default_rng(0)
    labels = [f"token {i}" for i in range(count)]
    problem = {"query": rng.standard_normal((count, 4)).tolist(), "labels": labels}
    files(tmp_path, {"f.json": json.dumps(problem | {"hidden": problem["query"]})})
    attn("plot", "f.json", "-o", "p.png", cwd=tmp_path)
    height, width = matplotlib.image.imread(tmp_path / "p.png").shape[:2]
    assert 300 < height < 3000
    assert 300 < width < 3000


def test_labels_are_no_formulas_and_no_markup(tmp_path: Path) -> None:
    """Dollar signs, backslashes and angle brackets are drawn as they are."""
    labels = ["$x", "$\\frac{", "</svg><script>alert(1)</script>"]
    problem = {"query": [[1.0], [2.0], [3.0]], "hidden": [[1.0], [2.0], [3.0]], "labels": labels, "title": "$\\alpha"}
    files(tmp_path, {"f.json": json.dumps(problem)})
    attn("plot", "f.json", "-o", "p.svg", cwd=tmp_path)
    assert "<script" not in (tmp_path / "p.svg").read_text(encoding="utf-8")


def test_what_cannot_be_seen_is_drawn_as_what_it_is(tmp_path: Path) -> None:
    """In the glyphs, and in the comments that matplotlib puts beside them."""
    problem = {"query": [[1.0]], "hidden": [[1.0]], "labels": ["a\u202eb"], "title": "c\x9bd\u2028e\nf"}
    files(tmp_path, {"f.json": json.dumps(problem)})
    assert attn("plot", "f.json", "-o", "p.svg", cwd=tmp_path).err == ""
    drawn = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert set(drawn) & set("\u202e\x9b\u2028") == set()
    assert "a\\u202eb" in drawn
    assert "c\\x9bd\\u2028e" in drawn


def test_scripts_without_a_font_are_told(tmp_path: Path) -> None:
    """A notice names the characters; those of fonts that matplotlib brings along need none."""
    problem = {"query": [[1.0]], "hidden": [[1.0]], "labels": ["\U00012000"]}
    files(tmp_path, {"f.json": json.dumps(problem), "g.json": json.dumps(problem | {"labels": ["naïve Ω ж"]})})
    err = attn("plot", "f.json", "-o", "f.png", cwd=tmp_path).err
    assert err.startswith("attn: notice: no font of this system has \U00012000;")
    assert attn("plot", "g.json", "-o", "g.png", cwd=tmp_path).err == ""


@pytest.mark.parametrize("command", ["plot STATES -o o.png", "plot STATES -o o.pdf"])
def test_what_is_reckoned_is_what_is_taken(tmp_path: Path, command: str) -> None:
    """By matplotlib too: see the test of this name of all other commands."""
    taken, reckoned = beyond_start(tmp_path, 1500, command)
    assert 0.9 * taken <= reckoned <= 2 * taken
