"""Tiny random models of every family, as their configuration classes build them, saved as a person would save them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "it", "was", "warm", "because", "of", "sun", "who", "looks"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 40}
GROUPED = SIZES | {"num_key_value_heads": 2}
HALVES = {
    **{
        f"{part}_{name}": number for part in ("encoder", "decoder") for name, number in (("layers", 2), ("ffn_dim", 40))
    },
    **{f"{part}_attention_heads": 4 for part in ("encoder", "decoder")},
    "d_model": 32,
}
MOE = {"moe_intermediate_size": 16, "n_routed_experts": 2, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 1}
TOKENS = {"vocab_size": len(SPECIAL) + len(WORDS), "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
TARGET = TOKENS | {"decoder_start_token_id": 2, "forced_eos_token_id": None}

PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
LONG = PLAIN | {"rope_type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2.0, 2.5, 3.0, 4.0]}

# Family → its class and what its configuration says.
FAMILIES: dict[str, tuple[str, Callable[[], Any]]] = {
    "bert": ("BertModel", lambda: tf.BertConfig(**SIZES, **TOKENS)),
    "albert": ("AlbertModel", lambda: tf.AlbertConfig(**SIZES, **TOKENS, embedding_size=16)),
    "gpt2": ("GPT2LMHeadModel", lambda: tf.GPT2Config(**TOKENS, n_embd=32, n_layer=3, n_head=4)),
    "llama": ("LlamaForCausalLM", lambda: tf.LlamaConfig(**GROUPED, **TOKENS)),
    "mistral": ("MistralForCausalLM", lambda: tf.MistralConfig(**GROUPED, **TOKENS, sliding_window=3)),
    "gemma2": (
        "Gemma2ForCausalLM",
        lambda: tf.Gemma2Config(**GROUPED, **TOKENS, head_dim=8, sliding_window=3, attn_logit_softcapping=2.0),
    ),
    "qwen3": ("Qwen3ForCausalLM", lambda: tf.Qwen3Config(**GROUPED, **TOKENS, head_dim=12, rms_norm_eps=1e-3)),
    "gemma3": (
        "Gemma3ForCausalLM",
        lambda: tf.Gemma3TextConfig(
            **GROUPED, **TOKENS, head_dim=8, sliding_window=3, query_pre_attn_scalar=16, sliding_window_pattern=2
        ),
    ),
    "phi3": ("Phi3ForCausalLM", lambda: tf.Phi3Config(**GROUPED, **TOKENS, sliding_window=None)),
    "olmo2": ("Olmo2ForCausalLM", lambda: tf.Olmo2Config(**GROUPED, **TOKENS, rms_norm_eps=1e-3)),
    "gpt-neox": ("GPTNeoXForCausalLM", lambda: tf.GPTNeoXConfig(**SIZES, **TOKENS)),
    "cohere": ("CohereForCausalLM", lambda: tf.CohereConfig(**GROUPED, **TOKENS)),
    "hunyuan": (
        "HunYuanDenseV1ForCausalLM",
        lambda: tf.HunYuanDenseV1Config(**GROUPED, **TOKENS, head_dim=8, rms_norm_eps=1e-3),
    ),
    "smollm3": (
        "SmolLM3ForCausalLM",
        lambda: tf.SmolLM3Config(**(GROUPED | TOKENS | {"num_hidden_layers": 4}), rope_parameters=PLAIN),
    ),
    "phi3-long": (
        "Phi3ForCausalLM",
        lambda: tf.Phi3Config(
            **GROUPED,
            **TOKENS,
            sliding_window=None,
            max_position_embeddings=32,
            original_max_position_embeddings=8,
            rope_parameters=LONG,
        ),
    ),
    "bitnet": ("BitNetForCausalLM", lambda: tf.BitNetConfig(**GROUPED, **TOKENS)),
    "olmo": ("OlmoForCausalLM", lambda: tf.OlmoConfig(**GROUPED, **TOKENS, clip_qkv=1.0)),
    "cohere-normed": ("CohereForCausalLM", lambda: tf.CohereConfig(**GROUPED, **TOKENS, use_qk_norm=True)),
    "stablelm": ("StableLmForCausalLM", lambda: tf.StableLmConfig(**GROUPED, **TOKENS, qk_layernorm=True)),
    "qwen3-next": (
        "Qwen3NextForCausalLM",
        lambda: tf.Qwen3NextConfig(
            **GROUPED,
            **TOKENS,
            head_dim=8,
            layer_types=["full_attention"] * 3,
            num_experts=2,
            num_experts_per_tok=1,
            moe_intermediate_size=16,
            shared_expert_intermediate_size=16,
        ),
    ),
    "gpt-oss": (
        "GptOssForCausalLM",
        lambda: tf.GptOssConfig(
            **GROUPED, **TOKENS, head_dim=8, num_local_experts=2, num_experts_per_tok=1, sliding_window=3
        ),
    ),
    "deepseek": (
        "DeepseekV3ForCausalLM",
        lambda: tf.DeepseekV3Config(
            **(SIZES | TOKENS | MOE),
            num_key_value_heads=4,
            q_lora_rank=16,
            kv_lora_rank=16,
            qk_rope_head_dim=4,
            qk_nope_head_dim=4,
            v_head_dim=6,
        ),
    ),
    "t5": (
        "T5ForConditionalGeneration",
        lambda: tf.T5Config(**TARGET, d_model=32, d_kv=8, num_heads=4, num_layers=2, d_ff=40),
    ),
    "marian": ("MarianMTModel", lambda: tf.MarianConfig(**HALVES, **TARGET)),
    "bart": ("BartForConditionalGeneration", lambda: tf.BartConfig(**HALVES, **TARGET)),
    "whisper": (
        "WhisperForConditionalGeneration",
        lambda: tf.WhisperConfig(
            **HALVES,
            **TARGET,
            num_mel_bins=8,
            max_source_positions=20,
            max_target_positions=40,
            suppress_tokens=[],
            begin_suppress_tokens=[],
        ),
    ),
    "vit": ("ViTModel", lambda: tf.ViTConfig(**SIZES, image_size=12, patch_size=4)),
    "siglip": ("SiglipVisionModel", lambda: tf.SiglipVisionConfig(**SIZES, image_size=12, patch_size=4)),
    "bloom": ("BloomForCausalLM", lambda: tf.BloomConfig(**TOKENS, hidden_size=32, n_layer=2, n_head=4)),
    "gpt-neo": (
        "GPTNeoForCausalLM",
        lambda: tf.GPTNeoConfig(**TOKENS, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global"], 2]]),
    ),
}


def tokenizer(**more: Any) -> Any:
    """Return one that knows the words above, and puts [CLS] and [SEP] around them."""
    plain = Tokenizer(models.WordLevel({word: i for i, word in enumerate([*SPECIAL, *WORDS])}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "bos_token": "[CLS]", "eos_token": "[SEP]"}
    return tf.PreTrainedTokenizerFast(tokenizer_object=plain, **named, **more)


def of_bytes() -> Any:
    """Return one that spells bytes, as GPT-2's does, and has no token for padding."""
    letters = {"<end>": 0, "$": 1, "Ġ": 2, "Ã": 3, "©": 4}  # é is the bytes C3 A9, for which Ã and © stand
    plain = Tokenizer(models.BPE(letters, [], unk_token="<end>"))
    plain.pre_tokenizer, plain.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return tf.PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<end>")


def save(folder: Path, family: str, *, dtype: torch.dtype = torch.float32, words: bool = True) -> Path:
    """Build a model of this family with weights large enough that its attention is not all but even."""
    torch.manual_seed(0)
    name, config = FAMILIES[family]
    model = getattr(tf, name)(config())
    for each, weight in model.named_parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.4)
        elif "attn" in each or "attention" in each.lower():  # biases, norms and sinks, which begin as zeros and ones
            torch.nn.init.normal_(weight)
    path = folder / family
    model.to(dtype).save_pretrained(path)
    if words:
        tokenizer().save_pretrained(path)
    return path


TEXT, TARGET_TEXT = "the cat sat on a mat and it was warm", "it was warm because"
SEQ2SEQ = ("t5", "marian", "bart")


def inputs(family: str, features: Callable[[str], Path]) -> list[object]:
    """Return what this family is given on the command line."""
    if family in ("vit", "siglip"):
        return [features(family)]
    if family == "whisper":
        return [features(family), TARGET_TEXT]
    return [TEXT, TARGET_TEXT] if family in SEQ2SEQ else [TEXT]
