"""Several problems in one file: every command reads one of them, or all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.files.archive import joined, problems
from attncli.files.contents import Cases, Named
from attncli.files.open import read
from tests.support.places import SAMPLES
from tests.support.processes import called, environment

NAMES = ("encoder.0", "decoder.9", "decoder.10")


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Write three problems into one file, of which the middle one has a wrong output."""
    with np.load(SAMPLES / "induction.npz") as sample:
        states = {name: sample[name] for name in ("query", "key", "value")}
        expected = {"encoder.0": sample["expected"], "decoder.10": sample["expected"]}
        options = sample["options"]
    expected["decoder.9"] = -expected["encoder.0"]
    arrays = {f"{name}.{part}": array for name in NAMES for part, array in states.items()}
    arrays |= {f"{name}.expected": array for name, array in expected.items()}
    path = tmp_path / "several.npz"
    np.savez(path, options=options, title=np.array("for all of them"), **arrays)
    return path


def test_problems_are_found_by_their_names_and_ordered_as_people_count(several: Path) -> None:
    """A name without a problem before it belongs to all of them."""
    contents = read(str(several))
    assert isinstance(contents, Cases)
    assert list(contents.named) == ["encoder.0", "decoder.9", "decoder.10"]
    for named in contents.named.values():
        assert set(named.arrays) == {"query", "key", "value", "expected"}
        assert (named.texts["title"], named.options["scale"]) == ("for all of them", 0.125)


@pytest.mark.parametrize("pick", ["decoder.10", "10"])
def test_one_is_picked_by_its_name_or_number(several: Path, pick: str) -> None:
    """And computed as if it stood alone."""
    assert isinstance(read(f"{several}:{pick}"), Named)
    alone = called("compute", SAMPLES / "induction.npz", "--step", "sum", "-f", "json").out
    picked = called("compute", f"{several}:{pick}", "--step", "sum", "-f", "json").out
    assert json.loads(picked)["output"] == json.loads(alone)["output"]


def test_an_array_of_one_of_them_is_picked_by_its_whole_name(several: Path) -> None:
    """FILE:problem.array, as with any archive."""
    ran = called("compute", "--query", f"{several}:encoder.0.query", f"{several}:10", "--step", "sum", "-f", "json")
    assert np.shape(json.loads(ran.out)["output"]) == (9, 16, 64)


def test_without_a_pick_the_first_is_taken_which_is_told(several: Path) -> None:
    """Nobody has to know the names to see something."""
    ran = called("plot", several)
    message = f"{several} holds 3 problems; using {several}:encoder.0, the last one is {several}:decoder.10"
    assert ran.err == f"attn: notice: {message}\n"
    assert ran.out.startswith("for all of them")


def test_inspect_shows_a_line_each(several: Path) -> None:
    """With what picks it."""
    lines = called("inspect", several).out.splitlines()
    assert lines[0].split() == ["problem", "query", "key", "value", "options"]
    assert lines[2].split() == [f"{several}:encoder.0", "9×16×64", "3×16×64", "3×16×64", "scale", "0.125,", "causal"]
    assert [line.split()[0] for line in lines[3:]] == [f"{several}:decoder.9", f"{several}:decoder.10"]
    found = json.loads(called("inspect", several, "-f", "json").out)
    assert found[f"{several}:decoder.10"]["arrays"]["key"]["shape"] == [3, 16, 64]


@pytest.mark.parametrize("through", ["a file", "a pipe"])
def test_check_looks_at_all_of_them(several: Path, through: str) -> None:
    """The one that is wrong is named, and the exit status says that there is one."""
    piped = through == "a pipe"
    ran = called("check", "-" if piped else several, status=1, stdin=several.read_bytes() if piped else b"")
    place = "-" if piped else str(several)
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{place}:encoder.0: agrees")
    assert lines[1].startswith(f"{place}:decoder.9: differs by ")
    assert lines[-1] == "3 checked: 2 agree, 1 differ, 0 could not be checked"


