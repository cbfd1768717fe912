"""The fast path as a process: its promises about memory, files and progress."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.support.files import sparse
from tests.support.memory import peak
from tests.support.places import ROOT
from tests.support.processes import attn, environment, small_files


def test_the_command_gives_what_the_steps_give(tmp_path: Path) -> None:
    """More than a million scores, heads side by side: the output alone in a file, and beside all steps in another."""
    np.save(tmp_path / "q.npy", np.random.default_rng(0).standard_normal((800, 12)).astype(np.float32))
    words = ["--heads", "3", "--kv-heads", "3", "--scale", "sqrt", "--causal"]
    attn("compute", "q.npy", *words, "-o", "o.npy", cwd=tmp_path)
    attn("compute", "q.npy", *words, "-o", "all.npz", "--step", "softmax", "--step", "sum", cwd=tmp_path)
    made, expected = np.load(tmp_path / "o.npy"), np.load(tmp_path / "all.npz")["output"]
    assert made.shape == expected.shape == (800, 12)
    assert 0 < abs(made - expected).max() < 1e-5  # to rounding, and so not by the same steps


def test_one_head_of_one_item(tmp_path: Path) -> None:
    """--head and --batch choose in files too."""
    path = tmp_path / "q.npy"
    np.save(path, np.random.default_rng(0).standard_normal((2, 3, 1030, 5)))
    attn("compute", path, "--head", "2", "--batch", "1", "-o", tmp_path / "o.npy")
    attn("compute", path, "-o", tmp_path / "all.npy")
    assert_array_equal(np.load(tmp_path / "o.npy"), np.load(tmp_path / "all.npy")[1, 2])


@pytest.mark.takes(3)
@pytest.mark.parametrize("words", [[], ["--head", "1"], ["--batch", "1"], ["--head", "1", "--batch", "0"]], ids=str)
@pytest.mark.parametrize("layout", ["bshd", "sbhd"])
def test_the_output_lies_as_the_states_do(tmp_path: Path, layout: str, words: list[str]) -> None:
    """Filled in place, and written whole, of all heads and of one; the same numbers to the last bit."""
    order = (0, 2, 1, 3) if layout == "bshd" else (2, 0, 1, 3)
    states = np.random.default_rng(0).standard_normal((2, 3, 600, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", states)
    np.save(tmp_path / "t.npy", states.transpose(order))
    attn("compute", "x.npy", *words, "-o", "o.npy", cwd=tmp_path)
    plain = np.load(tmp_path / "o.npy")
    gone = [axis for axis, flag in enumerate(("--batch", "--head")) if flag in words]
    kept = [axis for axis in order if axis not in gone]
    turned = plain.transpose([sorted(kept).index(axis) for axis in kept])
    for name in ("m.npy", "m.npz"):
        attn("compute", "t.npy", "--layout", layout, *words, "-o", name, cwd=tmp_path)
        made = np.load(tmp_path / name)
        assert_array_equal(made["output"] if name.endswith("z") else made, turned)


def test_the_memory_is_that_of_the_output(tmp_path: Path) -> None:
    """32768 × 64, causal: a score matrix would take 4 GB."""
    array = sparse(tmp_path / "x.npy", (32768, 64))
    _, megabytes = peak("compute", array, "--causal", "-o", tmp_path / "o.npy", "--threads", "2")
    assert megabytes < 200
    assert np.load(tmp_path / "o.npy", mmap_mode="r").shape == (32768, 64)


def test_matrices_beyond_memory_are_refused_before_they_are_begun(tmp_path: Path) -> None:
    """The size is told, and what to do instead."""
    array = sparse(tmp_path / "x.npy", (1_000_000, 4))
    ran = attn("compute", array, "--step", "softmax", "-f", "npy", status=2)
    assert re.sub(r"\d+\.\d GB are", "x GB are", ran.err) == (
        "attn: each matrix of scores or weights would take 4000.0 GB (1000000×1000000 float32); 12000.0 GB of memory "
        "are needed, x GB are available\n"
        "hint: --step sum or -o FILE.npy streams the output alone; tables show a part of every step\n"
    )


def long_problem(folder: Path) -> Path:
    """Return a problem that takes many seconds."""
    return sparse(folder / "long.npy", (200_000, 64))


def test_a_bar_is_shown_on_a_terminal_when_it_takes_long(tmp_path: Path) -> None:
    """On standard error, with the time left; none for short work, none in a pipe."""
    import pty

    def on_terminal(*words: str) -> str:
        reading, writing = pty.openpty()
        command = [sys.executable, "-m", "attncli", "compute", *words]
        with subprocess.Popen(
            command, stderr=writing, stdout=subprocess.PIPE, env=environment(TERM="xterm")
        ) as process:
            os.close(writing)
            shown = b""
            while True:
                try:
                    chunk = os.read(reading, 4096)
                except OSError:
                    break
                if not chunk:
                    break
                shown += chunk
                if b"%" in shown and re.search(rb"\d:\d\d:\d\d", shown):
                    process.terminate()
            os.close(reading)
        return shown.decode()

    shown = on_terminal(str(long_problem(tmp_path)), "-o", str(tmp_path / "o.npy"))
    assert re.search(r"\d+%", shown)
    assert shown.endswith("\x1b[K\x1b[?25h")  # a signal removes the bar and shows the cursor again
    assert on_terminal("samples/article.json", "-f", "csv") == ""


def test_a_disk_that_is_full_is_told_before_the_work(tmp_path: Path) -> None:
    """Room for a mapped file is taken at once: later, its lack would kill the program."""
    script = small_files(1000) + "from attncli.__main__ import main; main()"
    array = sparse(tmp_path / "q.npy", (1200, 8))
    words = [sys.executable, "-c", script, "compute", str(array), "-o", str(tmp_path / "o.npy")]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (2, f"attn: {tmp_path}/o.npy: cannot be written: File too large\n")
    assert list(tmp_path.iterdir()) == [array]


def test_rows_without_keys_are_told_by_the_stream_too(tmp_path: Path) -> None:
    """The same notice as with all steps."""
    np.save(tmp_path / "ones.npy", np.ones((1100, 1)))
    mask = np.ones((1100, 1100), dtype=bool)
    mask[7] = False
    np.save(tmp_path / "mask.npy", mask)
    alone = attn("compute", "ones.npy", "--mask", "mask.npy", "-f", "csv", cwd=tmp_path)
    assert alone.out.splitlines() == ["0.0" if row == 7 else "1.0" for row in range(1100)]
    assert alone.err == attn("compute", "ones.npy", "--mask", "mask.npy", cwd=tmp_path).err != ""


def test_a_numeric_mask_stays_on_disk(tmp_path: Path) -> None:
    """576 MB of mask, and not a copy of it in memory beside its pages."""
    states = sparse(tmp_path / "x.npy", (12000, 4))
    mask = sparse(tmp_path / "m.npy", (12000, 12000))
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20)); "
        "from attncli.__main__ import main; main()"
    )
    words = [sys.executable, "-c", script, "compute", str(states), "--mask", str(mask), "-o", str(tmp_path / "o.npy")]
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
