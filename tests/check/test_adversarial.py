"""`attn check` on numbers that nobody computes with on purpose: it ends, says nothing odd, and writes strict JSON."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

import attncli
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.compare import compare
from attncli.check.diagnosis import Wanted, check
from attncli.check.rounding import GIVEN
from tests.support.arrays import normal
from tests.support.processes import attn, called

Array = NDArray[Any]
ODD: dict[str, Callable[[Any], float]] = {
    "nan": lambda info: np.nan,
    "infinity": lambda info: np.inf,
    "minus infinity": lambda info: -np.inf,
    "largest": lambda info: info.max,
    "smallest": lambda info: info.smallest_subnormal,
    "zero": lambda info: 0.0,
}
OPTIONS: tuple[dict[str, object], ...] = (
    {"scale": "sqrt"},
    {"causal": True},
    {"window": [1, 0]},
    {"scale": 1e300},
    {"scale": 0.0},
    {"softcap": 1e-300},
    {"alibi": True, "causal": True},
    {"rope": "half"},
    {"score": "cosine"},
)
INFINITE = np.full((1, 1, 1, 1), np.inf)


def strict(text: str) -> Any:
    """Read JSON as the standard has it, which knows no NaN."""

    def refuse(word: str) -> NoReturn:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def odd_problem(seed: int) -> tuple[dict[str, Array], dict[str, object]]:
    """Return the arrays of a tiny problem and an output, odd numbers in some of them, and its options."""
    rng = np.random.default_rng([13, seed])
    dtype = rng.choice(np.array(["f2", "f4", "f8"]))
    queries, keys, features, values = (int(each) for each in rng.choice([1, 2, 4, 5], 4))
    shapes = {
        "query": (2, queries, features),
        "key": (1, keys, features),
        "value": (1, keys, values),
        "bias": (1, queries, keys),
        "sinks": (2,),
        "expected": (2, queries, values),
    }
    left_out = {name for name in ("bias", "sinks") if rng.random() < 0.7}
    arrays = {name: rng.standard_normal(shape) for name, shape in shapes.items() if name not in left_out}
    with np.errstate(over="ignore"):
        arrays = {name: array.astype(dtype) for name, array in arrays.items()}
    for array in arrays.values():
        for at in rng.integers(0, array.size, rng.choice([0, 1, 1, 2, array.size])):
            word = rng.choice(np.array([*ODD]))
            array.reshape(-1)[at] = ODD[word](np.finfo(dtype))
    options = OPTIONS[seed % len(OPTIONS)]
    if features % 2 and "rope" in options:
        options = {}
    return arrays, options


@pytest.mark.takes(4)
@pytest.mark.parametrize("seed", range(len(OPTIONS)))
def test_odd_numbers_are_checked_like_any(tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """With each of the options; tests/thorough has more numbers."""
    assert_checked_like_any(seed, tmp_path, capfd)


def assert_checked_like_any(seed: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is refused, and nothing printed but notices, not even by a library written in C; the verdict is the same
    whether mistakes are looked for or not."""
    arrays, options = odd_problem(seed)
    alone = check(
        prepare(without(arrays, "expected"), Options.parse(options)), arrays["expected"], Wanted(diagnose=False)
    )
    path = tmp_path / "case.npz"
    members: dict[str, Any] = {**arrays, "options": np.array(json.dumps(options))}
    np.savez(path, **members)
    ran = called("check", path, "-f", "json", status=0 if alone.agrees else 1)
    assert strict(ran.out)["agrees"] is alone.agrees
    assert all(line.startswith("attn: notice: ") for line in ran.err.splitlines())
    assert capfd.readouterr() == ("", "")


def without(arrays: dict[str, Array], name: str) -> dict[str, Array]:
    return {each: array for each, array in arrays.items() if each != name}


