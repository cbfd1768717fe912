"""Arrays of Zarr stores in regions: read as little as is asked for, and written by several at once."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from attncli.errors import InputError
from attncli.files.zarr.layout import FEW, MOST_CHUNK, SHARD, layout
from attncli.files.zarr.stored import check_aligned, create, opened, regions, write_region
from tests.support.processes import environment

F4 = np.dtype("f4")


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([0, 1, 2, 3, 31, 64, 1000, 4097, 1_000_003]), max_size=4),
    st.sampled_from([1, 2, 4, 8]),
)
def test_chunks_and_shards_fit_any_array(shape: list[int], itemsize: int) -> None:
    """Shards are made of whole chunks, neither is too large, and few chunks need no shards."""
    chunks, shards = layout(shape, itemsize)
    assert len(chunks) == len(shape)
    assert all(1 <= chunk <= max(1, size) for chunk, size in zip(chunks, shape, strict=True))
    assert math.prod(chunks) * itemsize <= 1 << 23
    # Whole axes from the last on, then a part of one, then single elements.
    assert not shape or any(
        set(chunks[:at]) <= {1} and list(chunks[at + 1 :]) == [max(1, size) for size in shape[at + 1 :]]
        for at in range(len(shape))
    )
    count = math.prod([-(-size // chunk) for size, chunk in zip(shape, chunks, strict=True)])
    assert (shards is None) is (count <= FEW)
    if shards is not None:
        assert all(shard % chunk == 0 for shard, chunk in zip(shards, chunks, strict=True))
        assert math.prod(shards) * itemsize <= SHARD


def test_chunks_by_hand_are_cut_and_checked() -> None:
    """At the sizes of the array, and by what compressors take."""
    assert layout((2, 3), 4, (8, 2)).chunks == (2, 2)
    with pytest.raises(InputError, match=r"chunks of 2×2 do not fit an array of 2×3×4"):
        layout((2, 3, 4), 4, (2, 2))
    with pytest.raises(InputError, match=f"at most {MOST_CHUNK} are possible"):
        layout((1 << 20, 1 << 20), 4, (1 << 20, 1 << 20))


def test_many_chunks_are_few_files(tmp_path: Path) -> None:
    """Each shard is one, and zarr reads the array as it is."""
    numbers = np.arange(4 * 64 * 8, dtype="f4").reshape(4, 64, 8)
    made = create(tmp_path / "x.zarr", numbers.shape, F4, chunks=(1, 2, 8))
    assert (made.header.chunks, made.whole) == ((1, 2, 8), (4, 64, 8))
    for region in regions(made.shape, made.whole):
        write_region(tmp_path / "x.zarr", "", region, numbers[region])
    assert len([each for each in (tmp_path / "x.zarr").rglob("*") if each.is_file()]) == 2
    assert_array_equal(np.asarray(zarr.open_array(tmp_path / "x.zarr", mode="r")), numbers)
    assert_array_equal(opened(tmp_path / "x.zarr")[1:3, 5:7], numbers[1:3, 5:7])


@pytest.mark.takes(2)
@pytest.mark.parametrize("size", [34, 34 << 20])
def test_small_shards_are_read_at_once_and_large_ones_one_by_one(size: int, tmp_path: Path) -> None:
    """And put together to what was written."""
    create(tmp_path / "x.zarr", (2, size), np.dtype("u1"), chunks=(1, size))
    write_region(tmp_path / "x.zarr", "", (slice(1, 2), slice(0, size)), np.ones((1, size), "u1"))
    found = opened(tmp_path / "x.zarr").read()
    assert found.sum(axis=1, dtype="i8").tolist() == [0, size]


def test_a_region_is_read_without_the_rest(tmp_path: Path) -> None:
    """Of chunks that are broken nothing is read, and what is read of them is refused; the checksum shows it."""
    numbers = np.arange(64, dtype="f4").reshape(8, 8)
    path = tmp_path / "x.zarr"
    create(path, (8, 8), F4, chunks=(2, 8))
    for region in regions((8, 8), (2, 8)):
        write_region(path, "", region, numbers[region])
    lazy = opened(path)
    assert (lazy.shape, lazy.dtype) == ((8, 8), F4)
    chunk = path / "c/3/0"
    data = bytearray(chunk.read_bytes())
    data[5] ^= 1
    chunk.write_bytes(data)
    assert_array_equal(lazy[:6], numbers[:6])
    with pytest.raises(InputError, match=r"broken Zarr array: .*checksum"):
        lazy[5:7]


def test_what_has_not_been_written_shows(tmp_path: Path) -> None:
    """As NaN; zeros that were written are zeros."""
    create(tmp_path / "x.zarr", (4, 2), F4, chunks=(2, 2))
    write_region(tmp_path / "x.zarr", "", (slice(0, 2), slice(0, 2)), np.zeros((2, 2), "f4"))
    found = opened(tmp_path / "x.zarr")[:]
    assert (found[:2] == 0).all()
    assert np.isnan(found[2:]).all()
    assert (tmp_path / "x.zarr/c/0/0").is_file()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (slice(0, 3), "the region 0:3 of axis 0 cuts shards of 2"),
        (slice(1, 4), "the region 1:4 of axis 0 cuts shards of 2"),
        (slice(4, 6), "the region 4:6 of axis 0 cuts shards of 2"),
    ],
)
def test_a_region_that_cuts_a_shard_is_refused(rows: slice, message: str, tmp_path: Path) -> None:
    """Another writer may hold the rest; the last shard may be cut by the array."""
    create(tmp_path / "x.zarr", (5, 2), F4, chunks=(2, 2))
    with pytest.raises(ValueError, match=message):
        write_region(tmp_path / "x.zarr", "", (rows, slice(0, 2)), np.zeros((rows.stop - rows.start, 2), "f4"))
    check_aligned((slice(4, 5), slice(0, 2)), (5, 2), (2, 2))
    with pytest.raises(ValueError, match="for a region of"):
        write_region(tmp_path / "x.zarr", "", (slice(4, 5), slice(0, 2)), np.zeros((1, 2), "f8"))


WRITER = """
import sys, numpy as np
from attncli.files.zarr.stored import opened, regions, write_region
path, own, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
made = opened(path, "output")
for at, region in enumerate(regions(made.shape, made.whole)):
    if at % count == own:
        write_region(path, "output", region, np.full([each.stop - each.start for each in region], at, "f4"))
