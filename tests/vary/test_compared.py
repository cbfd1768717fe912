"""What is computed under each value: numbers by hand, every option that is declared, and what wins over what."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli import steps
from attncli.attend.options import Options, as_flag, written
from attncli.errors import InputError
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.vary.compared import Compared, change
from attncli.vary.values import Vary
from tests.support.arrays import normal
from tests.support.declared import FEW, Given, Setting, settings
from tests.support.processes import called

# Logits ln 9 and 0 without a scale, ln 3 and 0 with that of four features: weights 9/10, 1/10 and 3/4, 1/4.
BY_HAND = {
    "query": [[2 * math.log(3), 0, 0, 0]],
    "key": [[1, 0, 0, 0], [0, 0, 0, 0]],
    "value": [[1], [0]],
}
KEYS = ["output", "effective_keys", "largest_weight", "output_change"]


def put(path: Path, problem: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(problem), encoding="utf-8")
    return path


def found(*words: object, **more: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(called("compute", *words, "-f", "json", **more).out)
    return made


def test_two_scales_by_hand(tmp_path: Path) -> None:
    """One query and two keys: exp(−Σ w·ln w) of 9/10 and 1/10 is 10/9^0.9, of 3/4 and 1/4 it is 4/3^0.75."""
    file = put(tmp_path / "f.json", BY_HAND)
    none, sqrt = found(file, "--vary", "scale=none,sqrt")
    assert list(none) == list(sqrt) == ["scale", *KEYS]
    assert (none["scale"], sqrt["scale"]) == ("none", "sqrt")
    assert_allclose([none["output"], sqrt["output"]], [[[0.9]], [[0.75]]], rtol=1e-14)
    assert_allclose([each["effective_keys"] for each in (none, sqrt)], [10 / 9**0.9, 4 / 3**0.75], rtol=1e-14)
    assert_allclose([each["largest_weight"] for each in (none, sqrt)], [0.9, 0.75], rtol=1e-14)
    assert none["output_change"] == 0.0
    assert_allclose(sqrt["output_change"], 0.15, rtol=1e-14)


def test_csv_and_tsv_hold_what_is_measured(tmp_path: Path) -> None:
    """The same numbers as JSON, without the output; a file has the format of its extension."""
    file = put(tmp_path / "f.json", BY_HAND)
    records_of = found(file, "--vary", "scale=none,sqrt")
    called("compute", file, "--vary", "scale=none,sqrt", "-o", tmp_path / "x.tsv")
    texts = {",": called("compute", file, "--vary", "scale=none,sqrt", "-f", "csv").out}
    texts["\t"] = (tmp_path / "x.tsv").read_text(encoding="utf-8")
    for delimiter, text in texts.items():
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
        assert [list(row) for row in rows] == [["scale", *KEYS[1:]]] * 2
        assert [float(row["effective_keys"]) for row in rows] == [each["effective_keys"] for each in records_of]
        assert [float(row["output_change"]) for row in rows] == [each["output_change"] for each in records_of]


def test_it_wins_over_the_file_and_the_command_line(tmp_path: Path) -> None:
    """Both say another scale, and the other options stay as they are."""
    file = put(tmp_path / "f.json", BY_HAND | {"options": {"scale": 0.5, "causal": True}})
    shown = found(file, "--scale", "7", "--no-causal", "--vary", "scale=sqrt,none")
    assert_allclose([each["largest_weight"] for each in shown], [0.75, 0.9], rtol=1e-14)
    assert [each["largest_weight"] for each in found(file, "--vary", "scale=sqrt,none")] == [1.0, 1.0]


def test_none_leaves_out_what_a_file_asks_for(tmp_path: Path) -> None:
    """A softcap in the file; the scores are ln 9 and 0 without it, and with 1 they are tanh(ln 9) and 0."""
    file = put(tmp_path / "f.json", BY_HAND | {"options": {"softcap": 1}})
    capped, plain = found(file, "--vary", "softcap=1,none")
    weight = 1 / (1 + math.exp(-math.tanh(math.log(9))))
    assert_allclose([capped["largest_weight"], plain["largest_weight"]], [weight, 0.9], rtol=1e-14)


def entropy(weights: np.ndarray[Any, Any]) -> float:
    """Return the mean over the queries that see something of the exponential of the entropy, by its definition."""
    rows = weights.reshape(-1, weights.shape[-1]).astype(np.float64)
    rows = rows[rows.any(axis=-1)]
    return float(np.mean([math.exp(-sum(w * math.log(w) for w in row if w > 0)) for row in rows.tolist()]))


def one_of_each() -> list[Setting]:
    """Return the first setting of every option."""
    return list({each.name: each for each in reversed(settings())}.values())


def text_of(value: object) -> str:
    """Return a value as it is typed."""
    if value is None:
        return "none"
    return ("off", "on")[value] if isinstance(value, bool) else written(value)


# Options that say how the arrays lie: those of the tests fit one value of them, and mostly no other.
LIES = ("kv_heads", "layout", "rope_sections", "states")


def compared(setting: Setting, values: list[str]) -> tuple[Compared, Given]:
    """Return a comparison of values of an option on arrays on which it has an effect, and these arrays."""
    arrays = setting.arrays(*FEW)

    def make(options: Mapping[str, object]) -> Problem:
        return Problem(arrays, dict.fromkeys(arrays, "test"), options=Options.parse(options))

    vary = Vary.parse(f"{as_flag(setting.name)}={';'.join(values)}")
    return Compared.of(vary, make, {**setting.beside, setting.name: "is overridden"}), arrays


@pytest.mark.parametrize(
    "setting", [each for each in one_of_each() if each.name not in LIES], ids=lambda setting: setting.name
)
def test_every_option_varies(setting: Setting) -> None:
    """Its default and another value give each what Python gives of it alone, and the change is that between them."""
    values = {text_of(value): value for value in (getattr(Options(), setting.name), setting.value)}
    found_of, arrays = compared(setting, list(values))
    made = {text: steps(**arrays, **{**setting.beside, setting.name: value}) for text, value in values.items()}
    measured = list(found_of.measure(Choice()))
    assert [each.value for each in measured] == list(values)
    for each in measured:
        assert each.output is not None
        assert_allclose(each.output, made[each.value].output, rtol=1e-5, atol=1e-6)
        assert each.effective_keys is not None
        assert_allclose(each.effective_keys, entropy(made[each.value].weights), rtol=1e-5)
    first, other = (made[text].output.astype(np.float64) for text in values)
    assert measured[1].change is not None
    assert_allclose(measured[1].change.size, abs(other - first).max(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("setting", [each for each in one_of_each() if each.name in LIES], ids=lambda each: each.name)
def test_arrays_that_fit_one_value_alone_are_refused_under_the_other(setting: Setting) -> None:
    """With that value, in whichever place it stands."""
    default = text_of(getattr(Options(), setting.name))
    for values in ([text_of(setting.value), default], [default, text_of(setting.value)]):
        with pytest.raises(InputError, match=f"^{as_flag(setting.name)}={default}: "):
            compared(setting, values)


def test_another_shape_has_no_change() -> None:
    """Null, and a notice with both shapes in the language of the locale."""
    words = ["compute", "[[1,2],[3,4],[5,6]]", "--vary", "states=rows,columns"]
    ran = called(*words, "-f", "json")
    assert [each["output_change"] for each in json.loads(ran.out)] == [0.0, None]
    assert "with states=columns the output is 2×3, with states=rows 3×2: no change of it can be told" in ran.err
    assert (
        "states=columns 的输出形状是 2×3，states=rows 的是 3×2：无法比较" in called(*words, env={"LANG": "zh_CN"}).err
    )


def test_notices_say_under_which_value_they_arise(tmp_path: Path) -> None:
    """What all values share is said once."""
    problem = {"query": [[1, 2], [3, 4]], "key": [[1, 0], ["NaN", 1]], "value": [[1], [2]], "mask": [[1, 1], [0, 1]]}
    err = called("compute", put(tmp_path / "f.json", problem), "--vary", "window=none;0,0;-1,0").err
    assert err.count("holds 1 NaN") == 1
    assert "window=" not in next(line for line in err.splitlines() if "NaN" in line)
    alone = called("compute", "[[1,2],[3,4]]", "[[1,0],[0,1]]", "--offset", "1", "--vary", "chunk=3,1").err
    assert alone == "attn: notice: chunk=1: query 1 may attend to nothing: weights and output are 0\n"


@pytest.mark.parametrize(("words", "parts"), [([], slice(0, 3)), (["--head", "1"], slice(1, 2))])
def test_it_is_measured_over_all_heads_or_the_one_that_is_chosen(
    words: list[str], parts: slice, tmp_path: Path
) -> None:
    """As JSON holds the output of all of them, or of that one."""
    arrays: Given = {"query": normal(3, 5, 4), "key": normal(3, 7, 4, seed=1), "value": normal(3, 7, 2, seed=2)}
    np.savez(tmp_path / "f.npz", **arrays)
    for each, causal in zip(found(tmp_path / "f.npz", "--vary", "causal", *words), (False, True), strict=True):
        made = steps(**arrays, causal=causal)
        assert_allclose(each["output"], made.output[parts].squeeze(0) if words else made.output, rtol=1e-10)
        assert_allclose(each["effective_keys"], entropy(made.weights[parts]), rtol=1e-10)
        assert_allclose(each["largest_weight"], made.weights[parts].max(axis=-1).mean(), rtol=1e-10)


@pytest.mark.parametrize(
    ("first", "other", "size", "at"),
    [
        ([1.0, 2.0], [1.0, -2.0], 4.0, 1),
        ([np.nan, np.inf], [np.nan, np.inf], 0.0, 0),
        ([1.0, 2.0], [1.0, np.nan], np.inf, 1),
        ([-1e308, 0.0], [1e308, 0.0], np.inf, 0),
    ],
)
def test_the_change_of_an_output(first: list[float], other: list[float], size: float, at: int) -> None:
    """What is no number in both alike is no change; a number beside none is one without bound."""
    found_change = change(np.array(first), np.array(other), "E")
    assert (found_change.size, found_change.place) == (size, {"E": at})


def test_standard_input_is_read_once() -> None:
    """It cannot be read again for the second value."""
    ran = called("compute", "--vary", "causal", "-f", "csv", stdin=b"[[1, 2], [3, 4]]")
    assert ran.out.splitlines()[0] == "causal,effective_keys,largest_weight,output_change"
