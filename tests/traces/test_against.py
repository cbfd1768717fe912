"""`attn check --against` on a model that transformers runs, and on a port of it to NumPy with a mistake in layer 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from attncli.commands.app import main
from tests.traces.families import TEXT

Array = NDArray[Any]
IDS = [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3]
HEADS, KEY_HEADS, FEATURES, LAYERS = 4, 2, 8, 3
GROUP = HEADS // KEY_HEADS


def normed(x: Array, weight: Array) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * weight


def turned(x: Array) -> Array:
    half = FEATURES // 2
    angles = np.arange(x.shape[1])[:, None] * 10000.0 ** (-np.arange(half) / half)
    a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angles), np.sin(angles)
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def ported(folder: Path, mistake: str = "") -> dict[str, Array]:
    """Run the model as a port does, in float64; with GGUF's names, each array (length, heads, features)."""
    tensors = {name: array.astype(np.float64) for name, array in load_file(folder / "model.safetensors").items()}
    x = tensors["model.embed_tokens.weight"][IDS]
    found = {}
    for layer in range(LAYERS):
        wrong = mistake if layer == 1 else ""
        w = {n.split(f"layers.{layer}.")[1]: a for n, a in tensors.items() if f"layers.{layer}." in n}
        h = normed(x, w["input_layernorm.weight"])
        made = [h @ w[f"self_attn.{each}_proj.weight"].T for each in "qkv"]
        query, key, value = (each.reshape(len(x), -1, FEATURES).swapaxes(0, 1) for each in made)
        query, key = turned(query), turned(key)
        order = np.arange(HEADS) % KEY_HEADS if wrong == "tiled" else np.arange(HEADS) // GROUP
        scores = query @ key[order].swapaxes(1, 2) / np.sqrt(FEATURES)
        mask = np.tril(np.ones(scores.shape[1:], dtype=bool), 1 if wrong == "shifted" else 0)
        powers = np.where(mask, np.exp(scores), 0)
        output = powers / powers.sum(-1, keepdims=True) @ value[order]
        for name, array in (("query", query), ("key", key), ("value", value), ("output", output)):
            found[f"blk.{layer}.attn.{name}"] = array.swapaxes(0, 1)
        x = x + output.swapaxes(0, 1).reshape(len(x), -1) @ w["self_attn.o_proj.weight"].T
        h = normed(x, w["post_attention_layernorm.weight"])
        gate = h @ w["mlp.gate_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w["mlp.up_proj.weight"].T)) @ w["mlp.down_proj.weight"].T
    return found


@pytest.mark.parametrize(("mistake", "named"), [("", ""), ("tiled", "heads-tiled"), ("shifted", "causal-diagonal")])
def test_a_port_is_held_to_the_trace(
    model: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], mistake: str, named: str
) -> None:
    """The right port agrees in every layer; a wrong one in all before its mistake, which is named."""
    folder, traced, mine = model("llama"), tmp_path / "traced.npz", tmp_path / "mine.npz"
    assert main(["trace", str(folder), TEXT, "-o", str(traced)]) == 0
    arrays: dict[str, Any] = ported(folder, mistake)
    np.savez(mine, **arrays)
    capsys.readouterr()
    status = main(["check", str(mine), "--against", str(traced), "-f", "json"])
    found = json.loads(capsys.readouterr().out)
    assert [(pair["mine"], pair["theirs"]) for pair in found["pairs"]] == [
        (f"blk.{layer}.attn", f"decoder.{layer}") for layer in range(LAYERS)
    ]
    compared = {name: cell["status"] for name, cell in found["pairs"][0]["arrays"].items()}
    assert {compared[name] for name in ("query", "key", "value", "output")} <= {"equal", "rounding"}
    if not mistake:
        assert (status, found["first"]) == (0, None)
        return
    assert (status, found["first"]["mine"], found["first"]["array"]) == (1, "blk.1.attn", "output")
    assert [each["mistakes"] for each in found["first"]["check"]["explanations"]] == [[named]]
