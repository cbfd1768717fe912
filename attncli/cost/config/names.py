"""What fields of configurations are called: those that speak of attention, and those that do not change its cost."""

from __future__ import annotations

import re
from typing import Any

# What a family's own class fills in where its configurations say nothing.
DEFAULTS: dict[str, dict[str, Any]] = {
    "gemma2": {"sliding_window_pattern": 2, "sliding_window": 4096, "head_dim": 256},
    "gemma3_text": {
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
        "max_position_embeddings": 131072,
    },
    "cohere2": {"sliding_window_pattern": 4},
    "qwen3_next": {"full_attention_interval": 4, "attn_output_gate": True},
    "qwen3_5_text": {"full_attention_interval": 4, "attn_output_gate": True},
    "qwen3_5_moe_text": {"full_attention_interval": 4, "attn_output_gate": True},
    "llama4_text": {"attention_chunk_size": 8192, "no_rope_layer_interval": 4},
    "falcon": {"multi_query": True},
    "gpt_bigcode": {"multi_query": True},
    "mamba": {"expand": 2, "conv_kernel": 4},
    "recurrent_gemma": {"conv1d_width": 4},
}
# Parts of names that speak of attention, of caches and of what stands in their place.
_TELLING = """
attention attentions attn block blocks cache chunk chunked cla compress compression conv cross csa dsa gate global
hca head heads hybrid index indexer interval key keys kv landmark latent layer_types lightning linear local lora lru
mamba memory mla nsa pattern period rank recurrent retention rwkv share shared sharing sliding sparse ssm state
states stride swa value window windows yoco
"""
TELLING = frozenset(_TELLING.split())

# Endings of names of what changes numbers, and not how many of them there are.
HARMLESS_END = re.compile(
    r".*(dropout|pdrop|drop|prob|bias|std|eps|epsilon|alpha_factor|beta_factor|alpha|beta|multiplier|multipliers|implementation|"
    r"scale|scaling|softcap|softcapping|norm|freq|theta|fp32|kernels|token_id|token_index|temperature|loss_coef|"
    r"autoset|internal|init|path|act)"
)
# Whole names of such.
_HARMLESS = """
activation_sparsity_pattern apply_spec_augment attention_layers attention_probs_dropout_prob attn_temperature_tuning
block_auto_adjust_ff_dim block_dim block_ff_dim block_multiple_of block_use_swiglu block_use_xavier_init
bos_token_id chunk_size chunk_size_feed_forward classifier_proj_size conv_dim_out conv_use_xavier_init
cross_attention_hidden_size decoder_sparse_step decoder_start_token_id encoder_sparse_step forced_decoder_ids
gate_hidden_act gated_mlp global_layer_norm head_bias head_init_scale initializer_range interleave_moe_layer_step
is_gated_act kernel_options key_multiplier key_value_proj laurel_rank linear_bias lm_head_bias mamba_chunk_size
mla_use_nope mlp_only_layers moe_gate moe_layer_frequency moe_layer_offset moe_num_shared_experts
moe_shared_expert_intermediate_size n_shared_experts num_ln_in_parallel_attn num_mem_blocks num_shared_experts
num_sparse_decoder_layers num_sparse_encoder_layers output_attentions output_hidden_states parallel_attn
pooler_num_attention_heads pruned_heads qk_layernorm query_pre_attn_scalar relative_attention_max_distance
relative_attention_num_buckets reorder_and_upcast_attn return_dict rope_local_base_freq
scale_attn_by_inverse_layer_idx scale_attn_weights share_encoder_decoder_embeddings shared_expert_intermediate_size
shared_head shared_intermediate_size tie_encoder_decoder time_step_rank use_cache use_qk_norm use_weighted_layer_sum
value_init
"""
HARMLESS = frozenset(_HARMLESS.split())

# Values by which a field does nothing.
IDLE: tuple[Any, ...] = (None, False, 0, "", [], {})
