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
        elif each.endswith("sinks"):
            torch.nn.init.normal_(weight)
    path = folder / family
    model.to(dtype).save_pretrained(path)
    if words:
        tokenizer().save_pretrained(path)
    return path
