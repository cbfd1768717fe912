"""`attn mask`: what is open without query and key, drawn, counted and written; two masks laid on each other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from attncli.attend.arrays import ARRAYS
from attncli.attend.options import Options, records
from attncli.attend.words.array import Role
from attncli.commands.app import build
from attncli.mask.extent import MOST_CELLS, lengths
from tests.support.files import files
from tests.support.places import SAMPLES
from tests.support.processes import attn, called, in_terminal

# 8 queries, 12 keys, three keys back: one more a row up to four, then four a row.
DRAWN = """\
causal · window 3 back, any ahead · first query at position 0
  0 1 2 3 4 5 6 7 8 9 10     open keys
0 ■ · · · · · · · · · · ·    0
1 ■ ■ · · · · · · · · · ·    0–1
2 ■ ■ ■ · · · · · · · · ·    0–2
3 ■ ■ ■ ■ · · · · · · · ·    0–3
4 · ■ ■ ■ ■ · · · · · · ·    1–4
5 · · ■ ■ ■ ■ · · · · · ·    2–5
6 · · · ■ ■ ■ ■ · · · · ·    3–6
7 · · · · ■ ■ ■ ■ · · · ·    4–7
8×12 (queries × keys), 26 of 96 open; ■ open, · closed
"""


def loaded(*words: object, cwd: Path, stdin: bytes = b"") -> np.ndarray:
    """Return the booleans that a command writes."""
    called("mask", *words, "-o", "out.npy", "--force", cwd=cwd, stdin=stdin)
    found: np.ndarray = np.load(cwd / "out.npy")
    assert found.dtype == bool
    return found


def test_options_alone_are_drawn() -> None:
    """A line for each query, and its ranges of keys."""
    assert called("mask", "--length", "8", "--keys", "12", "--causal", "--window", "3").out == DRAWN


def test_a_screen_without_unicode_gets_ascii() -> None:
    """And no sign that is not told by the legend."""
    out = attn("mask", "--length", "3", "--causal", env={"PYTHONIOENCODING": "ascii"}).out
    assert out.isascii()
    assert out.splitlines()[2:] == [
        "0 # - -    0",
        "1 # # -    0-1",
        "2 # # #    0-2",
        "3x3 (queries x keys), 6 of 9 open; # open, - closed",
    ]


def test_colours_come_on_top_of_signs() -> None:
    """What is open is coloured, what is closed is dim; without colours the same is there."""
    shown = in_terminal("mask", "--length", "2", "--causal", env={"COLORTERM": "truecolor"})
    assert "\x1b[38;2;" in shown
    assert "■" in shown
    assert "\x1b" not in in_terminal("mask", "--length", "2", "--causal", env={"NO_COLOR": "1"})


def test_captions_are_in_the_language_that_is_asked_for() -> None:
    """By the flag, or by the locale."""
    out = called("mask", "--length", "2", "--causal", "--lang", "zh").out
    assert out.splitlines()[-1] == "2×2（查询 × 键），4 格中 3 格可见；■ 可见，· 已屏蔽"
    assert "可见的键" in called("mask", "--length", "2", env={"LANG": "zh_CN.UTF-8"}).out


@pytest.mark.parametrize("width", [20, 40, 80, 133])
@pytest.mark.parametrize(("queries", "keys"), [(3, 3), (64, 200), (65, 10), (1000, 7), (1, 500)])
def test_no_line_is_wider_than_the_screen(width: int, queries: int, keys: int) -> None:
    """However large the mask is; the count is exact."""
    out = called("mask", "--length", queries, "--keys", keys, "--causal", "--width", width).out
    assert all(len(line) <= max(width, 44) for line in out.splitlines())
    total = sum(min(query + 1, keys) for query in range(queries))
    assert f"{total} of {queries * keys} open" in " ".join(out.split())


def test_what_is_large_is_averaged_down_with_exact_counts(tmp_path: Path) -> None:
    """Only what is open as a whole gets all the ink, and a line's ranges are those of all its queries."""
    out = called("mask", "--length", "128", "--causal", "--width", "96").out.splitlines()
    assert "each sign is 2×2 cells" in " ".join(out[-2:])
    assert "8256 of 16384 open" in out[-1] + out[-2]
    row = next(line for line in out if line.startswith("4 "))
    assert row.split()[1].startswith("██▓·")
    assert row.endswith("   0–5")
    mask = np.zeros((100, 1000), dtype=bool)
    mask[3, [0, 999]] = mask[4, 10:20] = True
    np.save(tmp_path / "m.npy", mask)
    out = called("mask", "m.npy", cwd=tmp_path).out.splitlines()
    assert next(line for line in out if line.startswith("2 ")).endswith("10–19, 999") or "0, 999" in " ".join(out)
    assert any("12 of 100000 open" in line for line in out)


