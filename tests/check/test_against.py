"""`attn check --against`: two dumps of a model in plain NumPy, the second one with a mistake in layer 3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.check.against.pairing import paired
from attncli.errors import InputError
from tests.check.dumps import FEATURES, GROUP, HALF, KEY_HEADS, LABELS, STATES, TEXT, TOKENS, by_tokens, options
from tests.check.dumps import run as model
from tests.check.dumps import saved as dumped
from tests.support.processes import attn, called

OWN, GGUF, TRANSFORMERS = "decoder.{}", "blk.{}.attn", "model.layers.{}.self_attn"
EVERYTHING = (*STATES, "mask", "scores", "weights", "output")
RIGHT = model()


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the dump of the model as it should be, with transformers' names."""
    return dumped(tmp_path_factory.mktemp("theirs") / "theirs.npz", RIGHT, TRANSFORMERS, **options(scale="sqrt"))


def against(mine: Path, theirs: Path, *more: object, status: int = 1) -> Any:
    return json.loads(called("check", mine, "--against", theirs, *more, "-f", "json", status=status).out)


def statuses(found: Any, at: int) -> dict[str, str]:
    return {name: cell["status"] for name, cell in found["pairs"][at]["arrays"].items()}


@pytest.mark.takes(2)
@pytest.mark.parametrize(
    ("mistake", "name", "explained"),
    [("unscaled", "output", "scale"), ("tiled", "output", "heads-tiled"), ("unmasked", "mask", "mask-dropped")],
)
def test_the_first_wrong_layer_is_named_and_explained(
    tmp_path: Path, theirs: Path, mistake: str, name: str, explained: str
) -> None:
    """Computed in float64, with GGUF's names and no options: what follows from the mistake is not taken for it."""
    mine = dumped(tmp_path / "mine.npz", model(mistake=mistake, dtype=np.float64), GGUF)
    found = against(mine, theirs)
    assert [pair["agrees"] for pair in found["pairs"]] == [True] * 3 + [False] * 3
    first = found["first"]
    assert (first["mine"], first["theirs"], first["array"]) == ("blk.3.attn", "model.layers.3.self_attn", name)
    assert first["checked_with"] == "theirs"
    assert {one for each in first["check"]["explanations"] for one in each["mistakes"]} >= {explained}
    wrong = np.abs(model(mistake=mistake)[3]["output"] - RIGHT[3]["output"]).max()
    assert 0 < found["pairs"][3]["arrays"]["output"]["error"] <= wrong * (1 + 1e-5)


def test_right_dumps_are_the_same(tmp_path: Path, theirs: Path) -> None:
    """In float64, in half precision, in another layout with packed heads; nothing is blamed."""
    half = [
        {name: each if each.dtype == bool else each.astype(np.float16) for name, each in layer.items()}
        for layer in RIGHT
    ]

    def packed(name: str, array: Any) -> Any:
        return array if name == "mask" else by_tokens(name, array).reshape(TOKENS, -1)

    dumps = (
        dumped(tmp_path / "a.npz", model(dtype=np.float64), OWN),
        dumped(tmp_path / "b.npz", half, OWN),
        dumped(tmp_path / "c.npz", RIGHT, GGUF, turn=by_tokens),
        dumped(tmp_path / "d.npz", RIGHT, GGUF, turn=packed),
    )
    for mine in dumps:
        found = against(mine, theirs, status=0)
        assert (found["agrees"], found["first"], len(found["pairs"])) == (True, None, 6)
        assert {status for at in range(6) for status in statuses(found, at).values()} <= {"equal", "rounding", "absent"}


