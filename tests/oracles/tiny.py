"""Tiny models of transformers of every way to hold a cache, as their configuration classes build them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf

LENGTH, SOURCE, BATCH = 9, 7, 2
IDS = {"vocab_size": 30, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
PLAIN = IDS | {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 40}
GROUPED = PLAIN | {"num_key_value_heads": 2}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 12, "qk_rope_head_dim": 4, "qk_nope_head_dim": 6, "v_head_dim": 5}
LATENT |= {"num_key_value_heads": 4}
MOE = {"moe_intermediate_size": 16, "n_routed_experts": 2, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 1}
EXPERTS = {"num_local_experts": 2, "num_experts_per_tok": 1}
MAMBA2 = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 6, "mamba_n_groups": 2}
DELTA = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 6, "linear_value_head_dim": 8}
HALVES: dict[str, Any] = {"d_model": 32, **IDS, "decoder_start_token_id": 1, "forced_eos_token_id": None}
HALVES |= {f"{side}_{name}": n for side in ("encoder", "decoder") for name, n in (("layers", 3), ("ffn_dim", 40))}
HALVES |= {"encoder_attention_heads": 4, "decoder_attention_heads": 2}
TWO = ["sliding_attention", "full_attention"] * 2

# Family → its class, that of its configuration, and what that says.
MODELS: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "llama": ("LlamaForCausalLM", "LlamaConfig", GROUPED),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", IDS | {"n_embd": 32, "n_layer": 3, "n_head": 4}),
    "bloom": ("BloomForCausalLM", "BloomConfig", IDS | {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "mpt": ("MptForCausalLM", "MptConfig", {"vocab_size": 30, "d_model": 32, "n_layers": 2, "n_heads": 4}),
    "gpt-bigcode": ("GPTBigCodeForCausalLM", "GPTBigCodeConfig", IDS | {"n_embd": 32, "n_layer": 2, "n_head": 4}),
    "falcon": ("FalconForCausalLM", "FalconConfig", PLAIN | {"multi_query": True}),
    "mistral": ("MistralForCausalLM", "MistralConfig", GROUPED | {"sliding_window": 5}),
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", GROUPED | {"head_dim": 6, "sliding_window": 5}),
    "gemma3": (
        "Gemma3ForCausalLM",
        "Gemma3TextConfig",
        GROUPED | {"head_dim": 6, "sliding_window": 5, "sliding_window_pattern": 2},
    ),
    "gemma3n": (
        "Gemma3nForCausalLM",
        "Gemma3nTextConfig",
        GROUPED
        | {"head_dim": 8, "sliding_window": 5, "num_kv_shared_layers": 2, "layer_types": TWO, "laurel_rank": 4}
        | {
            "hidden_size_per_layer_input": 8,
            "vocab_size_per_layer_input": 30,
            "activation_sparsity_pattern": [0.0] * 4,
        },
    ),
    "gemma4": (
        "Gemma4ForCausalLM",
        "Gemma4TextConfig",
        GROUPED
        | {"num_hidden_layers": 6, "head_dim": 8, "global_head_dim": 16, "sliding_window": 5}
        | {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 30},
    ),
    "gpt-oss": ("GptOssForCausalLM", "GptOssConfig", GROUPED | EXPERTS | {"head_dim": 6, "sliding_window": 5}),
    "cohere2": ("Cohere2ForCausalLM", "Cohere2Config", GROUPED | {"sliding_window": 5}),
    "qwen2": (
        "Qwen2ForCausalLM",
        "Qwen2Config",
        GROUPED | {"sliding_window": 5, "use_sliding_window": True, "max_window_layers": 2},
    ),
    "exaone4": ("Exaone4ForCausalLM", "Exaone4Config", GROUPED | {"sliding_window": 5, "sliding_window_pattern": 4}),
    "llama4": (
        "Llama4ForCausalLM",
        "Llama4TextConfig",
        GROUPED | {"head_dim": 8, "attention_chunk_size": 4, "num_local_experts": 2, "intermediate_size_mlp": 40},
    ),
    "deepseek2": ("DeepseekV2ForCausalLM", "DeepseekV2Config", PLAIN | LATENT | {"first_k_dense_replace": 4}),
    "deepseek3": ("DeepseekV3ForCausalLM", "DeepseekV3Config", PLAIN | LATENT | MOE | {"first_k_dense_replace": 4}),
    "minicpm3": ("MiniCPM3ForCausalLM", "MiniCPM3Config", PLAIN | LATENT),
    "kimi-linear": (
        "KimiLinearForCausalLM",
        "KimiLinearConfig",
        PLAIN
        | LATENT
        | MOE
        | {"q_lora_rank": None, "linear_head_dim": 6, "linear_num_heads": 4, "mlp_layer_types": ["dense"] * 4}
        | {"layer_types": ["linear_attention"] * 3 + ["full_attention"]},
    ),
    "qwen3-next": (
        "Qwen3NextForCausalLM",
        "Qwen3NextConfig",
        GROUPED
        | DELTA
        | {"head_dim": 8, "num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
        | {"shared_expert_intermediate_size": 16},
    ),
    "jamba": (
        "JambaForCausalLM",
        "JambaConfig",
        GROUPED | {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 6, "num_experts": 2},
    ),
    "bamba": ("BambaForCausalLM", "BambaConfig", GROUPED | MAMBA2 | {"attn_layer_indices": [1]}),
    "granite-hybrid": (
        "GraniteMoeHybridForCausalLM",
        "GraniteMoeHybridConfig",
        GROUPED
        | MAMBA2
        | {"layer_types": ["mamba", "attention"] * 2, "shared_intermediate_size": 40, "num_local_experts": 0},
    ),
    "falcon-h1": ("FalconH1ForCausalLM", "FalconH1Config", GROUPED | MAMBA2 | {"mamba_d_ssm": 64}),
    "nemotron-h": (
        "NemotronHForCausalLM",
        "NemotronHConfig",
        GROUPED
        | {"hybrid_override_pattern": "M-M*", "head_dim": 8, "mamba_num_heads": 8, "mamba_head_dim": 8}
        | {"ssm_state_size": 6, "n_groups": 2},
    ),
    "lfm2": ("Lfm2ForCausalLM", "Lfm2Config", GROUPED | {"full_attn_idxs": [1, 3], "conv_L_cache": 3}),
    "mamba": ("MambaForCausalLM", "MambaConfig", IDS | {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 6}),
    "mamba2": (
        "Mamba2ForCausalLM",
        "Mamba2Config",
        IDS
        | {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 6, "num_heads": 8, "head_dim": 8, "n_groups": 2},
    ),
    "t5": (
        "T5ForConditionalGeneration",
        "T5Config",
        IDS
        | {"d_model": 32, "d_kv": 6, "num_heads": 4, "num_layers": 3, "num_decoder_layers": 2, "d_ff": 40}
        | {"decoder_start_token_id": 1},
    ),
    "bart": ("BartForConditionalGeneration", "BartConfig", HALVES),
    "marian": ("MarianMTModel", "MarianConfig", HALVES),
    "whisper": (
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        HALVES
        | {"num_mel_bins": 8, "max_source_positions": SOURCE, "max_target_positions": 40}
        | {"suppress_tokens": [], "begin_suppress_tokens": []},
    ),
}
WITH_ENCODER = ("t5", "bart", "marian", "whisper")


def built(family: str, **more: Any) -> Any:
    """Return the model of a family; skip what this version of transformers does not have yet."""
    name, config, fields = MODELS[family]
    if not hasattr(tf, name):
        pytest.skip(f"transformers {tf.__version__} has no {name}")
    torch.manual_seed(0)
    return getattr(tf, name)._from_config(getattr(tf, config)(**fields), **more).eval()


def configuration(model: Any, folder: Path) -> dict[str, Any]:
    """Return its configuration as it is written to a file."""
    model.config.save_pretrained(folder)
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def inputs(family: str) -> dict[str, Any]:
    """Return tokens for it, and what its encoder reads."""
    tokens = torch.randint(3, 29, (BATCH, LENGTH))
    if family not in WITH_ENCODER:
        return {"input_ids": tokens}
    source = {"input_ids": torch.randint(3, 29, (BATCH, SOURCE))}
    if family == "whisper":
        source = {"input_features": torch.randn(BATCH, 8, 2 * SOURCE)}
    return {**source, "decoder_input_ids": tokens}
