"""Of which kind each layer is: what the fields say in many ways becomes one word a layer."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from attncli.cost.config.fields import Fields
from attncli.errors import InputError
from attncli.text import quoted

FULL, WINDOW, CHUNK, STATE, BOTH, NOTHING = "full", "window", "chunk", "state", "both", "nothing"
WORDS = {
    **dict.fromkeys(("full_attention", "attention", "global", "global_attention", "full", "*", "f"), FULL),
    **dict.fromkeys(("sliding_attention", "sliding", "local", "local_attention", "sliding_window", "swa"), WINDOW),
    **dict.fromkeys(("chunked_attention", "chunked"), CHUNK),
    **dict.fromkeys(("linear_attention", "linear", "mamba", "mamba2", "recurrent", "conv", "ssm", "m"), STATE),
    "hybrid": BOTH,
    **dict.fromkeys(("moe", "mlp", "-", "e"), NOTHING),
}
# The names of fields that have a word for each layer; of these, shorter lists are repeated.
LISTS, REPEATED = ("layer_types", "layers_block_type"), ("block_types", "_block_types")


def count_of(fields: Fields) -> int | None:
    """Return how many layers there are where only the list of their kinds says it."""
    words = fields.get(*LISTS, "hybrid_override_pattern")
    return len(words) if isinstance(words, list | str) and words else None


def kinds(fields: Fields, layers: int, *, is_hybrid: bool) -> list[str]:
    """Return the kind of each layer.

    Args:
        fields: of the configuration.
        layers: how many layers there are.
        is_hybrid: whether there are fields of a state.

    Raises:
        InputError: a word that is not known, or another number of words than of layers.
    """
    listed = _listed(fields, layers)
    if listed is not None:
        # These say the same, or what the list makes of it.
        fields.get("sliding_window_pattern", "full_attention_interval", "no_rope_layers", "no_rope_layer_interval")
        fields.get("use_sliding_window", "max_window_layers", "full_attn_idxs", "attn_layer_indices")
        fields.get("attn_layer_period", "attn_layer_offset")
        return listed
    mixed = _mixed(fields, layers)
    if mixed is not None:
        return mixed
    return [STATE] * layers if is_hybrid and not _has_heads(fields) else _attending(fields, layers, is_hybrid)


def _has_heads(fields: Fields) -> bool:
    return "num_attention_heads" in fields.data


def _listed(fields: Fields, layers: int) -> list[str] | None:
    """Return what a field says layer by layer."""
    words: Any = fields.get(*LISTS)
    repeated = fields.get(*REPEATED)
    if words is None and isinstance(repeated, list) and repeated:
        words = [repeated[at % len(repeated)] for at in range(layers)]
        attends_locally = "attention_window_size" in fields.data
        words = ["local" if each == "attention" and attends_locally else each for each in words]
    pattern = fields.get("hybrid_override_pattern")
    if words is None and isinstance(pattern, str):
        words = list(pattern)
    types = fields.get("attn_type_list")
    if words is None and isinstance(types, list):
        words = ["full" if each == 1 else "linear" for each in types]
    nested = fields.get("attention_types")
    if words is None and isinstance(nested, list):
        words = list(itertools.islice(_unfolded(nested), layers + 1))
    if not isinstance(words, list):
        return None
    if len(words) != layers:
        raise InputError(f"the configuration has {layers} layers, and the kinds of {len(words)}")
    return [_kind(word) for word in words]


def _unfolded(nested: list[Any]) -> Iterator[object]:
    """Yield the words of a list as GPT-Neo has it: ``[[["global", "local"], 12]]``."""
    for each in nested:
        if (
            not isinstance(each, list)
            or len(each) != 2
            or not isinstance(each[0], list)
            or not isinstance(each[1], int)
        ):
            raise InputError(f"attention_types {quoted(nested)} is not understood")
        for _ in range(each[1]):
            yield from each[0]


def _kind(word: object) -> str:
    found = WORDS.get(str(word).lower())
    if found is None:
        raise InputError(f"layers of the kind {quoted(word)} are not understood")
    return found


def _mixed(fields: Fields, layers: int) -> list[str] | None:
    """Return which layers attend, where the others have a state and a field says which is which."""
    attending = fields.wholes("full_attn_idxs", "attn_layer_indices")
    if attending is None and (of_linear := fields.part("linear_attn_config")) is not None:
        attending = [each - 1 for each in of_linear.get("full_attn_layers", [])]  # counted from 1
    every, first = fields.whole("attn_layer_period"), fields.whole("attn_layer_offset") or 0
    if attending is None and every:
        attending = [at for at in range(layers) if at % every == first]
    every = fields.whole("full_attention_interval")
    if attending is None and every:
        attending = [at for at in range(layers) if (at + 1) % every == 0]
    if attending is None:
        return None
    return [FULL if at in attending else STATE for at in range(layers)]


def _attending(fields: Fields, layers: int, is_hybrid: bool) -> list[str]:
    """Return which layers attend to all, and which to a part."""
    if is_hybrid:  # and nothing says which is which: all have both
        return [BOTH] * layers
    every = fields.whole("global_attn_every_n_layers")
    if every and fields.whole("local_attention"):
        return [FULL if at % every == 0 else WINDOW for at in range(layers)]
    if fields.whole("attention_chunk_size"):
        return _chunked(fields, layers)
    window = fields.whole("sliding_window", "attention_window_size")
    uses, first = fields.get("use_sliding_window"), fields.whole("max_window_layers")
    pattern = fields.get("sliding_window_pattern")
    if not window or uses is False:
        return [FULL] * layers
    if isinstance(pattern, str):  # such as LLLG
        return [WINDOW if pattern[at % len(pattern)].upper() == "L" else FULL for at in range(layers)]
    if isinstance(pattern, int) and pattern > 0:
        return [WINDOW if (at + 1) % pattern else FULL for at in range(layers)]
    return [WINDOW if at >= (first or 0) or not uses else FULL for at in range(layers)]


def _chunked(fields: Fields, layers: int) -> list[str]:
    """Return which layers see only their own chunk: those that rotate, where not all do."""
    rotates, every = fields.wholes("no_rope_layers"), fields.whole("no_rope_layer_interval")
    if not rotates:
        rotates = [int(not every or (at + 1) % every != 0) for at in range(layers)]
    return [CHUNK if each else FULL for each in rotates]
