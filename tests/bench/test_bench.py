"""`attn bench`: everybody computes the same, and each has a line."""

from __future__ import annotations

import json
import re
import threading

import pytest

from tests.support.processes import called


@pytest.mark.takes(3)
@pytest.mark.parametrize(
    "words",
    [
        "--length 33 --heads 2 --dim 8",
        "--length 40 --heads 4 --kv-heads 2 --causal --dtype float64",
        "--length 70 --heads 1 --causal --window 8",
        "--length 1 --keys 500 --heads 4 --kv-heads 2",
        "--length 90 --heads 2 --documents 7 --causal",
        "--length 40 --keys 70 --heads 4 --kv-heads 2 --documents 3 --window 9",
        "--length 90 --heads 2 --chunk 16 --causal",
        "--length 9 --keys 4 --window 0,0",  # the last queries see nothing
    ],
)
def test_the_benchmark_runs_and_everybody_agrees(words: str) -> None:
    """Times are positive, and plain NumPy is there; with what else is installed."""
    found = json.loads(called("bench", *words.split(), "--rounds", "2", "-f", "json").out)
    timings = {each["name"]: each for each in found["timings"]}
    assert {"attn", "numpy"} <= timings.keys()
    assert all(each["milliseconds"] > 0 and each["difference"] < 1e-4 for each in timings.values())
    assert found["limit_milliseconds"] > 0


def test_the_benchmark_as_a_table_and_its_errors() -> None:
    """A line a contestant, the limit last; libraries that are not there or not known are told."""
    out = called("bench", "--length", "32", "--heads", "2", "--rounds", "1").out
    assert re.search(r"^attn +\d+\.\d +\d+% +\d+%", out, re.MULTILINE)
    assert re.search(r"^numpy +\d+\.\d +\d+% +\d+\.\d\d x +\d+%", out, re.MULTILINE)
    assert out.splitlines()[-2].startswith("two products")
    err = called("bench", "--length", "32", "--documents", "33", status=2).err
    assert err == "attn: --documents 33: there are only 32 tokens for them\n"
    err = called("bench", "--against", "touch", status=2).err
    assert err == 'attn: --against touch: there is no such library here\nhint: did you mean "torch"?\n'


@pytest.mark.parametrize(
    "words",
    ["--length 70 --heads 4 --kv-heads 2 --causal --window 8", "--length 50 --keys 30 --rope half --qk-norm rms"],
)
def test_gradients_are_timed_once_everybody_agrees(words: str) -> None:
    """Forward and backward pass of attn, of PyTorch if it is there, and of all stages in reverse."""
    found = json.loads(called("bench", "--backward", *words.split(), "--rounds", "1", "-f", "json").out)
    timings = {each["name"]: each for each in found["timings"]}
    assert {"attn", "numpy"} <= timings.keys() <= {"attn", "numpy", "torch"}
    assert all(each["milliseconds"] > 0 and each["difference"] < 1e-4 for each in timings.values())
    out = called("bench", "--backward", "--length", "32", "--against", "numpy", "--rounds", "1").out
    assert out.splitlines()[-2].startswith("seven products")
    err = called("bench", "--backward", "--against", "jax", status=2).err
    assert err == "attn: --backward: jax is not among torch and numpy\n"


def test_plain_numpy_may_be_asked_for_alone() -> None:
    """It is there once, and no library beside it; where it would take too much memory, that is said."""
    words = ["bench", "--length", "32", "--heads", "2", "--rounds", "1", "--against", "numpy", "-f", "json"]
    assert [each["name"] for each in json.loads(called(*words).out)["timings"]] == ["attn", "numpy"]
    again = called(*words, "--against", "numpy").out
    assert [each["name"] for each in json.loads(again)["timings"]] == ["attn", "numpy"]
    err = called("bench", "--length", "20000", "--heads", "8", "--dim", "1", "--against", "numpy", status=2).err
    assert err.startswith("attn: plain NumPy would hold 12.8 GB of scores at once\nhint: ")


def test_there_are_no_more_threads_than_there_is_work() -> None:
    """However many are asked for: a small problem is one piece, and each of its products is computed by one thread."""
    before = set(threading.enumerate())
    words = ["bench", "--length", "3", "--heads", "1", "--rounds", "1", "--against", "numpy", "--threads", "77"]
    found = json.loads(called(*words, "-f", "json").out)
    assert found["threads"] == 77
    assert set(threading.enumerate()) == before


@pytest.mark.takes(3)
@pytest.mark.parametrize(
    "words",
    [
        "--length 70 --heads 4 --kv-heads 2 --rope half --qk-norm rms",
        "--length 40 --keys 70 --heads 2 --rope interleaved --causal --dtype float64",
        "--length 90 --heads 2 --qk-norm rms --documents 7",
    ],
)
def test_what_norm_and_rotation_add_is_shown(words: str) -> None:
    """Everybody does both, and agrees; attn without them stands beside, which makes another output."""
    found = json.loads(called("bench", *words.split(), "--against", "numpy", "--rounds", "1", "-f", "json").out)
    attn, plain, numpy = found["timings"]
    assert [attn["name"], plain["name"], numpy["name"]] == ["attn", "plain attn", "numpy"]
    assert plain["difference"] is None
    assert numpy["difference"] < 1e-4
    assert found["added"] == pytest.approx(attn["milliseconds"] / plain["milliseconds"] - 1)


def test_what_they_add_as_a_table_and_its_errors() -> None:
    """A row without a difference, and a sentence; without either option there is neither."""
    words = ["bench", "--length", "32", "--heads", "2", "--rounds", "1", "--against", "numpy"]
    out = called(*words, "--rope", "half", "--qk-norm", "rms").out
    assert re.search(r"^plain attn +\d+\.\d +\d+% +\d+\.\d\d x +\d+% +(\d+ MB|\?) *$", out, re.MULTILINE)
    assert re.search(r"^rope and qk-norm add -?\d+\.\d% to plain attn$", out, re.MULTILINE)
    assert "rope adds" in called(*words, "--rope", "interleaved").out
    assert "plain" not in called(*words).out
    err = called("bench", "--dim", "7", "--rope", "half", status=2).err
    assert err == "attn: --rope half turns pairs of features, and --dim 7 is odd\n"
