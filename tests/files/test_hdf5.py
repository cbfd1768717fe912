"""HDF5 files as h5py writes them; nothing but the file itself is opened."""

from __future__ import annotations

import io
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from attncli.errors import InputError
from attncli.files import checkpoint
from attncli.files.contents import Matrix, Named
from attncli.files.open import read, read_stream
from tests.support.groups import holds_layers, layers, picks_an_array, states
from tests.support.places import SAMPLES
from tests.support.processes import attn, called

Array = NDArray[Any]


def saved(path: Path, arrays: dict[str, Array], **how: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, **how)
    return path


@pytest.mark.parametrize(
    "how",
    [{}, {"compression": "gzip", "shuffle": True, "fletcher32": True}, {"compression": "lzf"}, {"chunks": (1, 2, 5)}],
    ids=str,
)
def test_a_file_is_a_problem_however_it_is_packed(how: dict[str, Any], tmp_path: Path) -> None:
    """By its name, by its first bytes, and from a pipe; groups in groups are parts of names."""
    path = saved(tmp_path / "x", layers(), **how)
    saved(tmp_path / "x.h5", layers(), **how)
    piped = read_stream(io.BufferedReader(io.BytesIO(path.read_bytes())))
    for found in (read(str(path)), read(f"{path}.h5"), piped):
        holds_layers(found)
    picks_an_array(path)


@pytest.mark.takes(3)
@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "<i8", "f2", ">f4", "<f8"])
def test_every_type_of_numbers_is_read(dtype: str, tmp_path: Path) -> None:
    """In either order of bytes."""
    array = np.arange(6).reshape(2, 3).astype(dtype)
    found = read(f"{saved(tmp_path / 'x.h5', {'a': array})}:a")
    assert isinstance(found, Matrix)
    assert_array_equal(found.array, array)
    assert found.array.dtype == array.dtype


def test_labels_texts_and_options_are_attributes(tmp_path: Path) -> None:
    """Those of other programs are none of ours."""
    path = saved(tmp_path / "x.h5", states())
    with h5py.File(path, "a") as file:
        file.attrs["title"], file.attrs["options"] = "t", '{"causal": true}'
        file.attrs["labels"] = ["a", "é", "c"]
        file.attrs["backend"] = b"tensorflow"
    found = read(str(path))
    assert isinstance(found, Named)
    assert (found.texts, found.options, found.labels) == ({"title": "t"}, {"causal": True}, {"labels": ("a", "é", "c")})


def test_weights_of_a_layer_lie_in_such_files_too(tmp_path: Path) -> None:
    """As Keras keeps them."""
    found = checkpoint.tensors(
        str(saved(tmp_path / "x.h5", {"layers/0/kernel": np.eye(3), "layers/0/bias": np.ones(3)}))
    )
    assert sorted(found.names) == ["layers.0.bias", "layers.0.kernel"]
    assert found.entry("layers.0.kernel").shape == (3, 3)
    assert_array_equal(found.array("layers.0.kernel"), np.eye(3))