"""


def test_processes_write_one_array_at_once(tmp_path: Path) -> None:
    """Each its own shards, without locks."""
    path = tmp_path / "x.zarr"
    zarr.create_group(path)
    made = create(path, (2, 4, 32, 3), F4, name="output", chunks=(1, 1, 2, 3))
    words = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*words, str(own), "2"], env=environment()) for own in range(2)]
    assert [each.wait() for each in writers] == [0, 0]
    found = opened(path, "output")[...]
    for at, region in enumerate(regions(made.shape, made.whole)):
        assert (found[region] == at).all()
    assert not np.isnan(found).any()


def test_an_array_is_opened_by_its_name(tmp_path: Path) -> None:
    """With dots or slashes, and by what is there."""
    group = zarr.create_group(tmp_path / "x.zarr")
    group.create_array("a/b/q", shape=(2, 3), dtype="f4")
    for name in ("a.b.q", "a/b/q"):
        assert opened(tmp_path / "x.zarr", name).shape == (2, 3)
    for name, message in {"a.q": "has no array 'a.q'", "": "is not one array"}.items():
        with pytest.raises(InputError, match=message):
            opened(tmp_path / "x.zarr", name)
    assert json.loads((tmp_path / "x.zarr/zarr.json").read_text())["zarr_format"] == 3
