"""Layers that hold a state: linear attention, state space models, recurrences and convolutions."""

from __future__ import annotations

from attncli.cost.config.fields import Fields
from attncli.cost.formula import Factor, summed
from attncli.cost.layers import State
from attncli.cost.sizes import DTYPES


def state_of(fields: Fields, hidden: int) -> State | None:
    """Return the state of the layers that have one; None if no field speaks of one.

    Raises:
        InputError: a field that it needs is missing.
    """
    fields.get("mamba_chunk_size", "chunk_size", "mamba_proj_bias", "use_mamba_kernels", "mamba_norm_before_gate")
    fields.get("mamba_rms_norm")
    for make in (_delta_rule, _channelwise, _mamba2, _mamba, _convolution, _lru, _lightning):
        found = make(fields, hidden)
        if found is not None:
            return found
    return None


def _delta_rule(fields: Fields, hidden: int) -> State | None:
    """Gated delta rule (Yang et al., 2024), as in Qwen3-Next: keys of fewer heads than values."""
    if "linear_num_value_heads" not in fields.data:
        return None
    key_heads, heads = fields.needed("linear_num_key_heads"), fields.needed("linear_num_value_heads")
    dim, value_dim = fields.needed("linear_key_head_dim"), fields.needed("linear_value_head_dim")
    kernel = fields.needed("linear_conv_kernel_dim")
    channels = summed([(2 * key_heads, dim), (heads, value_dim)])
    # Query, key and value, the gate; and for each head how much is forgotten and added.
    into = summed([(2 * key_heads, dim), (2 * heads, value_dim), (2 * heads, 1)])
    return State(
        held=((Factor(heads, "heads"), Factor(dim), Factor(value_dim)), (channels, Factor(kernel))),
        project=((Factor(hidden), into),),
        out=(Factor(heads, "heads"), Factor(value_dim), Factor(hidden)),
        passes=2,
        itemsize=_itemsize(fields),
    )


def _channelwise(fields: Fields, hidden: int) -> State | None:
    """Kimi delta attention: as many heads of keys as of values, and three convolutions."""
    part = fields.part("linear_attn_config")
    own = Fields(part) if part is not None else fields
    if "linear_num_heads" not in own.data and part is None:
        return None
    heads, dim = own.needed("linear_num_heads", "num_heads"), own.needed("linear_head_dim", "head_dim")
    kernel = own.needed("linear_conv_kernel_dim", "short_conv_kernel_size")
    # Two gates of low rank, of what is forgotten and of the output; and for each head how much is added.
    gates = (Factor(2), Factor(dim), summed([(hidden, 1), (heads, dim)]))
    return State(
        held=((Factor(heads, "heads"), Factor(dim), Factor(dim)), (summed([(3 * heads, dim)]), Factor(kernel))),
        project=((Factor(hidden), summed([(3 * heads, dim), (heads, 1)])), gates),
        out=(Factor(heads, "heads"), Factor(dim), Factor(hidden)),
        passes=2,
    )


def _mamba2(fields: Fields, hidden: int) -> State | None:
    """Mamba-2 (Dao and Gu, 2024): a matrix for each head."""
    heads = fields.whole("mamba_n_heads", "mamba_num_heads")
    is_pure = heads is None and "n_groups" in fields.data and "num_attention_heads" not in fields.data
    if is_pure:
        heads = fields.needed("num_heads")
    if heads is None:
        return None
    inner = (fields.whole("mamba_expand", "expand") or 2) * hidden
    own = fields.whole("mamba_d_ssm")
    named = fields.get("mamba_d_head", "mamba_head_dim", *["head_dim"] * is_pure)
    dim = named if isinstance(named, int) else (own or inner) // heads
    size, groups = (
        fields.needed("mamba_d_state", "ssm_state_size", "state_size"),
        fields.whole("mamba_n_groups", "n_groups"),
    )
    channels = summed([(heads, dim), (2 * (groups or 1), size)])
    into = summed([(2 * heads, dim), (2 * (groups or 1), size), (heads, 1)])
    kernel = fields.whole("mamba_d_conv", "conv_kernel") or 4
    return State(
        held=((Factor(heads, "heads"), Factor(dim), Factor(size)), (channels, Factor(kernel))),
        project=((Factor(hidden), into),),
        out=(Factor(heads, "heads"), Factor(dim), Factor(hidden)),
        itemsize=_itemsize(fields),
    )


def _mamba(fields: Fields, hidden: int) -> State | None:
    """Mamba (Gu and Dao, 2023): a vector for each channel."""
    size = fields.whole("mamba_d_state", "state_size")
    if size is None:
        return None
    inner = (fields.whole("mamba_expand", "expand") or 2) * hidden
    named = fields.get("mamba_dt_rank", "time_step_rank")
    rank = named if isinstance(named, int) else -(-hidden // 16)
    kernel = fields.whole("mamba_d_conv", "conv_kernel") or 4
    return State(
        held=((Factor(inner, "channels"), Factor(size)), (Factor(inner, "channels"), Factor(kernel))),
        project=((Factor(inner, "channels"), summed([(2, hidden), (2, rank), (2, size)])),),
        out=(Factor(inner, "channels"), Factor(hidden)),
        itemsize=_itemsize(fields),
    )


def _convolution(fields: Fields, hidden: int) -> State | None:
    """Short convolutions between two gates, as in LFM2."""
    kernel = fields.whole("conv_L_cache")
    if kernel is None:
        return None
    fields.get("conv_dim", "conv_dim_out", "conv_use_xavier_init")
    held = ((Factor(hidden, "channels"), Factor(kernel)),)
    channels = Factor(hidden, "channels")
    return State(held, project=((Factor(3), channels, Factor(hidden)),), out=(channels, Factor(hidden)), passes=0)


def _lru(fields: Fields, hidden: int) -> State | None:
    """Real-gated linear recurrent units (De et al., Griffin, 2024)."""
    if "block_types" not in fields.data and "lru_width" not in fields.data:
        return None
    width, heads = fields.whole("lru_width") or hidden, fields.whole("num_attention_heads") or 1
    kernel = fields.whole("conv1d_width") or 4
    gates = summed([(2, hidden), (2, width // heads)])  # the gates of the recurrence are made block by block
    return State(
        held=((Factor(width, "channels"),), (Factor(width, "channels"), Factor(kernel - 1))),
        project=((Factor(width, "channels"), gates),),
        out=(Factor(width, "channels"), Factor(hidden)),
    )


def _lightning(fields: Fields, hidden: int) -> State | None:
    """Lightning attention, as in MiniMax: a matrix for each head of queries."""
    linear = "linear_attention" in fields.several("layer_types") or 0 in fields.several("attn_type_list")
    if not linear:
        return None
    heads = fields.needed("num_attention_heads")
    dim = fields.whole("head_dim") or hidden // heads
    fields.get("block_size")  # tokens that are computed together
    return State(
        ((Factor(heads, "heads"), Factor(dim), Factor(dim)),),
        project=((Factor(4), Factor(hidden), Factor(heads, "heads"), Factor(dim)),),  # query, key, value, the gate
        out=(Factor(heads, "heads"), Factor(dim), Factor(hidden)),
    )


def _itemsize(fields: Fields) -> int:
    return DTYPES.get(str(fields.get("mamba_ssm_dtype", "mamba_ssm_cache_dtype")), 0)
