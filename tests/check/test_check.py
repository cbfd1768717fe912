"""`attn check`: right outputs are never blamed, wrong ones get the right name, and what is told is true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli.check.rounding import to_half
from tests.support.places import RECORDED, SAMPLES
from tests.support.processes import called, environment, in_terminal


def recorded(name: str) -> dict[str, Any]:
    with np.load(SAMPLES / name) as archive:
        return dict(archive)


def saved(path: Path, arrays: dict[str, Any], **changes: Any) -> Path:
    np.savez(path, **(arrays | changes))
    return path


def plain(arrays: dict[str, Any], scale: float, causal: bool) -> Any:
    """Return the output as people compute it, in float64."""
    group = len(arrays["query"]) // len(arrays["key"])
    key, value = (np.repeat(arrays[name].astype(np.float64), group, axis=0) for name in ("key", "value"))
    scores = arrays["query"].astype(np.float64) @ key.swapaxes(1, 2) * scale
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[1:], dtype=bool)), scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ value


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_real_models_agree_with_themselves(path: Path) -> None:
    """Every recording but the one that is wrong on purpose."""
    assert json.loads(called("check", path, "-f", "json").out)["agrees"] is True


def test_the_sample_with_a_mistake() -> None:
    """Heads tiled by PyTorch's repeat: the verdict, the picture, the name and the fix."""
    found = json.loads(called("check", SAMPLES / "port.npz", "-f", "json", status=1).out)
    assert [each["mistakes"] for each in found["explanations"]] == [["heads-tiled"]]
    assert found["heads_that_differ"] == [1, 2, 3, 5, 6, 7]
    assert found["worst"]["label"] == "."


@pytest.mark.parametrize(
    ("mistake", "scale", "causal", "detail"),
    [
        ("scale", 1.0, True, {"scale": {"scale": 1.0, "constant": "1"}}),
        ("scale", 1 / 64, True, {"scale": {"scale": 1 / 64, "constant": "1/d"}}),
        ("mask-dropped", 0.125, False, {"mask-dropped": {"rule": "causal"}}),
    ],
)
def test_mistakes_in_a_real_layer(tmp_path: Path, mistake: str, scale: float, causal: bool, detail: Any) -> None:
    """The layer of a language model, computed wrongly; the options that are told give what was observed."""
    arrays = recorded("induction.npz")
    wrong = plain(arrays, scale, causal).astype(np.float32)
    path = saved(tmp_path / "case.npz", arrays, expected=wrong)
    (found,) = json.loads(called("check", path, "-f", "json", status=1).out)["explanations"]
    assert found["mistakes"] == [mistake]
    assert found["detail"] == detail
    flags = [f"--scale={scale}"] if mistake == "scale" else ["--no-causal"]
    assert found["options"] == ({"scale": scale} if mistake == "scale" else {"causal": False})
    made = called("compute", path, *flags, "-f", "npy").raw
    (tmp_path / "made.npy").write_bytes(made)
    assert_allclose(np.load(tmp_path / "made.npy"), wrong, rtol=1e-4, atol=1e-5)


def test_an_unknown_mistake_is_not_named(tmp_path: Path) -> None:
    """Noise: facts instead of a name."""
    arrays = recorded("coreference.npz")
    noise = np.random.default_rng(0).standard_normal(arrays["expected"].shape).astype(np.float32)
    wrong = arrays["expected"].copy()
    wrong[3] += noise[3]
    path = saved(tmp_path / "case.npz", arrays, expected=wrong)
    found = json.loads(called("check", path, "-f", "json", status=1).out)
    assert found["explanations"] == []
    assert found["heads_that_differ"] == [3]
    assert "heads that differ: 3; the other 11 of 12 are exact" in [each["said"] for each in found["facts"]]


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        (lambda x: x.transpose(1, 0, 2), "(queries, heads, features)"),
        (lambda x: x.transpose(1, 0, 2).reshape(16, 9 * 64), "(queries, heads·features)"),
        (lambda x: x.transpose(0, 2, 1), "(heads, features, queries)"),
        (lambda x: x[None], "(heads, queries, features)"),
        (lambda x: x.reshape(9 * 16, 64), "(heads·queries, features)"),
    ],
)
def test_another_layout_is_recognised(tmp_path: Path, turn: Any, name: str) -> None:
    """It is said, and compared in that."""
    arrays = recorded("induction.npz")
    path = saved(tmp_path / "case.npz", arrays, expected=turn(arrays["expected"]))
    found = json.loads(called("check", path, "-f", "json").out)
    assert (found["agrees"], found["layout"]) == (True, name)


