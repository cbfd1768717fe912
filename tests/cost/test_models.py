"""Configurations of well-known models, against what was published of their caches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attncli.cost.config.fields import speaks_of_attention
from attncli.cost.cost import Cost
from attncli.cost.request import Request
from attncli.cost.source import case_of
from tests.support.processes import called

CONFIGS = Path(__file__).parent / "configs"
GIB = 1 << 30


def configuration(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def cost(name: str, **more: Any) -> Cost:
    return Cost(case_of(Request(config=configuration(name), **more))[0])


# Bytes of one token in all layers: DeepSeek-AI, Insights into DeepSeek-V3 (2025, arXiv 2505.09343), table 1.
@pytest.mark.parametrize(("name", "per_token"), [("deepseek-v3", 70_272), ("qwen2.5-72b", 327_680)])
def test_a_token_takes_what_deepseek_says(name: str, per_token: int) -> None:
    """In BF16, in thousands of bytes there."""
    assert cost(name).cache.per_token().value == per_token


# GB (2^30) of the cache for 256K tokens of 16 bits: Lieber et al., Jamba (2024, arXiv 2403.19887), table 1.
@pytest.mark.parametrize(("name", "size"), [("llama-2-7b", 128), ("jamba-v0.1", 4)])
def test_a_cache_takes_what_the_jamba_paper_says(name: str, size: int) -> None:
    """Of keys and values; Jamba's states are counted beside them."""
    layers = cost(name, length=256 * 1024).held
    assert sum(each.bytes.value for each in layers if each.group.kind == "full") == size * GIB


# GB (2^30) for 1000, 16 000 and 128 000 tokens in FP16: Hugging Face, Llama 3.1 (2024), huggingface.co/blog/llama31.
@pytest.mark.parametrize(("tokens", "size"), [(1000, 0.125), (16_000, 1.95), (128_000, 15.62)])
def test_a_cache_takes_what_hugging_face_says_of_llama(tokens: int, size: float) -> None:
    """8 key heads serve 32 query heads."""
    assert cost("llama-3.1-8b", length=tokens).cache.bytes().value / GIB == pytest.approx(size, rel=0.025)


def test_a_window_saves_what_the_mistral_paper_says() -> None:
    """At 32k tokens a rolling buffer of 4096 is 8 times smaller (Jiang et al., 2023, arXiv 2310.06825)."""
    plain = configuration("mistral-7b") | {"sliding_window": None}
    whole = Cost(case_of(Request(config=plain, length=32768))[0]).cache.bytes().value
    assert whole == 8 * cost("mistral-7b", length=32768).cache.bytes().value