def test_booleans_have_no_axes_of_length_1(tmp_path: Path) -> None:
    """Nor axes along which all masks are the same."""
    assert loaded("--length", 3, "--causal", cwd=tmp_path).tolist() == np.tri(3, dtype=bool).tolist()
    assert loaded("--mask", "true,false,true", cwd=tmp_path).tolist() == [True, False, True]
    assert loaded("--length", 1, "--keys", 1, cwd=tmp_path).tolist() == [True]
    assert loaded(SAMPLES / "induction.npz", cwd=tmp_path).shape == (16, 16)  # of 9 heads
    np.save(tmp_path / "m.npy", np.ones((2, 3, 1, 5), dtype=bool))
    assert loaded("m.npy", cwd=tmp_path).shape == (2, 3, 5)
    assert loaded("m.npy", "--causal", cwd=tmp_path).shape == (2, 3, 5, 5)
    assert loaded("m.npy", "--head", 1, cwd=tmp_path).shape == (2, 5)
    assert loaded("m.npy", "--head", 1, "--batch", 0, "--length", 4, cwd=tmp_path).shape == (4, 5)
    assert loaded("--key-lengths", "3,5", cwd=tmp_path).tolist() == [[[j < n for j in range(5)]] * 5 for n in (3, 5)]


def test_a_layer_has_the_mask_of_its_states(tmp_path: Path) -> None:
    """Which are not projected for it: there are as many queries and keys as rows of x."""
    assert loaded(SAMPLES / "layer.npz", "--causal", cwd=tmp_path).tolist() == np.tri(8, dtype=bool).tolist()


@pytest.mark.parametrize("kind", ["json", "csv", "tsv", "npy", "npz"])
def test_every_data_format_is_read_back_as_the_same_mask(kind: str, tmp_path: Path) -> None:
    """From a file and from a pipe, without a word."""
    words = ("--length", "4", "--keys", "6", "--causal", "--window", "1,1")
    raw = attn("mask", *words, "-f", kind).raw
    called("mask", *words, "-o", f"m.{kind}", cwd=tmp_path)
    assert (tmp_path / f"m.{kind}").read_bytes() == raw or kind == "npz"
    ran = called("mask", f"m.{kind}", "-", stdin=raw, cwd=tmp_path)
    assert ran.out == "the two masks are the same: 7 of 24 open\n"
    assert ran.err == ""


def test_numbers_close_where_they_are_minus_infinity(tmp_path: Path) -> None:
    """A number that is only very low is added and closes nothing, which is said; so are 0 and 1."""
    np.save(tmp_path / "added.npy", np.where(np.tri(3), 0, -np.inf))
    assert loaded("added.npy", cwd=tmp_path).tolist() == np.tri(3, dtype=bool).tolist()
    np.save(tmp_path / "low.npy", np.where(np.tri(3), 0, np.finfo("f4").min).astype("f4"))
    ran = called("mask", "low.npy", cwd=tmp_path)
    assert "9 of 9 open" in ran.out
    assert ran.err == "attn: notice: mask holds numbers down to -3.4e+38 but no -∞: they are added, and close no key\n"
    np.save(tmp_path / "whole.npy", np.tri(3, dtype=int))
    ran = called("mask", "whole.npy", cwd=tmp_path)
    assert "6 of 9 open" in ran.out
    assert "read as false and true" in ran.err


def test_a_query_that_sees_nothing_is_named() -> None:
    """As everywhere."""
    ran = called("mask", "--length", "3", "--causal", "--offset", "-1")
    assert ran.err == "attn: notice: query 0 may attend to nothing: weights and output are 0\n"
    assert "0 · · ·    none" in ran.out


