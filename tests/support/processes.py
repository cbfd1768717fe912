"""The program as a process of its own, in a pipe or on a terminal; and called, where there are many like cases."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from attncli.commands.app import main
from tests.support.places import ROOT

# The program, which sends itself a signal when a module is about to be imported: its name, the number, the arguments.
AT_IMPORT = """
import os, sys
at, number = sys.argv[1], int(sys.argv[2])
class Sender:
    def find_spec(name, path=None, target=None):
        if name == at:
            os.kill(os.getpid(), number)
sys.meta_path.insert(0, Sender)
sys.argv = ["attn", *sys.argv[3:]]
from attncli.__main__ import main
main()
"""


def small_files(most: int) -> str:
    """Return the beginning of a script that may write no file of more than so many bytes.

    It writes no modules either: what is compiled for the first time would be left behind cut off, for all that come
    after.
    """
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))"
    return f"import resource, sys; sys.dont_write_bytecode = True; {limit}; "


@dataclass(frozen=True)
class Ran:
    """What a process wrote."""

    out: str
    err: str
    raw: bytes


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which nothing but the test decides on width, colour and language."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return kept | {"COLUMNS": "80", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)} | more


def attn(
    *arguments: object,
    stdin: bytes = b"",
    status: int = 0,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
) -> Ran:
    """Run the program as a process of its own and fail on any exit status but the announced one."""
    done = subprocess.run(
        [sys.executable, "-m", "attncli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(**(env or {})),
        timeout=120,
        check=False,
    )
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode()
    assert done.returncode == status, f"exit status {done.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return Ran(out, err, done.stdout)


def called(
    *arguments: object, stdin: bytes = b"", status: int = 0, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> Ran:
    """Run the program like `attn`, within this process, which has NumPy and all else loaded: 20 times as fast.

    It is for tables of like cases. What belongs to a process, such as its start, its pipes and its end, is not tested
    by it.
    """
    found, out, err = outcome(list(map(str, arguments)), stdin, cwd, environment(**(env or {})))
    ran = Ran(out.decode(errors="replace"), err.decode(), out)
    assert found == status, f"exit status {found}\n{ran.out}\n{ran.err}"
    assert "internal error" not in ran.err
    return ran


def outcome(words: list[str], stdin: bytes, cwd: Path, env: dict[str, str]) -> tuple[int, bytes, bytes]:
    """Run the program within this process; return its exit status and the bytes of its output and its errors."""
    with ExitStack() as opened, pytest.MonkeyPatch.context() as patch:
        files = {name: opened.enter_context(TemporaryFile()) for name in ("stdin", "stdout", "stderr")}
        files["stdin"].write(stdin)
        files["stdin"].seek(0)
        # The program has streams of its own on the files, and may put another file in the place of one.
        for name, file in files.items():
            stream = os.fdopen(os.dup(file.fileno()), "rb" if name == "stdin" else "wb")
            patch.setattr(sys, name, opened.enter_context(TextIOWrapper(stream, encoding="utf-8", write_through=True)))
        patch.setattr(os, "environ", env)
        patch.chdir(cwd)
        status = main(words)
        sys.stdout.flush()
        sys.stderr.flush()
        for file in files.values():
            file.seek(0)
        return status, files["stdout"].read(), files["stderr"].read()


def in_terminal(
    *arguments: object, status: int = 0, columns: int = 100, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> str:
    """Run the program on a pseudo-terminal and return what it wrote there; fail on any exit status but this one."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        words = [sys.executable, "-m", "attncli", *map(str, arguments)]
        os.execve(
            sys.executable, words, environment(**{"COLUMNS": str(columns), "TERM": "xterm-256color"} | (env or {}))
        )
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
    return b"".join(chunks).decode().replace("\r\n", "\n")
