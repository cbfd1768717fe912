"""A layer out of a checkpoint: what the names of its tensors mean, and what is said where they mean nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from attncli.attend.arrays import ARRAYS
from attncli.attend.options import records
from attncli.errors import InputError
from attncli.problem import layer
from attncli.problem.families import BESIDE, FAMILIES
from tests.support.arrays import normal
from tests.support.files import safetensors
from tests.support.processes import called

Arrays = dict[str, NDArray[np.float32]]

# Sizes that differ, so that a swapped axis shows: 6 features in x, 2 query heads and 1 key head of 4, 3 tokens.
WIDE, HEADS, EACH, LENGTH = 6, 2, 4, 3
X = normal(LENGTH, WIDE, seed=1).astype("f4")
# (out, in), as nn.Linear keeps them.
Q, K, V, OUT = (
    normal(*shape, seed=seed).astype("f4")
    for seed, shape in enumerate([(HEADS * EACH, WIDE), (EACH, WIDE), (EACH, WIDE), (WIDE, HEADS * EACH)], 2)
)
BQ, BK, BV, BO = (normal(n, seed=seed).astype("f4") for seed, n in enumerate([HEADS * EACH, EACH, EACH, WIDE], 6))


def attended(x: NDArray[np.float32], *, biased: bool = False, norm: Arrays | None = None) -> NDArray[np.float64]:
    """Work a layer out, a head at a time: two query heads share one key head, the scale is 1/√4."""
    wide = x.astype("f8")
    b = (BQ, BK, BV, BO) if biased else (np.zeros(1),) * 4
    q, k, v = (wide @ w.T + each for w, each in zip((Q, K, V), b, strict=False))

    def normed(rows: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        if norm is None:
            return rows
        return rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + 1e-6) * norm[name]

    heads = []
    for h in range(HEADS):
        logits = normed(q[:, h * EACH : (h + 1) * EACH], "q") @ normed(k, "k").T / 2
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        heads.append(exponentials / exponentials.sum(axis=1, keepdims=True) @ v)
    return np.concatenate(heads, axis=1) @ OUT.T + b[3]


def apart(*names: str) -> Arrays:
    return {f"{name}.weight": w for name, w in zip(names, (Q, K, V, OUT), strict=True)}


def biases(*names: str) -> Arrays:
    return {f"{name}.bias": b for name, b in zip(names, (BQ, BK, BV, BO), strict=True)}


BLOCKS = np.concatenate([Q, K, V])
# Llama and its kin, by the names in use there; one key head, so that [its queries | k | v] is [q | k | v].
LAYERS: dict[str, Arrays] = {
    "llama": apart("q_proj", "k_proj", "v_proj", "o_proj"),
    "bart": apart("q_proj", "k_proj", "v_proj", "out_proj"),
    "phi": apart("q_proj", "k_proj", "v_proj", "dense"),
    "phi3": {"qkv_proj.weight": BLOCKS, "o_proj.weight": OUT},
    "neox": {"query_key_value.weight": BLOCKS, "dense.weight": OUT},
    "bert": apart("self.query", "self.key", "self.value", "output.dense"),
    "vit": apart("attention.query", "attention.key", "attention.value", "output.dense"),
    "albert": apart("query", "key", "value", "dense"),
    "openai whisper": apart("query", "key", "value", "out"),
    "t5": apart("q", "k", "v", "o"),
    "distilbert": apart("q_lin", "k_lin", "v_lin", "out_lin"),
    "meta llama": apart("wq", "wk", "wv", "wo"),
    "diffusers": apart("to_q", "to_k", "to_v", "to_out.0"),
    "internlm2": {"wqkv.weight": BLOCKS, "wo.weight": OUT},
    "mpt": {"Wqkv.weight": BLOCKS, "out_proj.weight": OUT},
    "timm": {"qkv.weight": BLOCKS, "proj.weight": OUT},
    "gpt2": {"c_attn.weight": BLOCKS.T, "c_proj.weight": OUT.T},
    "gpt2 cross": {
        "q_attn.weight": Q.T,
        "c_attn.weight": np.concatenate([K, V]).T,
        "c_proj.weight": OUT.T,
    },
    "torch": {"in_proj_weight": BLOCKS, "out_proj.weight": OUT},
    "torch apart": {"q_proj_weight": Q, "k_proj_weight": K, "v_proj_weight": V, "out_proj.weight": OUT},
}
PREFIX = "model.layers.0.self_attn"


def put(folder: Path, arrays: Arrays, prefix: str = PREFIX, name: str = "m.safetensors") -> str:
    """Write a layer, with another matrix of the model beside it."""
    named = {f"{prefix}.{each}" if prefix else each: array for each, array in arrays.items()}
    path = folder / name
    path.write_bytes(safetensors(named | {"model.embed.weight": OUT}))
    return str(path)


def test_every_family_has_a_case_here() -> None:
    """Which is read in one way only."""
    read = [found for arrays in LAYERS.values() for found in layer.layers(arrays)[""]]
    assert len(read) == len(LAYERS)
    assert {each.family.title for each in read} == {family.title for family in FAMILIES}


def test_families_name_what_there_is() -> None:
    """Arrays and options that are declared."""
    for family in FAMILIES:
        ours = {*family.matrices, *BESIDE, *family.extra, *(name for names in family.parts.values() for name in names)}
        assert ours <= ARRAYS.keys()
        assert family.weights in records()["weights"].choices
        assert family.qkv in (*records()["qkv"].choices, "")


@pytest.mark.parametrize("family", LAYERS)
@pytest.mark.parametrize("prefix", [PREFIX, ""])
def test_a_layer_of_each_family(family: str, prefix: str, tmp_path: Path) -> None:
    """Under its prefix and at the top level, it computes what its matrices mean, and says nothing."""
    np.save(tmp_path / "x.npy", X)
    path = put(tmp_path, LAYERS[family], prefix)
    given = f"{path}:{prefix}" if prefix else path
    words = ["--heads", "2", "--kv-heads", "1", "--scale", "sqrt", "-f", "json", "--step", "out"]
    ran = called("compute", "--hidden", tmp_path / "x.npy", "--layer", given, *words)
    assert_allclose(json.loads(ran.out)["output"], attended(X), rtol=1e-5, atol=1e-5)
    assert ran.err == ""


@pytest.mark.parametrize(
    ("arrays", "more"),
    [
        (apart("q_proj", "k_proj", "v_proj", "o_proj"), biases("q_proj", "k_proj", "v_proj", "o_proj")),
        (
            LAYERS["torch"],
            {"in_proj_bias": np.concatenate([BQ, BK, BV]), "out_proj.bias": BO},
        ),
        (LAYERS["timm"], {"qkv.bias": np.concatenate([BQ, BK, BV]), "proj.bias": BO}),
        (
            LAYERS["gpt2 cross"],
            {"q_attn.bias": BQ, "c_attn.bias": np.concatenate([BK, BV]), "c_proj.bias": BO},
        ),
    ],
    ids=["apart", "torch", "timm", "gpt2 cross"],
)
def test_biases(arrays: Arrays, more: Arrays, tmp_path: Path) -> None:
    """Beside the matrices."""
    np.save(tmp_path / "x.npy", X)
    path = put(tmp_path, arrays | more)
    words = ["--heads", "2", "--kv-heads", "1", "--scale", "sqrt", "-f", "json", "--step", "out"]
    ran = called("compute", "--hidden", tmp_path / "x.npy", "--layer", f"{path}:{PREFIX}", *words)
    assert_allclose(json.loads(ran.out)["output"], attended(X, biased=True), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "names",
    [
        ("q_norm", "k_norm"),
        ("query_layernorm", "key_layernorm"),
        ("q_layernorm", "k_layernorm"),
        ("norm_q", "norm_k"),
    ],
)
def test_norms(names: tuple[str, str], tmp_path: Path) -> None:
    """By the names in use."""
    np.save(tmp_path / "x.npy", X)
    norm = {"q": normal(EACH, seed=20).astype("f4"), "k": normal(EACH, seed=21).astype("f4")}
    path = put(tmp_path, LAYERS["llama"] | {f"{names[0]}.weight": norm["q"], f"{names[1]}.weight": norm["k"]})
    words = ["--heads", "2", "--kv-heads", "1", "--scale", "sqrt", "--qk-norm", "rms", "-f", "json", "--step", "out"]
    ran = called("compute", "--hidden", tmp_path / "x.npy", "--layer", f"{path}:{PREFIX}", *words)
    assert_allclose(json.loads(ran.out)["output"], attended(X, norm=norm), rtol=1e-5, atol=1e-5)
    assert ran.err == ""


def test_norms_in_a_module_for_each_head(tmp_path: Path) -> None:
    """As StableLM has them: one behind the other in the order in which people count."""
    apart = {f"q_layernorm.norms.{at}.weight": np.full(4, at, "f4") for at in range(11)}
    found = layer.read(f"{put(tmp_path, LAYERS['llama'] | apart)}:{PREFIX}")
    assert found.named.arrays["q_norm"].tolist() == [[at] * 4 for at in range(11)]
    assert found.notices([]) == []
    uneven = apart | {"q_layernorm.norms.3.weight": np.ones(3, "f4")}
    assert refused(f"{put(tmp_path, LAYERS['llama'] | uneven)}:{PREFIX}")[0] == (
        f"{PREFIX}.q_layernorm.norms.*.weight are not of one shape"
    )


@pytest.mark.parametrize(
    ("names", "turned"),
    [
        ({"c_attn.weight": BLOCKS.T, "c_proj.weight": OUT[:, :6].T}, False),
        ({"c_attn.weight": BLOCKS, "c_proj.weight": OUT[:, :6]}, True),
    ],
    ids=["gpt2", "gpt-bigcode"],
)
def test_shapes_decide_what_names_leave_open(names: Arrays, turned: bool, tmp_path: Path) -> None:
    """GPT-BigCode has the names of GPT-2 for matrices that lie the other way."""
    path = put(tmp_path, names)
    options = {"weights": "out-in", "qkv": "heads"} if turned else {"weights": "in-out", "qkv": "blocks"}
    assert layer.read(f"{path}:{PREFIX}").named.options == options
    assert layer.matching(f"{path}:*")[0][0].options == options


def test_parts_lie_one_behind_the_other(tmp_path: Path) -> None:
    """Whether columns are the axis or rows."""
    path = put(tmp_path, LAYERS["gpt2 cross"])
    found = layer.read(f"{path}:{PREFIX}").named
    assert_array_equal(found.arrays["w_k"], K.T)
    assert_array_equal(found.arrays["w_v"], V.T)
    assert found.options == {"weights": "in-out"}


def heads_interleaved() -> tuple[Arrays, Arrays]:
    """Return a layer of two key heads, apart and as [q|k|v] of each head, as GPT-NeoX has it."""
    q, k, v, o = (normal(8, 8, seed=seed).astype("f4") for seed in (31, 32, 33, 34))
    rows = [each[h * 4 : h * 4 + 4] for h in range(2) for each in (q, k, v)]
    one = {"q_proj.weight": q, "k_proj.weight": k, "v_proj.weight": v, "o_proj.weight": o}
    return one, {"query_key_value.weight": np.concatenate(rows), "dense.weight": o}


def test_names_decide_how_a_fused_matrix_lies(tmp_path: Path) -> None:
    """GPT-NeoX has the query, key and value of a head side by side."""
    np.save(tmp_path / "x.npy", normal(3, 8, seed=30).astype("f4"))
    one, other = (put(tmp_path, each, name=f"{i}.safetensors") for i, each in enumerate(heads_interleaved()))
    words = ["--hidden", tmp_path / "x.npy", "--heads", "2", "-f", "json", "--step", "out", "--layer"]
    outputs = [json.loads(called("compute", *words, f"{each}:{PREFIX}").out)["output"] for each in (one, other)]
    assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)


def shards(folder: Path, **changed: str) -> str:
    """Write a layer in two files, and their index; keywords replace the files of tensors, by the first letter."""
    folder.mkdir(exist_ok=True)
    named = {f"{PREFIX}.{name}": array for name, array in LAYERS["llama"].items()}
    for at, letters in enumerate(("qk", "vo"), 1):
        held = {name: array for name, array in named.items() if name[len(PREFIX) + 1] in letters}
        (folder / f"model-{at}.safetensors").write_bytes(safetensors(held))
    files = {name: f"model-{1 + (name[len(PREFIX) + 1] in 'vo')}.safetensors" for name in named}
    files |= {name: file for name in named for letter, file in changed.items() if name[len(PREFIX) + 1] == letter}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": files}), encoding="utf-8")
    return str(index)


@pytest.mark.parametrize("whole", [True, False], ids=["index", "folder"])
def test_shards(whole: bool, tmp_path: Path) -> None:
    """By their index, or by the folder that holds them."""
    index = shards(tmp_path / "m")
    np.save(tmp_path / "x.npy", X)
    given = f"{index if whole else Path(index).parent}:{PREFIX}"
    words = ["--heads", "2", "--kv-heads", "1", "--scale", "sqrt", "-f", "json", "--step", "out"]
    ran = called("compute", "--hidden", tmp_path / "x.npy", "--layer", given, *words)
    assert_allclose(json.loads(ran.out)["output"], attended(X), rtol=1e-5, atol=1e-5)


def test_only_what_is_used_is_opened(tmp_path: Path) -> None:
    """A shard that holds none of the layer may be missing, or broken."""
    index = Path(shards(tmp_path / "m"))
    said = json.loads(index.read_text(encoding="utf-8"))
    said["weight_map"] |= {"model.norm.weight": "model-3.safetensors", "lm_head.weight": "model-4.safetensors"}
    index.write_text(json.dumps(said), encoding="utf-8")
    (index.parent / "model-4.safetensors").write_bytes(b"nothing of use")
    assert layer.read(f"{index}:{PREFIX}").named.arrays.keys() == {"w_q", "w_k", "w_v", "w_o"}


def test_an_npz_archive_may_hold_it(tmp_path: Path) -> None:
    """Under the same names."""
    named: dict[str, Any] = {f"{PREFIX}.{name}": array for name, array in LAYERS["llama"].items()}
    np.savez(tmp_path / "m.npz", **named)
    found = layer.read(f"{tmp_path / 'm.npz'}:{PREFIX}")
    assert_array_equal(found.named.arrays["w_q"], Q)


def test_a_prefix_may_stand_above_its_layer(tmp_path: Path) -> None:
    """If there is only one below it."""
    path = put(tmp_path, LAYERS["bert"], "encoder.layer.0.attention")
    for prefix in ("encoder.layer.0", "encoder.layer.0.attention.", ""):
        assert layer.read(f"{path}:{prefix}").place == f"{path}:encoder.layer.0.attention"


def refused(given: str) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        layer.read(given)
    return str(caught.value), caught.value.hint


def test_a_prefix_that_is_not_there(tmp_path: Path) -> None:
    """The nearest ones are offered, the nearest first."""
    named = {f"model.layers.{at}.self_attn.{name}": w for at in range(12) for name, w in LAYERS["llama"].items()}
    (tmp_path / "m.safetensors").write_bytes(safetensors(named))
    message, hint = refused(f"{tmp_path / 'm.safetensors'}:model.layers.12.self_attn")
    assert message == "holds nothing under 'model.layers.12.self_attn'"
    assert "model.layers.11.self_attn" in hint
    assert hint.endswith("and 9 more")
    ran = called("compute", "--hidden", "[[1]]", "--layer", f"{tmp_path / 'm.safetensors'}:layers", status=2)
    assert ran.err.splitlines()[0] == f"attn: {tmp_path / 'm.safetensors'}: holds nothing under 'layers'"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {name: w for name, w in LAYERS["llama"].items() if name != "v_proj.weight"},
            f"{PREFIX} has q_proj.weight, k_proj.weight and o_proj.weight, but no v_proj.weight",
        ),
        (
            {"qkv_proj.weight": BLOCKS},
            f"{PREFIX} has qkv_proj.weight, but no o_proj.weight",
        ),
        ({"up_proj.weight": Q}, f"{PREFIX} holds no attention that is known: it has up_proj.weight"),
        (
            LAYERS["llama"] | {"qkv.weight": BLOCKS, "proj.weight": OUT},
            f"{PREFIX} can be read in 2 ways: by q_proj, k_proj, v_proj and qkv",
        ),
        (
            LAYERS["llama"] | {"q_proj.weight_scale": BQ},
            f"{PREFIX}.q_proj.weight_scale lies beside {PREFIX}.q_proj.weight: "
            "a matrix that is quantised or adapted is not put together",
        ),
        (
            {
                "q_attn.weight": Q.T,
                "c_attn.weight": np.ones((6, 7), "f4"),
                "c_proj.weight": OUT.T,
            },
            f"{PREFIX}.c_attn.weight 6×7 is not 2 parts of one size",
        ),
    ],
    ids=["a matrix", "the output", "another layer", "two families", "quantised", "parts"],
)
def test_what_is_no_layer(arrays: Arrays, message: str, tmp_path: Path) -> None:
    """One line each, that says what there is."""
    assert refused(f"{put(tmp_path, arrays)}:{PREFIX}")[0] == message


def test_several_layers_below_a_prefix(tmp_path: Path) -> None:
    """They are offered."""
    both = {f"{name}.{each}": w for name in ("self_attn", "encoder_attn") for each, w in LAYERS["bart"].items()}
    path = put(tmp_path, both, "decoder.layers.0")
    message, hint = refused(f"{path}:decoder.layers.0")
    assert message == "decoder.layers.0 is no attention layer; 2 lie below it"
    assert "decoder.layers.0.self_attn" in hint


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"v": "model-3.safetensors"}, "model-3.safetensors, which the index names, is not there"),
        ({"v": "../x.safetensors"}, "names '../x.safetensors', which is no safetensors file in its own folder"),
        ({"v": "/x.safetensors"}, "names '/x.safetensors', which is no safetensors file in its own folder"),
        ({"v": "model.bin"}, "names 'model.bin', which is no safetensors file in its own folder"),
        ({"v": "model-1.safetensors"}, f"{PREFIX}.v_proj.weight is not in model-1.safetensors, as the index says"),
    ],
    ids=["missing", "above", "absolute", "pickled", "elsewhere"],
)
def test_an_index_that_is_wrong(changed: dict[str, str], message: str, tmp_path: Path) -> None:
    """Nothing outside of its folder is opened, nor anything but safetensors."""
    (tmp_path / "x.safetensors").write_bytes(safetensors({f"{PREFIX}.v_proj.weight": V}))
    assert refused(f"{shards(tmp_path / 'm', **changed)}:{PREFIX}")[0] == message


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', "[" * 100_000])
def test_what_is_no_index(text: str, tmp_path: Path) -> None:
    """Whatever it is instead."""
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text, encoding="utf-8")
    assert refused(str(path))[0] == "is not an index of tensors: it has no weight_map from names to files"


def test_files_that_hold_no_layer(tmp_path: Path) -> None:
    """By what they are."""
    (tmp_path / "q.csv").write_text("1,2\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    many = tmp_path / "many"
    many.mkdir()
    for name in ("a", "b"):
        (many / f"{name}.safetensors").write_bytes(safetensors(LAYERS["t5"]))
    assert refused(f"{tmp_path / 'q.csv'}:a")[0].startswith("is CSV; the weights of a layer are read from")
    assert refused(f"{tmp_path / 'empty'}:a")[0] == "is a folder without a safetensors file"
    assert refused(f"{many}:a")[0] == "holds 2 files of weights"
    assert refused(str(tmp_path / "nowhere.safetensors"))[0] == "no such file"
    assert refused("-:a")[0] == "is a stream, and of a layer only parts are read"


def test_what_is_left_over_is_told(tmp_path: Path) -> None:
    """Unless it has no effect, or is given otherwise."""
    more = {"relative_attention_bias.weight": np.ones((32, 2), "f4"), "rotary_emb.inv_freq": np.ones(2, "f4")}
    nothing = {"LayerNorm.weight": BO, "bias": np.ones((1, 1, 4, 4), "f4")}
    found = layer.read(f"{put(tmp_path, LAYERS['t5'] | more | nothing)}:{PREFIX}")
    assert found.notices(["heads"]) == [
        f"{found.place}: not used: relative_attention_bias.weight 32×2, rotary_emb.inv_freq 2; --bias gives what they "
        "add to the scores; --rope says how to rotate"
    ]
    assert found.notices(["heads", "bias", "rope"]) == []
