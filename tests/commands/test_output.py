"""Where results go, and in what format: what -f and -o say together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.arrays import normal
from tests.support.files import put
from tests.support.places import SAMPLES
from tests.support.processes import called, environment, small_files

ARTICLE = SAMPLES / "article.json"
OUTPUT = called("compute", ARTICLE, "-f", "csv").out


@pytest.mark.parametrize("name", ["out.csv", "out.CSV", "out.dat", "out", "out.txt"])
def test_the_format_and_the_file_are_one_output(name: str, tmp_path: Path) -> None:
    """-f decides where the extension names no format, and nothing goes to standard output."""
    assert called("compute", ARTICLE, "-f", "csv", "-o", name, cwd=tmp_path).out == ""
    assert (tmp_path / name).read_text() == OUTPUT
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_format_of_bytes_under_any_name(tmp_path: Path) -> None:
    """Streamed in place where it can be, too."""
    called("compute", ARTICLE, "-f", "npy", "-o", tmp_path / "out.dat")
    np.save(tmp_path / "q.npy", np.random.default_rng(0).standard_normal((1100, 3)))
    called("compute", tmp_path / "q.npy", "-f", "npy", "-o", tmp_path / "big")
    called("compute", tmp_path / "q.npy", "-o", tmp_path / "big.npy")
    assert np.load(tmp_path / "out.dat").tolist() == json.loads(f"[{OUTPUT}]")
    assert (tmp_path / "big").read_bytes() == (tmp_path / "big.npy").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "-f csv -o x.npy",
            "x.npy: -f asks for csv, and the extension for npy\nhint: leave out -f, or write a .csv file",
        ),
        (
            "-f npy -o x.txt",
            "x.txt: -f asks for npy, and the extension for txt\nhint: leave out -f, or write a .npy file",
        ),
        (
            "-f table -o x.md",
            "x.md: -f asks for table, and the extension for md\nhint: leave out -f, or write a .txt file",
        ),
        (
            "-f json -o x.png",
            "x.png: -f asks for json, and the extension for png\nhint: leave out -f, or write a .json ",
        ),
        ("-o x.dat", "x.dat: the extension '.dat' names no format\nhint: one of .json, .csv, "),
        ("-o x.json/", "x.json/: names a folder, not a file\nhint: without the slash: x.json\n"),
        ("-o x.json/.", "x.json/.: names a folder, not a file\nhint: without the slash: x.json\n"),
        ("-f csv -o x/", "x/: names a folder, not a file\nhint: without the slash: x\n"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: str, message: str, tmp_path: Path) -> None:
    """Two formats for one file, and a file that is spelled as a folder."""
    ran = called("compute", ARTICLE, *words.split(), status=2, cwd=tmp_path)
    assert ran.err.startswith(f"attn: {message}")
    assert (ran.out, list(tmp_path.iterdir())) == ("", [])


@pytest.mark.parametrize("command", ["compute", "score", "explain", "inspect", "plot", "help"])
def test_a_dash_is_standard_output(command: str, tmp_path: Path) -> None:
    """In every command that writes what it shows; nothing is called so."""
    words = [command] if command == "help" else [command, ARTICLE]
    ran = called(*words, "-o", "-", cwd=tmp_path)
    assert ran.out == called(*words, cwd=tmp_path).out != ""
    assert not list(tmp_path.iterdir())


def test_a_recording_goes_to_a_file() -> None:
    """Standard output has the list of what was recorded."""
    err = called("trace", "model", "text", "-o", "-", status=2).err
    assert err.startswith("attn: a recording is a file; standard output gets the list")


@pytest.mark.parametrize(
    ("command", "more"),
    [("check", []), ("inspect", []), ("bench", ["--length", "8", "--rounds", "1"]), ("explain", []), ("help", [])],
)
def test_reports_have_one_place_too(command: str, more: list[str], tmp_path: Path) -> None:
    """The format by -f under any name, and nothing on standard output; a name for another format is refused."""
    paths = [] if command in ("bench", "help") else [SAMPLES / "induction.npz"]
    kind = "markdown" if command in ("explain", "help") else "json"
    ran = called(command, *paths, *more, "-f", kind, "-o", "report", cwd=tmp_path)
    assert (ran.out, ran.err) == ("", "")
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert text.startswith("#" if kind == "markdown" else "{")
    called(command, *paths, *more, "-f", kind, "-o", "x.csv", status=2, cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("axes", [(1,), (1, 1)])
def test_axes_of_length_1_do_not_make_it_more_than_a_matrix(axes: tuple[int, ...], tmp_path: Path) -> None:
    """A batch of one item with one head, in CSV and TSV, labels included."""
    states = np.eye(2).reshape(*axes, 2, 2).tolist()
    put(
        tmp_path,
        "f.json",
        json.dumps({"query": states, "hidden": states, "labels": ["a", "b"], "options": {"scale": 0}}),
    )
    ran = called("compute", "f.json", "-f", "csv", cwd=tmp_path)
    assert ran.out == ",0,1\na,0.5,0.5\nb,0.5,0.5\n"
    called("compute", "f.json", "--step", "softmax", "-o", "w.tsv", cwd=tmp_path)
    assert (tmp_path / "w.tsv").read_text() == "\ta\tb\na\t0.5\t0.5\nb\t0.5\t0.5\n"


def test_more_than_a_matrix_is_refused_as_before(tmp_path: Path) -> None:
    """One batch item, but two heads."""
    np.save(tmp_path / "q.npy", np.ones((1, 2, 3, 4)))
    err = called("compute", "q.npy", "-f", "csv", status=2, cwd=tmp_path).err
    assert err.startswith("attn: output is 1×2×3×4, and CSV holds one matrix\n")


@pytest.mark.parametrize("kind", ["json", "csv", "npz", "md"])
def test_a_disk_that_takes_only_half_leaves_nothing(kind: str, tmp_path: Path) -> None:
    """What is written in pieces is no file until all of it is there."""
    script = small_files(600) + "from attncli.__main__ import main; main()"
    words = [sys.executable, "-c", script, "compute", str(SAMPLES / "induction.npz"), "--head", "1"]
    done = subprocess.run(
        [*words, "-o", f"o.{kind}"],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"attn: o.{kind}: cannot be written: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_tables_of_heads_are_the_same_beside_the_output_of_all_of_them(tmp_path: Path) -> None:
    """Of four query heads that share two key heads, in two batch items: computed at once, and one by one."""
    shapes = {"w_q": (6, 16), "w_k": (6, 8), "w_v": (6, 6), "w_o": (12, 5)}
    arrays: dict[str, Any] = {name: normal(*shape, seed=at) for at, (name, shape) in enumerate(shapes.items())}
    np.savez(tmp_path / "layer.npz", **arrays, hidden=normal(2, 5, 6))
    path = [tmp_path / "layer.npz", "--heads", 4, "--kv-heads", 2]
    choice = ["--head", "all", "--batch", "all"]
    steps = [word for step in ("project", "score", "softmax", "sum") for word in ("--step", step)]
    apart = called("compute", *path, *choice, *steps).out.split("\n\n")[1:]
    whole = called("compute", *path, *choice).out.split("\n\n")[1:]
    of_all = [each for each in whole if "all heads" in each]
    assert [each.strip() for each in whole if each not in of_all] == [each.strip() for each in apart]
    assert len(apart) == 2 * 4 * 6
    assert [each.split("\n")[0] for each in of_all] == [
        f"output = context · W_o   batch {batch} of 2, all heads, 5×5" for batch in range(2)
    ]