@pytest.mark.parametrize(
    "name", ["padding.json", "window.json", "induction.npz", "decode.npz", "bias.json", "port.npz"]
)
def test_what_is_open_is_what_softmax_is_given(name: str, tmp_path: Path) -> None:
    """Of a whole problem the lengths are those of query and key, and its logits are −∞ where the mask is false."""
    called("compute", SAMPLES / name, "--step", "softmax", "-o", "l.npz", cwd=tmp_path)
    called("compute", SAMPLES / name, "--step", "score", "-o", "s.npy", cwd=tmp_path)
    logits = np.load(tmp_path / "s.npy")
    found = loaded(SAMPLES / name, cwd=tmp_path)
    same = found if found.ndim >= 3 else np.broadcast_to(found.reshape(logits.shape[-2:]), logits.shape)
    if found.ndim == 3 and logits.ndim == 4:  # one for each batch item
        same = np.broadcast_to(found[:, None], logits.shape)
    assert np.array_equal(same, logits != -np.inf)


def test_a_mask_joins_what_options_say(tmp_path: Path) -> None:
    """Each closes what it closes; a mask shorter than the keys closes the rest."""
    assert loaded("--mask", "[[true,true,false,true]]", "--causal", cwd=tmp_path).astype(int).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 0, 1],
    ]
    assert loaded("--mask", "true,true", "--keys", 3, "--length", 1, cwd=tmp_path).tolist() == [True, True, False]


def test_standard_input_is_read_where_nothing_says_how_large_it_is(tmp_path: Path) -> None:
    """A pipe is a mask; with lengths none is waited for."""
    assert "3 of 4 open" in attn("mask", stdin=b"[[true,false],[true,true]]").out
    assert "3 of 4 open" in attn("mask", "--length", "2", "--causal", stdin=b"nonsense").out


def test_the_axes_of_arrays_say_how_many_there_are() -> None:
    """And where positions count, there are as many queries as keys unless something says otherwise."""
    causal, none = Options(causal=True), Options()
    mask = {"mask": np.ones((2, 1, 1, 5))}
    assert lengths(mask, none, None, None) == (2, 1, 1, 5)
    assert lengths(mask, causal, None, None) == (2, 1, 5, 5)
    assert lengths(mask, causal, 3, None) == (2, 1, 3, 5)
    assert lengths({}, causal, 3, None) == (1, 1, 3, 3)
    assert lengths({}, causal, None, 3) == (1, 1, 3, 3)
    assert lengths({"bias": np.ones((4, 7, 6))}, none, None, 9) == (1, 4, 7, 9)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing says how many queries and keys there are"),
        (["--causal", "--length", "0"], "Invalid value for '--length'"),
        (["a.json", "--length", "5"], "a.json: --length 5 contradicts the file, which has 2 queries"),
        (["a.json", "--keys", "5"], "a.json: --keys 5 contradicts the file, which has 3 keys"),
        (["m.json", "--keys", "2"], "m.json: mask 2×3 does not broadcast to 1×1×2×2"),
        (["m.json", "m.json", "m.json"], "3 files given; expected a mask, or two to compare"),
        (
            ["m.json", "n.json"],
            "m.json 1×1×2×3 and n.json 1×1×4×5 (batch, heads, queries, keys) do not fit on each other",
        ),
        (["m.json", "--head", "1"], "--head 1: the only index is 0"),
        (["a.json", "--head", "2"], "--head 2: the indices run from 0 to 1"),
        (["--length", str(MOST_CELLS)], "is too large"),
        (["--length", "1", "--keys", str(MOST_CELLS)], "of memory are needed"),
        (["--length", "2", "-f", "npy", "-o", "x.csv"], "-f asks for npy"),
        (["--length", "2", "-f", "json", "--width", "50"], "--width has no effect"),
    ],
)
def test_what_cannot_be_is_one_line(words: list[str], message: str, tmp_path: Path) -> None:
    """With exit status 2, and nothing on standard output."""
    files(
        tmp_path,
        {
            "a.json": '{"query": [[[1], [2]], [[1], [2]]], "hidden": [[1], [2], [3]]}'.replace(
                "[[1], [2], [3]]", "[[[1], [2], [3]]]"
            ),
            "m.json": "[[true, true, true], [true, false, false]]",
            "n.json": json.dumps([[True] * 5] * 4),
        },
    )
    ran = called("mask", *words, cwd=tmp_path, status=2)
    assert ran.out == ""
    assert message in ran.err.splitlines()[0]
    assert len(ran.err.splitlines()) <= 2