def test_results_on_the_way_are_compared(tmp_path: Path) -> None:
    """Weights are the first that are wrong, scores are right; the search knows that."""
    there = dumped(tmp_path / "theirs.npz", RIGHT, TRANSFORMERS, EVERYTHING, **options(scale="sqrt"))
    keep = [name for name in EVERYTHING if name != "mask"]
    mine = dumped(tmp_path / "mine.npz", model(mistake="unmasked"), GGUF, keep)
    found = against(mine, there)
    assert statuses(found, 3) | {"mask": ""} == dict.fromkeys((*STATES, "scores"), "equal") | {
        "mask": "",
        "weights": "differs",
        "output": "differs",
    }
    check = found["first"]["check"]
    assert (found["first"]["array"], check["first_difference"], check["right_until"]) == ("weights", "weights", "score")
    assert check["output_follows"] is True


def test_inputs_that_differ_are_held_to_their_own_output(tmp_path: Path, theirs: Path) -> None:
    """The scale in the query already: the attention is right, and so is the layer before."""
    mine = dumped(tmp_path / "mine.npz", model(mistake="scaled query"), GGUF)
    first = against(mine, theirs)["first"]
    assert (first["array"], first["checked_with"], first["check"]["agrees"]) == ("query", "mine", True)
    assert "every row that differs is a multiple of the right row, by 0.5" in [each["said"] for each in first["facts"]]
    out = called("check", mine, "--against", theirs, status=1).out
    assert "The attention is right for what it was given: the mistake is in what made query." in " ".join(out.split())
    assert "The output of blk.2.attn ~ model.layers.2.self_attn is the same" in " ".join(out.split())


def test_pairs_are_searched_no_longer_than_is_asked(tmp_path: Path, theirs: Path) -> None:
    """With no time, the first difference is named all the same, and what was not tried is said."""
    mine = dumped(tmp_path / "mine.npz", model(mistake="unscaled"), GGUF)
    first = against(mine, theirs, "--seconds", "0")["first"]
    assert (first["mine"], first["array"], first["check"]["explanations"]) == ("blk.3.attn", "output", [])
    assert "single mistakes" in first["check"]["untried"]


def test_a_mask_alone_that_differs(tmp_path: Path) -> None:
    """What makes the one of the other is said in both languages; with no output nothing else can be looked for."""
    states: dict[str, Any] = {name: RIGHT[0][name] for name in STATES}
    opened = np.tril(np.ones((TOKENS, TOKENS), dtype=bool))
    for name, mask in (("mine", np.tril(opened, -1)), ("theirs", opened)):
        np.savez(tmp_path / f"{name}.npz", **states, mask=mask, **options(scale="sqrt"))
    first = against(tmp_path / "mine.npz", tmp_path / "theirs.npz")["first"]
    assert (first["array"], first["mask"]["name"], first["check"]) == ("mask", "shifted", None)
    assert first["not_checked"] == "Not looked for: nothing that is made of it is in both dumps."
    words = ["check", tmp_path / "mine.npz", "--against", tmp_path / "theirs.npz", "--lang", "zh"]
    out = called(*words, status=1).out.replace("\n", "")
    assert "shifted：那边的掩码是这边的掩码沿键移动 1 格" in out


@pytest.mark.takes(2)
@pytest.mark.parametrize("labelled", [True, False])
def test_padding_on_the_left_is_left_out(tmp_path: Path, labelled: bool) -> None:
    """Twelve tokens here, and fourteen there, of which two are padding: by its mask, or by its labels."""
    padded = np.concatenate([np.random.default_rng(1).standard_normal((2, TEXT.shape[1])), TEXT]).astype(np.float32)
    labels: dict[str, Any] = {"labels": np.array(["<pad>"] * 2 + [f"Ġ{each}" for each in LABELS])} if labelled else {}
    there = dumped(tmp_path / "theirs.npz", model(padded, padding=2), TRANSFORMERS, **options(scale="sqrt"), **labels)
    own: dict[str, Any] = {"labels": np.array([f"▁{each}" for each in LABELS])} if labelled else {}
    right = dumped(tmp_path / "right.npz", RIGHT, GGUF, **own)
    assert against(right, there, status=0)["agrees"]
    mine = dumped(tmp_path / "mine.npz", model(mistake="tiled"), GGUF, **own)
    found = against(mine, there)
    assert found["pairs"][0]["aligned"] == {
        "by": "labels" if labelled else "left padding",
        **{side: {"mine": list(range(12)), "theirs": list(range(2, 14))} for side in ("queries", "keys")},
    }
    assert found["first"]["array"] == "output"
    assert [each["mistakes"] for each in found["first"]["check"]["explanations"]] == [["heads-tiled"]]


