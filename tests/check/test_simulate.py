"""``--simulate``: what a kernel of less precision gives, held to NumPy's arithmetic of that precision."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncli import attention
from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.simulate.kernel import rows
from attncli.check.simulate.measure import Sample, measure
from attncli.check.simulate.stages import KERNELS, STAGES, Kernel, parse
from attncli.check.simulate.types import TYPES
from tests.support.places import SAMPLES
from tests.support.processes import called

Array = np.ndarray[Any, Any]
half = np.float16


def states(queries: int = 6, keys: int = 90, features: int = 16, seed: int = 5) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    sizes = {"query": queries, "key": keys, "value": keys}
    return {name: rng.standard_normal((length, features)) for name, length in sizes.items()}


def made(text: str, arrays: dict[str, Any], **options: Any) -> Array:
    """Return what a kernel makes of one head."""
    return rows(parse(text), in_float64(arrays, **options))


def in_float64(arrays: dict[str, Any], **options: Any) -> Operands:
    return prepare({name: np.array(each) for name, each in arrays.items()}, Options.parse(options)).core


def eager_float16(arrays: dict[str, Array], scale: float) -> Array:
    """Return the output in NumPy's float16: sums in float64, and each result of an operation rounded."""
    query, key, value = (arrays[name].astype(half) for name in ("query", "key", "value"))
    scores = (query.astype(float) @ key.astype(float).T).astype(half) * half(scale)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total = half(0)
    for start in range(0, powers.shape[1], 64):
        part = powers[:, start : start + 64].astype(float).sum(axis=-1, keepdims=True)
        total = (total + part).astype(half)
    weights = powers / total
    assert weights.dtype == scores.dtype == powers.dtype == half
    return (weights.astype(float) @ value.astype(float)).astype(half)


def test_everything_in_float16_is_numpys() -> None:
    """Bit for bit, with softmax in float16 too."""
    arrays = states()
    found = made("eager=float16,softmax=float16", arrays, scale=0.25)
    assert_array_equal(found.astype(half), eager_float16(arrays, 0.25))


def test_weights_are_divided_in_the_type_of_softmax() -> None:
    """Also where nothing rounds them afterwards."""
    arrays = states(6, 40)
    scores = (arrays["query"] @ arrays["key"].T).astype(half)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = powers / powers.astype(float).sum(axis=-1, keepdims=True).astype(half)
    assert weights.dtype == half
    assert_allclose(made("softmax=float16", arrays), weights.astype(float) @ arrays["value"], rtol=1e-12, atol=1e-14)


def test_a_sum_that_rounds_after_each_addition() -> None:
    """With one key to a tile, as a loop over keys in float16 with a running maximum, bit for bit."""
    arrays = {name: each.astype(half) for name, each in states().items()}
    scores = arrays["query"].astype(float) @ arrays["key"].astype(float).T
    expected = []
    for row in scores:
        peak, total, summed = -np.inf, 0.0, np.zeros(16, half)
        for score, value in zip(row, arrays["value"], strict=True):
            higher = max(peak, score)
            weight, shrunk = math.exp(score - higher), math.exp(peak - higher)
            total = total * shrunk + weight
            before = (summed.astype(float) * shrunk).astype(half)
            summed = (before.astype(float) + float(half(weight)) * value.astype(float)).astype(half)
            peak = higher
        expected.append((summed.astype(float) / total).astype(half))
    assert_array_equal(made("weights=float16,accumulate=float16,tile=1", arrays), np.array(expected, float))


def test_float32_is_numpys() -> None:
    """Scores and their sums in float32, weights divided in float32."""
    arrays = states()
    query, key, value = (arrays[name].astype(np.float32) for name in ("query", "key", "value"))
    scores = query @ key.T * np.float32(0.25)
    powers = np.exp((scores - scores.max(axis=-1, keepdims=True)).astype(float)).astype(np.float32)
    weights = powers / powers.sum(axis=-1, keepdims=True)
    found = made("inputs=float32,scores=float32,scaled=float32,softmax=float32", arrays, scale=0.25)
    assert_allclose(found, weights.astype(float) @ value.astype(float), rtol=0, atol=2**-22)


def test_bfloat16_and_tf32_round_as_hardware_does() -> None:
    """To nearest, ties to even; TF32 has the digits of float16 and the range of float32."""
    numbers = (0.1 + np.random.default_rng(2).random(1000)) * 10.0 ** np.linspace(0, 4, 1000)
    numbers = numbers.astype(np.float32).astype(float)
    assert_array_equal(TYPES["bfloat16"].round(numbers), numbers.astype(ml_dtypes.bfloat16).astype(float))
    assert_array_equal(TYPES["tf32"].operand(numbers), numbers.astype(half).astype(float))
    one = {"query": [[1e30 * (1 + 2.0**-12)]], "key": [[1e-30]], "value": [[1.0]]}
    assert math.isclose(float(made("scores=tf32", one)[0, 0]), 1)


