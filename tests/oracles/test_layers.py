"""Layers out of checkpoints: of tiny models that transformers and PyTorch build, save, and compute themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from safetensors.torch import save_file

from tests.support.arrays import normal
from tests.support.processes import called

WIDE, HEADS = 32, 4
SIZES = {"hidden_size": WIDE, "num_hidden_layers": 1, "num_attention_heads": HEADS, "intermediate_size": 40}
GROUPED = SIZES | {"num_key_value_heads": 2}
TOKENS = {"vocab_size": 20, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
HALVES = {f"{part}_{name}": 1 for part in ("encoder", "decoder") for name in ("layers", "ffn_dim")}
HALVES |= {"encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS, "d_model": WIDE}
PLAIN_ROPE = {"rope_parameters": {"rope_type": "default", "rope_theta": 5000.0}}
T5 = {"d_model": WIDE, "d_kv": 8, "num_heads": HEADS, "num_layers": 1, "d_ff": 40, "vocab_size": 20}

SELF = "model.layers.0.self_attn"
TWO_TO_ONE = {"heads": HEADS, "kv_heads": 2, "scale": "sqrt", "causal": True}
ROTATED = TWO_TO_ONE | {"rope": "half", "rope_theta": 5000}
BOTH_WAYS = {"heads": HEADS, "scale": "sqrt"}


@dataclass(frozen=True)
class Case:
    """One layer of one model.

    Attributes:
        model: builds it.
        prefix: of the layer in the file.
        options: what its configuration says.
        module: what is given the hidden states; the prefix, unless the file names it otherwise.
        output: what gives the output of the layer; the same module, unless more comes after that.
        crosses: whether keys and values come from other states.
    """

    model: Callable[[], Any]
    prefix: str
    options: dict[str, Any] = field(default_factory=dict)
    module: str = ""
    output: str = ""
    crosses: bool = False


CASES = {
    "llama": Case(lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**GROUPED, **TOKENS, **PLAIN_ROPE)), SELF, ROTATED),
    "qwen2": Case(lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**GROUPED, **TOKENS, **PLAIN_ROPE)), SELF, ROTATED),
    "qwen3": Case(
        lambda: tf.Qwen3ForCausalLM(tf.Qwen3Config(**GROUPED, **TOKENS, **PLAIN_ROPE, head_dim=12, rms_norm_eps=1e-3)),
        SELF,
        ROTATED | {"qk_norm": "rms", "norm_eps": 1e-3},
    ),
    "gemma3": Case(
        lambda: tf.Gemma3ForCausalLM(
            tf.Gemma3TextConfig(
                **GROUPED,
                **TOKENS,
                head_dim=8,
                query_pre_attn_scalar=16,
                sliding_window=3,
                layer_types=["sliding_attention"],
                rms_norm_eps=1e-3,
            )
        ),
        SELF,
        ROTATED | {"rope_theta": 10000, "scale": 0.25, "window": 2, "qk_norm": "rms,plus-one", "norm_eps": 1e-3},
    ),
    "phi3": Case(
        lambda: tf.Phi3ForCausalLM(tf.Phi3Config(**GROUPED, **TOKENS, **PLAIN_ROPE, sliding_window=None)),
        SELF,
        ROTATED,
    ),
    "olmo2": Case(
        lambda: tf.Olmo2ForCausalLM(tf.Olmo2Config(**GROUPED, **TOKENS, **PLAIN_ROPE, rms_norm_eps=1e-3)),
        SELF,
        ROTATED | {"qk_norm": "rms", "norm_eps": 1e-3},
    ),
    "gpt-neox": Case(
        lambda: tf.GPTNeoXForCausalLM(
            tf.GPTNeoXConfig(
                **SIZES,
                **TOKENS,
                rope_parameters={"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 1.0},
            )
        ),
        "gpt_neox.layers.0.attention",
        BOTH_WAYS | {"causal": True, "rope": "half", "rope_theta": 5000},
    ),
    "gpt-neox, partly rotated": Case(
        lambda: tf.GPTNeoXForCausalLM(
            tf.GPTNeoXConfig(
                **SIZES,
                **TOKENS,
                rope_parameters={"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.25},
            )
        ),
        "gpt_neox.layers.0.attention",
        BOTH_WAYS | {"causal": True, "rope": "half", "rope_theta": 5000, "rope_dim": 2},
    ),
    "phi": Case(
        lambda: tf.PhiForCausalLM(
            tf.PhiConfig(
                **SIZES,
                **TOKENS,
                rope_parameters={"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.5},
            )
        ),
        SELF,
        BOTH_WAYS | {"causal": True, "rope": "half", "rope_theta": 5000, "rope_dim": 4},
    ),
    "gpt-oss, as it comes": Case(
        lambda: tf.GptOssForCausalLM(
            tf.GptOssConfig(**GROUPED, **TOKENS, head_dim=8, num_local_experts=2, num_experts_per_tok=1)
        ),
        SELF,
        TWO_TO_ONE
        | {
            "rope": "half",
            "rope_theta": 150000,
            "window": 127,
            "rope_scaling": "yarn,factor=32,truncate=false,original_max_position_embeddings=4096",
        },
    ),
    "bert": Case(
        lambda: tf.BertModel(tf.BertConfig(**SIZES, **TOKENS)),
        "encoder.layer.0.attention",
        BOTH_WAYS,
        "encoder.layer.0.attention.self",
        "encoder.layer.0.attention.output.dense",
    ),
    "albert": Case(
        lambda: tf.AlbertModel(tf.AlbertConfig(**SIZES, **TOKENS, embedding_size=16)),
        "encoder.albert_layer_groups.0.albert_layers.0.attention",
        BOTH_WAYS,
        output="encoder.albert_layer_groups.0.albert_layers.0.attention.dense",
    ),
    "distilbert": Case(
        lambda: tf.DistilBertModel(tf.DistilBertConfig(vocab_size=20, dim=WIDE, n_layers=1, n_heads=HEADS)),
        "transformer.layer.0.attention",
        BOTH_WAYS,
    ),
    "gpt2": Case(
        lambda: tf.GPT2LMHeadModel(tf.GPT2Config(**TOKENS, n_embd=WIDE, n_layer=1, n_head=HEADS)),
        "transformer.h.0.attn",
        BOTH_WAYS | {"causal": True},
    ),
    "gpt2, crossing": Case(
        lambda: tf.GPT2LMHeadModel(
            tf.GPT2Config(**TOKENS, n_embd=WIDE, n_layer=1, n_head=HEADS, add_cross_attention=True)
        ),
        "transformer.h.0.crossattention",
        BOTH_WAYS,
        crosses=True,
    ),
    "gpt-bigcode": Case(
        lambda: tf.GPTBigCodeForCausalLM(tf.GPTBigCodeConfig(**TOKENS, n_embd=WIDE, n_layer=1, n_head=HEADS)),
        "transformer.h.0.attn",
        BOTH_WAYS | {"kv_heads": 1, "causal": True},
    ),
    "gpt-bigcode, a key head for each": Case(
        lambda: tf.GPTBigCodeForCausalLM(
            tf.GPTBigCodeConfig(**TOKENS, n_embd=WIDE, n_layer=1, n_head=HEADS, multi_query=False)
        ),
        "transformer.h.0.attn",
        BOTH_WAYS | {"causal": True},
    ),
    "cohere": Case(
        lambda: tf.CohereForCausalLM(
            tf.CohereConfig(**GROUPED, **TOKENS, **PLAIN_ROPE, use_qk_norm=True, layer_norm_eps=1e-3)
        ),
        SELF,
        ROTATED | {"rope": "interleaved", "qk_norm": "layer", "norm_eps": 1e-3},
    ),
    "stablelm": Case(
        lambda: tf.StableLmForCausalLM(
            tf.StableLmConfig(
                **GROUPED,
                **TOKENS,
                rope_parameters={"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.25},
                qk_layernorm=True,
                layer_norm_eps=1e-3,
            )
        ),
        SELF,
        ROTATED | {"rope_dim": 2, "qk_norm": "layer", "norm_eps": 1e-3},
    ),
    "falcon": Case(
        lambda: tf.FalconForCausalLM(
            tf.FalconConfig(
                vocab_size=20,
                hidden_size=WIDE,
                num_hidden_layers=1,
                num_attention_heads=HEADS,
                num_kv_heads=2,
                new_decoder_architecture=True,
                **PLAIN_ROPE,
            )
        ),
        "transformer.h.0.self_attention",
        ROTATED,
    ),
    "mpt": Case(
        lambda: tf.MptForCausalLM(tf.MptConfig(vocab_size=20, d_model=WIDE, n_layers=1, n_heads=HEADS)),
        "transformer.blocks.0.attn",
        BOTH_WAYS | {"causal": True, "alibi": True},
    ),
    "t5": Case(
        lambda: tf.T5ForConditionalGeneration(tf.T5Config(**T5)),
        "encoder.block.0.layer.0.SelfAttention",
        {"heads": HEADS},
    ),
    "t5, crossing": Case(
        lambda: tf.T5ForConditionalGeneration(tf.T5Config(**T5)),
        "decoder.block.0.layer.1.EncDecAttention",
        {"heads": HEADS},
        crosses=True,
    ),
    "whisper": Case(
        lambda: tf.WhisperForConditionalGeneration(tf.WhisperConfig(**HALVES, **TOKENS, num_mel_bins=8)),
        "model.decoder.layers.0.self_attn",
        BOTH_WAYS | {"causal": True},
    ),
    "whisper, crossing": Case(
        lambda: tf.WhisperForConditionalGeneration(tf.WhisperConfig(**HALVES, **TOKENS, num_mel_bins=8)),
        "model.decoder.layers.0.encoder_attn",
        BOTH_WAYS,
        crosses=True,
    ),
    "bart": Case(
        lambda: tf.BartForConditionalGeneration(tf.BartConfig(**HALVES, **TOKENS)),
        "model.encoder.layers.0.self_attn",
        BOTH_WAYS,
    ),
    "vit": Case(
        lambda: tf.ViTModel(tf.ViTConfig(**SIZES, image_size=12, patch_size=4)),
        "encoder.layer.0.attention",
        BOTH_WAYS,
        "layers.0.attention",
    ),
    "blip": Case(
        lambda: tf.BlipVisionModel(tf.BlipVisionConfig(**SIZES, image_size=12, patch_size=4)),
        "encoder.layers.0.self_attn",
        BOTH_WAYS,
    ),
    "gpt-oss": Case(
        lambda: tf.GptOssForCausalLM(
            tf.GptOssConfig(
                **GROUPED,
                **TOKENS,
                **PLAIN_ROPE,
                head_dim=8,
                num_local_experts=2,
                num_experts_per_tok=1,
                sliding_window=3,
                layer_types=["sliding_attention"],
            )
        ),
        SELF,
        ROTATED | {"window": 2},
    ),
    "hunyuan": Case(
        lambda: tf.HunYuanDenseV1ForCausalLM(
            tf.HunYuanDenseV1Config(**GROUPED, **TOKENS, **PLAIN_ROPE, head_dim=8, rms_norm_eps=1e-3)
        ),
        SELF,
        ROTATED | {"qk_norm": "rms,after-rope", "norm_eps": 1e-3},
    ),
}


def loosened(model: Any) -> Any:
    """Return a model with weights of every kind so large that each of them shows."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def asked(model: Any) -> dict[str, Any]:
    """Return what such a model takes."""
    tokens = torch.tensor([[4, 9, 7, 4, 11, 13, 5], [2, 14, 6, 6, 10, 8, 17]])
    if model.main_input_name == "pixel_values":
        return {"pixel_values": torch.from_numpy(normal(2, 3, 12, 12, seed=1).astype("f4"))}
    if model.main_input_name == "input_features":
        return {
            "input_features": torch.from_numpy(normal(2, 8, 3000, seed=1).astype("f4")),
            "decoder_input_ids": tokens,
        }
    if model.config.is_encoder_decoder:
        return {"input_ids": tokens[:, :5], "decoder_input_ids": tokens}
    crosses = {"encoder_hidden_states": torch.from_numpy(normal(2, 5, WIDE, seed=2).astype("f4"))}
    return {"input_ids": tokens} | (crosses if getattr(model.config, "add_cross_attention", False) else {})


