"""A layer beside what else is given: files override what it holds, flags both; and what is said of what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from tests.support.arrays import normal
from tests.support.files import safetensors
from tests.support.processes import called

# Two query heads and one key head of 4, of 6 features; matrices are (out, in).
X, Q, K, V, OUT = (
    normal(*shape, seed=seed).astype("f4") for seed, shape in enumerate([(3, 6), (8, 6), (4, 6), (4, 6), (6, 8)])
)
LLAMA = {"q_proj.weight": Q, "k_proj.weight": K, "v_proj.weight": V, "o_proj.weight": OUT}
PHI3 = {"qkv_proj.weight": np.concatenate([Q, K, V]), "o_proj.weight": OUT}
Arrays = dict[str, NDArray[np.float32]]
SHAPED = ("--heads", "2", "--kv-heads", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "llama.safetensors").write_bytes(safetensors(LLAMA))
    (tmp_path / "phi3.safetensors").write_bytes(safetensors(PHI3))
    return tmp_path


def attended(q: NDArray[np.float32], k: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float64]:
    """Work the layer out with these matrices, a head at a time; no scale."""
    heads = []
    for part in np.split(q, 2):
        logits = (X @ part.T) @ (X @ k.T).T
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        heads.append(exponentials / exponentials.sum(axis=1, keepdims=True) @ (X @ v.T))
    return np.concatenate(heads, axis=1) @ OUT.T


def output(folder: Path, *words: object) -> NDArray[np.float64]:
    ran = called("compute", *words, *SHAPED, "-f", "json", "--step", "out", cwd=folder)
    assert ran.err == ""
    return np.array(json.loads(ran.out)["output"])


@pytest.mark.parametrize("name", ["llama", "phi3"])
def test_a_flag_replaces_a_matrix(name: str, folder: Path) -> None:
    """Also one that lies in a matrix together with others."""
    other = normal(4, 6, seed=9).astype("f4")
    np.save(folder / "k.npy", other)
    found = output(folder, "--hidden", "x.npy", "--layer", f"{name}.safetensors", "--w-k", "k.npy")
    assert_allclose(found, attended(Q, other, V), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["llama", "phi3"])
def test_a_file_replaces_them_and_a_flag_what_is_in_the_file(name: str, folder: Path) -> None:
    """One matrix for all three takes the place of three."""
    fused = np.concatenate([K, Q, V])[:16]
    value = normal(6, 8, seed=8).astype("f4")
    np.savez(folder / "case.npz", hidden=X, w_qkv=fused)
    found = output(folder, "case.npz", "--layer", f"{name}.safetensors")
    assert_allclose(found, attended(fused[:8], fused[8:12], fused[12:]), rtol=1e-4, atol=1e-5)
    np.savez(folder / "case.npz", hidden=X, w_o=value)
    np.save(folder / "o.npy", OUT)
    found = output(folder, "case.npz", "--layer", f"{name}.safetensors", "--w-o", "o.npy")
    assert_allclose(found, attended(Q, K, V), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "message", "hint"),
    [
        (
            {"qkv_proj.weight": PHI3["qkv_proj.weight"].T, "o_proj.weight": OUT.T},
            "w_qkv makes 6 features, which are not 2 + 2·1 heads of equal size",
            "hint: with --weights in-out they are",
        ),
        (
            {"query_key_value.weight": Q, "query_key_value.bias": OUT[0, :7], "dense.weight": OUT},
            "b_qkv has 7 numbers for 8 features",
            None,
        ),
        (LLAMA | {"k_proj.weight": K[:, :5]}, "hidden with 6 features and w_k for 5 do not fit", None),
        (LLAMA | {"v_proj.weight": V[0]}, "w_v 6 must be a matrix, out-in", None),
        (LLAMA | {"o_proj.bias": OUT[0]}, "b_o has 8 numbers for 6 features", None),
    ],
    ids=["turned", "bias", "features", "axes", "output"],
)
def test_what_does_not_fit(arrays: Arrays, message: str, hint: str | None, folder: Path) -> None:
    """One line, with the layer."""
    (folder / "w.safetensors").write_bytes(safetensors(arrays))
    ran = called("compute", "--hidden", "x.npy", "--layer", "w.safetensors", *SHAPED, status=2, cwd=folder)
    first, *more = ran.err.splitlines()
    assert message in first
    assert "w.safetensors: " in first
    assert more == ([] if hint is None else [hint])


def test_check_takes_a_layer(folder: Path) -> None:
    """And names what went wrong before the matrix that makes its output."""
    np.save(folder / "expected.npy", attended(Q, K, V).astype("f4"))
    words = ["check", "--hidden", "x.npy", "--layer", "llama.safetensors", *SHAPED, "--expected", "expected.npy"]
    assert "agrees" in called(*words, cwd=folder).out
    said = " ".join(called(*words, "--scale", "sqrt", cwd=folder, status=1).out.split())
    assert "1. scale: the scores were multiplied by 1: no scale was applied" in said


def test_options_are_replaced_too(folder: Path) -> None:
    """A checkpoint that keeps its matrices the other way round says so with a flag."""
    turned = {name: np.ascontiguousarray(array.T) for name, array in LLAMA.items()}
    (folder / "t.safetensors").write_bytes(safetensors(turned))
    found = output(folder, "--hidden", "x.npy", "--layer", "t.safetensors", "--weights", "in-out")
    assert_allclose(found, attended(Q, K, V), rtol=1e-4, atol=1e-5)
    np.savez(folder / "case.npz", hidden=X, options=json.dumps({"weights": "in-out"}))
    found = output(folder, "case.npz", "--layer", "t.safetensors")
    assert_allclose(found, attended(Q, K, V), rtol=1e-4, atol=1e-5)
    ran = called("compute", "--hidden", "x.npy", "--layer", "t.safetensors", *SHAPED, status=2, cwd=folder)
    first, hint = ran.err.splitlines()
    assert first.startswith("attn: x.npy, t.safetensors: hidden with 6 features and w_q for 8 do not fit")
    assert hint == "hint: with --weights in-out they fit"


@pytest.mark.parametrize("command", ["compute", "score", "plot", "explain"])
def test_every_command_that_computes_takes_a_layer(command: str, folder: Path) -> None:
    """And says of one that is not there what is."""
    (folder / "m.safetensors").write_bytes(safetensors({f"h.0.attn.{name}": array for name, array in LLAMA.items()}))
    words = [command, "--hidden", "x.npy", *SHAPED, "--layer"]
    assert called(*words, "m.safetensors:h.0.attn", cwd=folder).out
    ran = called(*words, "m.safetensors:h.1.attn", status=2, cwd=folder)
    assert ran.err == "attn: m.safetensors: holds nothing under 'h.1.attn'\nhint: there is h.0.attn\n"


def test_what_is_computed_from_stands_in_any_place(folder: Path) -> None:
    """One matrix as FILES, two for a query of its own, or standard input."""
    own = attended(Q, K, V)
    assert_allclose(output(folder, "x.npy", "--layer", "llama.safetensors"), own, rtol=1e-4, atol=1e-5)
    assert_allclose(output(folder, "x.npy", "x.npy", "--layer", "llama.safetensors"), own, rtol=1e-4, atol=1e-5)
    words = ["compute", "--layer", "llama.safetensors", *SHAPED, "-f", "json", "--step", "out"]
    ran = called(*words, stdin=(folder / "x.npy").read_bytes(), cwd=folder)
    assert_allclose(json.loads(ran.out)["output"], own, rtol=1e-4, atol=1e-5)


def test_what_is_not_given_is_asked_for(folder: Path) -> None:
    """The states, the number of heads, and the norm whose weights there are."""
    (folder / "n.safetensors").write_bytes(
        safetensors(LLAMA | {"q_norm.weight": np.ones(4, "f4"), "k_norm.weight": np.ones(4, "f4")})
    )
    ran = called("compute", "--layer", "n.safetensors", status=2, cwd=folder)
    assert ran.err.endswith("hint: --hidden FILE gives the states that the layer is computed on\n")
    ran = called("compute", "--hidden", "x.npy", "--layer", "n.safetensors", status=2, cwd=folder)
    assert ran.err.splitlines()[1] == (
        "hint: --heads says how many heads there are (--heads 2 --kv-heads 1 by the size of q_norm): "
        "num_attention_heads in config.json"
    )
    ran = called("compute", "--hidden", "x.npy", "--layer", "n.safetensors", *SHAPED, cwd=folder)
    assert "attn: notice: q_norm has no effect without --qk-norm" in ran.err


def test_one_head_is_a_guess(folder: Path) -> None:
    """Which is told where it could be wrong."""
    (folder / "t5.safetensors").write_bytes(safetensors({name: np.eye(6, dtype="f4") for name in QKVO}))
    ran = called("compute", "--hidden", "x.npy", "--layer", "t5.safetensors", cwd=folder)
    assert ran.err == (
        "attn: notice: t5.safetensors: taken as one head; --heads says how many heads there are: num_attention_heads "
        "in config.json\n"
    )
    assert called("compute", "--hidden", "x.npy", "--layer", "t5.safetensors", "--heads", "1", cwd=folder).err == ""


QKVO = ("q.weight", "k.weight", "v.weight", "o.weight")


@pytest.fixture
def torch_layer(folder: Path) -> Path:
    """All scores are 0, the values are the states and 10 of the one key more."""
    eye = np.eye(6, dtype="f4")
    more = {"bias_k": np.zeros((1, 1, 6), "f4"), "bias_v": np.full((1, 1, 6), 10, "f4")}
    torch = {"in_proj_weight": np.concatenate([0 * eye, 0 * eye, eye]), "out_proj.weight": eye}
    (folder / "torch.safetensors").write_bytes(safetensors(torch | more))
    return folder


ONE_MORE = ["--layer", "torch.safetensors", "--heads", "1"]


@pytest.mark.parametrize(
    "mask",
    [np.tri(3, dtype=bool), np.tri(3, dtype="i8"), np.where(np.tri(3), 0, -np.inf)],
    ids=["boolean", "0 and 1", "added"],
)
def test_a_mask_leaves_the_one_key_more_open(mask: NDArray[np.generic], torch_layer: Path) -> None:
    """The layer brings it, so that no mask of the user has a column for it."""
    np.save(torch_layer / "mask.npy", mask)
    words = ["compute", "x.npy", *ONE_MORE, "--mask", "mask.npy"]
    made = np.array(json.loads(called(*words, "-f", "json", "--step", "out", cwd=torch_layer).out)["output"])
    # All scores are 0: each row is the mean of the states that it sees and of the one more.
    means = [np.mean([np.full(6, 10), *X[: row + 1]], axis=0) for row in range(3)]
    assert_allclose(made, means, rtol=1e-5)


@pytest.mark.parametrize(
    ("mask", "opened"),
    [
        (None, [[1, 1], [1, 1], [1, 1]]),
        ("[[true,true,false],[false,true,true],[true,true,true]]", [[1, 1], [0, 1], [1, 1]]),
        ("[true]", [[1, 0], [1, 0], [1, 0]]),
        ("[[0,null,0],[null,0,0],[0,0,null]]", [[1, 0], [0, 1], [1, 1]]),
    ],
    ids=["none", "boolean", "short", "added"],
)
def test_lengths_leave_the_one_key_more_open(mask: str | None, opened: list[list[int]], torch_layer: Path) -> None:
    """Beside any mask, also a shorter one."""
    words = ["compute", "x.npy", *ONE_MORE, "--key-lengths", "2", *(["--mask", mask] if mask else [])]
    made = np.array(json.loads(called(*words, "-f", "json", "--step", "out", cwd=torch_layer).out)["output"])
    means = [np.mean([np.full(6, 10), *X[:2][np.array(row, dtype=bool)]], axis=0) for row in opened]
    assert_allclose(made, means, rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--key-lengths", "4"], "key_lengths must be whole numbers from 0 to 3 (the number of keys), not 4"),
        (["--segments", "0,0,1"], "segments does not go with bias_k and bias_v, a key and a value more"),
        (
            ["--key-lengths", "2,3", "--mask", "[[[[true]]],[[[true]]],[[[true]]]]"],
            "key_lengths 2 must have one number per batch item (1 batch item)",
        ),
    ],
)
def test_what_has_no_place_for_the_one_key_more(words: list[str], message: str, torch_layer: Path) -> None:
    """Is refused in a line."""
    ran = called("compute", "x.npy", *ONE_MORE, *words, status=2, cwd=torch_layer)
    assert ran.err.splitlines()[0] == f"attn: torch.safetensors: {message}"


def test_inspect_lists_what_a_pattern_means(folder: Path) -> None:
    """With the shapes of the matrices, as a table and as JSON."""
    named = {f"h.{at}.attn.{name}": array for at in (0, 1, 10) for name, array in LLAMA.items()}
    named |= {f"h.{at}.cross.{name}": array for at in (0, 1) for name, array in PHI3.items()}
    (folder / "m.safetensors").write_bytes(safetensors(named))
    ran = called("inspect", "m.safetensors:h.*.attn", "-f", "json", cwd=folder)
    found = json.loads(ran.out)
    assert [each["layer"] for each in found] == ["h.0.attn", "h.1.attn", "h.10.attn"]
    assert found[2]["arrays"]["w_k"] == {"tensor": "h.10.attn.k_proj.weight", "shape": [4, 6], "dtype": "float32"}
    assert found[0]["options"] == {"weights": "out-in"}
    assert called("inspect", ".", status=2, cwd=folder).err == (
        "attn: .: is a directory, not a file\nhint: attn inspect '.:*' lists the layers of its weights\n"
    )
    assert called("inspect", "--layer", "m.safetensors:h.*.attn", "-f", "json", cwd=folder).out == ran.out
    table = [line.split() for line in called("inspect", "m.safetensors:*", cwd=folder).out.splitlines()]
    assert ["h.0.cross", "16×6", "6×8", "weights", "out-in", "qkv", "blocks"] in table
    ran = called("inspect", "m.safetensors:h.*.mlp", status=2, cwd=folder)
    assert ran.err.startswith("attn: m.safetensors: no attention layer matches 'h.*.mlp'\nhint: there is h.")
    ran = called("compute", "x.npy", "--layer", "m.safetensors:h.*.attn", status=2, cwd=folder)
    assert ran.err == (
        "attn: m.safetensors: 'h.*.attn' is a pattern, but one layer is wanted\n"
        "hint: attn inspect lists the layers that a pattern means\n"
    )


def test_inspect_of_a_checkpoint_says_how_to_take_a_layer(folder: Path) -> None:
    """Where there is one."""
    named = {f"h.{at}.attn.{name}": array for at in (0, 1) for name, array in LLAMA.items()}
    (folder / "m.safetensors").write_bytes(safetensors(named))
    said = json.loads(called("inspect", "m.safetensors", "-f", "json", cwd=folder).out)
    assert said["hint"] == (
        "--hidden X --layer m.safetensors:h.0.attn computes a layer of attention; attn inspect 'm.safetensors:*' lists "
        "all 2 layers"
    )