def hostile(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return files that would have others opened, or run out of memory, each with what is said of it."""
    secret = saved(folder / "secret.h5", {"query": np.ones((2, 3))})
    (folder / "secret.raw").write_bytes(bytes(24))
    found = {}
    for name, message in {
        "external": "query is a link to another file, which is not opened",
        "storage": "query: its numbers lie in other files, which are not opened",
        "virtual": "query: its numbers lie in other files, which are not opened",
        "reference": "query: holds object, not numbers",
        "texts": "query: holds texts, not numbers",
        "ragged": "query: holds object, not numbers",
        "complex": "query: holds complex64, not numbers",
        "fields": r"query: holds \[\('a', '<f4'\)\], not numbers",
        "huge": r"query: 1000000000000×1000 float32 take 4000000\.0 GB; .* are available",
        "nothing": "query: holds float32, not numbers",
    }.items():
        with h5py.File(folder / f"{name}.h5", "w") as file:
            if name == "external":
                file["query"] = h5py.ExternalLink(str(secret), "query")
            elif name == "storage":
                file.create_dataset("query", (2, 3), "f4", external=[(str(folder / "secret.raw"), 0, 24)])
            elif name == "virtual":
                layout = h5py.VirtualLayout((2, 3), "f8")
                layout[...] = h5py.VirtualSource(str(secret), "query", (2, 3))
                file.create_virtual_dataset("query", layout)
            elif name == "reference":
                file.create_dataset("query", (1,), h5py.ref_dtype)
            elif name == "texts":
                file["query"] = ["a", "b"]
            elif name == "ragged":
                file.create_dataset("query", (2,), h5py.vlen_dtype("f4"))
            elif name == "huge":
                file.create_dataset("query", (10**12, 1000), "f4", chunks=(1, 1000))
            elif name == "nothing":
                file["query"] = h5py.Empty("f4")
            else:
                file.create_dataset("query", (2, 3), "c8" if name == "complex" else [("a", "<f4")])
        found[name] = folder / f"{name}.h5", message
    return found


def test_nothing_but_numbers_of_the_file_itself_is_read(tmp_path: Path) -> None:
    """Whoever wrote it does not choose what else is opened, and takes no memory that is not there."""
    for path, message in hostile(tmp_path).values():
        for given in (str(path), f"{path}:query"):
            with pytest.raises(InputError) as caught:
                read(given)
            assert re.fullmatch(message, caught.value.message), caught.value.message


def test_a_second_name_is_left_out_and_a_circle_ends(tmp_path: Path) -> None:
    """Links within a file are second names; a group that holds itself would have names without end."""
    path = saved(tmp_path / "x.h5", states())
    with h5py.File(path, "a") as file:
        file["again"] = h5py.SoftLink("/query")
    found = read(str(path))
    assert isinstance(found, Named)
    with h5py.File(path, "a") as file:
        file["circle"] = file["/"]
    with pytest.raises(InputError, match="or 64 in each other"):
        read(str(path))


def test_a_filter_that_is_not_built_in_is_named(tmp_path: Path) -> None:
    """HDF5 would look for a library of that number."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((1, 3))
        made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))  # zstd
        space = h5py.h5s.create_simple((2, 3))
        h5py.h5d.create(file.id, b"query", h5py.h5t.IEEE_F32LE, space, made)
    with pytest.raises(InputError, match=r"query: is packed by the filter .*, which is not read") as caught:
        read(f"{path}:query")
    assert caught.value.hint == "save it with gzip, or not packed"


def test_no_truncated_or_damaged_file_makes_more_than_an_input_error(tmp_path: Path) -> None:
    """Cut at many lengths, and with bytes of its structure inverted; one that is cut is never taken for a whole one."""
    path = saved(tmp_path / "x.h5", {"query": np.eye(3), "key": np.eye(3)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 397):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            read(str(path))
    for at in range(0, len(whole), 53):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with suppress(InputError):
            read(str(path))


def test_inspect_lists_a_file_of_unknown_names(tmp_path: Path) -> None:
    """With what cannot be read."""
    path = saved(tmp_path / "x.h5", {"block/a": np.ones((2, 3)), "block/b": np.ones(2, "c8")})
    found = json.loads(called("inspect", path, "-f", "json").out)["arrays"]
    assert found["block.a"]["shape"] == [2, 3]
    assert found["block.b"]["dtype"] == "holds complex64, not numbers"


def test_it_is_not_written(tmp_path: Path) -> None:
    """The hint says what is."""
    ran = called("compute", SAMPLES / "article.json", "-o", tmp_path / "x.h5", status=2)
    assert ran.err.startswith(f"attn: {tmp_path}/x.h5: the extension '.h5' names no format\nhint: one of .json, ")


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Where h5py cannot be imported, the error says what to install."""
    saved(tmp_path / "x.h5", states())
    (tmp_path / "h5py.py").write_text("raise ImportError('no h5py')")
    env = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    ran = attn("inspect", "x.h5", cwd=tmp_path, status=2, env=env)
    assert ran.err == "attn: x.h5: .h5 files need an extra\nhint: pip install 'attncli[hdf5]'\n"