def heard(model: Any, case: Case) -> dict[str, Any]:
    """Run a model, and return what goes into the layer and what comes out of it."""
    found: dict[str, Any] = {}

    def enter(module: Any, args: tuple[Any, ...], given: dict[str, Any], output: Any) -> None:
        found["query"] = args[0] if args else given["hidden_states"]
        # Whatever it is called; the decoder hands the states over by place in some models.
        others = [given.get(name) for name in ("encoder_hidden_states", "key_value_states")]
        found["hidden"] = next((each for each in others if each is not None), found["query"])
        found["made"] = output

    def leave(module: Any, args: tuple[Any, ...], output: Any) -> None:
        found["output"] = output if isinstance(output, torch.Tensor) else output[0]

    name = case.module or case.prefix
    first, last = model.get_submodule(name), model.get_submodule(case.output or name)
    first.register_forward_hook(enter, with_kwargs=True)
    last.register_forward_hook(leave)
    with torch.no_grad():
        model(**asked(model))
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_layer_of_transformers(name: str, tmp_path: Path) -> None:
    """Gives what the module itself gives within its model, whose masks and rotary tables are its own."""
    case = CASES[name]
    model = case.model()
    model.set_attn_implementation("eager")
    loosened(model).save_pretrained(tmp_path / "model")
    found = heard(model, case)
    assert (found["query"] is not found["hidden"]) is case.crosses
    files = {"hidden": found["hidden"]} | ({"query": found["query"]} if case.crosses else {})
    if name.startswith("t5"):
        files["bias"] = found["made"][1]
    compare(files, f"{tmp_path / 'model'}:{case.prefix}", case.options, found["output"], tmp_path)


