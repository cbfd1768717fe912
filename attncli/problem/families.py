"""The names under which models keep the matrices of an attention layer: one record for each way of naming them.

Names are those of the tensors behind the prefix of the layer. They decide how the matrices lie. What they cannot
decide, such as the number of heads, is for options to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from attncli.said import Said

# What may stand beside the matrices, whatever they are called; the first name that is there is taken.
BESIDE: dict[str, tuple[str, ...]] = {
    "q_norm": ("q_norm", "query_layernorm", "q_layernorm", "q_layer_norm", "query_norm", "norm_q", "q_ln"),
    "k_norm": ("k_norm", "key_layernorm", "k_layernorm", "k_layer_norm", "key_norm", "norm_k", "k_ln"),
    "v_norm": ("v_norm", "value_norm"),
    "sinks": ("sinks",),
}
# Behind the name of a norm whose weights are apart for each head, in a module each: that of the first (StableLM).
FIRST_OF_HEADS = "norms.0.weight"
# What stands there too and has no part in what is computed: the norm after the residual sum, and causal masks.
WITHOUT_EFFECT = ("output.LayerNorm", "LayerNorm", "bias", "masked_bias", "attention.bias", "attention.masked_bias")


class Family(NamedTuple):
    """One way of naming the matrices of a layer.

    Attributes:
        title: what messages call it.
        matrices: our name of each matrix, and the names that it may have; ``.weight`` follows where they do not end in
            ``weight``.
        weights: how they lie, as ``--weights`` says it.
        qkv: how a fused one lies, as ``--qkv`` says it.
        parts: arrays that lie one behind the other in one tensor, by the name of that tensor.
        extra: more arrays, by their whole names.
        linear: how a fused one lies, as ``--qkv`` says it, where its shape shows that the matrices are (out, in) all
            the same; empty if the names leave no doubt.
    """

    title: str
    matrices: Mapping[str, tuple[str, ...]]
    weights: str = "out-in"
    qkv: str = ""
    parts: Mapping[str, tuple[str, ...]] = {}
    extra: Mapping[str, str] = {}
    linear: str = ""

    @property
    def anchor(self) -> str:
        """The tensor by which a layer of this family is found."""
        return _whole(next(iter(self.matrices.values()))[0])

    def needed(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Return what such a layer cannot be without: our name, and the names that the tensor may have."""
        for ours, names in self.matrices.items():
            yield ours, tuple(map(_whole, names))
        for tensor, several in self.parts.items():
            if tensor.endswith("weight"):
                yield " ".join(several), (tensor,)

    def as_shapes_say(self, fused: Sequence[int], out: Sequence[int]) -> Family:
        """Return the family, or that which has the same names for matrices (out, in).

        Args:
            fused: the shape of the matrix that makes query, key and value.
            out: that of the last one, which makes as many features as the former takes.
        """
        if not self.linear or len(fused) != 2 or fused[0] in out or fused[1] not in out:
            return self
        return self._replace(weights="out-in", qkv=self.linear)

    def found(self, there: Callable[[str], bool]) -> dict[str, str]:
        """Return the name of the tensor that holds each of our arrays, as far as it is there."""
        matrices = [(ours, name) for ours, names in self.needed() for name in names]
        beside = [(ours, f"{name}.weight") for ours, names in BESIDE.items() for name in names]
        beside += [(ours, name) for ours, names in BESIDE.items() for name in names]
        beside += [(ours, f"{name}.{FIRST_OF_HEADS}") for ours, names in BESIDE.items() for name in names]
        biases = [(_bias(ours), _bias(name)) for ours, name in matrices if ours in self.matrices]
        parts = [(" ".join(ours), name) for name, ours in self.parts.items()]
        made: dict[str, str] = {}
        for ours, name in (*matrices, *biases, *parts, *self.extra.items(), *beside):
            if there(name) and (ours not in made):
                made[ours] = name
        return made


def _whole(name: str) -> str:
    return name if name.endswith("weight") else f"{name}.weight"


def _bias(name: str) -> str:
    """Return what belongs to a matrix, of ours or of theirs.

    >>> _bias("w_qkv"), _bias("in_proj_weight"), _bias("q_proj.weight")
    ('b_qkv', 'in_proj_bias', 'q_proj.bias')
    """
    return f"b_{name[2:]}" if name.startswith("w_") else f"{name.removesuffix('weight')}bias"


