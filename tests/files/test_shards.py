"""A checkpoint in several files: its index is read as one archive would be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli.errors import InputError
from attncli.files.contents import Matrix, Named
from attncli.files.open import read
from tests.support.arrays import normal
from tests.support.files import safetensors
from tests.support.processes import called

QUERY, KEY, VALUE = (normal(*shape, seed=seed).astype("f4") for seed, shape in enumerate([(2, 3), (4, 3), (4, 5)]))


def sharded(folder: Path, prefix: str = "") -> str:
    """Write query and key into one file and the value into another."""
    (folder / "a.safetensors").write_bytes(safetensors({f"{prefix}query": QUERY, f"{prefix}key": KEY}))
    (folder / "b.safetensors").write_bytes(safetensors({f"{prefix}value": VALUE}))
    files = {"query": "a.safetensors", "key": "a.safetensors", "value": "b.safetensors"}
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {f"{prefix}{name}": file for name, file in files.items()}}))
    return str(path)


def test_the_arrays_of_all_shards(tmp_path: Path) -> None:
    """By their names, as out of one file."""
    found = read(sharded(tmp_path))
    assert isinstance(found, Named)
    for name, array in (("query", QUERY), ("key", KEY), ("value", VALUE)):
        assert_array_equal(found.arrays[name], array)
    one = read(f"{sharded(tmp_path, 'decoder.0.')}:decoder.0.value")
    assert isinstance(one, Matrix)
    assert_array_equal(one.array, VALUE)
    numbers = np.loadtxt(called("compute", sharded(tmp_path), "-f", "csv").out.splitlines(), delimiter=",")
    assert numbers.shape == (2, 5)


def test_inspect_lists_unknown_names_of_all_shards(tmp_path: Path) -> None:
    """With their shapes."""
    path = sharded(tmp_path)
    said = json.loads(Path(path).read_text(encoding="utf-8"))
    said["weight_map"]["lm_head.weight"] = "c.safetensors"
    Path(path).write_text(json.dumps(said), encoding="utf-8")
    (tmp_path / "c.safetensors").write_bytes(safetensors({"lm_head.weight": VALUE}))
    listed = json.loads(called("inspect", path, "-f", "json").out)["arrays"]
    assert {name: each["shape"] for name, each in listed.items()} == {
        "query": [2, 3],
        "key": [4, 3],
        "value": [4, 5],
        "lm_head.weight": [4, 5],
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "a.safetensors is not a safetensors file"), (b"\1" + bytes(7) + b"{", "broken safetensors file: ")],
    ids=["empty", "broken"],
)
def test_a_shard_that_cannot_be_read(data: bytes, message: str, tmp_path: Path) -> None:
    """Is named, and so is the index."""
    path = sharded(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert caught.value.place.startswith(path)


def test_a_shard_that_has_no_end(tmp_path: Path) -> None:
    """A link to a device is no file."""
    path = sharded(tmp_path)
    (tmp_path / "b.safetensors").unlink()
    (tmp_path / "b.safetensors").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"b\.safetensors is not a regular file"):
        read(path)
