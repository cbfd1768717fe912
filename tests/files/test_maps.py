"""Inputs are read while they are computed with: one that changes meanwhile is noticed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.formats import DATA, FORMATS, Format
from attncli.files.maps import check_unchanged, watched
from attncli.files.open import read
from attncli.files.save import encoded, save
from tests.support.files import sparse
from tests.support.processes import AT_IMPORT, called, environment

MAPPED = [each for each in DATA if not each.text]


@pytest.fixture(autouse=True)
def run() -> Iterator[None]:
    """A run of the program, in which files are watched."""
    with watched():
        yield


@pytest.mark.parametrize("kind", MAPPED, ids=[each.name for each in MAPPED])
def test_a_file_that_is_written_to_while_it_is_in_use(kind: Format, tmp_path: Path) -> None:
    """What was computed of it is not written, and after it the file is no matter any more."""
    path, data = tmp_path / "x", encoded(kind, Named({"query": np.ones((2, 3))}))
    path.write_bytes(data)
    contents = read(str(path))
    check_unchanged()
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x01")
    with pytest.raises(InputError) as caught:
        check_unchanged()
    assert (caught.value.message, caught.value.place) == ("changed while it was read", str(path))
    with pytest.raises(InputError, match="changed while it was read"):
        save(str(tmp_path / "o"), b"", False)
    assert {each.name for each in tmp_path.iterdir()} == {"x"}
    del contents
    check_unchanged()


def test_a_file_that_is_replaced_or_removed_is_still_there_for_whom_it_was_open(tmp_path: Path) -> None:
    """As with an output that takes the place of its input."""
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.ones((2, 3)))
    contents = [read(str(tmp_path / name)) for name in ("a.npy", "b.npy")]
    save(str(tmp_path / "a.npy"), b"other", True)
    (tmp_path / "b.npy").unlink()
    check_unchanged()
    assert len(contents) == 2
    np.save(tmp_path / "a.npy", np.ones((2, 2)))
    assert called("compute", "a.npy", "-o", "a.npy", "--force", cwd=tmp_path).err == ""


def test_a_stream_of_what_has_changed_is_not_kept(tmp_path: Path) -> None:
    """One line says why."""
    array = sparse(tmp_path / "x.npy", (60_000, 64))
    words = [sys.executable, "-m", "attncli", "compute", "x.npy", "-o", "o.npy", "--threads", "2"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment(), cwd=tmp_path) as process:
        try:
            while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 2:
                time.sleep(0.01)
            with array.open("r+b") as stream:
                stream.seek(5000)
                stream.write(b"\x01")
            err = process.communicate(timeout=120)[1].decode()
        finally:
            process.kill()
    hint = "hint: inputs must stay as they are until attn is done"
    assert (process.returncode, err) == (2, f"attn: x.npy: changed while it was read\n{hint}\n")
    assert list(tmp_path.iterdir()) == [array]


def test_a_pipe_leaves_no_file(tmp_path: Path) -> None:
    """The package that checks safetensors reads files only."""
    pytest.importorskip("safetensors")
    states = {"query": np.ones((2, 3)), "hidden": np.ones((2, 3))}
    data = encoded(FORMATS["safetensors"], Named(states))
    words = [sys.executable, "-c", AT_IMPORT, "safetensors", str(int(signal.SIGKILL)), "compute", "-"]
    env = environment(TMPDIR=str(tmp_path))
    assert subprocess.run(words, input=data, env=env, check=False).returncode == -9
    assert list(tmp_path.iterdir()) == []