@pytest.mark.parametrize("text", ["softmax=float64", "accumulate=float64", "tile=7"])
@pytest.mark.parametrize(
    "options",
    [
        {"causal": True, "scale": "sqrt", "window": "3,1"},
        {"softcap": 2.0, "alibi": True},
        {"rope": "half", "scale": 0.3, "qk_norm": "l2,after-rope"},
        {"score": "cosine"},
    ],
    ids=lambda options: "-".join(options),
)
def test_what_is_not_named_is_exact(text: str, options: dict[str, Any]) -> None:
    """With a bias, a sink and a row that sees nothing, all at once or by tiles."""
    arrays: dict[str, Any] = states(9, 20) | {"sinks": np.array([0.5]), "bias": np.linspace(-1, 1, 180).reshape(9, 20)}
    arrays["mask"] = np.ones((9, 20), bool)
    arrays["mask"][4] = False
    right = attention(**{name: each[None] if name != "sinks" else each for name, each in arrays.items()}, **options)[0]
    given = {name: each[None] if name != "sinks" else each for name, each in arrays.items()}
    assert_allclose(made(text, given, **options), right, rtol=1e-12, atol=1e-13)


def test_logits_beyond_float16_are_told() -> None:
    """300·300 is beyond 65504: ∞ − ∞ is NaN, and the report and its record say so."""
    arrays = {"query": np.full((1, 1), 300.0), "key": np.array([[300.0], [1.0]]), "value": np.eye(2)}
    found = measure(in_float64(arrays), parse("scores=float16,output=float16"), Sample([(0, 0)], np.arange(1)))
    assert [each.alone.largest for each in found.stages] == [math.inf, 0]
    assert [found.share(each) for each in found.stages] == [None, None]


def test_one_stage_by_hand() -> None:
    """Weights 1/3 and 2/3 of values 0 and 3: rounded to bfloat16, 2/3 is 0.66796875; the row has size 2."""
    arrays = {"query": [[1.0]], "key": [[0.0], [math.log(2)]], "value": [[0.0], [3.0]]}
    found = measure(in_float64(arrays), parse("weights=bfloat16"), Sample([(0, 0)], np.arange(1)))
    [stage] = found.stages
    error = 3 * (0.66796875 - 2 / 3) / 2
    assert math.isclose(stage.alone.largest, error, rel_tol=1e-9)
    assert math.isclose(stage.so_far.typical, error, rel_tol=1e-9)
    assert math.isclose(found.together.typical, error, rel_tol=1e-9)
    assert found.share(stage) == 1


def test_a_type_that_numbers_have_already_changes_nothing() -> None:
    """Queries that are not rotated are rounded once."""
    o = in_float64(states())
    found = measure(o, parse("inputs=float16,rotated=float16"), Sample.of(o, [0], [0]))
    assert found.stages[1].alone.typical > 0
    assert [found.share(each) for each in found.stages] == [1, 0]
    assert list(parse("flash=float16").fitting(o).types) == [
        "inputs", "scores", "softmax", "weights", "accumulate", "output",
    ]  # fmt: skip


def saved(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path, **arrays)
    return path


def simulated(path: Path, text: str, *more: str, status: int = 0) -> dict[str, Any]:
    """Return what `attn check` says."""
    words = ["check", path, "--simulate", text, "--scale", "0.25", "--no-diagnose", "-f", "json", *more]
    found: dict[str, Any] = json.loads(called(*words, status=status).out)["simulated"]
    return found


def test_the_error_of_this_kernel_is_explained(tmp_path: Path) -> None:
    """The output of NumPy's float16 has just the error of such a kernel, number for number; a wrong scale has not."""
    arrays = states(70)
    right = saved(tmp_path / "r.npz", arrays | {"expected": eager_float16(arrays, 0.25)})
    found = simulated(right, "eager=float16,softmax=float16")
    assert (found["normal"], found["explained"]) == (True, 1)
    assert math.isclose(found["times"], 1)
    assert found["verdict"] == "your error is 1.0 times that of such a kernel: normal for one"
    coarser = simulated(right, "eager=bfloat16")
    assert coarser["normal"] is True
    assert coarser["times"] < 0.5
    finer = simulated(right, "flash=float32")
    assert finer["normal"] is False
    assert finer["times"] > 100
    wrong = saved(tmp_path / "w.npz", arrays | {"expected": eager_float16(arrays, 0.26)})
    found = simulated(wrong, "eager=float16", status=1)
    assert found["normal"] is False
    assert "does not explain it" in found["verdict"]


def test_of_several_problems_each_has_its_verdict(tmp_path: Path) -> None:
    """Below its line."""
    arrays = states(70) | {"expected": eager_float16(states(70), 0.25), "options": '{"scale": 0.25}'}
    files = [saved(tmp_path / f"{at}.npz", arrays) for at in range(2)]
    lines = called("check", *files, "--simulate", "eager=float16,softmax=float16").out.splitlines()
    assert [line.strip() for line in lines[1:6:3]] == [
        "your error is 1.0 times that of such a kernel: normal for one"
    ] * 2
    assert lines[-1] == "2 checked: 2 agree, 0 differ, 0 could not be checked"


