"""`load` takes what commands take, and arrays in its place; what it returns computes what they compute."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import InputError, Problem, attention, load
from tests.support.files import files, safetensors, sparse
from tests.support.places import SAMPLES
from tests.support.processes import called

# One query meets two keys: scores 1·1 + 2·0 = 1 and 2; and 0.5 takes e^1 and e^2 to halves.
QUERY, KEY, VALUE = [[1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]], [[2.0], [4.0]]
CSV: dict[str, bytes | str] = {"q.csv": "1,2\n", "k.csv": "1,0\n0,1\n", "v.csv": "2\n4\n"}


def refused(*given: Any, **keywords: Any) -> tuple[str, str]:
    """Return the message and the hint with which this is refused."""
    with pytest.raises(InputError) as caught:
        load(*given, **keywords)
    message = str(caught.value)
    assert "\n" not in message
    return message, caught.value.hint


@pytest.mark.parametrize(
    ("given", "scores"),
    [
        (("q.csv", "k.csv", "v.csv"), [[1, 2]]),
        (("q.csv", "k.csv"), [[1, 2]]),
        (("k.csv",), [[1, 0], [0, 1]]),
        (("[1, 2]", "[[1, 0], [0, 1]]"), [1, 2]),
        (("p.json",), [[1, 2]]),
        (("p.json:query", "p.json:key"), [[1, 2]]),
        (("two.json:b",), [[3]]),
        ((Path("q.csv"), KEY), [[1, 2]]),
        ((np.array(QUERY), KEY, VALUE), [[1, 2]]),
        (([1, 2], KEY), [1, 2]),
    ],
)
def test_what_is_a_file(given: tuple[Any, ...], scores: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One, two or three of them, a part of one, text that is a matrix, and arrays."""
    two = {"a.query": [[1]], "a.hidden": [[1]], "b.query": [[1]], "b.hidden": [[3]]}
    whole = {"query": QUERY, "key": KEY, "value": VALUE}
    files(tmp_path, CSV | {"p.json": json.dumps(whole), "two.json": json.dumps(two)})
    monkeypatch.chdir(tmp_path)
    assert load(*given).steps().scores.tolist() == scores


def test_keywords_are_flags(tmp_path: Path) -> None:
    """Options, and arrays as files or as they are, set or replace what the file holds."""
    path, mask = files(
        tmp_path,
        {
            "p.json": json.dumps({"query": QUERY, "key": KEY, "value": VALUE, "options": {"scale": 3}}),
            "m.json": "[[true, false]]",
        },
    )
    assert load(path).steps().scores.tolist() == [[3, 6]]
    assert load(path, scale=0.5).steps().scores.tolist() == [[0.5, 1]]
    closed = load(path, mask=str(mask), scale=1)
    assert closed.steps().logits.tolist() == [[1, -np.inf]]
    assert closed.steps().output.tolist() == [[2]]
    assert load(path, mask=np.array([[False, True]])).steps().output.tolist() == [[4]]
    assert load(path, value="[[7],[7]]", key=None).steps().output.round(12).tolist() == [[7]]
    assert load(query=QUERY, hidden=KEY, causal=True, offset=0).steps().weights.tolist() == [[1, 0]]
    assert load(query=QUERY, hidden=KEY, causal=True).options == {"causal": True}


def test_texts_and_labels() -> None:
    """Files hold them, and keywords replace them; those of both axes may be given at once."""
    assert load("sample:coreference").title.startswith("Who is it?")
    assert load("sample:coreference").labels["key_labels"][2] == "animal"
    named = load(KEY, labels=["a", "b"], query_labels=("c", "d"), title="T")
    assert (named.title, named.labels) == ("T", {"query_labels": ("c", "d"), "key_labels": ("a", "b")})
    assert "query 1 “d”" in named.explain("softmax", row="d")
    of_items = load(np.ones((2, 1, 2, 3)), labels=[["a", "b"], ("c", "d")])
    assert "“c”" in of_items.explain("softmax", batch=1, row="c", col="c")
    with pytest.raises(InputError, match="1 in key_labels for 2 keys"):
        load(KEY, key_labels=["a"]).steps()
    assert refused(KEY, labels="ab")[0] == "labels is the text 'ab', not a list of texts"


def test_a_layer_of_a_checkpoint(tmp_path: Path) -> None:
    """Its weights, and the states that it is computed on: with the identity, states times themselves."""
    one = np.eye(2, dtype=np.float32)
    named = {f"l.{name}_proj.weight": one for name in "qkvo"}
    (tmp_path / "m.safetensors").write_bytes(safetensors(named))
    layer = f"{tmp_path / 'm.safetensors'}:l"
    assert load(hidden=[[1, 2], [3, 4]], layer=layer, heads=1).steps().scores.tolist() == [[[5, 11], [11, 25]]]
    with pytest.warns(UserWarning, match="taken as one head; --heads says how many"):
        load(hidden=[[1, 2], [3, 4]], layer=layer)


