"""Results on the way: each compared with plain NumPy's, the first wrong one named, and the mistake looked for there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.check.rounding import to_half
from tests.check.dumps import by_tokens, options
from tests.support.processes import called

HEADS, LENGTH, FEATURES = 4, 9, 16
RNG = np.random.default_rng(3)
STATES = {name: RNG.standard_normal((HEADS, LENGTH, FEATURES)).astype(np.float32) for name in ("query", "key", "value")}
WIDE = {name: array.astype(np.float64) for name, array in STATES.items()}
SCORES = WIDE["query"] @ WIDE["key"].swapaxes(1, 2) / 4
OPEN = np.tril(np.ones((LENGTH, LENGTH), dtype=bool))


def softened(scores: Any, opened: Any = OPEN) -> Any:
    powers = np.where(opened, np.exp(scores), 0)
    return powers / powers.sum(axis=-1, keepdims=True)


def closed(fill: float) -> Any:
    return np.where(OPEN, SCORES, fill)


WEIGHTS = softened(SCORES)
OUTPUT = WEIGHTS @ WIDE["value"]


def check(path: Path, status: int = 0, more: Any = None, *flags: str, **expected: Any) -> Any:
    arrays = {f"expected_{name}" if name != "expected" else name: each for name, each in expected.items()}
    single = {name: np.asarray(each, dtype=np.float32) for name, each in arrays.items()}
    given: dict[str, Any] = {**STATES, **single, **(more or options(scale="sqrt", causal=True))}
    np.savez(path / "case.npz", **given)
    return json.loads(called("check", path / "case.npz", *flags, "-f", "json", status=status).out)


def mistakes(found: Any) -> list[str]:
    return [" + ".join(each["mistakes"]) for each in found["explanations"]]


def test_all_right(tmp_path: Path) -> None:
    """Every result of causal attention; −1e9 closes a key as −∞ does, and that is said."""
    lse = np.log(np.where(OPEN, np.exp(SCORES), 0).sum(axis=-1))
    found = check(tmp_path, scores=SCORES, logits=closed(-1e9), weights=WEIGHTS, lse=lse, expected=OUTPUT)
    assert (found["agrees"], found["first_difference"], found["right_until"]) == (True, None, "softmax")
    assert {name: each["agrees"] for name, each in found["arrays"].items()} == dict.fromkeys(
        ("scores", "logits", "weights", "lse", "output"), True
    )
    assert found["arrays"]["logits"]["notes"] == {"fill": {"number": -1e9}}
    assert all(0 < each["tolerance"] < 1e-4 for each in found["arrays"].values())


@pytest.mark.takes(3)
@pytest.mark.parametrize("fill", [-np.inf, -1e4, float(np.finfo(np.float32).min)])
def test_masks_in_scores_are_not_compared(tmp_path: Path, fill: float) -> None:
    """A dump whose scores are masked already, with any number that programs close keys with; alone in the file."""
    found = check(tmp_path, scores=closed(fill))
    assert found["agrees"]
    assert found["arrays"]["scores"]["notes"] == {"masked": {"number": HEADS * 36}}
    assert check(tmp_path, logits=closed(fill))["agrees"]


@pytest.mark.takes(2)
@pytest.mark.parametrize(
    ("expected", "first", "named"),
    [
        ({"scores": SCORES, "weights": softened(SCORES, opened=True)}, "weights", "mask-dropped"),
        ({"scores": SCORES * 4, "weights": softened(SCORES * 4)}, "scores", "scale"),
        ({"weights": softened(SCORES, np.tril(OPEN | True, 1))}, "weights", "causal-diagonal"),
        ({"logits": np.where(np.tril(OPEN | True, 1), SCORES, -np.inf)}, "logits", "causal-diagonal"),
        ({"scores": SCORES, "logits": closed(-5.0)}, "logits", "mask-value"),
        ({"lse": np.log(np.where(OPEN, np.exp(SCORES), 0).sum(axis=-1) + 1)}, "lse", "sink"),
        ({"scores": WIDE["key"] @ WIDE["key"].swapaxes(1, 2) / 4}, "scores", "operands-swapped"),
    ],
)
def test_the_search_starts_at_the_first_difference(tmp_path: Path, expected: Any, first: str, named: str) -> None:
    """Also where there is no output to compare."""
    found = check(tmp_path, 1, **expected)
    assert found["first_difference"] == first
    assert mistakes(found)[:1] == [named]


def test_what_comes_before_is_not_blamed(tmp_path: Path) -> None:
    """Scores are right, so that nothing before them explains the output; and weights are, so that it comes after."""
    wrong = WEIGHTS @ WIDE["key"]
    found = check(tmp_path, 1, scores=SCORES, weights=WEIGHTS, expected=wrong)
    assert (found["first_difference"], found["right_until"], mistakes(found)) == (None, "softmax", ["operands-swapped"])
    assert found["explanations"][0]["detail"] == {"operands-swapped": {"order": ["query", "key", "key"]}}


def test_a_second_mistake_is_told(tmp_path: Path) -> None:
    """The mask is dropped, and the output is halved besides; or it is what the weights give."""
    weights = softened(SCORES, opened=True)
    found = check(tmp_path, 1, scores=SCORES, weights=weights, expected=weights @ WIDE["value"])
    assert (found["explains_output"], found["output_follows"], mistakes(found)) == (True, True, ["mask-dropped"])
    found = check(tmp_path, 1, scores=SCORES, weights=weights, expected=weights @ WIDE["value"] / 2)
    assert (found["explains_output"], mistakes(found)) == (False, ["mask-dropped", "mask-dropped + output-factor"])


def test_names_for_something_else(tmp_path: Path) -> None:
    """Scores may be q·k, and a logarithm one to the base 2: no mistake where all that follows is right."""
    found = check(tmp_path, scores=SCORES * 4, weights=WEIGHTS, expected=OUTPUT)
    assert (found["agrees"], found["arrays"]["scores"]["really"]) == (True, "unscaled")
    lse = np.log2(np.where(OPEN, np.exp(SCORES), 0).sum(axis=-1))
    assert check(tmp_path, lse=lse, expected=OUTPUT)["arrays"]["lse"]["really"] == "base 2"
    found = check(tmp_path, 1, lse=lse)
    assert (found["arrays"]["lse"]["really"], mistakes(found)) == ("base 2", [])


def test_facts_where_nothing_explains_it(tmp_path: Path) -> None:
    """A key that never counts."""
    opened = OPEN & (np.arange(LENGTH) != 2)
    weights = softened(SCORES, opened)
    found = check(tmp_path, 1, None, "--no-diagnose", weights=weights / 2, expected=weights @ WIDE["value"])
    assert (mistakes(found), found["diagnosed"]) == ([], False)
    count = HEADS * (LENGTH - 2)
    assert [(each["fact"], each["detail"]) for each in found["facts"]] == [
        ("cells-closed", {"count": count, "query": 2, "place": 2}),
        ("sums-of-weights", {}),
    ]
    assert [each["said"] for each in found["facts"]] == [
        f"{count} keys that are open here are closed there; the first for query 2: key 2",
        "rows of weights that differ sum to 0.5, where 1 is right",
    ]


@pytest.mark.takes(2)
@pytest.mark.parametrize(
    ("weights", "named", "part"),
    [
        (softened(WEIGHTS), "softmax-replaced", None),
        (np.concatenate([WEIGHTS[:2], softened(SCORES, opened=True)[2:]]), "mask-dropped", {"heads": [2, 3]}),
        (np.full_like(WEIGHTS, np.nan), "not-written", None),
        (softened(SCORES, OPEN & (np.arange(LENGTH) != 3)), "keys-lost", None),
    ],
)
def test_generators_and_parts(tmp_path: Path, weights: Any, named: str, part: Any) -> None:
    """What is wrong in some heads alone, another function, nothing written; and what only the output tells of."""
    found = check(tmp_path, 1, scores=SCORES, weights=weights, expected=np.nan_to_num(weights) @ WIDE["value"])
    assert (found["first_difference"], mistakes(found)[:1]) == ("weights", [named])
    assert found["explanations"][0]["part"] == part
    assert found["explains_output"] is not False or named == "not-written"


def test_a_search_without_time(tmp_path: Path) -> None:
    """It ends at once, and says what was not tried, also where the output is wrong besides."""
    wrong = np.abs(RNG.standard_normal(WEIGHTS.shape))
    for more in ({"weights": wrong}, {"scores": wrong}):
        found = check(tmp_path, 1, None, "--seconds", "0", **more, expected=OUTPUT + 1)
        assert (found["explanations"], found["untried"][1:3]) == ([], ["single mistakes", "generated mistakes"])
        assert "every row differs" in [each["said"] for each in found["facts"]]
    out = called("check", tmp_path / "case.npz", "--seconds", "0", status=1).out
    assert "The search ended after 0 s. Not tried, or not all of it:" in " ".join(out.split())


def rotated(states: Any, theta: float = 10000.0, interleaved: bool = False) -> Any:
    half = FEATURES // 2
    angles = np.arange(LENGTH)[:, None] * theta ** (-np.arange(half) / half)
    a, b = (states[..., ::2], states[..., 1::2]) if interleaved else (states[..., :half], states[..., half:])
    made = a * np.cos(angles) - b * np.sin(angles), a * np.sin(angles) + b * np.cos(angles)
    return np.stack(made, -1).reshape(states.shape) if interleaved else np.concatenate(made, axis=-1)


def test_rotations(tmp_path: Path) -> None:
    """Right in another layout and with repeated heads; wrong with another base and in other pairs."""
    more = options(scale="sqrt", rope="half")
    turned = {name: rotated(WIDE[name]) for name in ("query", "key")}
    found = check(tmp_path, 0, more, rotated_query=turned["query"], rotated_key=by_tokens("key", turned["key"]))
    assert found["arrays"]["rotated_key"]["layout"] == "(keys, heads, features)"
    for wrong, name in (({"theta": 500000.0}, "rope-theta"), ({"interleaved": True}, "rope-pairing")):
        expected = {f"rotated_{each}": rotated(WIDE[each], **wrong) for each in turned}
        found = check(tmp_path, 1, more, **expected)
        assert (found["first_difference"], mistakes(found)) == ("rotated_query", [name])
    found = check(tmp_path, 1, more, rotated_query=turned["query"], rotated_key=WIDE["key"])
    assert (found["first_difference"], mistakes(found)) == ("rotated_key", ["rope-pairing"] * 2)


def test_half_precision(tmp_path: Path) -> None:
    """Scores and weights of bfloat16 are rounding, not mistakes; a wrong scale is one all the same."""
    rounded = {name: to_half(WIDE[name], "bfloat16") for name in WIDE}
    scores = to_half(rounded["query"] @ rounded["key"].swapaxes(1, 2) / 4, "bfloat16")
    found = check(tmp_path, scores=scores, weights=to_half(softened(scores), "bfloat16"))
    assert [each["precision"] for each in found["arrays"].values()] == ["bfloat16", "bfloat16"]
    found = check(tmp_path, 1, scores=to_half(scores * 1.2, "bfloat16"))
    assert not found["agrees"]


def test_a_whole_layer(tmp_path: Path) -> None:
    """What comes before a matrix is searched although it comes after the attention; what is projected is compared."""
    x = RNG.standard_normal((5, 12)).astype(np.float32)
    w = {name: RNG.standard_normal((12, 12)).astype(np.float32) / 4 for name in ("w_q", "w_k", "w_v", "w_o")}
    q, k, v = ((x.astype(float) @ w[name]).reshape(5, 3, 4).swapaxes(0, 1) for name in ("w_q", "w_k", "w_v"))
    weights = softened(q @ k.swapaxes(1, 2), np.ones((5, 5), dtype=bool))
    packed = (weights @ v).swapaxes(0, 1).reshape(5, 12)
    expected = {"projected_query": q, "projected_key": k, "weights": weights, "context": weights @ v}
    given = {f"expected_{name}": each.astype(np.float32) for name, each in expected.items()}
    path = tmp_path / "layer.npz"
    right = {"hidden": x, **w, **given, "expected": (packed @ w["w_o"]).astype(np.float32)}
    np.savez(path, **right, **options(heads=3, scale="sqrt"))
    found = json.loads(called("check", path, "-f", "json", status=1).out)
    assert (found["first_difference"], found["right_until"], mistakes(found)) == ("weights", "project", ["scale"])
    assert found["output_follows"] is True
    np.savez(path, **right, **options(heads=3))
    assert json.loads(called("check", path, "-f", "json").out)["agrees"]


def test_flags_and_errors(tmp_path: Path) -> None:
    """A result may come with a flag; one that has no such shape is an error with both shapes."""
    given: dict[str, Any] = {**STATES, **options(scale="sqrt", causal=True)}
    np.savez(tmp_path / "case.npz", **given)
    np.save(tmp_path / "w.npy", WEIGHTS.astype(np.float32))
    out = called("check", tmp_path / "case.npz", "--expected-weights", tmp_path / "w.npy").out
    assert "w.npy: right: weights weights agrees" in " ".join(out.split())
    np.save(tmp_path / "w.npy", np.ones((3, 7)))
    err = called("check", tmp_path / "case.npz", "--expected-weights", tmp_path / "w.npy", status=2).err
    assert "expected_weights 3×7 does not match weights, 1×4×9×9 (batch×heads×queries×keys), in any layout" in err


def test_lines_on_a_screen(tmp_path: Path) -> None:
    """What the report says first, in both languages."""
    weights = softened(SCORES, opened=True)
    check(tmp_path, 1, scores=closed(-1e9), weights=weights, expected=weights @ WIDE["value"])
    out = " ".join(called("check", tmp_path / "case.npz", status=1).out.split())
    assert "case.npz: weights is the first that differs; right before it: scores: mask-dropped" in out
    assert "144 closed keys are masked in it already, which comes later here" in out
    assert "Where weights differs" in out
    assert "scores right, weights wrong: looked for between these" in out
    assert "The output is what these weights give: nothing is wrong behind them." in out
    out = called("check", tmp_path / "case.npz", "--lang", "zh", status=1).out
    assert "最先出错的是weights；" in "".join(out.split())
    check(tmp_path, 0, logits=closed(-1e9))
    out = " ".join(called("check", tmp_path / "case.npz").out.split())
    assert "closed keys hold -1e9 there and −∞ here, which is the same" in out


def test_query_and_key_of_different_sizes(tmp_path: Path) -> None:
    """One table of angles cannot serve both: what float32 costs is found without it."""
    key, matrix = WIDE["key"][..., :8], RNG.standard_normal((16, 8))
    given: dict[str, Any] = {**STATES, "key": key.astype(np.float32), "w_a": matrix.astype(np.float32)}
    turned = rotated(WIDE["query"])
    given |= {"expected_rotated_query": turned.astype(np.float32), **options(score="general", rope="half")}
    np.savez(tmp_path / "case.npz", **given)
    assert json.loads(called("check", tmp_path / "case.npz", "-f", "json").out)["agrees"]
