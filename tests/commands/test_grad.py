"""attn grad: tables and files of gradients, against numbers worked out by hand and against the whole problem."""

from __future__ import annotations

import json
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncli import gradients, steps
from attncli.attend.layouts import ORDERS
from tests.support.arrays import normal
from tests.support.declared import put
from tests.support.processes import Ran, attn, called

NOTICE = "attn: notice: without d_output it is all ones: the loss is the sum of the output\n"
# Both keys score 0, so that both weights are 1/2; d_weights are the values 2 and 4, and their mean is 3.
HALVES = {"query": [[1]], "key": [[0], [0]], "value": [[2], [4]], "d_output": [[1]]}


def halves(*words: str, status: int = 0, **more: object) -> Ran:
    return called("grad", "-", *words, stdin=json.dumps(HALVES | more).encode(), status=status)


def test_every_gradient_is_a_table_with_its_formula() -> None:
    """On the way back, labelled; that of the scores is that of the logits where nothing is capped."""
    out = halves("--digits", "3", query_labels=["q"], key_labels=["a", "b"]).out
    assert out == (
        """query 1×1 float64 · key 2×1 float64 · value 2×1 float64 · d_output 1×1 float64
score dot · scale none · states rows · computed in float64

d_output = ∂loss / ∂output   1×1
    0
──────
 q  1

d_weights = d_output · valueᵀ   1×2
    a  b
─────────
 q  2  4

d_logits = d_scores = weights ∘ (d_weights − rowsum(weights ∘ d_weights))   1×2
         a      b
──────────────────
 q  -0.500  0.500

d_value = weightsᵀ · d_output   2×1
        0
──────────
 a  0.500
 b  0.500

d_key = scale · d_scoresᵀ · query   2×1
         0
───────────
 a  -0.500
 b   0.500

d_query = scale · d_scores · key   1×1
    0
──────
 q  0
"""
    )


def test_a_cap_has_a_table_of_its_own() -> None:
    """(1 − (capped/X)²) is less than 1 where a score is not 0."""
    out = halves("--softcap", "2", "--step", "d_logits", "--step", "d_scores", key=[[0], [1e9]], value=[[2], [2]]).out
    assert "d_logits = weights ∘ (d_weights − rowsum(weights ∘ d_weights))   1×2\n" in out
    assert "d_scores = d_logits ∘ (1 − (capped / 2)²)   1×2\n" in out


def test_without_d_output_the_loss_is_the_sum_of_the_output(tmp_path: Path) -> None:
    """Which is said."""
    arrays = {name: np.array(each, float) for name, each in HALVES.items() if name != "d_output"}
    path = put(tmp_path / "p.npz", arrays)
    ran = called("grad", path)
    assert "d_output = 1, of the loss Σ output   1×1\n" in ran.out
    assert ran.err == NOTICE
    assert called("grad", path, "--d-output", "[[1]]").err == ""


def test_one_gradient_alone_goes_where_there_is_room_for_one() -> None:
    """And several, or none by name, do not."""
    assert halves("--step", "d_key", "-f", "csv").out == "-0.5\n0.5\n"
    assert halves("-f", "csv", status=2).err == (
        "attn: standard input: a format of one matrix holds one gradient, and there are 7\n"
        "hint: --step d_value chooses one of d_output, d_weights, d_logits, d_scores, d_value, d_key, d_query\n"
    )
    assert halves("--step", "d_key", "--step", "d_query", "-f", "csv", status=2).err == (
        "attn: csv holds one array, but --step asks for 2\nhint: use json, npz or safetensors\n"
    )


def test_the_name_of_a_gradient_that_there_is_not() -> None:
    """The nearest one is offered; of an array that is not there, it is said so."""
    assert halves("--step", "d_qeury", status=2).err == (
        'attn: --step d_qeury: there is no such gradient\nhint: did you mean "d_query"?\n'
    )
    assert halves("--step", "query", status=2).err == (
        'attn: --step query: there is no such gradient\nhint: did you mean "d_query"?\n'
    )
    assert halves("--step", "d_bias", status=2).err == (
        "attn: standard input: --step d_bias: no bias takes part in this problem\n"
        "hint: there are d_output, d_weights, d_logits, d_scores, d_value, d_key, d_query\n"
    )