def test_two_masks_are_laid_on_each_other(tmp_path: Path) -> None:
    """What is open in one alone is told by its letter; exit status 1."""
    files(
        tmp_path,
        {
            "a.csv": "true,false,false\ntrue,true,false\ntrue,true,true\n",
            "b.csv": "true,true,false\ntrue,true,true\ntrue,true,true\n",
        },
    )
    ran = called("mask", "a.csv", "b.csv", cwd=tmp_path, status=1)
    assert ran.err == ""
    assert ran.out.splitlines() == [
        "A: a.csv: 6 of 9 open",
        "B: b.csv: 8 of 9 open",
        "2 of 9 differ: 0 open in A alone, 2 in B alone",
        "shifted: B is A shifted by 1 along the keys and 0 along the queries: a diagonal",
        "or a position is off.",
        "  0 1 2    keys that differ",
        "0 ■ B ·    1",
        "1 ■ ■ B    2",
        "2 ■ ■ ■    none",
        "■ open in both, · in neither, A in A alone, B in B alone",
    ]
    found = json.loads(called("mask", "b.csv", "a.csv", "-f", "json", cwd=tmp_path, status=1).out)
    assert (found["same"], found["differ"], found["a"]["alone"], found["b"]["alone"]) == (False, 2, 2, 0)
    assert (found["difference"], found["made"], found["of"]) == ("shifted", "b", "a")
    called("mask", "a.csv", "b.csv", "-o", "d.npy", cwd=tmp_path, status=1)
    assert np.load(tmp_path / "d.npy").astype(int).tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert called("mask", "a.csv", "a.csv", cwd=tmp_path).out == "the two masks are the same: 6 of 9 open\n"


def test_masks_whose_axes_are_swapped_cannot_be_laid_on_each_other(tmp_path: Path) -> None:
    """And are found all the same."""
    np.save(tmp_path / "a.npy", np.tri(3, 5, dtype=bool))
    np.save(tmp_path / "b.npy", np.tri(3, 5, dtype=bool).T)
    out = called("mask", "a.npy", "b.npy", cwd=tmp_path, status=1).out
    assert "cannot be laid on each other" in out
    assert "axes-swapped: B is A with its axes swapped: they lie in the order (S, L)." in out
    assert (
        json.loads(called("mask", "a.npy", "b.npy", "-f", "json", cwd=tmp_path, status=1).out)["difference"]
        == "axes-swapped"
    )
    assert "laid on each other" in called("mask", "a.npy", "b.npy", "-o", "d.npy", cwd=tmp_path, status=2).err


def test_the_first_head_that_differs_is_drawn(tmp_path: Path) -> None:
    """And all that do are named."""
    a = np.ones((4, 3, 3), dtype=bool)
    b = a.copy()
    b[2] = b[3] = np.tri(3)
    np.savez(tmp_path / "a.npz", mask=a)
    np.savez(tmp_path / "b.npz", mask=b)
    out = called("mask", "a.npz", "b.npz", cwd=tmp_path, status=1).out
    assert "they differ in head 2, head 3" in out
    assert out.count("head 2") == 2
    assert out.count("head 3") == 1


def test_a_rule_of_a_problem_may_be_the_one_that_is_wrong(tmp_path: Path) -> None:
    """A causal problem whose mask another program inverted."""
    mask = np.array([[1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0], [0, 1, 1, 1]], dtype=bool)
    (tmp_path / "p.json").write_text(json.dumps({"mask": mask.tolist(), "options": {"causal": True}}))
    np.save(tmp_path / "theirs.npy", np.tri(4, dtype=bool) & ~mask)
    out = called("mask", "p.json", "theirs.npy", cwd=tmp_path, status=1).out
    assert "inverted: B is A with this done to its rule mask alone." in " ".join(out.split())


