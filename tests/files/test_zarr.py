"""Zarr stores as zarr itself writes them, and what is written as zarr itself reads it."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from attncli.errors import InputError
from attncli.files import checkpoint
from attncli.files.contents import Cases, Matrix, Named
from attncli.files.open import read
from attncli.files.save import save_problems
from tests.support.groups import holds_layers, layers, picks_an_array, states
from tests.support.places import SAMPLES
from tests.support.processes import AT_IMPORT, attn, called, environment, small_files

Array = NDArray[Any]


def stored(path: Path, arrays: Mapping[str, Array], version: Any = 3, **how: Any) -> Path:
    """Have zarr write a group."""
    group = zarr.create_group(path, zarr_format=version)
    for name, array in arrays.items():
        made = group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=(1, 2, 5), **how)
        made[...] = array
    return path


WAYS: dict[str, dict[str, Any]] = {
    "version 3": {},
    "version 2": {"version": 2},
    "shards": {"shards": (2, 4, 5)},
    "uncompressed": {"compressors": None},
    "blosc and shuffled": {"compressors": zarr.codecs.BloscCodec(shuffle="shuffle")},
    "gzip with checksums": {"compressors": [zarr.codecs.GzipCodec(), zarr.codecs.Crc32cCodec()]},
    "big end first": {"serializer": zarr.codecs.BytesCodec(endian="big")},
    "transposed": {"filters": [zarr.codecs.TransposeCodec(order=(2, 0, 1))]},
    "version 2 with filters": {
        "version": 2,
        "filters": [numcodecs.Delta("f4"), numcodecs.Shuffle(4)],
        "compressors": numcodecs.Zlib(),
    },
}


@pytest.mark.takes(2)
@pytest.mark.parametrize("way", WAYS)
def test_a_group_is_a_problem_however_it_is_packed(way: str, tmp_path: Path) -> None:
    """All in it, or what is picked."""
    given = states()
    path = stored(tmp_path / "x.zarr", given, **WAYS[way])
    found = read(str(path))
    assert isinstance(found, Named)
    assert list(found.arrays) == list(given)
    for name, array in given.items():
        # Delta adds float32 up, and so loses a bit or two.
        np.testing.assert_allclose(found.arrays[name], array, atol=1e-6 if "filters" in way else 0)
    one = read(f"{path}:key")
    assert isinstance(one, Matrix)
    assert_array_equal(one.array, found.arrays["key"])


@pytest.mark.takes(3)
@pytest.mark.parametrize(
    ("version", "dtype"),
    [*((version, dtype) for version in (2, 3) for dtype in ("?", "i1", "u2", "<i8", "f2", "<f8")), (2, ">f4")],
)
def test_one_array_is_one_matrix(dtype: str, version: Any, tmp_path: Path) -> None:
    """Of every type of numbers, in either order of bytes."""
    array = np.arange(6).reshape(2, 3).astype(dtype)
    made = zarr.create_array(tmp_path / "x.zarr", shape=(2, 3), dtype=array.dtype, zarr_format=version)
    made[...] = array
    found = read(str(tmp_path / "x.zarr"))
    assert isinstance(found, Matrix)
    assert_array_equal(found.array, array)
    assert found.array.dtype.name == array.dtype.name
    with pytest.raises(InputError, match=r"holds one array without a name, so there is no 'key' in it"):
        read(f"{tmp_path}/x.zarr:key")


def test_groups_in_groups_are_parts_of_names(tmp_path: Path) -> None:
    """As in other archives, and a slash picks as well as a dot; a folder that holds a store needs no suffix."""
    path = stored(tmp_path / "store", layers())
    holds_layers(read(str(path)))
    picks_an_array(path)
    picked = read(f"{path}:10")
    assert isinstance(picked, Named)
    assert list(picked.arrays) == ["query", "key", "value"]


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    """Of the others the numbers may be broken; they are named when they are asked for."""
    path = stored(tmp_path / "x.zarr", states())
    (path / "value/c/0/0/0").write_bytes(b"not zstd")
    assert isinstance(read(f"{path}:query"), Matrix)
    with pytest.raises(InputError) as caught:
        read(str(path))
    assert re.fullmatch("value: broken Zarr array: .+", caught.value.message)


def test_weights_of_a_layer_lie_in_stores_too(tmp_path: Path) -> None:
    """Names and shapes are known before anything is read."""
    path = stored(tmp_path / "x.zarr", {f"layers/0/self_attn/{name}": array for name, array in states().items()})
    found = checkpoint.tensors(str(path))
    assert sorted(found.names) == [f"layers.0.self_attn.{name}" for name in ("key", "query", "value")]
    assert found.entry("layers.0.self_attn.key").shape == (2, 3, 5)
    assert_array_equal(found.array("layers.0.self_attn.key"), states()["key"])


def test_an_address_and_a_packed_store_are_read(tmp_path: Path) -> None:
    """By fsspec, and as ZIP; a name stands behind the suffix."""
    path = stored(tmp_path / "x.zarr", states())
    for address in (path.as_uri(), "memory://attncli-test/x.zarr"):
        if address.startswith("memory"):
            import fsspec

            fsspec.filesystem("memory").put(str(path), "/attncli-test/x.zarr", recursive=True)
        one = read(f"{address}:key")
        assert isinstance(one, Matrix)
        assert_array_equal(one.array, states()["key"])
        assert isinstance(read(address), Named)
    shutil.make_archive(str(tmp_path / "x.zarr"), "zip", path)
    packed = read(f"{tmp_path}/x.zarr.zip:key")
    assert isinstance(packed, Matrix)
    assert_array_equal(packed.array, states()["key"])


def test_what_is_no_address_of_a_store_is_told(tmp_path: Path) -> None:
    """And what is missing for one."""
    for given, message in {
        "https://host/x.npz": "is an address, and at addresses .zarr alone are read",
        "nosuch://host/x.zarr": "nosuch addresses are not understood here",
        (tmp_path / "no.zarr").as_uri(): "is no Zarr store: it has no zarr.json, .zgroup or .zarray",
    }.items():
        with pytest.raises(InputError) as caught:
            read(given)
        assert (caught.value.message, caught.value.place) == (message, given)
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(InputError, match=r"is no Zarr store: it has none of zarr\.json, \.zgroup, \.zarray"):
        read(f"{tmp_path}/empty.zarr")
    (tmp_path / "file.zarr").write_text("1,2")
    with pytest.raises(InputError, match="is a file, and Zarr stores are folders"):
        read(f"{tmp_path}/file.zarr")


def changed(path: Path, name: str, **fields: Any) -> Path:
    """Change what the metadata of a store say."""
    file = path / name
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))
    return path


GRID = {"name": "regular", "configuration": {"chunk_shape": [1, 2, 5]}}
PICKLED = {"id": "pickle", "protocol": 5}
BROKEN: dict[str, tuple[int, dict[str, Any], str]] = {
    "more than memory": (3, {"shape": [10**5, 10**5, 10**5]}, r"has \d+ chunks, and more than 1048576 are not read"),
    "more than memory, in one chunk": (
        3,
        {"shape": [10**15, 1, 1], "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10**15, 1, 1]}}},
        r"1000000000000000×1×1 float32 take 4000000.0 GB; \d+\.\d GB of memory are needed, .* are available",
    ),
    "chunks without end": (3, {"shape": [10**17, 1, 1]}, r"has 1\d+ chunks, and more than 1048576 are not read"),
    "a shape below zero": (3, {"shape": [-1, 3, 5]}, "its metadata are broken"),
    "a shape of texts": (3, {"shape": ["2", 3, 5]}, "its metadata are broken"),
    "other axes": (3, {"shape": [2, 3]}, "its shape and its chunks do not have the same axes"),
    "chunks of nothing": (
        3,
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0, 2, 5]}}},
        "its metadata are broken",
    ),
    "bfloat16": (3, {"data_type": "bfloat16"}, "holds bfloat16, not numbers"),
    "texts": (3, {"data_type": {"name": "fixed_length_utf32", "configuration": {}}}, "holds fixed_length_utf32"),
    "an unknown codec": (3, {"codecs": [{"name": "numcodecs.pickle"}]}, "codec 'numcodecs.pickle', which is not read"),
    "no codecs": (3, {"codecs": None}, "its metadata are broken"),
    "version 2: objects": (2, {"dtype": "|O", "filters": [PICKLED]}, "holds Python objects, which are never loaded"),
    "version 2: a pickle as a filter": (2, {"filters": [PICKLED]}, "codec 'pickle', which is not read"),
    "version 2: a pickle as compressor": (2, {"compressor": PICKLED}, "codec 'pickle', which is not read"),
    "version 2: fields": (2, {"dtype": [["a", "<f4"]]}, "holds a structure, not numbers"),
    "version 2: another version": (2, {"zarr_format": 1}, "is broken: it is not of Zarr 2"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_metadata_are_checked_before_anything_is_read(what: str, tmp_path: Path) -> None:
    """What they promise is held against the memory; nothing is unpickled."""
    version, fields, message = BROKEN[what]
    path = stored(tmp_path / "x.zarr", states(), version)
    changed(path, "query/zarr.json" if version == 3 else "query/.zarray", **fields)
    with pytest.raises(InputError, match=message) as caught:
        read(f"{path}:query")
    assert "\n" not in caught.value.message


def test_a_pickle_in_a_store_does_not_run(tmp_path: Path) -> None:
    """Neither as the numbers of an array of objects nor as those of one of numbers."""

    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    array = np.empty(1, object)
    array[0] = Evil()
    chunk = bytes(numcodecs.Pickle().encode(array))
    for dtype, fill in (("|O", None), ("<f4", 0)):
        path = tmp_path / f"{dtype[1:]}.zarr"
        path.mkdir()
        (path / "0").write_bytes(chunk)
        metadata = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": dtype, "compressor": None, "order": "C"}
        (path / ".zarray").write_text(json.dumps(metadata | {"filters": [PICKLED], "fill_value": fill}))
        with pytest.raises(InputError, match=r"never loaded|which is not read"):
            read(str(path))
    assert not (tmp_path / "ran").exists()
    pickle.loads(chunk)  # it would have
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("part", ["query/c/0/0/0", "query/c/0", "query/zarr.json", "query"])
def test_links_out_of_a_store_are_not_followed(part: str, tmp_path: Path) -> None:
    """Whoever wrote it does not choose what else of this machine is read."""
    path, other = stored(tmp_path / "x.zarr", states()), stored(tmp_path / "y.zarr", states(1))
    (path / part).rename(tmp_path / "moved")
    (path / part).symlink_to(other / part)
    with pytest.raises(InputError, match=f"{part} is a link or a device"):
        read(str(path))


def test_no_truncated_or_damaged_metadata_make_more_than_an_input_error(tmp_path: Path) -> None:
    """Cut at many lengths, and with bytes inverted."""
    path = stored(tmp_path / "x.zarr", {"query": states()["query"]})
    for name in ("zarr.json", "query/zarr.json"):
        whole = (path / name).read_bytes()
        compact = json.dumps(json.loads(whole)).encode()
        for at in range(0, len(compact), 23):
            for data in (compact[:at], compact[:at] + bytes([compact[at] ^ 0xFF]) + compact[at + 1 :]):
                (path / name).write_bytes(data)
                with pytest.raises(InputError):
                    read(f"{path}:key")  # which is not there, if all else is right
        (path / name).write_bytes(whole)


def test_inspect_lists_a_store_of_unknown_names(tmp_path: Path) -> None:
    """From its metadata alone, with what cannot be read."""
    path = stored(tmp_path / "x.zarr", {f"block/{name}_states": array for name, array in states().items()})
    changed(path, "block/value_states/zarr.json", data_type="complex64")
    shutil.rmtree(path / "block/key_states/c")
    found = json.loads(called("inspect", path, "-f", "json").out)["arrays"]
    assert {name: (each["shape"], each["dtype"]) for name, each in found.items()} == {
        "block.key_states": ([2, 3, 5], "float32"),
        "block.query_states": ([2, 3, 5], "float32"),
        "block.value_states": (None, "holds complex64, not numbers"),
    }


@pytest.mark.parametrize(("command", "sample"), [("compute", "induction.npz"), ("score", "coreference.npz")])
def test_what_is_written_zarr_reads_and_the_next_command_too(command: str, sample: str, tmp_path: Path) -> None:
    """The same arrays as in NPZ; labels, texts and options are attributes."""
    for suffix in ("npz", "zarr"):
        called(command, SAMPLES / sample, "-o", f"x.{suffix}", cwd=tmp_path)
    group = zarr.open_group(tmp_path / "x.zarr", mode="r")
    with np.load(tmp_path / "x.npz") as packed:
        arrays = {name: array for name, array in packed.items() if array.dtype.kind not in "US"}
        assert sorted(group.array_keys()) == sorted(arrays)
        for name, array in arrays.items():
            assert_array_equal(np.asarray(group[name]), array)
            assert np.asarray(group[name]).dtype == array.dtype
        for name in set(packed.files) - set(arrays):
            said = group.attrs[name]
            assert packed[name].tolist() == (json.dumps(said) if isinstance(said, dict) else said)
    following = "softmax" if command == "score" else "inspect"
    from_npz, from_zarr = (called(following, f"x.{each}", "-f", "json", cwd=tmp_path).out for each in ("npz", "zarr"))
    assert from_zarr == from_npz.replace("x.npz", "x.zarr")


def test_several_problems_go_into_a_store(tmp_path: Path) -> None:
    """bfloat16 as float32, which is said."""
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    problems = {"a.1": Named({"query": np.ones((2, 3), bfloat16)}, {"labels": ("x", "y")}), "a.2": Named(states())}
    notices = save_problems(str(tmp_path / "x.zarr"), problems, False)
    assert notices == ["Zarr has no bfloat16: the same numbers are float32 there; .safetensors keeps them"]
    found = read(f"{tmp_path}/x.zarr")
    assert isinstance(found, Cases)
    assert found.named["a.1"].arrays["query"].dtype == np.float32
    assert found.named["a.1"].labels == {"labels": ("x", "y")}
    assert_array_equal(found.named["a.2"].arrays["key"], states()["key"])


def test_a_store_is_replaced_on_request_alone_and_no_other_folder_is(tmp_path: Path) -> None:
    """What was there is there until the new one is whole; nothing else is left."""
    case = SAMPLES / "article.json"
    called("compute", case, "-o", "x.zarr", cwd=tmp_path)
    first = (tmp_path / "x.zarr/zarr.json").stat().st_ino
    ran = called("compute", case, "-o", "x.zarr", cwd=tmp_path, status=2)
    assert ran.err == "attn: x.zarr: exists already\nhint: --force writes over it\n"
    assert (tmp_path / "x.zarr/zarr.json").stat().st_ino == first
    called("compute", case, "-o", "x.zarr", "--force", cwd=tmp_path)
    assert (tmp_path / "x.zarr/zarr.json").stat().st_ino != first
    (tmp_path / "mine.zarr").mkdir()
    (tmp_path / "mine.zarr/thesis.txt").write_text("do not delete")
    ran = called("compute", case, "-o", "mine.zarr", "--force", cwd=tmp_path, status=2)
    assert ran.err == "attn: mine.zarr: is a directory, no Zarr store\n"
    assert (tmp_path / "mine.zarr/thesis.txt").read_text() == "do not delete"
    ran = called("compute", case, "-o", "s3://bucket/x.zarr", cwd=tmp_path, status=2)
    assert ran.err == "attn: s3://bucket/x.zarr: is an address, and what is written are files of this machine\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.zarr", "x.zarr"]


def interrupted(folder: Path, number: int) -> int:
    """Write a store in a process that sends itself a signal when it is about to write; return its exit status."""
    words = [sys.executable, "-c", AT_IMPORT, "zarr", str(number), "compute", str(SAMPLES / "article.json")]
    words += ["-o", "x.zarr", "--force"]
    return subprocess.run(words, cwd=folder, env=environment(), check=False).returncode


def test_a_process_that_is_stopped_leaves_the_store_that_was_there(tmp_path: Path) -> None:
    """And nothing else; what one leaves that is killed the next one removes."""
    called("compute", SAMPLES / "article.json", "-o", "x.zarr", cwd=tmp_path)
    before = (tmp_path / "x.zarr/zarr.json").stat()
    assert interrupted(tmp_path, signal.SIGTERM) == 128 + signal.SIGTERM
    assert [each.name for each in tmp_path.iterdir()] == ["x.zarr"]
    assert interrupted(tmp_path, signal.SIGKILL) == -signal.SIGKILL
    (left,) = (each for each in tmp_path.iterdir() if each.name != "x.zarr")
    assert (tmp_path / "x.zarr/zarr.json").stat() == before
    os.utime(left, (0, 0))
    called("compute", SAMPLES / "article.json", "-o", "y.zarr", cwd=tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.zarr", "y.zarr"]


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """One line says so."""
    script = small_files(4096) + "from attncli.__main__ import main; main()"
    words = [sys.executable, "-c", script, "compute", str(SAMPLES / "induction.npz"), "-o", "x.zarr"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "attn: x.zarr: cannot be written: File too large\n")
    assert list(tmp_path.iterdir()) == []


def test_chunks_are_chosen_by_hand_and_said(tmp_path: Path) -> None:
    """For arrays with as many axes; elsewhere the flag is refused."""
    case = SAMPLES / "induction.npz"
    ran = called("compute", case, "--step", "softmax", "-o", "x.zarr", "--chunks", "3,4,64", cwd=tmp_path)
    made = zarr.open_array(tmp_path / "x.zarr", path="weights")
    assert made.chunks == (3, 4, made.shape[2])
    assert f"weights is written in chunks of 3×4×{made.shape[2]}\n" in ran.err
    for words, message in {
        ("x.npz", "3,4,64"): "--chunks has no effect on x.npz\nhint: leave it out, or write a .zarr file",
        ("y.zarr", "3,x"): "--chunks is a whole number for each axis, not '3,x'\nhint: as in --chunks 1,8,4096,64",
        ("y.zarr", "3,0"): "--chunks is a whole number for each axis, not '3,0'\nhint: as in --chunks 1,8,4096,64",
    }.items():
        ran = called("compute", case, "-o", words[0], "--chunks", words[1], cwd=tmp_path, status=2)
        assert ran.err == f"attn: {message}\n"


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Where zarr cannot be imported, the error says what to install, before and after reading."""
    stored(tmp_path / "x.zarr", states())
    (tmp_path / "zarr.py").write_text("raise ImportError('no zarr')")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    for words in (["inspect", "x.zarr"], ["compute", SAMPLES / "article.json", "-o", "y.zarr"]):
        ran = attn(*words, cwd=tmp_path, status=2, env={"PYTHONPATH": path})
        assert ran.err.endswith(": .zarr files need an extra\nhint: pip install 'attncli[zarr]'\n")
    assert sorted(each.name for each in tmp_path.iterdir() if not each.name.startswith("__")) == ["x.zarr", "zarr.py"]


def test_an_output_that_is_streamed_is_not_held(tmp_path: Path) -> None:
    """It has the bits of the same output as NPY, and nothing is left of where it was kept."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(1100, 4)).astype("f4"))
    for name in ("o.npy", "o.zarr"):
        called("compute", "x.npy", "--causal", "-o", name, cwd=tmp_path)
    group = zarr.open_group(tmp_path / "o.zarr", mode="r")
    assert list(group.array_keys()) == ["output"]
    assert_array_equal(np.asarray(group["output"]), np.load(tmp_path / "o.npy"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["o.npy", "o.zarr", "x.npy"]
