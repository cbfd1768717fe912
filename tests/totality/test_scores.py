"""Every score function: one record and its lesson are all there is to it."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli import steps
from attncli.attend.arrays import ARRAYS
from attncli.attend.options import Options, records
from attncli.attend.scores import FUNCTIONS, ScoreFunction
from attncli.explain.workings import WORKINGS
from attncli.languages import LANGUAGES, catalogue
from tests.support.arrays import normal
from tests.support.declared import FEW, SHAPES, Given, agree, numbers, put, states
from tests.support.places import ROOT
from tests.support.processes import called, environment

each_function = pytest.mark.parametrize("name", FUNCTIONS)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
SUBSETS = [
    (name, given)
    for name, function in FUNCTIONS.items()
    for given in chain.from_iterable(
        combinations(function.parameters, count) for count in range(len(function.parameters) + 1)
    )
]


@pytest.mark.takes(3)
@pytest.mark.parametrize(("name", "given"), SUBSETS, ids=str)
@each_shape
def test_the_fast_twin_and_check_compute_with_it(name: str, given: tuple[str, ...], shape: tuple[int, int]) -> None:
    """With each of its parameters and without, on grouped heads, with other factors that go before and after."""
    arrays = states(*shape) | {each: numbers(each, *shape) for each in given}
    agree(arrays, {"score": name, "scale": 0.7})
    agree(arrays, {"score": name, "scale": "sqrt", "softcap": 1.5, "rope": "half", "causal": True, "alibi": True})


@each_function
def test_all_parameters_bring_query_and_key_together(name: str) -> None:
    """Of different sizes, where each has its own."""
    sizes = {"E": 2, "Ek": 3, "A": 4}
    parameters = FUNCTIONS[name].parameters
    key = 3 if any("Ek" in axes for axes in parameters.values()) else 2
    arrays = {"query": normal(4, 70, 2), "key": normal(2, 300, key), "value": normal(2, 300, 5)}
    arrays |= {each: normal(*(sizes[axis] for axis in axes)) for each, axes in parameters.items()}
    agree(arrays, {"score": name})


@pytest.mark.takes(7)
@each_function
@pytest.mark.parametrize(("query", "key"), [(6, 4), (6, 2), (4, 8), (6, 5), (6, 1), (5, 6), (1, 4), (3, 3), (1, 1)])
@pytest.mark.parametrize("rope", [None, "half", "interleaved"])
def test_query_and_key_of_other_features_are_computed_or_refused(
    name: str, query: int, key: int, rope: str | None, tmp_path: Path
) -> None:
    """By every command, with a rotation and without, where check tries some: none ends in an internal error."""
    sizes = {"E": query, "Ek": key, "A": 3}
    parameters = {each: normal(*map(sizes.__getitem__, axes)) for each, axes in FUNCTIONS[name].parameters.items()}
    arrays = {"query": normal(3, query), "key": normal(5, key), "value": normal(5, 2)} | parameters
    path = put(
        tmp_path / "p.npz", arrays | {"expected": normal(3, 2)}, {"score": name} | ({"rope": rope} if rope else {})
    )
    odd = rope is not None and (query % 2 or key % 2)
    refused = odd or (query != key and not parameters)
    for command in ("compute", "explain", "plot", "check"):
        ran = called(command, path, status=2 if refused else int(command == "check"))
        assert ("even number of features" in ran.err or "do not fit" in ran.err) == bool(refused)


@each_function
def test_its_parameters_are_arrays_of_the_score(name: str) -> None:
    """With the same axes, where A features meet; and every array of the score is a parameter of some function."""
    for parameter, axes in FUNCTIONS[name].parameters.items():
        # A key that no matrix changes meets the query with the features that it has.
        same = axes if "u_a" in FUNCTIONS[name].parameters else tuple(axis.replace("Ek", "A") for axis in axes)
        assert (ARRAYS[parameter].stage, ARRAYS[parameter].axes) == ("score", same)
    used = {parameter for function in FUNCTIONS.values() for parameter in function.parameters}
    assert {each.name for each in ARRAYS.values() if each.stage == "score" and not each.broadcasts} - {"scores"} == used


@each_function
def test_it_is_offered_and_taught(name: str) -> None:
    """As a choice of --score, with its formulas, a way to work out one element, and a sentence in each language."""
    function = FUNCTIONS[name]
    assert function.name == name
    assert all([function.of_matrices, function.formula, function.tex])
    assert records()["score"].choices == tuple(FUNCTIONS)
    assert WORKINGS.keys() == FUNCTIONS.keys()
    for lang in LANGUAGES:
        assert catalogue(lang).LESSON[f"score_purpose_{name}"]


@pytest.mark.parametrize(("name", "given"), SUBSETS, ids=str)
def test_tables_and_lessons_show_it(name: str, given: tuple[str, ...], tmp_path: Path) -> None:
    """Its formula in the arrays' names in tables, in letters in lessons, in TeX in their Markdown; the worked score is
    that of the table.
    """
    path = put(tmp_path / "p.npz", states(*FEW) | {each: numbers(each, *FEW) for each in given}, {"score": name})
    assert f"scores = scale · {FUNCTIONS[name].of_matrices}" in called("compute", path).out
    score = np.array(json.loads(called("compute", path, "-f", "json").out)["scores"])[0, 0, 2, 3]
    words: Any = ["explain", path, "--step", "score", "--row", 2, "--col", 3, "--digits", 6, "--lang"]
    for lang in LANGUAGES:
        taught = called(*words, lang).out
        assert FUNCTIONS[name].formula in taught
        assert f"= {score:.6g}"[:8] in " ".join(taught.split())
        assert FUNCTIONS[name].tex in called(*words, lang, "-f", "markdown").out


BARE = [name for name, function in FUNCTIONS.items() if not function.parameters]


@pytest.mark.parametrize("used", BARE)
def test_check_names_one_that_was_used_by_mistake(used: str, tmp_path: Path) -> None:
    """Of those that need no parameters, whichever was meant."""
    arrays = states(*FEW)
    path = put(tmp_path / "p.npz", arrays | {"expected": steps(**arrays, score=used).output})
    for meant in FUNCTIONS.keys() - {used}:
        if (used, meant) != ("dot", "general"):  # without its parameter that is the dot product
            found = called("check", path, "--score", meant, "-f", "json", status=1).out
            assert '"score-function"' in found
            assert f'"score": "{used}"' in found


# −|q − k|²: no dot product of a query and a key, whatever is done to each.
NEW = """
def nearness(query, key, parameters):
    return -((query[..., :, None, :] - key[..., None, :, :]) ** 2).sum(axis=-1)