def test_other_orders_that_change_nothing(tmp_path: Path, theirs: Path) -> None:
    """Key heads repeated, and features of query and key interleaved, as llama.cpp has them; it is said."""

    def turn(name: str, array: Any) -> Any:
        if name in ("query", "key"):
            array = np.stack([array[..., :HALF], array[..., HALF:]], axis=-1).reshape(array.shape)
        return np.repeat(array, GROUP, axis=0) if name in ("key", "value") else array

    found = against(dumped(tmp_path / "mine.npz", RIGHT, GGUF, turn=turn), theirs, status=0)
    assert found["pairs"][0]["arrays"]["key"]["notes"] == {
        "heads_repeated": {"count": GROUP},
        "pairs": {"order": "interleaved"},
    }


def test_folders_of_files(tmp_path: Path, theirs: Path) -> None:
    """A file for each array, or for each layer; and streams."""
    layers = model(mistake="tiled")
    for folder in ("arrays", "layers"):
        (tmp_path / folder).mkdir()
    for at, layer in enumerate(layers):
        for name in (*STATES, "output"):
            np.save(tmp_path / "arrays" / f"blk.{at}.{name}.npy", layer[name])
        some: dict[str, Any] = {name: layer[name] for name in (*STATES, "output")}
        np.savez(tmp_path / "layers" / f"layer{at}.npz", **some)
    for folder, named in (("arrays", "blk.3"), ("layers", "layer3")):
        found = against(tmp_path / folder, theirs)
        assert (found["first"]["mine"], found["first"]["array"], len(found["pairs"])) == (named, "output", 6)
    two = [tmp_path / "layers" / f"layer{at}.npz" for at in (0, 3)]
    found = json.loads(called("check", *two, "--against", theirs, "-f", "json", status=1).out)
    assert [pair["theirs"] for pair in found["pairs"]] == [TRANSFORMERS.format(at) for at in (0, 3)]
    assert found["unpaired"] == {"mine": [], "theirs": [TRANSFORMERS.format(at) for at in (1, 2, 4, 5)]}
    out = called("check", "-", "--against", theirs, stdin=theirs.read_bytes()).out
    assert "standard input against" in out


def test_whole_layers(tmp_path: Path) -> None:
    """States and weights, the matrices the other way round; what differs is explained although a matrix comes after."""
    rng = np.random.default_rng(4)
    given = {name: (rng.standard_normal((12, 12)) / 3).astype(np.float32) for name in ("w_q", "w_k", "w_v", "w_o")}
    x = rng.standard_normal((5, 12)).astype(np.float32)
    query, key, value = ((x @ given[name]).reshape(5, 3, 4).swapaxes(0, 1) for name in ("w_q", "w_k", "w_v"))
    paths = {}
    for file, scale, turn in (("theirs", 0.5, False), ("mine", 1.0, True)):
        powers = np.exp(query @ key.swapaxes(1, 2) * scale)
        weights = powers / powers.sum(-1, keepdims=True)
        output = (weights @ value).swapaxes(0, 1).reshape(5, 12) @ given["w_o"]
        matrices = {name: each.T if turn else each for name, each in given.items()}
        made: dict[str, Any] = {"hidden": x, "weights": weights, "output": output, **matrices}
        made |= options(heads=3, **({"weights": "out-in"} if turn else {"scale": 0.5}))
        paths[file] = tmp_path / f"{file}.npz"
        np.savez(paths[file], **made)
    found = against(paths["mine"], paths["theirs"])
    assert {name: statuses(found, 0)[name] for name in ("hidden", *given)} == dict.fromkeys(("hidden", *given), "equal")
    check = found["first"]["check"]
    assert (found["first"]["array"], check["first_difference"], check["output_follows"]) == ("weights", "weights", True)
    assert [each["mistakes"] for each in check["explanations"]] == [["scale"]]


