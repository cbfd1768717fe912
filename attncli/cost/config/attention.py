"""The layers that attend: their heads and features, and what is shared between them."""

from __future__ import annotations

from dataclasses import replace

from attncli.cost.band import Rule
from attncli.cost.config.fields import Fields
from attncli.cost.config.kinds import BOTH, CHUNK, FULL, NOTHING, STATE, WINDOW, count_of, kinds
from attncli.cost.config.states import state_of
from attncli.cost.layers import Attention, Group, Kind, Latent
from attncli.errors import InputError

MOST_LAYERS = 100_000
HIDDEN = ("hidden_size", "n_embd", "d_model", "dim", "model_dim")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
KEY_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "kv_n_heads", "num_query_groups")


def layers_of(fields: Fields, *, causal: bool) -> list[Group]:
    """Return the groups of layers of a model that is a stack of them.

    Raises:
        InputError: a field is missing, or says what is not understood.
    """
    hidden, count = fields.needed(*HIDDEN), fields.whole(*LAYERS) or count_of(fields) or fields.needed(*LAYERS)
    if count > MOST_LAYERS:
        raise InputError(f"{count} layers are too many", hint=f"up to {MOST_LAYERS} are looked at")
    state = state_of(fields, hidden)
    found = kinds(fields, count, is_hybrid=state is not None)
    if state is None and {STATE, BOTH} & set(found):
        raise InputError("the configuration has layers with a state, but no field that says how large it is")
    crossing: set[int] = set(fields.wholes("cross_attention_layers") or ())
    shared = _shared(fields, count, found)
    groups: list[Group] = []
    of_one = _single(fields)
    attention = heads_of(fields, hidden) if {FULL, WINDOW, CHUNK, BOTH} & set(found) else None
    for at, kind in enumerate(found):
        if kind in (STATE, BOTH):
            groups.append(Group(1, "state", state=state))
        if kind in (STATE, NOTHING) or attention is None:
            continue
        if at in crossing:
            groups.append(Group(1, "cross", replace(attention, rule=Rule()), side="cross"))
            continue
        own = of_one.get(at, fields)
        one = attention if own is fields else heads_of(own, hidden)
        groups.append(Group(1, *_layer(own, one, kind, causal=causal, is_shared=at in shared)))
    return together([group if causal else replace(group, cached=False) for group in groups])


def _single(fields: Fields) -> dict[int, Fields]:
    """Return the fields of the layers that have some of their own."""
    given = fields.part("per_layer_config") or {}
    return {
        int(at): Fields({**fields.data, **own}) for at, own in given.items() if at.isdigit() and isinstance(own, dict)
    }


def together(groups: list[Group]) -> list[Group]:
    """Return the groups with those put together that are alike."""
    counts: dict[Group, int] = {}
    for each in groups:
        one = replace(each, count=1)
        counts[one] = counts.get(one, 0) + each.count
    return [replace(each, count=count) for each, count in counts.items()]


def heads_of(fields: Fields, hidden: int) -> Attention:
    """Return the attention of a layer without its rule."""
    inner = fields.part("attn_config")
    if inner is not None:  # MPT, DBRX
        own = Fields(inner)
        fields.data |= {name: own.data[name] for name in KEY_HEADS if name in own.data}
    heads = fields.needed(*HEADS)
    rank = fields.whole("kv_lora_rank")
    if rank:
        rope, nope = fields.needed("qk_rope_head_dim"), fields.needed("qk_nope_head_dim")
        fields.get(*KEY_HEADS, "head_dim", "qk_head_dim")  # of no meaning here
        return Attention(
            heads=heads,
            key_heads=heads,
            dim=nope + rope,
            value_dim=fields.needed("v_head_dim"),
            hidden=hidden,
            source=hidden,
            out=hidden,
            latent=Latent(rank, rope, fields.whole("q_lora_rank") or 0),
        )
    dim = fields.whole("head_dim", "d_kv", "kv_channels", "attention_head_dim", "qk_head_dim") or hidden // heads
    gated = fields.flag("attn_output_gate", "attention_output_gate")
    value_dim = fields.whole("v_head_dim") or dim
    sizes = heads, _key_heads(fields, heads), dim, value_dim
    return Attention(*sizes, hidden=hidden, source=hidden, gated=gated, out=hidden)


def _key_heads(fields: Fields, heads: int) -> int:
    groups = fields.whole("multi_query_group_num")
    uses_groups, one = fields.flag("multi_query_attention"), fields.flag("multi_query")
    if uses_groups and groups:
        return groups
    named = fields.whole(*KEY_HEADS)
    if one and not fields.flag("new_decoder_architecture"):
        return 1
    found = named or heads
    if heads % found:
        raise InputError(f"{heads} query heads cannot share {found} key heads evenly")
    return found


def _layer(fields: Fields, a: Attention, kind: str, *, causal: bool, is_shared: bool) -> tuple[Kind, Attention]:
    """Return what a layer of this kind holds, and its attention."""
    found: Kind = "latent" if a.latent is not None else "full"
    rule = Rule(causal)
    if kind == WINDOW:
        found, rule = "window", _window(fields, causal=causal)
    elif kind == CHUNK:
        found, rule = "chunk", Rule(causal, chunk=fields.needed("attention_chunk_size"))
    else:
        a = _of_full(fields, a)
    return "shared" if is_shared else found, replace(a, rule=rule)


def _of_full(fields: Fields, a: Attention) -> Attention:
    """Return the attention of layers that see all, where these have heads of their own (Gemma 4)."""
    dim = fields.whole("global_head_dim")
    heads = fields.whole("num_global_key_value_heads") if fields.flag("attention_k_eq_v") else None
    if heads:
        fields.used.discard("attention_k_eq_v")
    return replace(a, dim=dim or a.dim, value_dim=dim or a.value_dim, key_heads=heads or a.key_heads)


def _window(fields: Fields, *, causal: bool) -> Rule:
    """Return the rule of a window: of W keys, the query's own included; of an encoder W/2 on either side."""
    local = fields.whole("local_attention")
    if local and not causal:
        return Rule(left=local // 2, right=local // 2)
    width = fields.needed("sliding_window", "attention_window_size", "window_size", "local_attention")
    return Rule(causal, left=width - 1) if causal else Rule(left=width, right=width)


def _shared(fields: Fields, layers: int, found: list[str]) -> set[int]:
    """Return the layers that read what an earlier layer of their kind holds."""
    last = fields.whole("num_kv_shared_layers") or 0
    shared = set(range(layers - last, layers))
    factor = fields.whole("cla_share_factor") if fields.flag("use_cla") else None
    if factor:  # cross-layer attention: of so many layers in a row the first holds the keys
        shared |= {at for at in range(layers) if at % factor}
    return {at for at in shared if found[at] not in (STATE, NOTHING)}