@pytest.mark.parametrize("name", ["article", "decode", "induction", "layer", "image", "speech"])
def test_samples_give_what_commands_give(name: str) -> None:
    """Every result to the last digit; and `attention` of its arrays and options gives the output."""
    problem = load(f"sample:{name}")
    made = problem.steps()
    told = json.loads(called("compute", f"sample:{name}", "-f", "json").out)
    for result in ("weights", "output"):
        assert getattr(made, result).tolist() == told[result]
    arrays: dict[str, Any] = {name: array for name, array in problem.arrays.items() if name != "expected"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(attention(**arrays, **problem.options), made.output, rtol=2e-5, atol=2e-5)


def test_several_problems_are_named(tmp_path: Path) -> None:
    """Which of them is meant is for the reader to say; the hint is how."""
    arrays: dict[str, Any] = {
        f"encoder.{at}.{name}": np.full((1, 1), at + 1.0) for at in range(12) for name in ("query", "hidden")
    }
    np.savez(tmp_path / "t.npz", **arrays)
    path = str(tmp_path / "t.npz")
    message, hint = refused(path)
    names = ", ".join(f"encoder.{at}" for at in range(12))
    assert message == f"{path}: holds 12 problems: {names}"
    assert hint == f'load("{path}:encoder.0") takes one'
    assert load(f"{path}:encoder.11").steps().scores.tolist() == [[144]]


@pytest.mark.parametrize(
    ("given", "keywords", "message", "hint"),
    [
        ((), {}, "there is nothing to load", "load(FILE), load(QUERY, KEY, VALUE) or load(query=array, hidden=array)"),
        (("no.npz",), {}, "no.npz: no such file", ""),
        (("no\x1b[31m.npz",), {}, "no\\x1b[31m.npz: no such file", ""),
        (("sample:articel",), {}, "sample:articel: there is no such sample", 'did you mean "article"?'),
        (("-",), {}, "standard input is for commands", "give a file or an array"),
        ((QUERY,), {"mask": "-"}, "standard input is for commands", "give a file or an array"),
        ((QUERY,), {"causl": True}, "unknown keyword 'causl'", 'did you mean "causal"?'),
        ((QUERY,), {"is_causal": True}, "unknown keyword 'is_causal'", "it is called causal here"),
        ((QUERY,), {"mask": "no.npy"}, "no.npy: no such file", ""),
        ((QUERY,), {"header": True}, "--header does nothing here: no CSV or TSV is read or written", None),
        ((QUERY,), {"title": 3}, "title is the number 3, not a text", ""),
        ((QUERY,), {"scale": "half"}, "scale must be none, sqrt or a number, not 'half'", None),
        (([["a"]],), {}, "query must hold real numbers, not str32", ""),
        ((QUERY, KEY, VALUE, KEY), {}, "4 files given; expected one file of named arrays, or 2 (QUERY HIDDEN) or 3 "
         "(QUERY KEY VALUE) matrices", ""),
    ],
)  # fmt: skip
def test_errors_are_one_line(given: Any, keywords: Any, message: str, hint: str | None) -> None:
    """They begin with the file, if there is one."""
    found = refused(*given, **keywords)
    assert found[0] == message
    assert hint is None or found[1] == hint


def test_errors_of_methods_name_the_files(tmp_path: Path) -> None:
    """Those of arrays that come from no file name the arrays."""
    query, hidden = files(tmp_path, {"q.csv": "1,2\n", "h.csv": "1,2,3\n4,5,6\n"})
    clash = "query 1×2 and hidden 2×3 do not fit: each query has 2 features, each key 3"
    for method in (Problem.steps, Problem.explain):
        with pytest.raises(InputError) as caught:
            method(load(query, hidden))
        assert str(caught.value) == f"{query}, {hidden}: {clash}"
    with pytest.raises(InputError) as caught:
        load(QUERY, [[1, 2, 3], [4, 5, 6]]).steps()
    assert str(caught.value) == clash


def test_notices_are_warnings(tmp_path: Path) -> None:
    """Each once: of files where they are loaded, of numbers where they are computed; they name the caller's line."""
    (table,) = files(tmp_path, {"t.csv": "# a comment\n1,2\n3,4\n"})
    with pytest.warns(UserWarning, match=r"t\.csv: 1 comment line before the table is left out") as heard:
        problem = load(table)
    assert [each.filename for each in heard] == [__file__]
    problem.steps()
    for method in (Problem.steps, Problem.explain):
        with pytest.warns(UserWarning, match="query holds 1 NaN") as heard:
            method(load([[np.nan, 1]], KEY))
        assert [each.filename for each in heard] == [__file__]


def test_what_is_loaded_is_not_changed() -> None:
    """What it hands out are copies of its tables, and the arrays themselves."""
    query = np.array(QUERY)
    problem = load(query, KEY)
    problem.arrays.clear()
    problem.options["scale"] = 3
    problem.labels["key_labels"] = ("x",)
    assert problem.steps().scores.tolist() == [[1, 2]]
    assert problem.arrays["query"] is query


def test_files_are_mapped(tmp_path: Path) -> None:
    """An NPY file is read when its numbers are needed."""
    np.save(tmp_path / "q.npy", np.ones((2, 3)))
    assert isinstance(load(tmp_path / "q.npy").arrays["query"], np.memmap)


def test_scores_that_memory_does_not_hold_are_refused(tmp_path: Path) -> None:
    """Before any of them is computed; what needs no more than a part of them is shown all the same."""
    problem = load(sparse(tmp_path / "q.npy", (1 << 20, 8)), sparse(tmp_path / "k.npy", (1 << 20, 8)))
    with pytest.raises(InputError, match=r"each matrix of scores or weights would take 4398\.0 GB") as caught:
        problem.steps()
    assert caught.value.hint == "attncli.attention gives the output without them"
    assert "1048576×8 float32" in problem._repr_html_()


def test_all_samples_load() -> None:
    """Each says what it is in one line, and shows it."""
    for path in sorted(SAMPLES.glob("*.*")):
        if path.suffix in (".json", ".npz") and path.stem != "encoder":  # which holds several
            problem = load(f"sample:{path.name}")
            assert repr(problem).startswith(f"<Problem “{problem.title}”: {next(iter(problem.arrays))} ")
            assert "\n" not in repr(problem)