def test_options_that_are_missing_are_not_the_other_programs_mistake(tmp_path: Path) -> None:
    """The other dump does not say its scale: it is told, and what would say it, and nothing is blamed."""
    there = dumped(tmp_path / "theirs.npz", RIGHT, TRANSFORMERS)
    mine = dumped(tmp_path / "mine.npz", model(mistake="tiled"), GGUF)
    first = against(mine, there)["first"]
    assert first["check"] is None
    assert "With --scale 0.5 it does" in first["not_checked"]
    first = against(mine, there, "--scale", "1/2")["first"]
    assert [each["mistakes"] for each in first["check"]["explanations"]] == [["heads-tiled"]]


def test_the_table(tmp_path: Path, theirs: Path) -> None:
    """A sign for each array, with the error where it differs; the names of both; a terminal with ASCII alone."""
    mine = dumped(tmp_path / "mine.npz", model(mistake="tiled"), GGUF, ("query", "value", "output"))
    lines = called("check", mine, "--against", theirs, "--width", 100, status=1).out.splitlines()
    cells = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("blk.") and "of" not in line}
    assert cells["blk.0.attn"] == [TRANSFORMERS.format(0), "✓", "–", "✓", "–", "–", "–", "✓"]
    assert cells["blk.3.attn"][:8] == [TRANSFORMERS.format(3), "✓", "–", "✓", "–", "–", "–", "✗"]
    assert "✓ the same, ≈ apart by rounding, ✗ different" in "\n".join(lines)
    out = called("check", mine, "--against", theirs, "--lang", "zh", status=1).out
    assert "最先的不同：" in out
    plain = attn("check", mine, "--against", theirs, status=1, env={"PYTHONIOENCODING": "ascii", "LANG": "C"}).out
    assert "= the same, ~ apart by rounding, X different" in plain
    assert plain.isascii()


def test_a_mask_that_means_the_opposite(tmp_path: Path, theirs: Path) -> None:
    """True is closed there: it is named as `attn mask` names it, and the output is right all the same."""
    mine = dumped(tmp_path / "mine.npz", RIGHT, GGUF, turn=lambda name, array: ~array if name == "mask" else array)
    first = against(mine, theirs)["first"]
    assert (first["array"], first["mask"], first["check"]["agrees"]) == ("mask", {"name": "inverted"}, True)
    out = " ".join(called("check", mine, "--against", theirs, status=1).out.split())
    assert "inverted: Each is the other inverted" in out
    assert "With the mask of the other dump the output is right" in out


def test_shapes_that_do_not_fit(tmp_path: Path, theirs: Path) -> None:
    """They are told."""
    mine = dumped(tmp_path / "mine.npz", RIGHT, GGUF, ("output",), turn=lambda name, array: array[..., :3])
    found = against(mine, theirs)
    assert found["pairs"][0]["arrays"]["output"] == {"status": "shape", "shapes": ["6×12×3", "6×12×4"]}
    assert "output of blk.0.attn ~ model.layers.0.self_attn is 6×12×3 here and 6×12×4 there" in found["first"]["said"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "blk.3=x"], "--map: there is no problem 'blk.3'\nhint: did you mean \"blk.3.attn\"?"),
        (["--map", "blk.3.attn"], "--map blk.3.attn: it must be MINE=THEIRS"),
        (["--expected", "x.npy"], "--expected and --against contradict each other"),
    ],
)
def test_errors(tmp_path: Path, theirs: Path, arguments: list[str], message: str) -> None:
    """One line, and what would mend it."""
    mine = dumped(tmp_path / "mine.npz", RIGHT, GGUF)
    assert message in called("check", mine, "--against", theirs, *arguments, status=2).err


