"""What is taught of options and score functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import score
from tests.support.everything import everything
from tests.support.processes import called


def test_explain_teaches_what_is_added(tmp_path: Path) -> None:
    """Rotation, softcap, bias, ALiBi, sink, group and the rule that closes a key, each with its numbers."""
    path = everything(tmp_path)
    english = " ".join(called("explain", path, "--batch", "1", "--head", "3", "--row", "1", "--col", "3").out.split())
    for words in (
        "Query head 3 reads key head 1",
        "the query at position 4 is turned by 4 rad (229.2°), the key at position 3 by 3 rad (171.9°)",
        "capped = 2 · tanh(",
        "+ bias:",
        "ALiBi = −slope · (p − j) = −0.003906 · (4 − 3) = -0.003906",
        "This head has a sink",
        "and the sink's: exp(",
        "The sink takes",
    ):
        assert words in english, words
    closed = {
        ("0", "5"): "Closed by the causal rule: the query stands at position 3 and may not look ahead to key 5.",
        ("2", "0"): "Closed by the window: the query at position 5 sees keys 1 to 5, not key 0.",
        ("0", "6"): "Closed by the mask.",
    }
    for (row, column), words in closed.items():
        assert words in " ".join(called("explain", path, "--row", row, "--col", column, "--step", "score").out.split())
    np.savez(tmp_path / "l.npz", query=np.ones((1, 2)), hidden=np.ones((3, 2)), key_lengths=[2])
    words = "Closed by the key length: this batch item has 2 keys, and key 2 is padding."
    assert words in " ".join(called("explain", tmp_path / "l.npz", "--col", "2").out.split())
    chinese = called("explain", path, "--batch", "1", "--head", "3", "--lang", "zh").out
    for words in ("旋转位置编码", "tanh", "偏置", "ALiBi", "sink"):
        assert words in chinese, words


@pytest.mark.parametrize("function", ["cosine", "general", "additive"])
def test_explain_works_out_every_score_function(tmp_path: Path, function: str) -> None:
    """The worked score is the one in the table."""
    rng = np.random.default_rng(2)
    path = tmp_path / "p.npz"
    extra = {
        "general": {"w_score": rng.random((3, 2))},
        "additive": {"w_query": rng.random((3, 4)), "w_key": rng.random((2, 4))},
    }
    key = rng.random((5, 3 if function == "cosine" else 2))
    arrays: dict[str, Any] = {"query": rng.random((2, 3)), "hidden": key, **extra.get(function, {})}
    np.savez(path, **arrays, options=np.array(json.dumps({"score": function})))
    expected = score(**arrays, score=function)[1, 4]
    words = ["--row", "1", "--col", "4", "--step", "score", "--digits", "6"]
    for lang in ("en", "zh"):
        out = called("explain", path, *words, "--lang", lang).out
        assert f"= {expected:.6g}" in " ".join(out.split())