RECORD = ScoreFunction("another", "-|query - key|²", "scores = -|q - k|²", "-|q - k|^2", meet=nearness)
"""


def new_function() -> ScoreFunction:
    """Return the record of a score function that is not declared."""
    names: dict[str, Any] = {"ScoreFunction": ScoreFunction}
    exec(NEW, names)
    return names["RECORD"]


def by_hand(arrays: Given) -> Any:
    """Return the weighted sum by the definition."""
    query = arrays["query"].reshape(2, 2, 2, -1, 6)
    key, value = (arrays[name][:, :, None] for name in ("key", "value"))
    logits = -((query[..., None, :] - key[..., None, :, :]) ** 2).sum(axis=-1)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True) @ value).reshape(2, 4, -1, 3)


@each_shape
def test_a_new_record_is_all_that_it_takes_to_compute(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast twin takes the general path by itself, and all agree with the definition."""
    monkeypatch.setitem(FUNCTIONS, "another", new_function())
    arrays = states(*shape)
    assert_allclose(agree(arrays, {"score": "another"}).output, by_hand(arrays), rtol=1e-9, atol=1e-12)
    agree(arrays, {"score": "another", "scale": 0.3, "softcap": 2.0, "rope": "half", "window": (300, 20)})


def test_a_new_record_is_offered_by_every_command(tmp_path: Path) -> None:
    """From the command line on, in a process in which the record stands with the others from the start."""
    arrays = states(*FEW)
    path = put(tmp_path / "p.npz", arrays | {"expected": by_hand(arrays)}, {"score": "another"})
    program = f"""
import sys
from attncli.attend.scores import FUNCTIONS, ScoreFunction
{NEW}
FUNCTIONS["another"] = RECORD
from attncli.commands.app import main
compute = ["compute", "-f", "csv", "--head", "3", "--batch", "1", "--score", "another"]
for words in (compute, ["check"], ["inspect"], ["plot"]):
    assert main([words[0], sys.argv[1], *words[1:]]) == 0, words
assert main(["check", sys.argv[1], "--score", "dot", "-f", "json"]) == 1
main(["compute", "--help"])
"""
    run = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(run, capture_output=True, text=True, env=environment(), cwd=ROOT, check=True)
    first = [list(map(float, line.split(","))) for line in done.stdout.splitlines()[: FEW[0]]]
    assert_allclose(first, by_hand(arrays)[1, 3], rtol=1e-9)
    assert "score another" in done.stdout
    assert f"{'|'.join(FUNCTIONS)}|another" in done.stdout
    assert '"score": "another"' in done.stdout  # check names it where another one was meant


def test_an_unknown_one_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match=f"score must be {' or '.join(FUNCTIONS)}, not 'another'"):
        Options.parse({"score": "another"})
