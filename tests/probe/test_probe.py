"""Programs in plain NumPy are asked: what each does is named, and what is right is right in every precision."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.probe.program import Program, fill
from tests.support.processes import attn, called

RIGHT = Program()
# The problems of few numbers: those of tiles take longer.
SHORT = (
    *("scale", "cross", "heads", "mask", "added", "padding", "empty"),
    *("causal", "window", "softcap", "rotary", "precision"),
)
# Programs with another convention each, the problem in which it shows, the question and the answer.
WRONG = [
    (Program(scale=lambda d: 1.0), "scale", "scale", "one"),
    (Program(scale=lambda d: 1 / d), "scale", "scale", "known"),
    (Program(scale=lambda d: 0.2), "scale", "scale", "number"),
    (Program(true_attends=False), "mask", "boolean-mask", "ignore"),
    (Program(masks=False), "mask", "boolean-mask", "dropped"),
    (Program(corner=lambda queries, keys: keys - queries), "causal", "causal-corner", "bottom-right"),
    (Program(ahead=1), "causal", "causal-corner", "one-more"),
    (Program(ahead=-1), "causal", "causal-corner", "one-less"),
    (Program(tiled=True), "heads", "grouped-heads", "tiled"),
    (Program(width=-1), "window", "window", "shorter"),
    (Program(cap="after"), "softcap", "softcap", "after"),
    (Program(cap="none"), "softcap", "softcap", "missing"),
    (Program(pairs="interleaved"), "rotary", "rotary", "interleaved"),
    (Program(theta=500000), "rotary", "rotary", "half"),
    (Program(empty="nan"), "empty", "empty-row", "nan"),
    (Program(empty="mean"), "empty", "empty-row", "mean"),
    (Program(tail=64), "tail", "tail", "joined"),
    (Program(tile=128), "tiles", "tiles", "stale"),
    (Program(diagonal=32), "diagonal", "causal-tiles", "whole"),
    (Program(added_early=True), "added", "added-mask", "scaled"),
]


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A probe that nobody has answered, with fewer heads than usual."""
    path = tmp_path_factory.mktemp("probe") / "probe.npz"
    called("probe", "--heads", 4, "-o", path)
    return path


def answered(
    blank: Path, folder: Path, program: Any, only: Collection[str] = SHORT, status: int = 0, **how: Any
) -> dict[str, Any]:
    """Return what `attn check` says of a program that was given some problems, by question."""
    path = folder / "answered.npz"
    shutil.copy(blank, path)
    fill(path, program, only=only, **how)
    found = json.loads(called("check", path, "-f", "json", status=status).out)
    assert found["agrees"] is (status == 0)
    return {each["question"]: each for each in found["answers"]}


def others(answers: dict[str, Any]) -> dict[str, list[str]]:
    """Return the answers to the questions whose answers are not as asked."""
    return {
        name: [found["answer"] for found in each["found"]]
        for name, each in answers.items()
        if each["verdict"] not in ("as-asked", "unanswered")
    }


def half(array: Any) -> Any:
    return np.asarray(array, dtype=np.float16).astype(array.dtype)


def brain(array: Any) -> Any:
    """Round to bfloat16: add half of what is cut off, as bits."""
    bits = np.asarray(array, dtype=np.float32).view(np.uint32)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(array), kept.view(np.float32), array).astype(array.dtype)


@pytest.mark.takes(6)
@pytest.mark.parametrize(
    ("program", "precision"),
    [
        (RIGHT, "float32"),  # its output is saved as that
        (replace(RIGHT, dtype="float32"), "float32"),
        (replace(RIGHT, dtype="float32", rounded=half), "float16"),
        (replace(RIGHT, dtype="float32", rounded=brain), "bfloat16"),
        (replace(RIGHT, dtype="float32", weights_rounded=brain), "bfloat16 in the weights"),
        (replace(RIGHT, dtype="float32", weights_rounded=half), "float16 in the weights"),
    ],
    ids=["float64", "float32", "float16", "bfloat16", "bfloat16 weights", "float16 weights"],
)
def test_what_is_right_is_as_asked(program: Program, precision: str, blank: Path, tmp_path: Path) -> None:
    """In whatever precision it is computed, and that is told."""
    answers = answered(blank, tmp_path, program, only=())
    assert others(answers) == {}
    assert answers["precision"]["found"][0]["said"].startswith(precision)


@pytest.mark.takes(2)
@pytest.mark.parametrize(("program", "problem", "question", "answer"), WRONG)
def test_another_convention_is_named(
    program: Program, problem: str, question: str, answer: str, blank: Path, tmp_path: Path
) -> None:
    """By the problem that is about it."""
    assert others(answered(blank, tmp_path, program, status=1, only={problem})) == {question: [answer]}