def test_d_output_of_another_shape_is_an_error_with_both(tmp_path: Path) -> None:
    """And with the file that it is from; a table of one row will do for a vector."""
    (tmp_path / "d.csv").write_text("1,2\n")
    ran = called("grad", "sample:article", "--d-output", tmp_path / "d.csv", status=2)
    assert ran.err == f"attn: {tmp_path}/d.csv: d_output 1×2 does not fit the output, which is 5\n"
    output = called("compute", "sample:article", "-f", "csv").raw
    assert called("grad", "sample:article", "--d-output", "-", stdin=output).err == ""


def test_whole_numbers_are_counted_as_decimals(tmp_path: Path) -> None:
    """Which is said."""
    path = put(tmp_path / "p.npz", {name: np.array(each) for name, each in HALVES.items()})
    ran = called("grad", path, "--step", "d_key", "-f", "npy")
    assert ran.err == "attn: notice: query, key, value: whole numbers are differentiated as if they were float64\n"
    assert np.load(BytesIO(ran.raw)).dtype == np.float64


def test_a_query_that_sees_nothing_changes_nothing(tmp_path: Path) -> None:
    """Nor does what no query sees; both are 0, and the query is told of."""
    mask = np.array([[True, False], [False, False]])
    arrays = {"query": normal(2, 3), "key": normal(2, 3, seed=1), "value": np.array([[1.0], [np.nan]]), "mask": mask}
    ran = called("grad", put(tmp_path / "p.npz", arrays), "-f", "npz")
    found = np.load(BytesIO(ran.raw))
    assert_array_equal(found["d_query"][1], 0)
    assert_array_equal(found["d_value"], [[1], [0]])
    assert_array_equal(found["d_weights"], [[1, 0], [0, 0]])
    assert "d_mask" not in found.files
    assert "attn: notice: query 1 may attend to nothing: weights and output are 0\n" in ran.err


def test_a_number_that_is_none_or_beyond_the_range_is_told_of(tmp_path: Path) -> None:
    """In d_output by its name; a gradient in half precision that is ∞."""
    arrays = {name: np.array(each, "f2") for name, each in HALVES.items()}
    arrays["d_output"] = np.array([[np.nan]])
    assert "attn: notice: d_output holds 1 NaN\n" in called("grad", put(tmp_path / "p.npz", arrays)).err
    arrays |= {"value": np.array([[60000], [-60000]], "f2"), "d_output": np.array([[1e3]])}
    ran = called("grad", put(tmp_path / "p.npz", arrays), "--step", "d_key")
    assert ran.err == "attn: notice: d_key leaves the range of float16\n"


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """Return arrays (batch, heads, length, features) of heads that share two key heads, with d_output."""
    arrays = {"query": normal(2, 4, 3, 6), "key": normal(2, 2, 5, 6), "value": normal(2, 2, 5, 7), "sinks": normal(4)}
    return arrays | {"bias": normal(4, 3, 5), "d_output": normal(2, 4, 3, 7)}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", [name for name in ORDERS if name != "thd"])
def test_one_head_of_one_item(whole: dict[str, Any], layout: str, packed: bool, tmp_path: Path) -> None:
    """What a file holds of it, however the states lie, is its share of the whole; keys have that of their group."""
    right = gradients(**whole)
    arrays = {name: lying(each, layout, packed) if each.ndim == 4 else each for name, each in whole.items()}
    options = {"layout": layout} | ({"heads": 4, "kv_heads": 2} if packed else {})
    path = put(tmp_path / "p.npz", arrays, options)
    found = np.load(BytesIO(called("grad", path, "-f", "npz", "--head", "3", "--batch", "1").raw))
    assert_allclose(found["d_query"], right["d_query"][1, 3], atol=1e-12)
    assert_allclose(found["d_key"], right["d_key"][1, 1], atol=1e-12)
    assert_allclose(found["d_value"], right["d_value"][1, 1], atol=1e-12)
    assert_allclose(found["d_bias"], right["d_bias"][3], atol=1e-12)
    assert_allclose(found["d_sinks"], right["d_sinks"][3:], atol=1e-12)
    assert_array_equal(found["d_output"], whole["d_output"][1, 3])
    assert found["d_logits"].shape == (3, 5)
    assert_allclose(found["d_logits"] @ whole["key"][1, 1], right["d_query"][1, 3], atol=1e-12)
    every = np.load(BytesIO(called("grad", path, "-f", "npz").raw))
    for name, gradient in right.items():
        assert every[name].shape == arrays[name.removeprefix("d_")].shape
        assert_allclose(every[name], lying(gradient, layout, packed) if gradient.ndim == 4 else gradient, atol=1e-12)
    assert_array_equal(every["d_output"], arrays["d_output"])
    assert_array_equal(every["d_logits"][1, 3], found["d_logits"])