def _apart(title: str, query: str, key: str, value: str, *output: str) -> Family:
    return Family(title, {"w_q": (query,), "w_k": (key,), "w_v": (value,), "w_o": output})


def _fused(title: str, name: str, *output: str, qkv: str = "blocks", weights: str = "out-in") -> Family:
    return Family(title, {"w_qkv": (name,), "w_o": output}, weights=weights, qkv=qkv)


# nn.MultiheadAttention's one key and one value more, which take part as a cache of one token does.
_ONE_MORE = {"past_key": "bias_k", "past_value": "bias_v"}
_IN_PROJ = {"in_proj_bias": ("b_q", "b_k", "b_v")}

FAMILIES = (
    _apart(
        "q_proj, k_proj, v_proj",  # most language models; OPT, Whisper, BART, CLIP; Phi; vision models
        *("q_proj", "k_proj", "v_proj"),
        *("o_proj", "out_proj", "dense", "proj", "projection_layer", "Wo"),
    ),
    _fused("qkv_proj", "qkv_proj", "o_proj"),  # Phi-3
    _fused("query_key_value", "query_key_value", "dense", qkv="heads"),  # GPT-NeoX, Bloom, Falcon
    _apart("self.query, self.key, self.value", "self.query", "self.key", "self.value", "output.dense"),  # BERT
    _apart("attention.query", "attention.query", "attention.key", "attention.value", "output.dense"),  # ViT
    # ALBERT; Whisper as OpenAI has it; Grounding DINO; Pix2Struct
    _apart("query, key, value", "query", "key", "value", "dense", "out", "out_proj", "output", "proj"),
    _apart("q, k, v", "q", "k", "v", "o", "proj"),  # T5; MPNet
    _apart("q_lin, k_lin, v_lin", "q_lin", "k_lin", "v_lin", "out_lin"),  # DistilBERT, XLM
    _apart("wq, wk, wv", "wq", "wk", "wv", "wo"),  # Llama as Meta has it
    _apart("to_q, to_k, to_v", "to_q", "to_k", "to_v", "to_out.0"),  # diffusers
    _fused("wqkv", "wqkv", "wo", qkv="heads"),  # InternLM2
    _fused("Wqkv", "Wqkv", "out_proj", "Wo"),  # MPT, DBRX, ModernBERT
    _fused("qkv", "qkv", "proj", "projection"),  # timm, BLIP
    # GPT-2; GPT-BigCode has an nn.Linear of the same name, [q|k|v] of each head, or one key and value for all of them.
    _fused("c_attn", "c_attn", "c_proj", weights="in-out")._replace(linear="heads"),
    Family(  # GPT-2, from a decoder to an encoder
        "q_attn, c_attn",
        {"w_q": ("q_attn",), "w_o": ("c_proj",)},
        weights="in-out",
        parts={"c_attn.weight": ("w_k", "w_v"), "c_attn.bias": ("b_k", "b_v")},
    ),
    Family(
        "in_proj_weight",
        {"w_qkv": ("in_proj_weight",), "w_o": ("out_proj",)},
        qkv="blocks",
        extra=_ONE_MORE,
    ),
    Family(
        "q_proj_weight, k_proj_weight, v_proj_weight",
        {"w_q": ("q_proj_weight",), "w_k": ("k_proj_weight",), "w_v": ("v_proj_weight",), "w_o": ("out_proj",)},
        parts=_IN_PROJ,
        extra=_ONE_MORE,
    ),
)


class Advice(NamedTuple):
    """What is to be done about tensors that are not used.

    Attributes:
        ends: how their names end.
        words: what to do.
        given: it is done where one of these arrays or options is given.
    """

    ends: tuple[str, ...]
    words: str
    given: tuple[str, ...] = ()


ADVICE = (
    Advice(
        ("relative_attention_bias.weight", "relative_position_bias_table"),
        Said("--bias gives what they add to the scores"),
        ("bias", "mask"),
    ),
    Advice(("inv_freq",), Said("--rope says how to rotate"), ("rope", "cos")),
    Advice(("gate_proj.weight", "g_proj.weight"), Said("--w-g takes the weights of a gate"), ("w_g", "gate")),
    Advice(
        ("norm.bias", "norm_q.bias", "norm_k.bias", "_ln.bias"),
        Said("a norm has weights alone here, so that the output is another if these biases are not 0"),
    ),
)
