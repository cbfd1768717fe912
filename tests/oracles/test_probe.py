"""Real libraries are asked by `attn probe`: the answers are what their documentation says."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ["KERAS_BACKEND"] = "numpy"
import keras  # the backend is chosen before
import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from transformers.models.gemma2 import modeling_gemma2
from transformers.models.llama import modeling_llama

from tests.support.processes import called
from tests.support.readme import recipe

Array = np.ndarray[Any, Any]
FILL, TORCH, JAX, ONNX = (
    "def fill(path",
    "sdpa(q, k, v, m",
    "jax.nn.dot_product_attention(q, k, v, **how",
    "onnxruntime",
)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probe") / "probe.npz"
    called("probe", "-o", path)
    return path


def asked(blank: Path, folder: Path, lines: str | Callable[..., Any]) -> tuple[dict[str, str], set[str]]:
    """Return what a program does that is not as asked, by question, and what it left unanswered.

    Args:
        blank: a probe that nobody has answered.
        folder: where it is answered.
        lines: what the reference prints for a library, or a function as those lines define it.
    """
    (folder / "probe.npz").write_bytes(blank.read_bytes())
    names: dict[str, Any] = {} if isinstance(lines, str) else {"attention": lines}
    exec(recipe(FILL), names)
    exec(recipe(lines) if isinstance(lines, str) else 'fill("probe.npz", attention)', names)
    (folder / "answers.json").unlink(missing_ok=True)
    wrong = _checked(folder)
    others = {each["question"]: each for each in wrong if each["verdict"] not in ("as-asked", "unanswered")}
    assert not [each for each in others.values() if each["verdict"] == "unknown"]
    found = {name: "|".join(answer["answer"] for answer in each["found"]) for name, each in others.items()}
    return found, {each["question"] for each in wrong if each["verdict"] == "unanswered"}


def _checked(folder: Path) -> list[Mapping[str, Any]]:
    from tests.support.processes import environment, outcome

    _, out, _ = outcome(["check", str(folder / "probe.npz"), "-f", "json"], b"", folder, environment())
    return list(json.loads(out)["answers"])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_lines_for_pytorch(blank: Path, tmp_path: Path) -> None:
    """torch.nn.functional.scaled_dot_product_attention: 1/√E, top left, true takes part, repeat_interleave."""
    assert asked(blank, tmp_path, TORCH) == ({}, {"window", "softcap", "rotary"})


@pytest.mark.parametrize("backend", [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION])
def test_the_back_ends_of_pytorch(backend: SDPBackend, blank: Path, tmp_path: Path) -> None:
    """Each of those that run on CPUs, as far as it takes the problem, means the same."""

    def attention(query: Array, key: Array, value: Array, mask: Any = None, causal: bool = False, **others: Any) -> Any:
        if others.keys() - {"scale"}:
            return None
        q, k, v, m = (None if each is None else torch.from_numpy(each) for each in (query, key, value, mask))
        sdpa = torch.nn.functional.scaled_dot_product_attention
        with sdpa_kernel(backend), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each back end says why another one was not taken
            try:
                return sdpa(q, k, v, m, is_causal=causal, enable_gqa=True)
            except RuntimeError:  # it does not take this problem
                return None

    found, left = asked(blank, tmp_path, attention)
    assert found == {}
    assert not left & {"scale", "axes", "no-mask", "causal-corner", "tail", "tiles", "causal-tiles", "precision"}


def test_flex_attention(blank: Path, tmp_path: Path) -> None:
    """Its score_mod runs before its mask_mod closes keys; 1/√E by default; enable_gqa repeats in blocks."""

    def attention(query: Array, key: Array, value: Array, mask: Any = None, **options: Any) -> Any:
        if "rope" in options:
            return None
        q, k, v = (torch.from_numpy(each) for each in (query, key, value))
        m = None if mask is None else torch.from_numpy(mask)
        causal, (left, right) = options.get("causal", False), options.get("window", (10**6, 10**6))
        cap = options.get("softcap")

        def score_mod(score: Any, b: Any, h: Any, i: Any, j: Any) -> Any:
            score = score if cap is None else cap * torch.tanh(score / cap)
            return score if m is None or m.dtype == torch.bool else score + m[b, 0, i, j]

        def mask_mod(b: Any, h: Any, i: Any, j: Any) -> Any:
            open_ = (j <= i) if causal else (j >= 0)
            open_ = open_ & (j >= i - left) & (j <= i + right)
            return open_ if m is None or m.dtype != torch.bool else open_ & m[b, 0, i, j]

        blocks = create_block_mask(mask_mod, q.shape[0], None, q.shape[2], k.shape[2], device="cpu")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without torch.compile it is slow, and says so
            return flex_attention(q, k, v, score_mod=score_mod, block_mask=blocks, enable_gqa=True)

    assert asked(blank, tmp_path, attention) == ({}, {"rotary"})


def test_multihead_attention_of_pytorch(blank: Path, tmp_path: Path) -> None:
    """torch.nn.MultiheadAttention: in its attn_mask and key_padding_mask, true is what must not be attended to."""

    def attention(query: Array, key: Array, value: Array, mask: Any = None, causal: bool = False, **others: Any) -> Any:
        if others.keys() - {"scale"} or query.shape[1] != key.shape[1] or causal:
            return None
        heads, features = query.shape[1], query.shape[3]
        layer = torch.nn.MultiheadAttention(heads * features, heads, bias=False, batch_first=True)
        eye = torch.eye(heads * features)
        layer.load_state_dict({"in_proj_weight": torch.cat([eye] * 3), "out_proj.weight": eye})
        packed = [
            torch.from_numpy(each.swapaxes(1, 2).reshape(len(each), -1, heads * features))
            for each in (query, key, value)
        ]
        m = None if mask is None else torch.from_numpy(np.repeat(mask[:, 0], heads, axis=0))
        with torch.no_grad():
            out = layer(*packed, attn_mask=m)[0]
        return out.reshape(len(query), -1, heads, features).transpose(1, 2)

    found, left = asked(blank, tmp_path, attention)
    assert found.pop("boolean-mask") == "ignore"
    assert found.pop("padding") == "inverted"
    assert found == {"empty-row": "nan"}
    assert {"grouped-heads", "causal-corner"} < left


def test_the_lines_for_jax(blank: Path, tmp_path: Path) -> None:
    """jax.nn.dot_product_attention: as PyTorch, with windows of keys on both sides; an empty row is the mean."""
    assert asked(blank, tmp_path, JAX) == ({"empty-row": "mean"}, {"softcap", "rotary"})


def test_the_lines_for_onnx_runtime(blank: Path, tmp_path: Path) -> None:
    """The operator Attention of ONNX: softcap before the mask, 0 where a row is empty, the corner top left."""
    assert asked(blank, tmp_path, ONNX) == ({}, {"window", "rotary"})


def test_keras(blank: Path, tmp_path: Path) -> None:
    """keras.ops.dot_product_attention: (batch, length, heads, features), true is attended to, 1/√E."""

    def attention(query: Array, key: Array, value: Array, mask: Any = None, causal: bool = False, **others: Any) -> Any:
        if others.keys() - {"scale"} or query.shape[1] != key.shape[1]:
            return None
        q, k, v = (each.swapaxes(1, 2) for each in (query, key, value))
        how = {} if mask is None else {"mask" if mask.dtype == bool else "bias": mask}
        out = keras.ops.dot_product_attention(q, k, v, is_causal=causal, **how)
        return np.swapaxes(keras.ops.convert_to_numpy(out), 1, 2)

    found, left = asked(blank, tmp_path, attention)
    assert found == {"empty-row": "mean"}
    assert left == {"grouped-heads", "window", "softcap", "rotary"}


@pytest.mark.parametrize("model", [modeling_llama, modeling_gemma2], ids=["llama", "gemma2"])
def test_eager_functions_of_transformers(model: Any, blank: Path, tmp_path: Path) -> None:
    """They take masks as numbers to add, finfo.min where a key is closed; repeat_kv repeats in blocks; rotary is half.

    Gemma 2 has a softcap, before its mask. What adds such numbers gives an empty row the mean of all values.
    """

    def attention(query: Array, key: Array, value: Array, mask: Any = None, **options: Any) -> Any:
        if "window" in options or ("softcap" in options and model is modeling_llama):
            return None
        q, k, v = (torch.from_numpy(each) for each in (query, key, value))
        least = torch.finfo(torch.float32).min
        numbers = torch.zeros(1, 1, q.shape[2], k.shape[2]) if mask is None else torch.from_numpy(mask)
        if numbers.dtype == torch.bool:
            numbers = torch.where(numbers, 0.0, least)
        if options.get("causal"):
            open_ = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril()
            numbers = torch.where(open_, numbers, least)
        if "rope" in options:
            angles = torch.arange(q.shape[2])[:, None] / 10000 ** (torch.arange(0, q.shape[3], 2) / q.shape[3])
            both = torch.cat([angles, angles], -1)[None]
            q, k = model.apply_rotary_pos_emb(q, k, both.cos(), both.sin())
        module = SimpleNamespace(num_key_value_groups=q.shape[1] // k.shape[1], training=False, head_dim=q.shape[3])
        more = {"softcap": options["softcap"]} if "softcap" in options else {}
        out, _ = model.eager_attention_forward(
            module, q, k, v, numbers, scaling=q.shape[3] ** -0.5, dropout=0.0, **more
        )
        return out.transpose(1, 2)

    found, left = asked(blank, tmp_path, attention)
    assert found == {"empty-row": "mean"}
    assert left == {"window"} | ({"softcap"} if model is modeling_llama else set())