@pytest.mark.takes(5)
@pytest.mark.parametrize(("program", "problem", "question", "answer"), WRONG)
def test_it_is_named_in_half_precision(
    program: Program, problem: str, question: str, answer: str, blank: Path, tmp_path: Path
) -> None:
    """As well."""
    program = replace(program, dtype="float32", rounded=brain)
    assert others(answered(blank, tmp_path, program, status=1, only={problem})) == {question: [answer]}


@pytest.mark.takes(20)
@pytest.mark.parametrize(("program", "problem", "question", "answer"), WRONG)
def test_nothing_else_is_blamed(
    program: Program, problem: str, question: str, answer: str, blank: Path, tmp_path: Path
) -> None:
    """Although it shows in other problems too."""
    found = others(answered(blank, tmp_path, program, status=1, only=()))
    assert found.pop(question) == [answer]
    # Masks are dropped, or inverted, wherever there is one; tiles on the diagonal are wide open in short problems too;
    # and this program's windows end where its causal rule does.
    also = {"mask": {"added-mask", "padding"}, "diagonal": {"causal-corner", "window"}, "causal": {"window"}}
    assert set(found) <= also.get(problem, set())


def test_two_at_once_are_both_named(blank: Path, tmp_path: Path) -> None:
    """What shows everywhere is settled first, and then kept in mind."""
    program = Program(scale=lambda d: 1.0, true_attends=False, pairs="interleaved", empty="mean")
    found = others(answered(blank, tmp_path, program, status=1))
    assert found == {
        "scale": ["one"],
        "boolean-mask": ["ignore"],
        "padding": ["inverted"],
        "empty-row": ["mean"],
        "rotary": ["interleaved"],
    }


def test_a_number_that_has_no_name_is_read_off(blank: Path, tmp_path: Path) -> None:
    """The values let weights be recovered, and their logarithms are the scores times the scale."""
    found = answered(blank, tmp_path, Program(scale=lambda d: 0.2718), status=1, only={"scale"})["scale"]
    assert found["found"] == [{"answer": "number", "value": "0.2718", "said": "0.2718"}]


def test_what_is_not_answered_is_said(blank: Path, tmp_path: Path) -> None:
    """And is no difference."""
    answers = answered(blank, tmp_path, RIGHT, without=("softcap", "window", "rope"))
    left = {name for name, each in answers.items() if each["verdict"] == "unanswered"}
    assert left == {"softcap", "window", "rotary", "tail", "tiles", "causal-tiles"}


def test_what_nothing_known_makes_is_said_with_facts(blank: Path, tmp_path: Path) -> None:
    """They are those of `attn check`, which knows more mistakes than a probe asks for."""

    answers = answered(blank, tmp_path, lambda **given: 2 * RIGHT(**given), status=1, only={"scale"})
    assert answers["scale"]["verdict"] == "unknown"
    assert any("output-factor" in each for each in answers["scale"]["facts"])


def test_an_output_of_another_shape_is_told(blank: Path, tmp_path: Path) -> None:
    """With both shapes."""
    answers = answered(blank, tmp_path, lambda **given: RIGHT(**given)[..., :3], status=1, only={"scale"})
    assert "does not match the output" in answers["scale"]["why"]


def test_an_output_in_another_layout_is_right(blank: Path, tmp_path: Path) -> None:
    """As `attn check` has it: (batch, length, heads, features) has the same numbers."""
    answers = answered(blank, tmp_path, lambda **given: RIGHT(**given).swapaxes(1, 2), only={"scale", "heads"})
    assert others(answers) == {}


def test_a_program_that_always_does_the_same_is_asked_for_that(tmp_path: Path) -> None:
    """Flags are in force in every problem; other options are not asked for."""
    flags = ["--causal", "--offset", "end", "--rope", "interleaved", "--scale", "none", "--kv-heads", "2"]
    blank = tmp_path / "own.npz"
    called("probe", "-o", blank, *flags, "--dtype", "float32")
    end = Program(corner=lambda queries, keys: keys - queries)
    short = {"scale", "heads", "causal", "rotary", "precision"}
    answers = answered(blank, tmp_path, end, only=short)
    assert others(answers) == {}
    assert not {"window", "softcap", "no-mask"} & answers.keys()
    assert answers["causal-corner"]["asked"]["said"] == "bottom right"
    assert answers["rotary"]["asked"]["said"] == "interleaved, base 10000"
    found = others(answered(blank, tmp_path, Program(weights_rounded=brain), only=short, status=1))
    assert found == {"causal-corner": ["top-left"], "precision": ["weights"]}
    # What shows in problems that do not ask for it is told all the same.
    found = others(answered(blank, tmp_path, replace(end, counted=False), only=short, status=1))
    assert found == {"rotary": ["query-first"]}