def compare(
    files: dict[str, torch.Tensor], given: str, options: dict[str, Any], output: torch.Tensor, folder: Path
) -> None:
    """Compute a layer, and hold the output to another within 1e-5 of its largest number; there is nothing to say."""
    words: list[object] = ["compute", "--layer", given, "-o", folder / "out.npy"]
    for name, tensor in files.items():
        np.save(folder / f"{name}.npy", tensor.detach().numpy())
        words += [f"--{name}", folder / f"{name}.npy"]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
    ran = called(*words)
    mine, theirs = np.load(folder / "out.npy"), output.detach().numpy()
    assert mine.shape == theirs.shape
    assert np.abs(mine - theirs).max() < 1e-5 * np.abs(theirs).max()
    assert ran.err == ""


@pytest.mark.parametrize("batch", [True, False], ids=["batch", "one"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"bias": False},
        {"kdim": 5, "vdim": 6},
        {"add_bias_kv": True},
        {"kdim": 5, "vdim": 6, "add_bias_kv": True},
    ],
    ids=lambda each: ",".join(each) or "plain",
)
def test_a_layer_of_torch(more: dict[str, Any], batch: bool, tmp_path: Path) -> None:
    """At the top level of its file; a key and a value more are a cache of one."""
    module = loosened(torch.nn.MultiheadAttention(12, 3, batch_first=True, **more))
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    first = (2,) if batch else ()
    shapes = {"query": (*first, 4, 12), "key": (*first, 5, module.kdim), "value": (*first, 5, module.vdim)}
    files = {
        name: torch.from_numpy(normal(*shape, seed=i).astype("f4")) for i, (name, shape) in enumerate(shapes.items())
    }
    with torch.no_grad():
        output = module(*files.values(), need_weights=False)[0]
    compare(files, str(tmp_path / "m.safetensors"), {"heads": 3, "scale": "sqrt"}, output, tmp_path)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("first", ["batch", "length"])