def test_what_is_not_there_is_said(several: Path) -> None:
    """With the problems that are."""
    ran = called("compute", f"{several}:11", status=2)
    assert ran.err == f"attn: {several}: has no problem '11'\nhint: there are encoder.0, decoder.9, decoder.10\n"
    ran = called("compute", f"{several}:decoder", status=2)
    hint = "hint: pick one: decoder.9, decoder.10"
    assert ran.err == f"attn: {several}: has 2 problems of the name 'decoder'\n{hint}\n"
    ran = called("compute", f"{several}:decoder.11", status=2)
    assert ran.err == f"attn: {several}: has no problem 'decoder.11'\nhint: did you mean \"decoder.10\"?\n"
    ran = called("compute", SAMPLES / "induction.npz", "--mask", several, status=2)
    hint = f"hint: pick one: {several}:encoder.0.mask"
    assert ran.err == f"attn: {several}: holds several problems, but one array is needed for mask\n{hint}\n"


def test_json_holds_several_as_well(tmp_path: Path) -> None:
    """The rule is one for all archives; expected numbers by hand: equal scores give the mean."""
    path = tmp_path / "several.json"
    path.write_text('{"a.query": [0], "b.query": [0], "key": [[1], [1]], "a.value": [[1], [3]], "b.value": [[5], [7]]}')
    assert called("compute", f"{path}:a", "--step", "sum", "-f", "csv").out == "2.0\n"
    assert called("compute", f"{path}:b", "--step", "sum", "-f", "csv").out == "6.0\n"