# Worked out by hand from what the models' cards say of their layers: kind, layers, keys, bytes of a key.
KINDS = {
    "gemma-3-27b": (4096, [("window", 52, 1024, 2 * 16 * 128 * 2), ("full", 10, 4096, 2 * 16 * 128 * 2)]),
    "gpt-oss-20b": (4096, [("window", 12, 128, 2 * 8 * 64 * 2), ("full", 12, 4096, 2 * 8 * 64 * 2)]),
    "llama-4-scout": (16384, [("chunk", 36, 8192, 2 * 8 * 128 * 2), ("full", 12, 16384, 2 * 8 * 128 * 2)]),
    "qwen3-next-80b": (100, [("state", 36, 0, 0), ("full", 12, 100, 2 * 2 * 256 * 2)]),
    "whisper-large-v3": (448, [("full", 32, 448, 2 * 20 * 64 * 2), ("cross", 32, 1500, 2 * 20 * 64 * 2)]),
    "t5-11b": (10, [("full", 24, 10, 2 * 128 * 128 * 2), ("cross", 24, 512, 2 * 128 * 128 * 2)]),
    "deepseek-v3": (7, [("latent", 61, 7, (512 + 64) * 2)]),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_layer_holds_what_it_should(name: str) -> None:
    """And all that it has is understood."""
    length, expected = KINDS[name]
    case, notices = case_of(Request(config=configuration(name), length=length, dtype="bfloat16"))
    found = [(each.group.kind, each.group.count, each.keys, each.per_key.value) for each in Cost(case).held]
    assert found == expected
    assert not [each for each in notices if "not understood" in each]


def test_a_state_takes_its_heads_and_its_convolution() -> None:
    """Qwen3-Next: 32 heads of 128 × 128, and 4 tokens of 2·16·128 + 32·128 channels."""
    held = cost("qwen3-next-80b").held[0]
    assert held.bytes.value == 36 * (32 * 128 * 128 + (2 * 16 * 128 + 32 * 128) * 4) * 2


def test_latents_are_expanded_for_a_prefill_and_absorbed_by_a_step() -> None:
    """DeepSeek-V3: keys of 128 + 64 and values of 128 features, or latents of 512 + 64 and of 512."""
    found = cost("deepseek-v3", length=1000)
    prefill, step = found.operations["prefill"], found.operations["decode"]
    pairs = 61 * 128 * 1000 * 1001 // 2
    assert (prefill["score"].value, prefill["sum"].value) == (2 * pairs * 192, 2 * pairs * 128)
    assert (step["score"].value, step["sum"].value) == (2 * 61 * 128 * 1000 * 576, 2 * 61 * 128 * 1000 * 512)
    assert found.cache.expanded().value == 61 * 128 * (192 + 128) * 2 * 1000
    other = found.expanded_step
    assert other is not None
    assert other.bytes == found.cache.expanded()
    assert other.operations.value < sum(each.value for each in step.values())


def test_an_encoder_holds_nothing_and_closes_nothing() -> None:
    """BERT: neither its classes nor its fields are those of a model that writes."""
    config = {"architectures": ["BertForMaskedLM"], "hidden_size": 768, "num_hidden_layers": 12, "type_vocab_size": 2}
    config |= {"num_attention_heads": 12, "max_position_embeddings": 512, "model_type": "bert"}
    found = Cost(case_of(Request(config=config))[0])
    assert found.held == []
    assert found.pairs.open == found.pairs.every == 12 * 12 * 512 * 512


def test_what_a_decoder_looks_at_is_asked_for() -> None:
    """Layers of cross-attention in a stack (Llama 3.2 Vision), whose tokens no field counts."""
    config = configuration("llama-3.1-8b") | {"cross_attention_layers": [3, 8]}
    case, notices = case_of(Request(config=config, length=10))
    assert [(each.group.kind, each.group.count, each.keys) for each in Cost(case).held] == [
        ("full", 30, 10),
        ("cross", 2, 10),
    ]
    assert any("10 are taken, and --keys gives another number" in each for each in notices)
    case, notices = case_of(Request(config=config, length=10, keys=6404))
    assert Cost(case).held[1].keys == 6404
    assert notices == ()


def test_what_is_not_understood_is_said() -> None:
    """A field that speaks of attention, with its value; what is switched off, or changes no cost, is not."""
    config = configuration("deepseek-v3") | {"index_topk": 2048, "attention_dropout": 0.1, "sparse_mode": False}
    config |= {"quantization_config": {"kv_cache_scheme": {"num_bits": 8}}}
    _, notices = case_of(Request(config=config, place="config.json"))
    assert len(notices) == 2
    assert "config.json: index_topk = 2048 is not understood, and may change what attention costs" in notices
    assert any(each.startswith("config.json: quantization_config.kv_cache_scheme = ") for each in notices)
    assert speaks_of_attention("kv_cache_dtype")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_size": 8, "num_hidden_layers": 2}, "has no num_attention_heads or n_head or n_heads"),
        ({"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": [1, 2]}, "differs from layer to layer"),
        ({"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": "x"}, "is no number"),
        ({"hidden_size": 1e300, "num_hidden_layers": 2, "num_attention_heads": 1}, "is no number"),
        ({"hidden_size": 8, "num_hidden_layers": 10**9, "num_attention_heads": 1}, "1000000000 layers are too many"),
        (
            {"hidden_size": 8, "num_layers": 2, "num_heads": 1, "attention_types": [[["global"], 10**12]]},
            "2 layers, and the kinds of 3",
        ),
        ({"hidden_size": 8, "num_layers": 2, "num_heads": 1, "attention_types": [3]}, "[3] is not understood"),
        (
            {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "layer_types": ["odd"]},
            "layers of the kind 'odd' are not understood",
        ),
        (
            {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 1, "layer_types": ["full_attention"]},
            "2 layers, and the kinds of 1",
        ),
        (
            {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 3, "num_key_value_heads": 2},
            "3 query heads cannot share 2 key heads evenly",
        ),
        (
            {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "layer_types": ["linear_attention"]},
            None,  # lightning attention: heads and their features are all it needs
        ),
        ({"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "block_types": ["conv"]}, None),
    ],
)
def test_a_configuration_that_says_too_little_is_refused(
    config: dict[str, Any], message: str | None, tmp_path: Path
) -> None:
    """In one line, with the file."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    ran = called("cost", tmp_path, status=2 if message else 0)  # the folder of a model
    assert message is None or f"config.json: {message}" in ran.err or message in ran.err


@pytest.mark.parametrize(
    "text", ["{", "[1", '{"hidden_size": 1', '{"hidden_size": 1, "hidden_size": 2}', '{"model_type": 1}']
)
def test_a_broken_configuration_is_an_error_of_one_line(text: str, tmp_path: Path) -> None:
    """From a file, from a folder and from a pipe."""
    (tmp_path / "config.json").write_text(text)
    for words in (["config.json"], ["."]):
        assert called("cost", *words, status=2, cwd=tmp_path).err.count("attn:") == 1
    assert called("cost", "-", status=2, stdin=text.encode()).err.startswith("attn: standard input: ")