def test_dumps_without_anything_in_common(tmp_path: Path, theirs: Path) -> None:
    """No names, no arrays, no files."""
    some = dumped(tmp_path / "some.npz", RIGHT[:2], "a.x{}")
    assert (
        "no problem has a counterpart" not in called("check", some, "--against", theirs, "--no-diagnose", status=0).err
    )
    one = tmp_path / "one.npz"
    np.savez(one, query=np.ones((2, 3)), key=np.ones((2, 3)))
    assert "no problem has a counterpart" in called("check", one, "--against", theirs, status=2).err
    other = tmp_path / "other.npz"
    np.savez(other, weights=np.ones((2, 2)))
    assert (
        "no array in common: query, key here, weights there" in called("check", one, "--against", other, status=2).err
    )
    (tmp_path / "empty").mkdir()
    assert "is a folder without a file" in called("check", one, "--against", tmp_path / "empty", status=2).err
    assert "--map has no effect without --against" in called("check", one, "--map", "a=b", status=2).err


# --- pairing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "theirs", "pairs"),
    [
        (
            ["decoder.0", "decoder.1"],
            ["blk.0.attn", "blk.1.attn"],
            {"decoder.0": "blk.0.attn", "decoder.1": "blk.1.attn"},
        ),
        (["h3"], ["transformer.h.3.attn", "transformer.h.4.attn"], {"h3": "transformer.h.3.attn"}),
        (
            ["encoder.0", "decoder.0", "cross.0"],
            ["dec.blk.0.cross_attn", "dec.blk.0.attn", "enc.blk.0.attn"],
            {"encoder.0": "enc.blk.0.attn", "decoder.0": "dec.blk.0.attn", "cross.0": "dec.blk.0.cross_attn"},
        ),
        (
            ["cross.1", "cross.0"],
            [f"decoder.block.{at}.layer.1.EncDecAttention" for at in (0, 1)],
            {f"cross.{at}": f"decoder.block.{at}.layer.1.EncDecAttention" for at in (0, 1)},
        ),
        (
            ["decoder.3.step.2", "decoder.3.step.1"],
            ["b.3.2", "b.3.1"],
            {f"decoder.3.step.{n}": f"b.3.{n}" for n in (1, 2)},
        ),
        (["first", "second"], ["one", "two"], {"first": "one", "second": "two"}),
        (["a.3", "a.4"], ["b.4", "b.5"], {"a.4": "b.4"}),
    ],
)
def test_names_are_paired_by_their_numbers_and_words(mine: list[str], theirs: list[str], pairs: dict[str, str]) -> None:
    """Those of this program, of GGUF and of transformers; others are left over, or paired in order if all are."""
    found = paired(mine, theirs, {})
    assert {pair.mine: pair.theirs for pair in found.pairs} == pairs
    assert set(found.only_mine) == set(mine) - set(pairs)
    assert set(found.only_theirs) == set(theirs) - set(pairs.values())


def test_what_is_ambiguous_is_asked_for() -> None:
    """A layer that may be one of the encoder or of the decoder."""
    names = ["encoder.0", "decoder.0"]
    with pytest.raises(InputError, match=r"'layers\.0' may be 'encoder\.0' or 'decoder\.0' of the other") as error:
        paired(["layers.0"], names, {})
    assert error.value.hint == "--map layers.0=encoder.0 says which"
    found = paired(["layers.0"], names, {"layers.0": "decoder.0"})
    assert [(pair.theirs, pair.by) for pair in found.pairs] == [("decoder.0", "map")]
    assert found.only_theirs == ("encoder.0",)


def test_the_sizes_of_the_model() -> None:
    """What the tests above rely on: key heads are shared, and no two axes have the same length."""
    assert len({KEY_HEADS, FEATURES, 6, TOKENS}) == 4