def test_a_wrong_output_in_another_layout_is_diagnosed(tmp_path: Path) -> None:
    """Packed as transformers give it, and unscaled."""
    arrays = recorded("induction.npz")
    wrong = plain(arrays, 1.0, True).astype(np.float32).transpose(1, 0, 2).reshape(16, -1)
    path = saved(tmp_path / "case.npz", arrays, expected=wrong)
    found = json.loads(called("check", path, "-f", "json", status=1).out)
    assert [each["mistakes"] for each in found["explanations"]] == [["scale"]]
    assert found["layout"] == "(queries, heads·features)"


def test_rounding_is_told_and_is_no_mistake(tmp_path: Path) -> None:
    """An output in bfloat16, and one typed with four decimals."""
    arrays = recorded("induction.npz")
    rounded = to_half(arrays["expected"].astype(np.float64), "bfloat16").astype(np.float32)
    found = json.loads(called("check", saved(tmp_path / "b.npz", arrays, expected=rounded), "-f", "json").out)
    assert found["agrees"]
    assert found["precision"] == "bfloat16"
    assert found["rounding"] == "bfloat16"
    typed = tmp_path / "t.json"
    typed.write_text('{"query": [[1, 0]], "hidden": [[0.3, 0], [0.7, 1]], "expected": [[0.5395, 0.5987]]}')
    found = json.loads(called("check", typed, "-f", "json").out)
    assert (found["agrees"], found["precision"]) == (True, "4 decimals")


def test_tolerances_override(tmp_path: Path) -> None:
    """Given ones stand for themselves; both numbers are told."""
    arrays = recorded("induction.npz")
    path = saved(tmp_path / "case.npz", arrays, expected=arrays["expected"] + np.float32(0.01))
    assert json.loads(called("check", path, "--atol", "0.02", "-f", "json").out)["agrees"]
    found = json.loads(called("check", path, "--atol", "0.001", "--no-diagnose", "-f", "json", status=1).out)
    assert found["tolerance"] == 0.001
    assert found["precision"] == "given"
    assert found["explanations"] == []
    assert found["error"] == pytest.approx(0.01, rel=1e-3)


def test_many_files_end_with_a_summary(tmp_path: Path) -> None:
    """A line each; the status says whether all agree, any differs, or one could not be checked."""
    good, bad = SAMPLES / "induction.npz", SAMPLES / "port.npz"
    out = called("check", good, bad, "--no-diagnose", status=1).out
    assert out.splitlines()[-1] == "2 checked: 1 agree, 1 differ, 0 could not be checked"
    assert len(out.splitlines()) == 3
    broken = saved(tmp_path / "none.npz", {"query": np.ones((2, 2)), "hidden": np.ones((2, 2))})
    out = called("check", good, broken, "-f", "json", status=2).out
    found = json.loads(out)
    assert (found["agree"], found["differ"], found["failed"]) == (1, 0, 1)
    assert found["checked"][1]["problem"] == "no expected output"


def test_what_cannot_be_checked_is_an_error(tmp_path: Path) -> None:
    """One line, and status 2."""
    err = called("check", SAMPLES / "article.json", status=2).err
    assert err == (
        "attn: samples/article.json: no expected output\n".replace("samples", str(SAMPLES))
        + 'hint: give --expected FILE, or "expected" in the file\n'
    )
    np.save(tmp_path / "e.npy", np.ones((3, 7)))
    err = called("check", SAMPLES / "article.json", "--expected", tmp_path / "e.npy", status=2).err
    assert "expected 3×7 does not match the output, 1×1×1×5 (batch×heads×queries×features), in any layout" in err


