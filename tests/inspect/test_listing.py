"""attn inspect lists what is in a file even where nobody knows what the names mean."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.files import member, npy, put, zipped
from tests.support.processes import called


def test_arrays_that_were_saved_without_names(tmp_path: Path) -> None:
    """The whole of what is shown; and the command in the hint does what it says."""
    np.savez(tmp_path / "arr.npz", np.ones((4, 8), "f4"), np.ones((6, 8), "f4"), np.full((6, 2), 3.0))
    ran = called("inspect", "arr.npz", cwd=tmp_path)
    assert [line.rstrip() for line in ran.out.splitlines()] == [
        "file: arr.npz",
        "array   shape   type",
        "───────────────────────",
        "arr_0   4×8     float32",
        "arr_1   6×8     float32",
        "arr_2   6×2     float64",
        "",
        "compute cannot run: unknown name 'arr_0'.",
        "hint: by their names they can be given one by one: attn compute --query",
        "arr.npz:arr_0 --key arr.npz:arr_1 --value arr.npz:arr_2",
    ]
    words = ["compute", "--query", "arr.npz:arr_0", "--key", "arr.npz:arr_1", "--value", "arr.npz:arr_2"]
    assert called(*words, "-f", "csv", cwd=tmp_path).out == "3.0,3.0\n" * 4


@pytest.mark.parametrize(
    ("count", "flags"),
    [
        (1, "attn compute --query 'an x.npz:arr_0'"),
        (2, "attn compute --query 'an x.npz:arr_0' --hidden 'an x.npz:arr_1'"),
        (11, "hint: --query 'an x.npz:arr_0' takes an array by any name, and so do the other flags of arrays"),
    ],
)
def test_the_hint_goes_by_how_many_arrays_there_are(count: int, flags: str, tmp_path: Path) -> None:
    """They are sorted as people count, and quoted as a shell needs it."""
    np.savez(tmp_path / "an x.npz", *[np.ones((2, 2))] * count)
    out = called("inspect", "an x.npz", cwd=tmp_path, env={"COLUMNS": "200"}).out
    assert out.rstrip().endswith(flags)
    assert [line.split()[0] for line in out.splitlines() if line.startswith("arr_")] == [
        f"arr_{i}" for i in range(count)
    ]


def test_only_headers_are_read(tmp_path: Path) -> None:
    """The numbers of this archive are damaged, which would be noticed."""
    many = npy("<f4", "(1, 100_000)", bytes(400_000))
    data = bytearray(zipped(member(b"a.npy", many), member(b"b.npy", many, deflate=True)))
    data[200_000] ^= 1
    put(tmp_path, "x.npz", bytes(data))
    found = json.loads(called("inspect", "x.npz", "-f", "json", cwd=tmp_path).out)
    assert found["arrays"] == {
        name: {"shape": [1, 100_000], "dtype": "float32", "meaning": None, "file": "x.npz"} for name in "ab"
    }
    assert (found["computable"], found["verdict"]) == (False, "compute cannot run: unknown name 'a'")


def test_what_is_no_array_of_numbers_is_told_as_what_it_is(tmp_path: Path) -> None:
    """Texts, what is never loaded, and names that are known among others that are not."""
    np.savez(
        tmp_path / "x.npz",
        query=np.ones((1, 2)),
        words=np.array(["a"]),
        z=np.ones(1, complex),
        o=np.array([{}]),
    )
    put(tmp_path, "y.json", json.dumps({"m": [[1, None]], "t": "hi", "o": {}, "r": [[1], [1, 2]], "b": [True]}))
    found = json.loads(called("inspect", "x.npz", "y.json", "-f", "json", cwd=tmp_path).out)
    kinds = {
        file: {name: (each["shape"], each["dtype"]) for name, each in found[file]["arrays"].items()} for file in found
    }
    assert kinds == {
        "x.npz": {
            "query": ([1, 2], "float64"),
            "words": ([1], "text"),
            "z": (None, "holds complex128, not numbers"),
            "o": (None, "holds pickled Python objects, which are never loaded"),
        },
        "y.json": {
            "m": ([1, 2], "float64"),
            "t": (None, "the text 'hi'"),
            "o": (None, "an object"),
            "r": (None, "an array"),
            "b": ([1], "bool"),
        },
    }
    assert found["x.npz"]["arrays"]["query"]["meaning"] == "query"
    assert found["x.npz"]["hint"] == ""
    out = called("inspect", "x.npz", "y.json", cwd=tmp_path).out
    assert [line for line in out.splitlines() if line.startswith("file: ")] == ["file: x.npz", "file: y.json"]


def test_a_checkpoint(tmp_path: Path) -> None:
    """Hundreds of tensors, in the order of the layers, in types that NumPy lacks too."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    numpy_files = pytest.importorskip("safetensors.numpy")
    names = [f"model.layers.{i}.self_attn.{part}_proj.weight" for i in range(60) for part in "kqv"]
    numpy_files.save_file({name: np.ones((3, 5), ml_dtypes.bfloat16) for name in names}, tmp_path / "x.safetensors")
    found = json.loads(called("inspect", "x.safetensors", "-f", "json", cwd=tmp_path).out)
    assert list(found["arrays"]) == names
    assert {(tuple(each["shape"]), each["dtype"]) for each in found["arrays"].values()} == {((3, 5), "bfloat16")}
    assert found["hint"] == (
        f"--query x.safetensors:{names[0]} takes an array by any name, and so do the other flags of arrays"
    )
    assert len(called("inspect", "x.safetensors", cwd=tmp_path).out.splitlines()) > len(names)


def test_from_a_pipe_and_into_a_file(tmp_path: Path) -> None:
    """Standard input has no name that a flag could take."""
    np.savez(tmp_path / "x.npz", np.ones((2, 2)), np.ones((2, 2)))
    called("inspect", "-", "-o", "list.json", stdin=(tmp_path / "x.npz").read_bytes(), cwd=tmp_path)
    found = json.loads((tmp_path / "list.json").read_text())
    assert found["hint"].endswith("attn compute --query FILE:arr_0 --hidden FILE:arr_1")
    assert {each["file"] for each in found["arrays"].values()} == {"standard input"}
