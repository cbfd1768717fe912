"""Standard input where no files are given: read if it holds something, whatever the command."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.support.places import ROOT, SAMPLES
from tests.support.processes import attn, environment

NOTHING = (
    "attn: no files given, and nothing on standard input\n"
    "hint: give files, or pipe one in; attn inspect sample: lists some to try\n"
)
# What each command says of an archive on standard input; softmax and sum take a matrix of theirs from it.
READERS = ["compute", "score", "explain", "plot", "inspect", "check"]
FILTERS = ["softmax", "sum"]


def started(*words: object, stdin: int, cwd: Path = ROOT) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "attncli", *map(str, words)]
    return subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=cwd
    )


def ran(*words: object, stdin: int, cwd: Path = ROOT) -> tuple[int, str, str]:
    """Run a command on a file descriptor; return its exit status and what it wrote."""
    with started(*words, stdin=stdin, cwd=cwd) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@contextmanager
def silent() -> Iterator[int]:
    """Give the end of a pipe into which nobody writes, and which nobody closes."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.takes(3)
@pytest.mark.parametrize("command", READERS)
def test_a_pipe_and_a_file_are_read(command: str, tmp_path: Path) -> None:
    """As the same file by its name is; nothing else is taught, drawn or computed."""
    path = tmp_path / "input.of.a.npz"  # a name as long as that of standard input, so that lines break alike
    path.write_bytes((SAMPLES / "port.npz").read_bytes())
    status = int(command == "check")
    named = attn(command, path.name, status=status, cwd=tmp_path)
    assert named.out.count("\n") > 5
    piped = attn(command, stdin=path.read_bytes(), status=status)
    with path.open("rb") as file:
        redirected = ran(command, stdin=file.fileno())
    assert piped.out.replace("standard input", path.name) == named.out
    assert redirected == (status, piped.out, piped.err)


def test_filters_read_a_pipe_and_a_socket() -> None:
    """Logits become weights, weights a sum."""
    assert attn("softmax", "-f", "csv", stdin=b"5,5\n").out == "0.5,0.5\n"
    assert attn("sum", "--value", SAMPLES / "article-query.csv", "-f", "csv", stdin=b"1,0,0,0,0\n").out == "1.0\n"
    ours, theirs = socket.socketpair()
    ours.sendall(b"5,5\n")
    ours.close()
    assert ran("softmax", "-f", "csv", stdin=theirs.fileno()) == (0, "0.5,0.5\n", "")
    theirs.close()


@pytest.mark.takes(3)
@pytest.mark.parametrize("command", [*READERS, *FILTERS])
def test_what_holds_nothing_is_no_file(command: str, tmp_path: Path) -> None:
    """An empty pipe, an empty file, a file that was read to its end, /dev/null, a terminal, a closed one."""
    (tmp_path / "empty").touch()
    controlling, terminal = pty.openpty()
    opened = [os.open(path, os.O_RDONLY) for path in (tmp_path / "empty", SAMPLES / "article.json", os.devnull)]
    os.lseek(opened[1], 0, os.SEEK_END)
    found = [ran(command, stdin=each) for each in (terminal, *opened)]
    for each in (controlling, terminal, *opened):
        os.close(each)
    piped = attn(command, status=0 if command == "explain" else 2)
    found.append((0 if command == "explain" else 2, piped.out, piped.err))
    line = f"{sys.executable} -m attncli {command} <&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment(), check=False)
    found.append((done.returncode, done.stdout, done.stderr))
    assert len(set(found)) == 1
    if command == "explain":
        assert "exp(70 − 70) = 1" in found[0][1]  # the example: its scores are 55 and 70
    else:
        assert found[0] == (2, "", NOTHING)


def test_flags_that_give_enough_are_enough(tmp_path: Path) -> None:
    """Nothing else is waited for where the computation has all that it starts from."""
    np.save(tmp_path / "a.npy", np.eye(2))
    q, k, v, h = (words.split() for words in ("--query a.npy", "--key a.npy", "--value a.npy", "--hidden a.npy"))
    cases = [
        ("compute", *q, *k, *v),
        ("check", *q, *h, "--expected", "a.npy"),
        ("compute", *q, *k, "--step", "score"),
        ("explain", *q, *k, "--step", "softmax"),
        ("score", *q, *k),
        ("plot", *q, *k),
        ("plot", *q, *h, "-o", "p.html"),
    ]
    for words in cases:
        with silent() as stdin:
            status, _, err = ran(*words, stdin=stdin, cwd=tmp_path)
        assert (status, err) == (int(words[0] == "check"), ""), words


def test_a_flag_that_does_not_is_set_in_what_standard_input_holds(tmp_path: Path) -> None:
    """The query from the flag, the states from the pipe; and a flag may be the one that takes the pipe."""
    (tmp_path / "q.csv").write_text("1,0\n")
    ran = attn("score", "--query", "q.csv", "-f", "csv", stdin=b"3,4\n5,6\n", cwd=tmp_path)
    assert (ran.out, ran.err) == ("3.0,5.0\n", "")
    ran = attn("compute", "--query", "-", stdin=b"3,4\n", status=2)
    assert ran.err.startswith("attn: standard input: key is missing\n")


def test_a_pipe_that_stays_silent_is_waited_for_and_named() -> None:
    """After some seconds one line says what is waited for; what comes then is taken."""
    reading, writing = os.pipe()
    with started("explain", stdin=reading) as process:
        os.close(reading)
        assert process.stderr is not None
        said = process.stderr.readline()
        os.write(writing, b'{"query": [1, 1], "hidden": [[1, 2]], "title": "came late"}')
        os.close(writing)
        out, err = process.communicate(timeout=60)
    assert said == "attn: notice: no files are given, so standard input is waited for; < /dev/null goes without\n"
    assert (process.returncode, err) == (0, "")
    assert "came late" in out


@pytest.mark.parametrize("words", ["help", "help files", "bench --length 8 --rounds 1 -f json", "--version"])
def test_commands_without_files_do_not_look_at_it(words: str) -> None:
    """A pipe that is never written holds nobody up."""
    with silent() as stdin:
        status, _, err = ran(*words.split(), stdin=stdin)
    assert (status, err) == (0, "")