def test_nan_and_infinity_are_kept_apart(tmp_path: Path) -> None:
    """They are counted, and shown in the picture; the worst element is a finite one."""
    arrays = recorded("coreference.npz")
    wrong = arrays["expected"].copy()
    wrong[2, 5] = np.nan
    path = saved(tmp_path / "case.npz", arrays, expected=wrong)
    found = json.loads(called("check", path, "--no-diagnose", "-f", "json", status=1).out)
    assert found["nan"] == {"expected": 32, "computed": 0}
    out = called("check", path, "--no-diagnose", status=1).out
    assert "head 2   ·····N··········" in out


def test_it_is_coloured_on_a_terminal() -> None:
    """The same text, in colours."""
    shown = in_terminal("check", SAMPLES / "induction.npz")
    assert "\x1b[1;32m" in shown
    assert "agrees" in shown


@pytest.mark.parametrize("factor", [1.01, 1.0001])
def test_the_verdict_does_not_depend_on_the_search(tmp_path: Path, factor: float) -> None:
    """A scale that is a little off is no rounding, whether its name is looked for or not."""
    arrays = recorded("induction.npz")
    path = saved(tmp_path / "case.npz", arrays, expected=plain(arrays, 0.125 * factor, True).astype(np.float32))
    found = json.loads(called("check", path, "-f", "json", status=1).out)
    assert [each["mistakes"] for each in found["explanations"]] == [["scale"]]
    found = json.loads(called("check", path, "--no-diagnose", "-f", "json", status=1).out)
    assert (found["agrees"], found["diagnosed"], found["explanations"]) == (False, False, [])
    assert "Not looked for (--no-diagnose)." in called("check", path, "--no-diagnose", status=1).out


def test_what_is_not_known_gets_no_name(tmp_path: Path) -> None:
    """Weights that have nothing to do with the scores, and random numbers added."""
    arrays = recorded("coreference.npz")
    noise = np.random.default_rng(2).standard_normal(arrays["expected"].shape)
    added = arrays["expected"] + np.float32(0.01) * noise.astype(np.float32)
    weights = np.random.default_rng(1).random((12, 16, 16)).astype(np.float32)
    weights /= weights.sum(-1, keepdims=True)
    for name, wrong in (("added", added), ("other", weights @ arrays["value"])):
        path = saved(tmp_path / f"{name}.npz", arrays, expected=wrong)
        assert json.loads(called("check", path, "-f", "json", status=1).out)["explanations"] == []


def test_a_constant_that_was_added_is_named(tmp_path: Path) -> None:
    """To every row alike, so that it may as well have been added to every value."""
    arrays = recorded("coreference.npz")
    added = arrays["expected"] + np.float32(0.01) * np.arange(32, dtype=np.float32)
    path = saved(tmp_path / "added.npz", arrays, expected=added)
    (found,) = json.loads(called("check", path, "-f", "json", status=1).out)["explanations"]
    assert (found["mistakes"], found["said"]) == (["values-changed"], ["a constant vector was added to every value"])


def test_a_key_that_never_counts_is_no_dropout(tmp_path: Path) -> None:
    """Dropout is random: it takes another key in every row. This key lost its value, and that is said."""
    rng = np.random.default_rng(2)
    arrays = {name: rng.standard_normal((4, 16, 32)).astype(np.float32) for name in ("query", "key", "value")}
    scores = arrays["query"].astype(float) @ arrays["key"].swapaxes(1, 2)
    weights = np.where(np.tril(np.ones((16, 16), dtype=bool)), np.exp(scores / 32**0.5), 0)
    weights /= weights.sum(-1, keepdims=True)
    weights[..., 8] = 0
    options = np.array('{"scale": "sqrt", "causal": true}')
    wrong = (weights @ arrays["value"]).astype(np.float32)
    path = saved(tmp_path / "case.npz", arrays, expected=wrong, options=options)
    (found,) = json.loads(called("check", path, "-f", "json", status=1).out)["explanations"]
    assert found["mistakes"] == ["keys-stale"]
    assert found["said"] == ["key 8 was seen with a value of 0"]


def test_a_reader_who_leaves_early_still_gets_the_status() -> None:
    """`attn check … | head -1` fails under pipefail where the outputs differ."""
    command = f"{sys.executable} -m attncli check {SAMPLES / 'port.npz'} --no-diagnose | true; exit ${{PIPESTATUS[0]}}"
    for _ in range(3):
        done = subprocess.run(["bash", "-c", command], env=environment(), check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (1, "")