def lying(states: Any, layout: str, packed: bool) -> Any:
    """Return states (batch, heads, length, features) as a layout has them."""
    turned = {"bhsd": (0, 1, 2, 3), "bshd": (0, 2, 1, 3), "sbhd": (2, 0, 1, 3)}
    if not packed:
        return states.transpose(turned[layout])
    beside = states.transpose(turned["sbhd" if layout == "sbhd" else "bshd"])
    return beside.reshape(*beside.shape[:2], -1)


def test_tables_of_all_heads_show_each_gradient_once(whole: dict[str, Any], tmp_path: Path) -> None:
    """Two query heads share a key head, and all share a hidden state or a matrix."""
    path = put(tmp_path / "p.npz", whole)
    out = called("grad", path, "--head", "all", "--batch", "all", "--step", "d_query", "--step", "d_key").out
    assert out.count("d_query = ") == 8
    assert out.count("d_key = ") == 4
    assert ", summed over 2 query heads   batch 1 of 2, key head 1 of 2, 5×6 " in out.replace("\n", " ")
    out = called("grad", "sample:layer", "--head", "all", "--rows", "2").out
    assert out.count("d_hidden = ") == out.count("d_w_q = ") == 1
    assert out.count("   head 1 of 2, 8×8") + out.count("   head\n1 of 2, 8×8") + out.count("head 1 of 2,\n8×8") == 2
    ran = called("grad", "sample:layer", "--head", "1", "--step", "d_w_q", "-f", "csv", status=2)
    assert ran.err == ("attn: d_w_q is of all heads together, and --head asks for one\nhint: leave --head out\n")


def test_tables_show_some_rows_of_matrices_of_scores(tmp_path: Path) -> None:
    """The first and the last, of their own numbers."""
    arrays = {"query": normal(40, 3), "hidden": normal(40, 3, seed=1)}
    path = put(tmp_path / "p.npz", arrays, {"causal": True})
    right = np.load(BytesIO(called("grad", path, "-f", "npz").raw))["d_logits"]
    lines = called("grad", path, "--step", "d_logits", "--rows", "2", "--cols", "2", "--digits", "9").out.splitlines()
    shown = [line.split() for line in lines[-3:]]
    assert shown[1] == ["…"] * 4
    for row, words in ((0, shown[0]), (39, shown[2])):
        assert words[0] == str(row)
        assert_allclose([float(words[1]), float(words[3])], right[row, [0, 39]], atol=1e-8)


def test_states_that_are_columns_have_gradients_that_are(tmp_path: Path) -> None:
    """With their labels beside them, in tables as in files."""
    arrays: dict[str, Any] = {"query": normal(3, 2), "hidden": normal(3, 4)}
    text = {name: each.tolist() for name, each in arrays.items()} | {"options": {"states": "columns"}}
    text |= {"key_labels": ["a", "b", "c", "d"], "query_labels": ["x", "y"]}
    raw = json.dumps(text).encode()
    right = gradients(**arrays, states="columns")["d_hidden"]
    out = called("grad", "-", "--step", "d_hidden", "-f", "csv", stdin=raw).out
    assert out.splitlines()[0] == ",a,b,c,d"
    assert_allclose(np.loadtxt(StringIO(out), delimiter=",", skiprows=1)[:, 1:], right)
    assert called("grad", "-", "--step", "d_hidden", stdin=raw).out.splitlines()[-5].split() == ["a", "b", "c", "d"]


def test_pages_and_caches_have_gradients_where_they_lie(tmp_path: Path) -> None:
    """What a page gets is shown in the page, and what a cache gets beside its labels."""
    key, table = normal(3, 2, 1, 4), np.array([[2, 0]])
    arrays = {"query": normal(1, 3, 2, 4), "key": key, "value": normal(3, 2, 1, 4, seed=1), "block_table": table}
    out = called("grad", put(tmp_path / "p.npz", arrays), "--step", "d_key", "--head", "2").out
    assert "d_key = scale · d_scoresᵀ · query, summed over 3 query heads, put back into the pages   all heads, 6×4" in (
        out.replace("\n", " ")
    )
    assert [line.split()[1:] for line in out.splitlines()[-4:-2]] == [["0"] * 4] * 2  # the page that no one names
    out = called("grad", "sample:rotary", "--step", "d_past_key", "--step", "d_key").out
    assert [line.split()[0] for line in out.splitlines() if line.startswith(" ") and line.split()[0].isalpha()] == [
        "now",
        "first",
        "second",
    ]


