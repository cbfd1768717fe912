"""Files that are being written: whole or not there at all, however the program ends."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from attncli.files.contents import Named
from attncli.files.formats import FORMATS
from attncli.files.save import save, save_problems
from attncli.files.unfinished import give_name, unfinished
from tests.support.files import sparse
from tests.support.processes import attn, environment, small_files

PART = ".attn-0123456789abcdef.part"
# What some systems, and some disks of others, do not have.
WITHOUT_NAMELESS = "import os; del os.O_TMPFILE; "
RUN = "from attncli.__main__ import main; main()"
BEFORE = pytest.mark.parametrize("before", ["", WITHOUT_NAMELESS], ids=["nameless", "named"])


@contextmanager
def streaming(folder: Path, before: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Start a stream that takes long, from long.npy to o.npy, and wait until it is at work."""
    sparse(folder / "long.npy", (200_000, 64))
    words = [sys.executable, "-c", before + RUN, "compute", "long.npy", "-o", "o.npy", "--threads", "2"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment(), cwd=folder) as process:
        try:
            while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 2:
                time.sleep(0.01)
            yield process
        finally:
            process.kill()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def aged(path: Path) -> Path:
    os.utime(path, (0, 0))
    return path


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_a_process_that_is_killed_leaves_nothing(number: int, tmp_path: Path) -> None:
    """What it writes has no name yet."""
    with streaming(tmp_path) as process:
        process.send_signal(number)
        process.wait(60)
    assert names(tmp_path) - {"core"} == {"long.npy"}


def test_an_input_that_is_cut_off_leaves_nothing_either(tmp_path: Path) -> None:
    """The system ends whoever reads what is not there any more."""
    with streaming(tmp_path) as process:
        os.truncate(tmp_path / "long.npy", 1000)
        process.wait(60)
    assert process.returncode == -signal.SIGBUS
    assert names(tmp_path) - {"core"} == {"long.npy"}


def test_what_a_dead_process_left_is_removed_by_the_next_one_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    """Where files must have names: as long as the process lives, its file is locked."""
    sample = tmp_path / "x.json"
    sample.write_text('{"query": [[1]], "hidden": [[1]]}')
    with streaming(tmp_path, WITHOUT_NAMELESS) as process:
        (part,) = tmp_path.glob(".attn-*")
        attn("compute", "x.json", "-o", aged(part).with_name("1.npy"), cwd=tmp_path)
        assert part.exists()
        process.kill()
    aged(part)
    attn("compute", "x.json", "-o", "2.npy", cwd=tmp_path)
    assert names(tmp_path) == {"long.npy", "x.json", "1.npy", "2.npy"}


def test_only_what_is_surely_such_a_file_is_removed(tmp_path: Path) -> None:
    """By its whole name, its kind, its age and its lock; folders of unfinished files too."""
    (tmp_path / "real").mkdir()
    kept = [".attn-0123456789abcdef", ".attn-0123456789abcdeg.part", "0123456789abcdef.part", ".attn-notes.part"]
    for name in kept:
        (tmp_path / name).write_text("mine")
        aged(tmp_path / name)
    link = tmp_path / PART.replace("0", "1")
    link.symlink_to("real", target_is_directory=True)
    young = tmp_path / PART.replace("0", "2")
    young.write_text("just begun")
    locked = tmp_path / PART.replace("0", "3")
    locked.write_text("by somebody")
    left, folder = tmp_path / PART, tmp_path / PART.replace("0", "4")
    left.write_text("by nobody")
    folder.mkdir()
    (folder / "a.npz").write_text("half")
    for path in (locked, left, folder):
        aged(path)
    with locked.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        save(str(tmp_path / "out.npy"), b"data", False)
    assert names(tmp_path) == {"real", "out.npy", *kept, link.name, young.name, locked.name}


@BEFORE
def test_signals_leave_neither_files_nor_folders(before: str, tmp_path: Path) -> None:
    """Whatever is being written when they come."""
    script = before + (
        "\nimport os, signal\nfrom pathlib import Path\nfrom attncli.files.unfinished import *\n"
        "from attncli.signals import heed\nheed()\nhere = Path.cwd()\n"
        "with unfinished(here / 'a', False) as a, unfinished_folder(here) as folder:\n"
        "    a.write(b'half')\n    (folder / 'b').write_bytes(b'half')\n"
        "    assert list(here.iterdir())\n    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr, names(tmp_path)) == (143, b"", set())


@BEFORE
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".json"])
def test_a_disk_that_is_full_is_told_and_nothing_is_left(before: str, suffix: str, tmp_path: Path) -> None:
    """Here for files of more than 1000 bytes."""
    np.save(tmp_path / "q.npy", np.ones((40, 40)))
    limit = small_files(1000)
    words = [sys.executable, "-c", before + limit + RUN, "compute", "q.npy", "-o", f"o{suffix}"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"attn: o{suffix}: cannot be written: File too large\n")
    assert names(tmp_path) == {"q.npy"}


@BEFORE
def test_permissions_are_those_of_a_new_file_or_of_the_one_that_is_replaced(before: str, tmp_path: Path) -> None:
    """Not those of a temporary file."""
    (tmp_path / "x.json").write_text('{"query": [[1]], "hidden": [[1]]}')
    words = [sys.executable, "-c", before + "import os; os.umask(0o027); " + RUN, "compute", "x.json", "-o", "o.npy"]
    for force, mode in (([], 0o640), (["--force"], 0o604)):
        if force:
            (tmp_path / "o.npy").write_bytes(b"old")
            (tmp_path / "o.npy").chmod(mode)
        subprocess.run([*words, *force], cwd=tmp_path, env=environment(), check=True)
        assert (tmp_path / "o.npy").stat().st_mode & 0o777 == mode
        assert np.load(tmp_path / "o.npy").tolist() == [[1]]
    assert names(tmp_path) == {"x.json", "o.npy"}


def test_a_file_that_comes_into_being_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """It was not there when the work began."""
    target = tmp_path / "o"
    opened = unfinished(target, False)
    opened.__enter__().write(b"mine")
    target.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        opened.__exit__(None, None, None)
    assert (target.read_bytes(), names(tmp_path)) == (b"theirs", {"o"})


def test_a_file_that_cannot_get_a_name_is_copied(tmp_path: Path) -> None:
    """As here, where it had one once; work of hours is not lost for that."""
    with (tmp_path / "old").open("w+b") as stream:
        stream.write(b"result")
        stream.flush()
        (tmp_path / "old").unlink()
        give_name(stream, tmp_path / "new")
    assert ((tmp_path / "new").read_bytes(), names(tmp_path)) == (b"result", {"new"})


def test_a_folder_of_problems_is_written_as_a_whole(tmp_path: Path) -> None:
    """The files go to their places at the end."""
    problems = {"a.1": Named({"query": np.eye(2)}), "a.2": Named({"query": np.eye(3)})}
    save_problems(f"{tmp_path}/all/", problems, False)
    suffix = FORMATS["npz"].suffix
    assert names(tmp_path) == {"all"}
    assert names(tmp_path / "all") == {f"a.1{suffix}", f"a.2{suffix}"}