def test_the_program_as_one_sees_it(tmp_path: Path) -> None:
    """Written, listed, refused while it is blank, answered; in both languages."""
    said = attn("probe", "-o", "probe.npz", "--ask", "scale", "--ask", "empty-row", cwd=tmp_path).out
    assert "probe.npz: 2 problems that ask 2 questions." in said
    assert "empty-row" in called("inspect", "probe.npz", cwd=tmp_path).out
    blank = called("check", "probe.npz", cwd=tmp_path, status=2).err
    assert blank.startswith("attn: probe.npz: no problem has an output yet\nhint: ")
    fill(tmp_path / "probe.npz", Program(empty="nan"))
    out = attn("check", "probe.npz", cwd=tmp_path, status=1).out
    assert out.startswith("probe.npz: 1 of 2 answers not as asked for: empty row\n")
    assert [line.split()[:1] for line in out.splitlines()[4:]] == [["✓"], ["✗"]]
    assert "空行" in called("check", "probe.npz", "--lang", "zh", cwd=tmp_path, status=1).out
    assert "has no effect on a probe" in called("check", "probe.npz", "--scale", "none", cwd=tmp_path, status=2).err
    assert (
        "--simulate has no effect"
        in called("check", "probe.npz", "--simulate", "flash=bfloat16", cwd=tmp_path, status=2).err
    )
    # Whether all is as asked is looked at even without any time for more.
    out = called("check", "probe.npz", "--seconds", "0", cwd=tmp_path, status=1).out
    assert [line.split()[:1] for line in out.splitlines()[4:6]] == [["✓"], ["?"]]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--ask", "scal"], 'did you mean "scale"?'),
        (["--heads", "6", "--kv-heads", "4"], "6 query heads are no multiple of 4 key heads"),
        (["--ask", "grouped-heads", "--heads", "1"], "grouped-heads cannot be asked with these options and sizes"),
        (["--heads", "100000", "--dim", "100000"], "too large"),
        (["--length", "4096", "--keys", "4096"], "2 × 6 × 4096 × 4096 scores are too many for a probe"),
        (["--layout", "thd", "--batch", "2"], "thd has no axis for 2 batch items"),
        (["--rope", "half", "--dim", "5"], "5"),
        (["-o", "probe.csv"], "names no format"),
    ],
)
def test_what_cannot_be_asked_is_refused(flags: list[str], said: str, tmp_path: Path) -> None:
    """In one line, before anything is written."""
    assert said in called("probe", *flags, status=2, cwd=tmp_path).err
    assert not list(tmp_path.iterdir())


def test_a_problem_that_no_probe_has_is_refused(tmp_path: Path) -> None:
    """With its file: one of too many scores, and one that goes on after the attention."""
    ones = np.ones((1, 1, 2, 2), dtype="f4")
    np.savez(tmp_path / "more.npz", q=ones, k=ones, v=ones, w_o=np.eye(2), expected=ones, probe="scale")
    assert "more.npz: a gate or a matrix comes after" in called("check", tmp_path / "more.npz", status=2).err
    many = np.ones((1, 1, 3000, 1), dtype="f4")
    np.savez(tmp_path / "many.npz", q=many, k=many, v=many, expected=many, probe="scale")
    assert "many.npz: 1 × 1 × 3000 × 3000 scores" in called("check", tmp_path / "many.npz", status=2).err


def test_a_marker_that_nobody_wrote_is_refused(tmp_path: Path) -> None:
    """By the question that it names."""
    ones = np.ones((1, 1, 2, 2), dtype="f4")
    np.savez(tmp_path / "odd.npz", q=ones, k=ones, v=ones, expected=ones, probe="scle")
    err = called("check", tmp_path / "odd.npz", status=2).err
    assert "probe asks for 'scle', which is no question" in err
    assert 'did you mean "scale"?' in err


@pytest.mark.parametrize("name", ["probe.npz/", "probe.json/"])
def test_a_folder_that_is_named_as_a_file_is_refused(name: str, tmp_path: Path) -> None:
    """It is a slip of the hand, unless there is such a folder."""
    ran = called("probe", "-o", f"{tmp_path}/{name}", "--ask", "scale", status=2)
    assert ran.err.startswith(f"attn: {tmp_path}/{name}: ")
    assert list(tmp_path.iterdir()) == []