def test_padding_leaves_the_one_key_more_open(first: str, masked: bool, tmp_path: Path) -> None:
    """Lengths of the keys, which PyTorch has as a mask, with its batch first or second."""
    is_first = first == "batch"
    module = loosened(torch.nn.MultiheadAttention(12, 3, batch_first=is_first, add_bias_kv=True))
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    hidden = torch.from_numpy(normal(2, 5, 12, seed=3).astype("f4"))
    hidden = hidden if is_first else hidden.swapaxes(0, 1)
    lengths, closed = torch.tensor([3, 5]), torch.ones(5, 5, dtype=torch.bool).triu(2) if masked else None
    padding = torch.arange(5) >= lengths[:, None]
    with torch.no_grad():
        output = module(hidden, hidden, hidden, padding, need_weights=False, attn_mask=closed)[0]
    files = {"hidden": hidden, "key-lengths": lengths} | ({} if closed is None else {"mask": ~closed})
    options = {"heads": 3, "scale": "sqrt", "layout": "bshd" if is_first else "sbhd"}
    compare(files, str(tmp_path / "m.safetensors"), options, output, tmp_path)


@pytest.mark.parametrize("by", ["rule", "mask"])
def test_one_more_key_is_seen_by_every_query(by: str, tmp_path: Path) -> None:
    """As PyTorch pads its masks; a mask has no column for it."""
    module = loosened(torch.nn.MultiheadAttention(12, 3, batch_first=True, add_bias_kv=True))
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    hidden = torch.from_numpy(normal(2, 5, 12, seed=3).astype("f4"))
    closed = torch.ones(5, 5, dtype=torch.bool).triu(1)
    with torch.no_grad():
        output = module(hidden, hidden, hidden, attn_mask=closed, need_weights=False)[0]
    options = {"heads": 3, "scale": "sqrt"} | ({"causal": True} if by == "rule" else {})
    files = {"hidden": hidden} | ({"mask": ~closed} if by == "mask" else {})
    compare(files, str(tmp_path / "m.safetensors"), options, output, tmp_path)
