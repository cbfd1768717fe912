"""Bad input: one line that says what is wrong and where, exit status 2, nothing written."""

from __future__ import annotations

import os
import pickle
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.support.files import member, npy, zipped
from tests.support.places import ROOT, SAMPLES
from tests.support.processes import attn, called, environment, small_files

ARTICLE = SAMPLES / "article.json"


class Evil:
    """A pickle that leaves a trace when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, ("pickle-was-loaded",))


def pickled() -> bytes:
    data = pickle.dumps(np.array([Evil()], dtype=object))
    return npy("|O", "(1,)", data)


HUGE = npy("<f8", "(1000000000, 1000000)", b"12345678")
TWO = npy("<f4", "(2,)", struct.pack("<2f", 1, 2))
BOMB = zipped(member(b"query.npy", npy("<f4", "(30000000,)", bytes(120_000_000)), deflate=True))

CASES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("f.json", b"", "attn: f.json: is empty\n"),
    "truncated": (
        "f.npy",
        npy("<f4", "(2, 2)", b"123"),
        "attn: f.npy: truncated: the header promises 16 bytes (2×2 float32), the file holds 3\n",
    ),
    "over-long": (
        "f.npy",
        npy("<f4", "(1,)", b"12345678"),
        "attn: f.npy: over-long: the header promises 4 bytes (1 float32), the file holds 8\n",
    ),
    "promising": (
        "f.npy",
        HUGE,
        "attn: f.npy: truncated: the header promises 8000000000000000 bytes (1000000000×1000000 float64), the file "
        "holds 8\n",
    ),
    "pickled": (
        "f.npy",
        pickled(),
        "attn: f.npy: holds pickled Python objects, which are never loaded\n"
        "hint: save it as an array of numbers, such as float32\n",
    ),
    "pickled in npz": (
        "f.npz",
        zipped(member(b"query.npy", pickled())),
        "attn: f.npz: query: holds pickled Python objects, which are never loaded\n"
        "hint: save it as an array of numbers, such as float32\n",
    ),
    "complex": (
        "f.npy",
        npy("<c8", "(1,)", bytes(8)),
        "attn: f.npy: holds complex64, not numbers\nhint: float16, float32, float64, integers and bool are read\n",
    ),
    "texts": (
        "f.npy",
        npy("<U1", "(1,)", b"a\0\0\0"),
        "attn: f.npy: holds texts, not numbers\nhint: float16, float32, float64, integers and bool are read\n",
    ),
    "negative shape": ("f.npy", npy("<f4", "(-1,)", b""), "attn: f.npy: broken NPY header: shape (-1,)\n"),
    "code in the header": (
        "f.npy",
        npy("<f4", "(__import__('os').mkdir('x'),)", b""),
        "attn: f.npy: broken NPY header\n",
    ),
    "no npy": ("f.npy", b"1,2\n", "attn: f.npy: is not an NPY file: wrong magic bytes\n"),
    "an npy as csv": ("f.csv", TWO, "attn: f.csv: is an NPY file, not CSV\nhint: rename it to .npy\n"),
    "broken zip": ("f.npz", b"PK\3\4 and so on", "attn: f.npz: broken ZIP archive: File is not a zip file\n"),
    "cut zip": (
        "f.npz",
        zipped(member(b"query.npy", TWO))[:-30],
        "attn: f.npz: broken ZIP archive: File is not a zip file\n",
    ),
    "lying zip": (
        "f.npz",
        zipped(member(b"query.npy", HUGE, deflate=True)),
        "attn: f.npz: query: truncated: the header promises 8000000000000000 bytes (1000000000×1000000 float64), the "
        "file holds 8\n",
    ),
    "zip bomb": (
        "f.npz",
        BOMB,
        f"attn: f.npz: {len(zlib.compress(npy('<f4', '(30000000,)', bytes(120_000_000)), 9)) - 6} bytes would "
        "unpack to 120000128: refused as a possible ZIP bomb\nhint: save it with numpy.savez, uncompressed\n",
    ),
    "unknown member": (
        "f.npz",
        zipped(member(b"quary.npy", TWO)),
        "attn: f.npz: unknown name 'quary'\n"
        'hint: did you mean "query"? --query FILE:quary takes an array by any name\n',
    ),
    "member twice": (
        "f.npz",
        zipped(member(b"q.npy", TWO), member(b"q.npy", TWO)),
        "attn: f.npz: query is given twice, as 'q' and as 'q'\n",
    ),
    "ragged": (
        "f.csv",
        b"1,2\n3\n",
        "attn: f.csv: line 2: row 2 has 1 cell, the first row 2 cells: ragged rows\n",
    ),
    "text among numbers": ("f.csv", b"1,2\n3,x\n", "attn: f.csv: line 2, column 2: 'x' is not a number\n"),
    "beyond float64": (
        "f.csv",
        b"1,2\n3,1e400\n",
        "attn: f.csv: line 2, column 2: 1e400 is beyond the range of float64\n",
    ),
    "json text": (
        "f.json",
        b'"hello"',
        "attn: f.json: the JSON is the text 'hello', not an object of arrays or an array of numbers\n",
    ),
    "unknown key": (
        "f.json",
        b'{"hiden": [1]}',
        "attn: f.json: unknown name 'hiden'\nhint: did you mean \"hidden\"? "
        "--query FILE:hiden takes an array by any name\n",
    ),
    "duplicate key": (
        "f.json",
        b'{"query": [1], "query": [1]}',
        "attn: f.json: the name 'query' stands twice in one object\n",
    ),
    "unknown option": (
        "f.json",
        b'{"query": [1], "hidden": [1], "options": {"casual": true}}',
        "attn: f.json: unknown option 'casual'\nhint: did you mean \"causal\"?\n",
    ),
    "broken json": (
        "f.json",
        b'{"query": [1,]}',
        "attn: f.json: line 1, column 13: broken JSON: a trailing comma before ]\nhint: remove it\n",
    ),
    "nested": ("f.json", b"[" * 50_000, "attn: f.json: the JSON is nested too deeply\n"),
    "latin 1": (
        "f.csv",
        "é,1\nü,2\n".encode("latin-1"),
        "attn: f.csv: line 1: is not UTF-8 text: byte 0xe9 at offset 0\nhint: save it as UTF-8\n",
    ),
    "utf-16": (
        "f.csv",
        "1,2\n".encode("utf-16"),
        "attn: f.csv: is UTF-16 text, not UTF-8\nhint: save it as UTF-8 (in Excel: CSV UTF-8)\n",
    ),
    "binary": (
        "f.csv",
        b"1,2\0\n",
        "attn: f.csv: is binary, not CSV\n"
        "hint: .json, .csv, .tsv, .npy, .npz, .safetensors, .zarr, .h5, .hdf5 files are read\n",
    ),
    "no fit": (
        "f.json",
        b'{"query": [1, 2, 3], "hidden": [[1, 2], [3, 4], [5, 6]]}',
        "attn: f.json: query 3 and hidden 3×2 do not fit: each query has 3 features, each key 2\n"
        "hint: with --states columns they fit (each state a column of its matrix)\n",
    ),
    "mask": (
        "f.json",
        b'{"query": [1], "hidden": [[1], [1]], "mask": [true, true, true]}',
        "attn: f.json: mask 3 does not broadcast to 1×1×1×2 (B×H×L×S): 3 is not the number of keys\n",
    ),
    "zero length": (
        "f.json",
        b'{"query": [[]], "hidden": [[]]}',
        "attn: f.json: query 1×0 has an axis of length 0\n",
    ),
    "labels": (
        "f.json",
        b'{"query": [1], "hidden": [[1], [1]], "key_labels": ["a"]}',
        "attn: f.json: 1 in key_labels for 2 keys\n",
    ),
    "no value": (
        "f.json",
        b'{"query": [1], "key": [1]}',
        "attn: f.json: value is missing\n"
        'hint: give "value" in the file or with --value FILE, or "hidden" for key and value\n',
    ),
    "no query": (
        "f.json",
        b'{"key": [1], "value": [1]}',
        'attn: f.json: query is missing\nhint: give "query" in the file or with --query FILE\n',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_files_get_one_clear_line(tmp_path: Path, name: str) -> None:
    """The whole of standard error is compared; nothing is printed and no file appears."""
    file, data, message = CASES[name]
    (tmp_path / file).write_bytes(data)
    ran = called("compute", file, "-o", "out.npy", status=2, cwd=tmp_path)
    assert (ran.out, ran.err) == ("", message)
    assert [path.name for path in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compute", "nowhere.json"], "attn: nowhere.json: no such file\n"),
        (["compute", "tests"], "attn: tests: is a directory, not a file\n"),
        (["compute", "-"], "attn: standard input: is empty\n"),
        (["compute", "-", "-"], "attn: -: standard input can be read only once\n"),
        (
            ["compute"],
            "attn: no files given, and nothing on standard input\n"
            "hint: give files, or pipe one in; attn inspect sample: lists some to try\n",
        ),
        (["compute", ARTICLE, "--head", "1"], "attn: --head 1: the only index is 0\n"),
        (["compute", ARTICLE, "--rows", "x"], "attn: --rows must be all or a whole number from 1, not 'x'\n"),
        (
            ["compute", ARTICLE, "--step", "sums"],
            "attn: --step sums: the steps are project, norm, rotate, cache, score, softmax, sum, out\n"
            'hint: did you mean "sum"?\n',
        ),
        (["compute", ARTICLE, "--scale", "big"], "attn: scale must be none, sqrt or a number, not 'big'\n"),
        (
            ["compute", ARTICLE, "--sclae", "1"],
            "attn: No such option: --sclae (Possible options: --layer, --scale, --score)\n"
            "hint: see attn compute --help\n",
        ),
        (["comptue", ARTICLE], "attn: no such command: 'comptue'\nhint: did you mean \"compute\"?\n"),
        (
            ["compute", *["samples/article.json"] * 4],
            "attn: 4 files given; expected one file of named arrays, or 2 (QUERY HIDDEN) or 3 (QUERY KEY "
            "VALUE) matrices\n",
        ),
        (
            ["compute", "samples/induction.npz:qwery"],
            "attn: samples/induction.npz: has no array 'qwery'\n"
            "hint: it has query, key, value, expected, query_labels, key_labels, options, title, source, show\n",
        ),
        (
            ["compute", "samples/induction.npz", "-f", "csv"],
            "attn: output is 9×16×64, and CSV holds one matrix\n"
            "hint: choose one with --head and --batch, or use json, npy, npz, safetensors\n",
        ),
        (
            ["compute", "samples/induction.npz", "--step", "score", "--step", "sum", "-f", "npy"],
            "attn: npy holds one array, but --step asks for 2\nhint: use json, npz or safetensors\n",
        ),
        (
            ["softmax", ARTICLE],
            "attn: samples/article.json: scores are missing\n"
            "hint: give a matrix of them, or a pipe: attn score FILE | attn softmax\n",
        ),
        (
            ["explain", "samples/coreference.npz", "--row", "the"],
            "attn: --row the: the label stands at 1, 7\nhint: --row 1\n",
        ),
        (
            ["explain", "samples/coreference.npz", "--col", "cat"],
            "attn: --col cat: there is no such key (0 to 15 or a label)\n",
        ),
    ],
)
def test_bad_commands_get_one_clear_line(arguments: list[object], message: str) -> None:
    """Missing files, wrong values, misspelled names: each with its fix."""
    words = [a.relative_to(ROOT) if isinstance(a, Path) else a for a in arguments]
    ran = called(*words, status=2)
    assert (ran.out, ran.err) == ("", message)


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    """Without --force the old content stays; with it the new one is whole."""
    target = tmp_path / "out.csv"
    target.write_text("precious")
    ran = attn("compute", ARTICLE, "-o", target, status=2)
    assert ran.err == f"attn: {target}: exists already\nhint: --force writes over it\n"
    assert target.read_text() == "precious"
    attn("compute", ARTICLE, "-o", target, "--force")
    assert target.read_text().startswith("1.999999")


def test_a_folder_that_is_not_there_and_an_extension_that_means_nothing(tmp_path: Path) -> None:
    """Both are told before anything is computed."""
    ran = attn("compute", ARTICLE, "-o", tmp_path / "no" / "out.npy", status=2)
    assert ran.err == (f"attn: {tmp_path}/no/out.npy: its folder does not exist\nhint: mkdir -p {tmp_path}/no\n")
    ran = attn("compute", ARTICLE, "-o", tmp_path / "out.xls", status=2)
    assert ran.err == (
        f"attn: {tmp_path}/out.xls: the extension '.xls' names no format\n"
        "hint: one of .json, .csv, .tsv, .npy, .npz, .safetensors, .zarr, .md, .txt\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file that cannot grow stands in for the disk; the device for full disks, where there is one, for a pipe."""
    script = small_files(100)
    script += "sys.argv = ['attn', *sys.argv[1:]]; from attncli.__main__ import main; main()"
    words = ["compute", "samples/induction.npz", "-o", str(tmp_path / "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, env=environment(), cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (2, f"attn: {tmp_path}/out.npy: cannot be written: File too large\n")
    assert not list(tmp_path.iterdir())
    with Path("/dev/full").open("wb") as full:
        words = [sys.executable, "-m", "attncli", "compute", "samples/article.json"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (2, "attn: standard output: No space left on device\n")


def test_a_closed_pipe_ends_quietly() -> None:
    """`attn … | head -1` is no error, for tables, JSON and help."""
    for words in ("compute samples/speech.npz --rows all", "compute samples/speech.npz -f json", "--help"):
        command = f"set -o pipefail; {sys.executable} -m attncli {words} | head -c 10 > /dev/null"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment(), check=False)
        assert (done.returncode, done.stderr) == (0, ""), words


def test_hostile_text_is_shown_harmlessly(tmp_path: Path) -> None:
    """Escape sequences, Rich markup and text direction marks in titles and labels never reach the terminal as such."""
    labels = '["\\u001b[31mred", "[bold]x[/bold]", "\\u202eabc"]'
    text = f'{{"query": [[1],[2],[3]], "hidden": [[1],[2],[3]], "labels": {labels}, "title": "\\u001b]0;owned\\u0007"}}'
    path = tmp_path / "f.json"
    path.write_text(text)
    for words in (["compute"], ["explain"], ["inspect"], ["compute", "-f", "csv"], ["compute", "-f", "markdown"]):
        ran = attn(*words, path)
        assert not set(ran.out) & set("\x1b\x07\u202e"), words
    assert "\\x1b]0;owned\\x07" in attn("compute", path).out
    assert "[bold]x[/bold]" in attn("compute", path, "--cols", "all", env={"COLUMNS": "200"}).out
    assert not set(attn("compute", path, "-f", "json").out) & set("\x1b\x07\u202e")


def test_nan_and_infinity_are_computed_with_and_told(tmp_path: Path) -> None:
    """The result is there, strict JSON, and a notice on standard error."""
    path = tmp_path / "f.json"
    path.write_text('{"query": [[1], ["NaN"]], "hidden": [[1], [2]], "mask": [[false, false], [true, true]]}')
    ran = attn("compute", path, "-f", "json")
    assert ran.err == (
        "attn: notice: query holds 1 NaN\nattn: notice: query 0 may attend to nothing: weights and output are 0\n"
    )
    assert '"logits": [[null, null], ["NaN", "NaN"]]' in ran.out
    assert '"output": [[0.0], ["NaN"]]' in ran.out


def test_a_traceback_is_shown_only_on_request() -> None:
    """ATTN_DEBUG=1 is for whoever mends the program."""
    words = [sys.executable, "-m", "attncli", "compute", "nowhere.json"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(ATTN_DEBUG="1"), check=False)
    assert "Traceback" in done.stderr


def test_ctrl_c_exits_130(tmp_path: Path) -> None:
    """An interrupted program says nothing more."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    words = [sys.executable, "-m", "attncli", "compute", str(fifo)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    with fifo.open("wb"):  # opens only once the program reads: it is certainly running by then
        process.send_signal(2)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_the_memory_of_a_bomb_is_never_taken(tmp_path: Path) -> None:
    """A header that promises 8 PB and an archive that would unpack to 120 MB are refused within 1 GB of addresses."""
    for name, data in (("f.npy", HUGE), ("f.npz", BOMB)):
        path = tmp_path / name
        path.write_bytes(data)
        done = subprocess.run(
            [sys.executable, "-m", "attncli", "compute", str(path)],
            capture_output=True,
            text=True,
            env=environment(OPENBLAS_NUM_THREADS="1"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
            check=False,
        )
        assert done.returncode == 2
        assert name in done.stderr