def test_no_row_is_neither_right_nor_wrong() -> None:
    """Whatever stands in two outputs, a row agrees or differs, and two numbers are never called ∞ apart."""
    numbers = np.array([0.0, -0.0, 1.0, -1e308, 1e308, 5e-324, np.nan, np.inf, -np.inf])
    for expected in numbers:
        for computed in numbers:
            for tolerance in (0.0, 5e-324, 1.0, 1e308, np.inf):
                one, other = np.full_like(INFINITE, expected), np.full_like(INFINITE, computed)
                found = compare(one, other, np.full((1, 1, 1), tolerance), GIVEN)
                assert found.agrees == (not found.wrong.any())
                both = np.isfinite([expected, computed]).all()
                assert (found.nonfinite_at is None) == bool(both or found.agrees)
                assert np.isfinite(found.error)


def test_two_numbers_far_apart_differ_by_a_number(tmp_path: Path) -> None:
    """1e300 where 1 is right is far off, and neither NaN nor ∞."""
    path = tmp_path / "case.json"
    path.write_text('{"query": [[1]], "hidden": [[1]], "expected": [[1e300]]}')
    found = strict(called("check", path, "-f", "json", status=1).out)
    assert (found["first_not_finite"], found["error"]) == (None, 1e300)
    # A long path of the file moves the words to the next line.
    assert "differs by 1e+300" in " ".join(called("check", path, status=1).out.split())


@pytest.mark.takes(4)
@pytest.mark.parametrize("name", ["query", "key", "value"])
@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_one_odd_number_among_five_by_five(tmp_path: Path, name: str, number: str) -> None:
    """LAPACK is never asked about it: it would fail, talk on the terminal, or never return."""
    rng = np.random.default_rng(5)
    arrays: dict[str, Any] = {each: rng.standard_normal((5, 5)).tolist() for each in ("query", "key", "value")}
    arrays["expected"] = rng.standard_normal((5, 5)).tolist()
    arrays[name][3][2] = number
    path = tmp_path / "case.json"
    path.write_text(json.dumps(arrays | {"options": {"causal": True}}))
    ran = attn("check", path, "-f", "json", status=1)
    assert strict(ran.out)["explanations"] == []
    assert ran.err == f"attn: notice: {name} holds 1 {'NaN' if number == 'NaN' else '∞'}\n"


def test_one_module_calls_lapack() -> None:
    """It is the one that refuses what LAPACK cannot bear."""
    folder = Path(attncli.__file__).parent
    calls = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if calls_lapack(path)}
    assert calls == {"check/solving.py"}


def calls_lapack(path: Path) -> bool:
    """Tell whether a module names numpy.linalg, or a function of NumPy that is made of it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("linalg", "polyfit", "roots") for node in ast.walk(tree)
    )


@pytest.mark.parametrize("flag", ["--rtol", "--atol"])
@pytest.mark.parametrize("number", ["nan", "inf", "1e400"])
def test_a_tolerance_is_a_number(tmp_path: Path, flag: str, number: str) -> None:
    """With anything else everything would agree, or nothing, and JSON could not say so."""
    path = tmp_path / "case.json"
    path.write_text('{"query": [[1]], "hidden": [[1]], "expected": [[1]]}')
    ran = called("check", path, flag, number, status=2)
    shown = "nan" if number == "nan" else "inf"
    assert (ran.out, ran.err) == ("", f"attn: {flag[2:]} must be a number from 0, not {shown}\n")


@pytest.mark.takes(2)
@pytest.mark.parametrize("rope", ["half", "interleaved"])
def test_one_query_for_batch_items_of_different_lengths(tmp_path: Path, rope: str) -> None:
    """Each has positions of its own there: the report is that on the same query, given to each item."""
    query, states, wrong = normal(1, 2, 3, 4), normal(2, 2, 5, 4, seed=1), normal(2, 2, 3, 4, seed=2)
    reports = []
    for name, given in (("one.npz", query), ("each.npz", np.repeat(query, 2, axis=0))):
        path = tmp_path / name
        np.savez(path, query=given, key=states, value=states, expected=wrong, key_lengths=[3, 5])
        report = json.loads(called("check", path, "--rope", rope, "-f", "json", status=1).out)
        reports.append({name: found for name, found in report.items() if name != "file"})
    assert reports[0] == reports[1]