def test_large_masks_are_compared_without_a_rule(tmp_path: Path) -> None:
    """Which is said."""
    for name, by in (("a.npy", 0), ("b.npy", 1)):
        np.save(tmp_path / name, np.tri(3000, k=by, dtype=bool))
    out = called("mask", "a.npy", "b.npy", cwd=tmp_path, status=1).out
    assert "2999 of 9000000 differ" in out
    assert "too large to look for a rule" in out


def test_a_page_is_drawn_from_the_same_cells(tmp_path: Path) -> None:
    """One map for each head; of two masks one for each, and one for what differs."""
    called("mask", "--length", "4", "--causal", "-o", "one.html", cwd=tmp_path)
    text = (tmp_path / "one.html").read_text(encoding="utf-8")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert data["names"] == ["open"]
    assert data["notes"] == ["4×4 (queries × keys), 10 of 16 open"]
    np.save(tmp_path / "m.npy", np.ones((4, 4), dtype=bool))
    called("mask", "m.npy", "-", "-o", "two.html", cwd=tmp_path, stdin=b"[[true,false,true,true]]", status=1)
    text = (tmp_path / "two.html").read_text(encoding="utf-8")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert data["names"] == ["A", "B", "differ"]
    assert data["first"]["step"] == data["steps"][2]


def test_labels_go_where_there_is_a_row_or_column_for_each(tmp_path: Path) -> None:
    """Also where one mask is a row that serves all queries of the other, and where there is a list for each item."""
    a = {"mask": [[True, False, True]], "key_labels": ["x", "y", "z"], "query_labels": ["only"]}
    b = {"mask": [[True, True, True]] * 2, "query_labels": ["one", "two"]}
    (tmp_path / "a.json").write_text(json.dumps(a))
    (tmp_path / "b.json").write_text(json.dumps(b))
    out = called("mask", "a.json", "b.json", cwd=tmp_path, status=1).out.splitlines()
    assert out[-4:-1] == ["    x y z    keys that differ", "one ■ B ■    1", "two ■ B ■    1"]
    called("mask", "a.json", "b.json", "-o", "d.html", cwd=tmp_path, status=1)
    text = (tmp_path / "d.html").read_text(encoding="utf-8")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert (data["queries"], data["keys"]) == (["one", "two"], ["x", "y", "z"])
    each = {"query": [[[[1], [2]]]] * 2, "hidden": [[[[1], [2]]]] * 2, "key_labels": [["a", "b"], ["c", "d"]]}
    (tmp_path / "c.json").write_text(json.dumps(each))
    called("mask", "c.json", "--causal", "-o", "m.json", cwd=tmp_path)
    assert called("mask", "m.json", cwd=tmp_path).out.startswith("boolean mask\n  a b")
    ran = called("mask", "c.json", "--key-lengths", "1,2", "-o", "n.json", cwd=tmp_path)
    assert ran.err == "attn: notice: mask has the axes (B, L, S), and three axes of a mask are read as (H, L, S)\n"
    assert "labels" not in (tmp_path / "n.json").read_text()
    called("mask", "c.json", "--key-lengths", "1,2", "--batch", "1", "-o", "o.json", cwd=tmp_path)
    assert called("mask", "o.json", cwd=tmp_path).out.startswith("boolean mask\n  c d")


def test_all_that_closes_keys_has_a_flag() -> None:
    """Whatever is declared for the stage."""
    names = {each.name for each in build("mask").params}
    assert {name for name, each in records().items() if each.stage == "mask"} <= names
    assert {name for name, each in ARRAYS.items() if each.stage == "mask" and each.role is Role.INPUT} <= names
    assert "query" not in names


def test_masks_of_one_row_and_of_one_column_make_a_page(tmp_path: Path) -> None:
    """Each serves the other's rows or columns: 2 × 2 cells of both are drawn."""
    (tmp_path / "row.csv").write_text("1,0\n")
    (tmp_path / "column.csv").write_text("1\n0\n")
    found = called("mask", "row.csv", "column.csv", "-o", "m.html", cwd=tmp_path, status=1)
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert "A 2 · B 2 · differ 2" in page, found.err
