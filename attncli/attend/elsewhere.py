"""Words that other libraries have for the options and arrays here: whoever uses one is told the right one."""

from __future__ import annotations

from collections.abc import Iterable

from attncli.attend.arrays import ALIASES
from attncli.text import nearest

# By the word that is right here.
WORDS = {
    "query": ("queries", "q_states", "query_states"),
    "key": ("keys", "key_states"),
    "value": ("values", "value_states"),
    "mask": ("attention_mask", "src_mask"),
    "bias": ("attn_bias", "attention_bias", "position_bias"),
    "past_key": ("k_cache", "key_cache"),
    "past_value": ("v_cache", "value_cache"),
    "key_lengths": ("cache_seqlens", "key_value_seq_lengths", "kv_lengths", "nonpad_kv_seqlen", "seqlen_k"),
    "sinks": ("s_aux", "sink", "attention_sinks"),
    "causal": ("is_causal", "use_causal_mask"),
    "heads": ("num_heads", "n_heads", "nhead", "num_attention_heads", "q_num_heads"),
    "kv_heads": ("num_kv_heads", "n_kv_heads", "num_key_value_heads", "kv_num_heads"),
    "scale": ("softmax_scale", "sm_scale", "scaling"),
    "softcap": ("soft_cap", "logit_cap", "logits_soft_cap", "attn_logit_softcapping"),
    "window": ("window_size", "sliding_window", "local_window_size"),
    "rope_theta": ("rope_base", "rotary_base"),
    "rope_dim": ("rotary_dim", "rotary_embedding_dim", "rotary_ndims"),
    "rope_scaling": ("rope_parameters",),
    "rope_sections": ("mrope_section",),
    "positions": ("position_ids",),
    "cos": ("cos_cache",),
    "sin": ("sin_cache",),
}
SENTENCES = {
    **dict.fromkeys(
        ("enable_gqa", "use_gqa"),
        "leave it out: where there are fewer key heads, each serves a block of consecutive query heads anyway",
    ),
    **dict.fromkeys(
        ("dropout", "dropout_p", "dropout_rate", "attn_dropout"), "leave it out: nothing is ever dropped here"
    ),
    **dict.fromkeys(
        ("need_weights", "output_attentions", "return_attention_scores", "return_weights"),
        "leave it out: steps(...).weights are the weights",
    ),
    "key_padding_mask": "mask is true where a query may attend, key_lengths counts the keys of each batch item",
    "alibi_slopes": "alibi is on or off: its slopes follow from the number of heads",
}


def right_word(word: str, known: Iterable[str]) -> str:
    """Return a hint with what an unknown word is called here, or with the nearest known one.

    >>> right_word("is_causal", ["causal", "scale"]), right_word("cuasal", ["causal", "scale"])
    ('it is called causal here', 'did you mean "causal"?')
    """
    spelled, bare = {each.replace("-", "_"): each for each in known}, word.replace("-", "_")
    same = next((name for name, words in WORDS.items() if bare in words), ALIASES.get(bare, ""))
    if same in spelled:
        return f"it is called {spelled[same]} here"
    return SENTENCES.get(bare) or nearest(word, spelled.values())
