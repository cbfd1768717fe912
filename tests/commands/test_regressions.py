"""What people found who tried to break the program: each stays mended."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from attncli.files import csv_tsv
from attncli.files.contents import Named
from attncli.files.formats import FORMATS
from attncli.files.save import encoded
from attncli.show.markdown import escape
from tests.support.files import member, npy, zipped
from tests.support.places import ROOT, SAMPLES
from tests.support.processes import attn, called, environment

ARTICLE = SAMPLES / "article.json"


def shell(command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which ``attn`` is the program."""
    line = command.replace("attn ", f"{sys.executable} -m attncli ")
    words = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=environment(), check=False)


def test_infinity_goes_through_the_filters() -> None:
    """−∞ in a query is a number, not a closed key."""
    done = shell("printf -- '-inf,1\\n1,2\\n' | attn score - | attn softmax | attn sum -f json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["query"][0][0] == "-Infinity"


def test_filters_refuse_one_head_in_json() -> None:
    """Head 0 is a choice too; all of them is none."""
    assert "carries the whole problem" in called("score", SAMPLES / "ocr.npz", "--head", "0", status=2).err
    called("score", SAMPLES / "ocr.npz", "--head", "all")


def test_a_batch_of_values_alone_goes_through_the_filters(tmp_path: Path) -> None:
    """The batch may come from the value only."""
    rng = np.random.default_rng(0)
    arrays = {"query": rng.random((3, 4)), "key": rng.random((5, 4)), "value": rng.random((2, 1, 5, 4))}
    np.savez(tmp_path / "b.npz", **arrays)  # type: ignore[arg-type]
    whole = json.loads(called("compute", tmp_path / "b.npz", "-f", "json").out)
    piped = json.loads(shell(f"attn score {tmp_path}/b.npz | attn softmax | attn sum").stdout)
    assert np.shape(whole["output"]) == (2, 1, 3, 4)
    assert [piped[name] for name in ("weights", "output")] == [whole[name] for name in ("weights", "output")]


def test_masks_keep_their_own_precision_in_json(tmp_path: Path) -> None:
    """A float32 mask beside half precision states is carried on unrounded."""
    mask = np.array([[0.1, -1e9], [0.3, 70000]], dtype="f4")
    np.savez(tmp_path / "m.npz", query=np.ones((2, 2), "f2"), hidden=np.ones((2, 2), "f2"), mask=mask)
    direct = called("compute", tmp_path / "m.npz", "--step", "softmax", "-f", "csv")
    piped = shell(f"attn score {tmp_path}/m.npz | attn compute - --step softmax -f csv")
    assert (piped.stdout, piped.stderr) == (direct.out, direct.err)


def test_alignment_in_a_file_does_not_change_a_bit(tmp_path: Path) -> None:
    """Members of an archive lie anywhere; their numbers are the same."""
    rng = np.random.default_rng(1)
    arrays = {name: rng.standard_normal((7, 5)) for name in ("query", "key", "value")}
    members = [
        member(b"x" * shift + b".npy", npy("<f8", "(7, 5)", array.tobytes()))
        for shift, array in zip((1, 2, 4), arrays.values(), strict=True)
    ]
    (tmp_path / "odd.npz").write_bytes(zipped(*members))
    np.savez(tmp_path / "even.npz", **arrays)  # type: ignore[arg-type]
    odd = [f"{tmp_path}/odd.npz:{'x' * shift}" for shift in (1, 2, 4)]
    assert called("compute", *odd, "-f", "json").out == called("compute", tmp_path / "even.npz", "-f", "json").out


@pytest.mark.parametrize("more", [["-f", "csv"], ["-f", "table", "--rows", "banana"], ["-f", "json", "--cols", "-3"]])
def test_nothing_is_written_before_everything_is_known_to_work(tmp_path: Path, more: list[str]) -> None:
    """An error in what goes to standard output leaves no file either."""
    called("compute", SAMPLES / "induction.npz", "-o", tmp_path / "out.json", *more, status=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", ["--head 0000000000000000000000001", "--scale 1_0", "--scale ٣", "--rows 0"])
def test_numbers_are_numbers(words: str) -> None:
    """What Python would take for a number, but no person means as one, is refused."""
    called("compute", ARTICLE, *words.split(), status=2)


def test_streams_that_are_closed_or_full() -> None:
    """Standard input, output and error may each be missing; the exit status stays what it is."""
    done = shell("attn score - <&-")
    assert (done.returncode, done.stderr) == (2, "attn: standard input: is closed\n")
    assert shell("attn compute samples/article.json >&-").returncode == 2
    done = shell("attn compute samples/article.json -f csv --step score 2>&-")
    assert (done.returncode, done.stdout) == (0, "55.0,70.0\n")
    assert shell("attn compute nowhere 2>/dev/full").returncode == 2
    assert (
        shell("attn compute samples/article.json --query <(printf 'nan\\n1\\n1\\n1\\n1\\n') 2>/dev/full").returncode
        == 0
    )


def test_hostile_archives_and_headers(tmp_path: Path) -> None:
    """Corrupt members, truth for a length, a header that claims a gigabyte, sizes that lie, Office documents."""
    two = npy("<f4", "(2,)", struct.pack("<2f", 1, 2))
    local, central = member(b"query.npy", two, deflate=True)
    lying = central[:20] + struct.pack("<I", 1 << 30) + central[24:]
    cases = {
        "lzma.npz": zipped((local[:8] + b"\x0e\0" + local[10:], central[:10] + b"\x0e\0" + central[12:])),
        "bool.npy": npy("<f4", "(True, 2)", struct.pack("<2f", 1, 2)),
        "long.npy": b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 30) + b"{",
        "lying.npz": zipped((local, lying)),
        "book.npz": zipped(member(b"[Content_Types].xml", b"<xml/>")),
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        err = called("inspect", name, status=2, cwd=tmp_path).err
        assert err.startswith(f"attn: {name}: ")
        assert "internal" not in err
    many = zipped(
        *(member(b"x%d.npy" % i, npy("<f4", "(9000000,)", bytes(36_000_000)), deflate=True) for i in range(3))
    )
    (tmp_path / "many.npz").write_bytes(many)
    assert "possible ZIP bomb" in called("inspect", "many.npz", status=2, cwd=tmp_path).err


def test_a_stream_is_read_no_further_than_its_header_promises() -> None:
    """An endless pipe behind a small array ends in an error, not in all memory."""
    data = npy("|b1", "(2, 2)", b"\1\0\0\1")
    words = [sys.executable, "-m", "attncli", "inspect", "-"]
    reading, writing = os.pipe()
    os.write(writing, data + bytes(1 << 15))  # and the pipe is never closed
    done = subprocess.run(words, stdin=reading, capture_output=True, env=environment(), timeout=60, check=False)
    os.close(writing)
    os.close(reading)
    assert done.returncode == 2
    assert b"over-long" in done.stderr


def test_a_long_cell_takes_no_longer_than_it_must() -> None:
    """A regular expression that could match in many ways would take minutes here."""
    with pytest.raises(ValueError, match="is not a number"):
        csv_tsv.parse("1,2\n3," + "1" * 100_000 + "x\n")


def test_python_warnings_stay_inside(tmp_path: Path) -> None:
    """Casts that overflow and sums of infinities are told in our words or not at all."""
    np.savez(tmp_path / "m.npz", query=np.full((2, 2), np.inf, "f4"), hidden=np.eye(2, dtype="f4"), mask=[-1e300, 0.0])
    np.savez(tmp_path / "v.npz", query=np.eye(2), key=np.eye(2), value=np.full((2, 2), 1e300))
    np.save(tmp_path / "h.npy", np.full((2, 2), 60000, "f2"))
    for words in (
        ["compute", "m.npz"],
        ["compute", "v.npz", "--dtype", "float32"],
        ["compute", "h.npy"],
        ["explain", "m.npz"],
    ):
        err = attn(*words, cwd=tmp_path, env={"PYTHONWARNINGS": "error"}).err
        assert all(line.startswith("attn: notice: ") for line in err.splitlines())
    assert "output leaves the range of float32" in called("compute", "v.npz", "--dtype", "float32", cwd=tmp_path).err
    (tmp_path / "t.json").write_text('{"query": [1e300], "hidden": [[1]], "dtype": "float32"}')
    assert "beyond the range of float32" in called("compute", "t.json", status=2, cwd=tmp_path).err


@pytest.mark.parametrize(
    "text", ["- item", "+ plus", "1. first", "1) x", "---", "    code", "https://a.b", "www.a.b", "a@b.c"]
)
def test_markdown_gets_no_markup_from_titles(text: str) -> None:
    """Lists, rules, code and links are escaped."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark").render(escape(text))
    assert html == f"<p>{text.strip()}</p>\n"
    assert not re.search(r"(?<!\\)://|www\.|[^\\]@", escape(text))


def test_labels_that_look_like_marked_numbers_are_labels(tmp_path: Path) -> None:
    """Only the element that is worked out is bold."""
    (tmp_path / "f.json").write_text('{"query": [[1]], "hidden": [[1], [2]], "key_labels": ["[1]", "[NaN]"]}')
    out = called("explain", "f.json", "--step", "score", "-f", "markdown", cwd=tmp_path).out
    assert "| \\[1\\] | \\[NaN\\] |" in out
    assert "| **2** |" in out


def test_labels_that_look_like_comments_come_back() -> None:
    """A label that begins with # is quoted in our own CSV."""
    result = Named({"weights": np.eye(2)}, {"query_labels": ("#1", 'a "b", c')})
    assert csv_tsv.parse(encoded(FORMATS["csv"], result).decode()).row_labels == ("#1", 'a "b", c')


def test_a_long_name_and_a_kill(tmp_path: Path) -> None:
    """A name as long as the system allows is written; a terminated program leaves no temporary file."""
    name = "x" * 251 + ".csv"
    called("compute", ARTICLE, "-o", name, cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    words = [sys.executable, "-m", "attncli", "compute", str(fifo)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment()) as process, fifo.open("wb"):
        time.sleep(0.1)
        process.terminate()
        assert process.wait(timeout=60) == 128 + 15


def test_a_dumb_terminal_that_is_told_to_show_colours() -> None:
    """The table is as wide as it is, not cut to what Rich thinks such terminals are."""
    out = attn("compute", SAMPLES / "coreference.npz", "--color", "always", "--cols", "all", env={"TERM": "dumb"}).out
    assert "…" not in out


def test_without_docstrings_it_still_runs() -> None:
    """PYTHONOPTIMIZE=2 takes the help texts away, and nothing else."""
    assert "None" not in attn("--help", env={"PYTHONOPTIMIZE": "2"}).out


def test_filters_take_arrays_from_flags_alone() -> None:
    """Standard input is not waited for when flags give what is needed."""
    hidden = SAMPLES / "article-hidden.csv"
    query = SAMPLES / "article-query.csv"
    ran = called("score", "--query", query, "--hidden", hidden, "--states", "columns", "-f", "csv")
    assert ran.out == ",first,second\n0,55.0,70.0\n"


def test_any_member_can_be_picked_by_its_name(tmp_path: Path) -> None:
    """np.savez without names, or with names of one's own."""
    np.savez(tmp_path / "a.npz", np.eye(2), foo=np.eye(2))
    out = called(
        "compute", "--query", "a.npz:arr_0", "--hidden", "a.npz:foo", "-f", "csv", "--step", "score", cwd=tmp_path
    )
    assert out.out == "1.0,0.0\n0.0,1.0\n"
    assert "takes an array by any name" in called("compute", "a.npz", status=2, cwd=tmp_path).err


def test_a_header_that_may_be_numbers_is_told(tmp_path: Path) -> None:
    """Data frames write 0, 1, 2 above their columns."""
    (tmp_path / "f.csv").write_text("0,1,2\n5,6,7\n")
    notice = "the first row, 0, 1, 2, is read as numbers; --header reads it as a header"
    assert called("compute", "f.csv", cwd=tmp_path).err == f"attn: notice: f.csv: {notice}\n"
