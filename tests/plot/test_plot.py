"""`attn plot` on the terminal, as SVG and as a page, without anything installed: what is drawn is what was computed."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from attncli.plot.picture import draw
from attncli.problem.factory import scores_of
from attncli.problem.problem import Problem
from tests.support.files import files
from tests.support.golden import golden
from tests.support.places import SAMPLES
from tests.support.processes import attn, called, environment, in_terminal

IDENTITY = (
    '{"query": [[0], [0]], "hidden": [[0], [0]], "mask": [[true, false], [true, true]], "labels": ["one", "two"]}'
)


def test_without_colour_it_is_shades() -> None:
    """More ink is more weight; labels on both axes, a bar with numbers, a caption."""
    golden("plot-coreference.txt", called("plot", SAMPLES / "coreference.npz", "--head", "1").out)


def test_every_cell_by_hand(tmp_path: Path) -> None:
    """Weights 1, closed; ½, ½: full blocks, points, and the middle of the shades."""
    files(tmp_path, {"f.json": IDENTITY})
    lines = called("plot", "f.json", cwd=tmp_path).out.splitlines()
    assert lines[1:3] == ["one ██████······", "two ▓▓▓▓▓▓▓▓▓▓▓▓"]
    assert lines[3].startswith("0 ")
    assert lines[3].endswith(" 1.000")
    assert lines[4] == "weights, 2 queries × 2 keys; queries go down, keys across; · closed"


def test_a_terminal_with_colours_gets_them(tmp_path: Path) -> None:
    """The background of a cell is its colour, of those that there are; with 16 colours there are shades instead."""
    files(tmp_path, {"f.json": IDENTITY})
    shown = in_terminal("plot", "f.json", cwd=tmp_path, env={"COLORTERM": "truecolor"})
    assert "\x1b[48;2;253;231;37m" in shown
    few = in_terminal("plot", "f.json", cwd=tmp_path, env={"COLORTERM": ""})
    assert "\x1b[48;5;220m" in few
    assert "48;2" not in few
    plain = in_terminal("plot", "f.json", cwd=tmp_path, env={"TERM": "xterm", "COLORTERM": ""})
    assert "48;2" not in plain
    assert "██████" in plain


def test_an_ascii_terminal_gets_ascii() -> None:
    """Other shades where there are no blocks."""
    out = attn("plot", SAMPLES / "coreference.npz", env={"PYTHONIOENCODING": "ascii"}).out
    assert out.isascii()
    assert "####" in out


def test_small_multiples_and_what_is_drawn() -> None:
    """All heads under their names; scores and logits with their own range."""
    out = called("plot", SAMPLES / "induction.npz", "--all-heads").out
    assert [f"head {head}" in out for head in range(9)] == [True] * 9
    out = called("plot", SAMPLES / "induction.npz", "--what", "logits").out
    assert "logits, 16 queries × 16 keys; queries go down, keys across; · closed" in out
    out = called("plot", SAMPLES / "induction.npz", "--what", "scores").out
    assert "closed" not in out  # keys that are closed have scores


def test_small_multiples_stand_in_balanced_rows(tmp_path: Path) -> None:
    """Four as two by two; in one row each has its labels, if there is room."""
    problem = {name: np.zeros((4, 3, 2)).tolist() for name in ("query", "key", "value")}
    files(tmp_path, {"f.json": json.dumps(problem | {"labels": ["ant", "bee", "cat"]})})
    lines = called("plot", "f.json", "--all-heads", "--width", "30", cwd=tmp_path).out.splitlines()
    assert lines[:4] == ["    head 0  head 1  ", "ant ██████  ██████  ", "bee ██████  ██████  ", "cat ██████  ██████  "]
    assert lines[5] == "    head 2  head 3  "
    assert "heads are counted from 0" in " ".join(lines)
    two = {name: numbers[:2] for name, numbers in problem.items()}
    files(tmp_path, {"f.json": json.dumps(two | {"labels": ["ant", "bee", "cat"]})})
    lines = called("plot", "f.json", "--all-heads", cwd=tmp_path).out.splitlines()
    assert lines[1:4] == ["    a b c   a b c   ", "    n e a   n e a   ", "    t e t   t e t   "]


def test_numbers_in_cells_and_a_title(tmp_path: Path) -> None:
    """1, closed; ½, ½; in as little room as they need."""
    files(tmp_path, {"f.json": IDENTITY})
    lines = called("plot", "f.json", "--values", "--title", "\x1b[1mMine", cwd=tmp_path).out.splitlines()
    assert lines[0] == "\\x1b[1mMine"
    assert lines[2:4] == ["one  1.0    · ", "two 0.50 0.50 "]
    assert called("plot", "f.json", "--title", "", cwd=tmp_path).out.startswith("    one")


def test_big_matrices_are_averaged_down_and_that_is_said(tmp_path: Path) -> None:
    """Equal weights have equal means, whatever is averaged."""
    np.save(tmp_path / "z.npy", np.zeros((400, 4), dtype=np.float32))
    out = called("plot", "z.npy", cwd=tmp_path).out
    assert "each cell is the mean of 9 × 7" in out
    assert "0.0025" in out
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--head", "99"], "attn: --head 99: the indices run from 0 to 11\n"),
        (["--head", "1", "--all-heads"], "attn: --head and --all-heads contradict each other\n"),
        (["-o", "x.jpg"], "attn: x.jpg: the extension '.jpg' names no format\n"),
        (["-o", "x.png", "--terminal"], "attn: --terminal writes only SVG files\n"),
        (["-o", "missing/x.html"], "attn: missing/x.html: its folder does not exist\n"),
        (["--values"], "attn: --values: 16 columns of numbers do not fit on this screen\n"),
        (["--values", "--all-heads"], "attn: --values is for small maps, not for 12 maps of 16 × 16 cells\n"),
        (["--row", "cat"], "attn: --row cat: there is no such query (0 to 15 or a label)\n"),
        (["--col", "animal"], "attn: --col has no effect without --what features, or a page\n"),
        (["--patches", "4x4"], "attn: --patches has no effect without --image\n"),
        (["--image", "x.png"], "attn: --image draws into a file\n"),
    ],
)
def test_bad_commands_get_one_clear_line(tmp_path: Path, words: list[str], message: str) -> None:
    """And leave nothing behind."""
    err = called("plot", SAMPLES / "coreference.npz", *words, status=2, cwd=tmp_path).err
    assert err.startswith(message)
    assert not list(tmp_path.iterdir())


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Where matplotlib cannot be imported, the error says what to install."""
    script = "import sys; sys.modules['matplotlib'] = None; from attncli.commands.app import main; sys.exit(main())"
    words = [sys.executable, "-c", script, "plot", str(SAMPLES / "article.json"), "-o", "x.png"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert done.returncode == 2
    assert done.stderr == "attn: pictures in files need matplotlib\nhint: pip install 'attncli[plot]'\n"


def test_the_readmes_picture_is_what_the_command_draws(tmp_path: Path) -> None:
    """The command that made samples/plot.svg makes it again; it asks for no font from anywhere."""
    words = ["plot", SAMPLES / "coreference.npz", "--head", "1", "--terminal", "-o"]
    called(*words, tmp_path / "plot.svg")
    made = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert made == (SAMPLES / "plot.svg").read_text(encoding="utf-8")
    assert not re.findall(r"https?://(?!www\.w3\.org/|www\.textualize\.io)", made)
    assert ElementTree.fromstring(made).tag.endswith("svg")


def data_of(page: str) -> dict[str, Any]:
    """Return what a page draws."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_page_holds_the_numbers_of_every_step(tmp_path: Path) -> None:
    """To the last digit of float32 where there are few; a closed key is −∞."""
    called("plot", SAMPLES / "induction.npz", "-o", tmp_path / "p.html")
    data = data_of((tmp_path / "p.html").read_text(encoding="utf-8"))
    whole = json.loads(called("compute", SAMPLES / "induction.npz", "-f", "json").out)
    for kind in ("scores", "logits", "weights"):
        for head, drawn in enumerate(data["heads"]):
            numbers = np.frombuffer(base64.b64decode(drawn[kind]), "<f4").reshape(16, 16)
            expected = np.array(whole[kind][head], dtype=np.float32)
            closed = np.triu(np.ones((16, 16), dtype=bool), 1) & (kind != "scores")
            assert (numbers[closed] == -np.inf).all()
            assert (numbers[~closed] == expected[~closed]).all()
    value = np.load(SAMPLES / "induction.npz")["value"]
    lengths = np.frombuffer(base64.b64decode(data["lengths"][8]), "<f4")
    assert np.allclose(lengths, np.linalg.norm(value[2].astype(float), axis=1), rtol=1e-6)


def test_labels_and_titles_stay_text(tmp_path: Path) -> None:
    """Nothing in a file can end the script that holds it, or begin an element."""
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    problem = {"query": [[1.0]], "hidden": [[1.0]], "labels": [evil], "title": evil}
    files(tmp_path, {"f.json": json.dumps(problem)})
    called("plot", "f.json", "-o", "p.html", cwd=tmp_path)
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert data_of(page)["queries"] == [evil]
    assert page.count("<script") == 2
    assert "<img" not in page
    explained = called("explain", "f.json", "-f", "html", cwd=tmp_path).out
    assert explained.count("<script") == 2
    assert "<img" not in explained


def test_a_page_asks_for_nothing(tmp_path: Path) -> None:
    """No address in it, and a policy that forbids what is not in the file."""
    called("plot", SAMPLES / "ocr.npz", "-o", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    head, script = page.split('id="data">')[0], page.rsplit("<script>", 1)[1]
    assert re.findall(r"https?://\S+", head + script) == ['http://www.w3.org/2000/svg",']


def test_a_page_of_something_big_is_summarised_with_a_notice(tmp_path: Path) -> None:
    """Beyond 512 × 512 cells are means, and the notice says of how many."""
    np.save(tmp_path / "z.npy", np.zeros((700, 4), dtype=np.float32))
    err = called("plot", "z.npy", "-o", "p.html", cwd=tmp_path).err
    assert err == "attn: notice: the page shows means of 2 × 2, of 700 queries and 700 keys\n"
    data = data_of((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert (len(data["queries"]), data["queries"][1], data["exact"]) == (350, "2–3", True)


def test_an_explanation_as_a_page(tmp_path: Path) -> None:
    """The lesson in either language, with the maps behind it, in one file."""
    called("explain", SAMPLES / "article.json", "--lang", "zh", "-o", tmp_path / "e.html")
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in page
    assert "<h2>第一步 · 打分：每个键与每个查询有多匹配？</h2>" in page
    assert '<td class="mark">' in page
    assert len(data_of(page)["heads"]) == 1
    assert page == called("explain", SAMPLES / "article.json", "--lang", "zh", "-f", "html").out


def test_nan_is_no_closed_key(tmp_path: Path) -> None:
    """A mark of its own, told below, on the terminal and in the page."""
    nan = '{"query": [["NaN"], [0]], "hidden": [[0], [0]], "mask": [[true, true], [true, false]]}'
    files(tmp_path, {"f.json": nan})
    lines = called("plot", "f.json", cwd=tmp_path).out.splitlines()
    assert [line.split()[-1] for line in lines[1:3]] == ["!!!!!!!!!!!!", "██████······"]
    assert lines[4] == "weights, 2 queries × 2 keys; queries go down, keys across; · closed; ! no number"
    called("plot", "f.json", "-o", "p.html", cwd=tmp_path)
    data = data_of((tmp_path / "p.html").read_text(encoding="utf-8"))
    numbers = np.frombuffer(base64.b64decode(data["heads"][0]["weights"]), "<f4")
    assert np.isnan(numbers[:2]).all()
    assert numbers[2:].tolist() == [1, -np.inf]


def test_rows_are_never_averaged_in_silence(tmp_path: Path) -> None:
    """Without colours every query that the caption counts has a line."""
    query = [[9.0, 0.0], [0.0, 9.0]] * 22
    files(tmp_path, {"f.json": json.dumps({"query": query, "hidden": [[9.0, 0.0], [0.0, 9.0]]})})
    lines = called("plot", "f.json", cwd=tmp_path).out.splitlines()
    assert lines[1:45] == [f"{row:<2} " + ["██████      ", "      ██████"][row % 2] for row in range(44)]


def test_long_labels_end_in_dots(tmp_path: Path) -> None:
    """Upright ones too; their beginning is what is read first."""
    labels = ["internationalisation", "注意力机制的标签很长很长很长"]
    files(tmp_path, {"f.json": json.dumps({"query": [[1.0], [2.0]], "hidden": [[1.0], [2.0]], "labels": labels})})
    out = called("plot", "f.json", cwd=tmp_path).out
    assert [line.strip()[:1] for line in out.splitlines()[:3]] == ["i", "n", "t"]
    assert "…" in out.splitlines()[-3]


def test_a_page_opens_at_what_was_asked_for(tmp_path: Path) -> None:
    """The numbers of --what, the item of --batch, and in a lesson the element that is worked out."""
    called("plot", SAMPLES / "padding.json", "--what", "scores", "--batch", "1", "-o", tmp_path / "p.html")
    data = data_of((tmp_path / "p.html").read_text(encoding="utf-8"))
    assert (data["first"], data["item"]) == ({"step": "scores"}, [1, 2])
    err = called("plot", SAMPLES / "padding.json", "--batch", "all", "-o", tmp_path / "q.html", status=2).err
    assert err == "attn: a page shows one batch item\nhint: choose one with --batch N\n"
    page = called(
        "explain", SAMPLES / "coreference.npz", "--head", "1", "--row", "it", "--col", "animal", "-f", "html"
    ).out
    assert data_of(page)["first"] == {"row": 10, "column": 2}


def test_many_rows_and_columns_are_averaged_some_rows_at_a_time() -> None:
    """Each cell of the map is the mean of 1000 × 250 open keys; 20 million scores would take half a gigabyte."""
    rng = np.random.default_rng(0)
    query, key = (rng.standard_normal((count, 2)) for count in (2000, 10_000))
    mask = np.ones((1, 10_000), dtype=bool)
    mask[0, 250:500] = mask[0, -100:] = False
    computation = scores_of(Problem({"query": query, "key": key, "mask": mask}, {}), ["score", "softmax"])
    tracemalloc.start()
    drawn = {kind: draw(computation, kind, [(0, 0)], (2, 40)).panels[0].numbers for kind in ("weights", "scores")}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000_000
    scores = query @ key.T
    exponentials = np.where(mask, np.exp(scores - scores.max(axis=1, keepdims=True)), 0)
    weights = exponentials / exponentials.sum(axis=1, keepdims=True)
    shape = (2, 1000, 40, 250)
    assert np.allclose(drawn["scores"], scores.reshape(shape).mean(axis=(1, 3)))
    assert (drawn["weights"][:, 1] == -np.inf).all()
    others = np.arange(40) != 1
    opened = np.broadcast_to(mask, scores.shape).reshape(shape).sum(axis=(1, 3))
    assert np.allclose(
        drawn["weights"][:, others], (weights.reshape(shape).sum(axis=(1, 3)) / np.maximum(opened, 1))[:, others]
    )