def test_one_wrong_row_among_many_is_looked_at(tmp_path: Path) -> None:
    """Though only some rows are: that which is furthest off is among them."""
    arrays = states(500, 40)
    expected = eager_float16(arrays, 0.25)
    expected[101] = -expected[101]
    found = simulated(saved(tmp_path / "one.npz", arrays | {"expected": expected}), "eager=float16", status=1)
    assert found["queries"] == {"seen": 65, "all": 500}
    assert found["normal"] is False
    assert "in some rows" in found["verdict"] or found["times"] > 2


def test_the_table() -> None:
    """One line a stage, and no result of --step is changed by it."""
    words = ["compute", SAMPLES / "coreference.npz", "--simulate", "scores=bfloat16,output=float32", "--head", "1"]
    lines = called(*words, "--step", "softmax").out.splitlines()
    at = lines.index("the error of a kernel of these types, stage by stage")
    assert " ".join(lines[at + 1].split()) == "stage type alone: largest rms so far: largest rms share"
    assert [line.split()[:2] for line in lines[at + 3 : at + 5]] == [["scores", "bfloat16"], ["output", "float32"]]
    assert lines[at + 5] == "measured in 16 of 16 queries of 1 of 12 heads"
    record = json.loads(called(*words, "-f", "json").out)["simulated"]
    assert record["kernel"] == {"scores": "bfloat16", "output": "float32"}
    assert [each["head"] for each in record["heads"]] == [1]


def test_every_head_is_told_by_itself_where_all_are_asked_for() -> None:
    words = ["compute", SAMPLES / "coreference.npz", "--simulate", "flash=float16", "--head", "all", "-f", "markdown"]
    told = called(*words, "--step", "softmax").out
    assert [line.split()[2] for line in told.splitlines() if line.startswith("| head ") and "largest" not in line] == [
        str(head) for head in range(12)
    ]


def test_of_a_layer_the_output_of_all_heads_is_told() -> None:
    """Rounding its output alone costs at most half a unit in the last place, of what the row is the sum of."""
    found = json.loads(called("compute", SAMPLES / "layer.npz", "--simulate", "output=float16", "-f", "json").out)
    [stage] = found["simulated"]["stages"]
    assert len(found["simulated"]["heads"]) == 1
    assert 0 < stage["alone"]["largest"] < 2 * 2.0**-11


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("flahs=float16", "--simulate: 'flahs' is no stage", 'did you mean "flash"?'),
        ("scores=bfloat", "--simulate scores: 'bfloat' is no type", 'did you mean "bfloat16"?'),
        ("softmax=tf32", "--simulate softmax=tf32: tf32 is a type of products", "scores and accumulate can have it"),
        ("weights", "--simulate weights needs a type", "such as weights=float16"),
        ("tile=0", "--simulate tile: '0' is no number of keys from 1 to 1048576", "tile=64"),
        ("scores=float16 -f csv", "csv holds arrays alone, and not what --simulate tells",
         "use -f table, markdown or json"),
        ("scores=float16 --vary causal", "--simulate has no effect beside --vary", "give one of them"),
    ],
)  # fmt: skip
def test_errors(words: str, message: str, hint: str) -> None:
    ran = called("compute", SAMPLES / "coreference.npz", "--simulate", *words.split(), status=2)
    assert ran.err == f"attn: {message}\nhint: {hint}\n"


def test_the_help_names_all_stages_and_kernels() -> None:
    words = " ".join(called("check", "--help", env={"COLUMNS": "400"}).out.split())
    assert (
        f"Stages: {', '.join(STAGES)}; {', '.join(f'{name}=TYPE' for name in KERNELS)}".replace(", math=", " and math=")
        in words
    )


def test_the_record_is_passed_over_where_it_is_read_again(tmp_path: Path) -> None:
    """By the next command in a pipe."""
    path = tmp_path / "made.json"
    words = ["compute", SAMPLES / "article.json", "--step", "score"]
    called(*words, "--simulate", "scores=float16", "-o", path)
    assert "simulated" in json.loads(path.read_text())
    [output] = called("softmax", path, "-f", "csv").out.split()
    assert output == called("compute", SAMPLES / "article.json", "--step", "softmax", "-f", "csv").out.strip()


def test_a_cache_and_a_kernel_are_told_together() -> None:
    words = ["compute", SAMPLES / "coreference.npz", "--cache", "int8", "--simulate", "scores=float16", "-f", "json"]
    assert {"cache_effect", "simulated"} <= json.loads(called(*words).out).keys()


def test_what_comes_later_wins() -> None:
    kernel = parse("flash=bfloat16, softmax=float16,tile=128")
    assert (kernel.types["softmax"].name, kernel.types["weights"].name, kernel.tile) == ("float16", "bfloat16", 128)
    assert parse("weights=float16") == Kernel({"weights": TYPES["float16"]})