def test_a_bad_name_is_told_with_its_problem(tmp_path: Path) -> None:
    """Two names for one thing, within one of the problems."""
    path = tmp_path / "several.json"
    path.write_text('{"a.query": [0], "a.q": [0], "b.query": [0]}')
    assert called("inspect", path, status=2).err == f"attn: {path}: a: query is given twice, as 'query' and as 'q'\n"


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Where the package safetensors cannot be imported, the error says what to install."""
    (tmp_path / "x.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    script = "import sys; sys.modules['safetensors'] = None; from attncli.commands.app import main; sys.exit(main())"
    words = [sys.executable, "-c", script, "compute", "x.safetensors"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert done.returncode == 2
    hint = "hint: pip install 'attncli[safetensors]'"
    assert done.stderr == f"attn: x.safetensors: .safetensors files need an extra\n{hint}\n"


def test_a_problem_may_have_any_name(tmp_path: Path) -> None:
    """Slashes and colons too, since the file before them is there; and one that is far too long is just a name."""
    path, long = tmp_path / "several.json", "x" * 5000
    names = ("model/layers_1/attn", "a:b", long)
    path.write_text(json.dumps({f"{name}.{part}": [[1]] for name in names for part in ("query", "hidden")}))
    for name in names:
        assert called("compute", f"{path}:{name}", "--step", "sum", "-f", "csv").out == "1.0\n"
    assert len(called("inspect", path).out.splitlines()) == 2 + len(names)


def test_labels_for_each_item_of_a_batch(tmp_path: Path) -> None:
    """Each item is shown with its own; both formats that hold lists give them back."""
    labels = [["a", "b"], ["c", "d"]]
    problem = {"hidden": [[[[1], [0]]], [[[0], [1]]]], "query": [[[[1], [0]]], [[[0], [1]]]], "labels": labels}
    (tmp_path / "x.json").write_text(json.dumps(problem))
    called("score", "x.json", "-o", "x.npz", cwd=tmp_path)
    for file in ("x.json", "x.npz"):
        shown = called("compute", file, "--step", "softmax", "--batch", "1", cwd=tmp_path).out
        assert shown.splitlines()[-4].split() == ["c", "d"]
        told = json.loads(called("compute", file, "-f", "json", "--batch", "1", cwd=tmp_path).out)
        assert told["key_labels"] == ["c", "d"]
        assert "query_labels: 2×2" in called("inspect", file, cwd=tmp_path).out
    (tmp_path / "y.json").write_text(json.dumps(problem | {"labels": labels[:1]}))
    said = called("compute", "y.json", status=2, cwd=tmp_path).err
    assert said == "attn: y.json: 1 lists in query_labels for 2 batch items\n"


def test_labels_that_are_none_are_no_trouble(tmp_path: Path) -> None:
    """inspect shows what there is, and says what is wrong."""
    (tmp_path / "x.json").write_text('{"query": [1], "hidden": [[1]], "labels": []}')
    assert "0 in query_labels for 1 query" in called("inspect", "x.json", cwd=tmp_path).out


def shared(tmp_path: Path) -> Path:
    """Write a layer and two of its steps, of which the second has a bias of its own, and another problem."""
    states = np.arange(12.0).reshape(3, 4)
    arrays: dict[str, Any] = {
        "decoder.3.w_o": np.eye(4) * 2,
        "decoder.3.b_o": np.ones(4),
        "decoder.3.step.1.query": states[:1],
        "decoder.3.step.1.hidden": states,
        "decoder.3.step.2.query": states[1:2],
        "decoder.3.step.2.hidden": states,
        "decoder.3.step.2.b_o": np.zeros(4),
        "encoder.0.query": states[:1],
        "encoder.0.hidden": states,
    }
    path = tmp_path / "shared.npz"
    np.savez(path, **arrays)
    return path


def test_what_a_layer_has_belongs_to_all_its_steps(tmp_path: Path) -> None:
    """It is no problem itself, for it has no states; what a step has of its own wins."""
    path = shared(tmp_path)
    contents = read(str(path))
    assert isinstance(contents, Cases)
    assert {name: sorted(each.arrays) for name, each in contents.named.items()} == {
        "encoder.0": ["hidden", "query"],
        "decoder.3.step.1": ["b_o", "hidden", "query", "w_o"],
        "decoder.3.step.2": ["b_o", "hidden", "query", "w_o"],
    }
    first, second = (
        np.array(json.loads(called("compute", f"{path}:decoder.3.step.{step}", "-f", "json").out)["output"])
        for step in (1, 2)
    )
    # The weights of query 0 1 2 3 on keys with scores 14, 38, 62 are all but one-hot, and so are those of 4 5 6 7.
    assert np.allclose(first, 2 * np.array([8, 9, 10, 11]) + 1, atol=1e-6)
    assert np.allclose(second, 2 * np.array([8, 9, 10, 11]), atol=1e-6)


def test_a_problem_below_another_has_nothing_of_it(tmp_path: Path) -> None:
    """Where both have states, they are two problems."""
    path, states = tmp_path / "both.npz", np.eye(2)
    arrays: dict[str, Any] = dict.fromkeys(("a.q", "a.k", "a.bias", "a.b.q", "a.b.k"), states)
    np.savez(path, **arrays)
    contents = read(str(path))
    assert isinstance(contents, Cases)
    assert [sorted(each.arrays) for each in contents.named.values()] == [["bias", "key", "query"], ["key", "query"]]


def test_what_problems_have_in_common_is_written_once(tmp_path: Path) -> None:
    """Where it is one array in memory, below one name; equal numbers alone are no reason."""
    weights, states = np.eye(4), np.arange(12.0).reshape(3, 4)
    cases = {
        name: Named({"hidden": states, "w_o": weights if name != "decoder.4" else weights.copy()})
        for name in ("decoder.3.step.1", "decoder.3.step.2", "decoder.4", "encoder.0", "encoder.1")
    }
    whole = joined(cases)
    assert [name for name in whole.arrays if name.endswith("w_o")] == ["decoder.3.w_o", "encoder.w_o", "decoder.4.w_o"]
    found = problems(whole.arrays)
    assert found.keys() == cases.keys()
    assert all(sorted(entries.values()) == ["hidden", "w_o"] for entries in found.values())


def test_names_of_many_parts_take_no_time() -> None:
    """And share nothing."""
    names = [f"{'a.' * 30_000}{at}.q" for at in range(20)]
    assert len(problems(names)) == 20