def test_a_large_problem_is_written_without_matrices_of_scores(tmp_path: Path) -> None:
    """Of more than 2²⁰ scores, unless they are asked for."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((1025, 2), dtype="f4"))
    ran = attn("grad", "x.npy", "-o", "o.npz", cwd=tmp_path)
    assert sorted(np.load(tmp_path / "o.npz").files) == ["d_hidden", "d_output"]
    assert ran.err == NOTICE + (
        "attn: notice: there are 1050625 scores: d_weights, d_logits and d_scores are left out; --step asks for each "
        "by its name\n"
    )
    attn("grad", "x.npy", "-o", "o.npz", "--force", "--step", "d_scores", cwd=tmp_path)
    assert np.load(tmp_path / "o.npz").files == ["d_scores"]


@pytest.mark.parametrize("layout", ["bhsd", "sbhd"])
@pytest.mark.parametrize("packed", [False, True])
def test_one_large_gradient_is_written_in_place(layout: str, packed: bool, tmp_path: Path) -> None:
    """As it is in an archive, for any number of threads; and one head of it."""
    arrays = {"query": normal(1, 4, 600, 3), "key": normal(1, 2, 500, 3), "value": normal(1, 2, 500, 2)}
    arrays = {name: lying(each, layout, packed).astype("f4") for name, each in arrays.items()}
    put(tmp_path / "p.npz", arrays, {"layout": layout} | ({"heads": 4, "kv_heads": 2} if packed else {}))
    archive = np.load(BytesIO(called("grad", tmp_path / "p.npz", "-f", "npz").raw))
    for name in ("d_query", "d_key", "d_value"):
        words = ["grad", tmp_path / "p.npz", "--step", name]
        for threads in (1, 2):
            called(*words, "-o", tmp_path / "d.npy", "--force", "--threads", threads)
            assert_array_equal(np.load(tmp_path / "d.npy"), archive[name])
        called(*words, "-o", tmp_path / "d.npy", "--force", "--head", "3")
        assert_array_equal(
            np.load(tmp_path / "d.npy"), np.load(BytesIO(called(*words, "-f", "npy", "--head", "3").raw))
        )


def test_other_commands_do_not_mind_gradients_in_a_file(tmp_path: Path) -> None:
    """Neither what the loss says, nor gradients, nor those of another program; filters carry them on."""
    arrays: dict[str, Any] = {"query": normal(4, 3), "key": normal(5, 3), "value": normal(5, 2)}
    d_output = normal(4, 2, seed=3)
    found = gradients(**arrays, d_output=d_output)
    beside = found | {f"expected_{name}": each for name, each in found.items()} | {"d_output": d_output}
    path = put(tmp_path / "p.npz", arrays | beside | {"expected": steps(**arrays).output})
    bare = put(tmp_path / "bare.npz", arrays)
    for words in (["compute"], ["compute", "-f", "json"], ["explain"], ["plot"]):
        ran = called(*words, path)
        assert (ran.out, ran.err) == (called(*words, bare).out, "")
    report = " ".join(called("check", path).out.split())
    assert "the output agrees" in report
    assert "d_value, d_key and d_query agree" in report
    listed = json.loads(called("inspect", path, "-f", "json").out)["arrays"]
    assert listed.keys() >= beside.keys()
    whole = called("score", path).raw
    assert called("grad", "-", "-f", "json", "--step", "d_query", stdin=whole).err == ""
    again = json.loads(called("grad", "-", "-f", "json", stdin=whole).out)
    assert_allclose(again["d_key"], found["d_key"], rtol=1e-12)


def test_one_matrix_that_is_query_and_hidden_has_one_gradient(tmp_path: Path) -> None:
    """Every role of it is added, as of hidden alone; from another file each has its own."""
    x = normal(4, 3)
    for name in ("x", "y"):
        np.save(tmp_path / f"{name}.npy", x)
    one = np.load(BytesIO(called("grad", tmp_path / "x.npy", "-f", "npz").raw))
    two = np.load(BytesIO(called("grad", tmp_path / "x.npy", tmp_path / "y.npy", "-f", "npz").raw))
    assert "d_query" not in one.files
    assert_allclose(one["d_hidden"], two["d_query"] + two["d_hidden"], rtol=1e-12, atol=1e-12)
    np.save(tmp_path / "d.npy", one["d_hidden"])
    checked = called("check", tmp_path / "x.npy", "--expected-d-hidden", tmp_path / "d.npy")
    assert "d_hidden agrees" in checked.out
