"""Every option at once, through every command."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

from tests.support.arrays import normal
from tests.support.everything import everything
from tests.support.processes import called


def test_everything_at_once_by_the_definition(tmp_path: Path) -> None:
    """Rotation, scale, softcap, mask, bias, ALiBi, causal, window, past keys, groups and sinks, in this order."""
    made = json.loads(called("compute", everything(tmp_path), "-f", "json", "--dtype", "float64").out)
    given = np.load(everything(tmp_path))
    b, h = 1, 3
    key = np.concatenate([given["past_key"][b, 1], given["key"][b, 1]]).astype(float)
    value = np.concatenate([given["past_value"][b, 1], given["value"][b, 1]]).astype(float)

    def turn(vector: list[float], position: int) -> list[float]:
        out = list(vector)
        for i in range(3):
            angle = position * 100 ** (-2 * i / 6)
            out[i] = vector[i] * math.cos(angle) - vector[i + 3] * math.sin(angle)
            out[i + 3] = vector[i] * math.sin(angle) + vector[i + 3] * math.cos(angle)
        return out

    for i in range(3):
        p = 3 + i
        query = turn(given["query"][b, h, i].astype(float).tolist(), p)
        exponentials = []
        for j in range(7):
            turned = turn(key[j].tolist(), j) if j >= 3 else key[j].tolist()
            capped = 2 * math.tanh(math.fsum(a * c for a, c in zip(query, turned, strict=True)) / math.sqrt(6) / 2)
            is_open = p - 4 <= j <= p and j < 6 and given["mask"][b, 0, i, j]
            logit = capped + given["bias"][h, i, j] - 2 ** (-2 * (h + 1)) * (p - j)
            exponentials.append(math.exp(logit) if is_open else 0.0)
        total = math.fsum(exponentials) + math.exp(given["sinks"][h])
        weights = [each / total for each in exponentials]
        assert_allclose(made["weights"][b][h][i], weights, rtol=1e-12)
        output = [math.fsum(w * v for w, v in zip(weights, value[:, c], strict=True)) for c in range(5)]
        assert_allclose(made["output"][b][h][i], output, rtol=1e-11, atol=1e-14)


def test_everything_goes_through_the_filters(tmp_path: Path) -> None:
    """score | softmax | sum gives what compute gives, to the last digit."""
    path = everything(tmp_path)
    whole = json.loads(called("compute", path, "-f", "json").out)
    first = called("score", path).raw
    last = json.loads(called("sum", stdin=called("softmax", stdin=first).raw).out)
    for name in ("scores", "capped", "logits", "weights", "output"):
        assert last[name] == whole[name], name


def test_options_mean_the_same_in_the_file_and_on_the_command_line(tmp_path: Path) -> None:
    """The same problem with its options as flags and its arrays in files."""
    path = everything(tmp_path)
    flags = [
        "--scale",
        "sqrt",
        "--causal",
        "--window",
        "4,0",
        "--softcap",
        "2",
        "--alibi",
        "--rope",
        "half",
        "--rope-theta",
        "100",
    ]
    for name in ("query", "key", "value", "past_key", "past_value", "mask", "bias", "sinks"):
        flags += [f"--{name.replace('_', '-')}", f"{path}:{name}"]
    assert called("compute", *flags, "-f", "npy").raw == called("compute", path, "-f", "npy").raw


def test_inspect_says_what_is_in_force_and_where_it_came_from(tmp_path: Path) -> None:
    """Options with their source, and all of it in the verdict."""
    found = json.loads(called("inspect", everything(tmp_path), "--softcap", "5", "-f", "json").out)
    assert found["computable"]
    assert found["options"]["softcap"] == {"value": 5.0, "source": "--softcap"}
    assert found["options"]["window"]["source"].endswith("all.npz")
    assert found["verdict"] == (
        "compute would run 3 queries on 7 keys, 6 features, for each of 2 batch items and 4 heads (score dot, scale "
        "sqrt = 1/√6 = 0.4082, states rows, 2 query heads per key head, rope half, theta 100, 3 past keys, softcap 5, "
        "causal, window 4 back, 0 ahead, first query at position 3, alibi, boolean mask, bias added, sinks, computed "
        "in float32) and give an output of 2×4×3×5"
    )


def test_filters_take_what_they_need_on_their_own(tmp_path: Path) -> None:
    """softmax with sinks, sum with packed values, from plain files."""
    np.save(tmp_path / "logits.npy", np.zeros((2, 1, 1)))
    (tmp_path / "sinks.csv").write_text("0\n")
    np.save(tmp_path / "sinks.npy", np.zeros(2))
    ran = called("softmax", "logits.npy", "--sinks", "sinks.npy", "--head", "0", "-f", "csv", cwd=tmp_path)
    assert ran.out == "0.5\n"
    assert (
        "sinks 1×1 must have one number per query head"
        in called("softmax", "logits.npy", "--sinks", "sinks.csv", status=2, cwd=tmp_path).err
    )
    weights, value = normal(4, 3, 5), normal(5, 6)
    np.save(tmp_path / "w.npy", weights)
    np.save(tmp_path / "v.npy", value)
    called("sum", "w.npy", "v.npy", "--heads", "4", "--kv-heads", "2", "-o", "o.npy", cwd=tmp_path)
    apart = np.stack([weights[h] @ value[:, 3 * (h // 2) : 3 * (h // 2) + 3] for h in range(4)], axis=1)
    assert_allclose(np.load(tmp_path / "o.npy"), apart.reshape(3, 12), rtol=1e-12)
