"""Signals: the program ends with 128 + their number, says nothing and leaves nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.files import sparse
from tests.support.places import SAMPLES
from tests.support.processes import AT_IMPORT, environment

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def run(script: str, *words: object) -> tuple[int, str, str]:
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def ended(process: subprocess.Popen[bytes]) -> bytes:
    """Return what a process has written to standard error, once it has ended; it has a minute for that."""
    try:
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "module", ["gc", "attncli.commands.app", "typing", "typer", "attncli.files.npz", "numpy.linalg"]
)
def test_a_signal_while_the_program_is_still_loading(module: str, number: int, tmp_path: Path) -> None:
    """Its own modules or those of others: "gc" is the first that it imports once it heeds them."""
    words = ("compute", SAMPLES / "induction.npz", "-o", tmp_path / "o.npz")
    assert run(AT_IMPORT, module, int(number), *words) == (128 + number, "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_while_the_first_is_obeyed() -> None:
    """It does not keep the program from cleaning up; the first decides on the status."""
    script = """
import os, signal
from attncli.signals import Undoing, heed
def undo():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(os.getpid(), number)
    print("undone", flush=True)
heed()
with Undoing(undo):
    os.kill(os.getpid(), signal.SIGINT)
    print("not reached", flush=True)
"""
    assert run(script) == (130, "undone\n", "")


def test_what_fails_while_cleaning_up_keeps_nothing_else_from_it() -> None:
    """And is not told: the files may be gone already."""
    script = """
import os, signal
from attncli.signals import Undoing, heed
heed()
with Undoing(lambda: print("undone", flush=True)), Undoing(lambda: 1 / 0), Undoing(lambda: exit(3)):
    os.kill(os.getpid(), signal.SIGTERM)
"""
    assert run(script) == (143, "undone\n", "")


def test_signals_that_are_ignored_stay_so() -> None:
    """As nohup wants it."""
    script = """
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from attncli.signals import heed
heed()
os.kill(os.getpid(), signal.SIGHUP)
print("alive")
"""
    assert run(script) == (0, "alive\n", "")


@pytest.mark.parametrize("second", [*SIGNALS, None])
@pytest.mark.parametrize("first", SIGNALS)
def test_signals_during_a_stream(first: int, second: int | None, tmp_path: Path) -> None:
    """With other threads at work, and a mapped output."""
    array = sparse(tmp_path / "long.npy", (200_000, 64))
    words = [sys.executable, "-m", "attncli", "compute", str(array), "-o", str(tmp_path / "o.npy"), "--threads", "2"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment()) as process:
        # A thread of its own beside the first one: the stream has begun.
        while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 2:
            time.sleep(0.01)
        process.send_signal(first)
        if second is not None:
            process.send_signal(second)
        err = ended(process)
    assert (process.returncode in {128 + each for each in (first, second) if each is not None}, err) == (True, b"")
    assert list(tmp_path.iterdir()) == [array]


def test_signals_at_any_moment(tmp_path: Path) -> None:
    """One or two, after up to 300 ms: until the program's first line Python may say what it likes, then nothing."""
    chance = random.Random(0)
    for _ in range(16):
        words = [sys.executable, "-m", "attncli", "compute", str(SAMPLES / "induction.npz"), "-o", "o.npz"]
        with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment(), cwd=tmp_path) as process:
            time.sleep(chance.uniform(0, 0.3))
            process.send_signal(chance.choice(SIGNALS))
            time.sleep(chance.choice([0, 0.0002, 0.002]))
            process.send_signal(chance.choice(SIGNALS))
            err = ended(process).decode()
        # The file that Python runs before, whoever imports the package, has a few microseconds.
        assert "/attncli/" not in err.replace("/attncli/__init__.py", "")
        assert not err or process.returncode not in (0, 129, 130, 143)
        assert {path.name for path in tmp_path.iterdir()} <= {"o.npz"}
        (tmp_path / "o.npz").unlink(missing_ok=True)
