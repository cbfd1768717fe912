"""How wide the screen is, and which flags about it are for which formats."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from attncli.commands.app import build
from attncli.commands.registry import COMMANDS
from tests.support.places import ROOT, SAMPLES
from tests.support.processes import attn, called, environment

ARTICLE = SAMPLES / "article.json"
COLUMNS = 57


def in_shell(line: str, env: dict[str, str] | None = None) -> None:
    """Run a line in a shell with a terminal of its own, in which ``attn`` is the program."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 24, COLUMNS, 0, 0))
        os.chdir(ROOT)
        given = {name: value for name, value in environment(**(env or {})).items() if name != "COLUMNS" or env}
        words = ["bash", "-c", line.replace("attn ", f"{sys.executable} -m attncli ")]
        os.execvpe("bash", words, given)
    while True:
        try:
            if not os.read(terminal, 65536):
                break
        except OSError:  # Linux's way to say that the other end is closed
            break
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize(
    ("ends", "env", "width"),
    [
        ("| cat >", None, COLUMNS),  # standard error is the terminal, as before a pager
        ("2>/dev/null | cat >", None, COLUMNS),  # standard input is
        ("2>/dev/null </dev/null | cat >", None, COLUMNS),  # neither, but there is one
        ("| cat >", {"COLUMNS": "66"}, 66),
        ("--width 44 | cat >", {"COLUMNS": "66"}, 44),
        (">", None, 80),  # a file is the same wherever it was made
    ],
)
def test_the_width_behind_a_pipe(ends: str, env: dict[str, str] | None, width: int, tmp_path: Path) -> None:
    """--width, COLUMNS, the terminal that a pager shows it on; of a file 80."""
    in_shell(f"attn explain {ARTICLE} --lang en --color always {ends} {tmp_path}/out", env)
    out = (tmp_path / "out").read_text(encoding="utf-8")
    assert out == attn("explain", ARTICLE, "--color", "always", "--width", width).out
    assert out != attn("explain", ARTICLE, "--color", "always", "--width", width - 10).out


def test_without_any_terminal_it_is_80() -> None:
    """As in a job that runs at night."""
    given = {name: value for name, value in environment().items() if name != "COLUMNS"}
    words, nowhere = [sys.executable, "-m", "attncli", "explain", str(ARTICLE)], subprocess.DEVNULL
    done = subprocess.run(
        words,
        stdin=nowhere,
        stdout=subprocess.PIPE,
        stderr=nowhere,
        env=given,
        start_new_session=True,  # leaves the terminal behind
        check=True,
    )
    assert done.stdout.decode() == attn("explain", ARTICLE, "--width", 80).out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_has_colours_has_a_width(command: str) -> None:
    """Both are about the screen."""
    names = {each.name for each in build(command).params}
    assert {"color", "width"} <= names


CARRIED = ["json", "csv", "tsv", "npy", "npz"]
ABOUT_TABLES = [["--digits", "3"], ["--rows", "3"], ["--rows", "all"], ["--cols", "2"], ["--width", "60"]]


@pytest.mark.parametrize("flag", ABOUT_TABLES, ids=" ".join)
@pytest.mark.parametrize("kind", CARRIED)
def test_flags_about_tables_are_refused_where_there_is_none(flag: list[str], kind: str, tmp_path: Path) -> None:
    """Asked for by -f or by the extension, in compute and in each filter; nothing is written."""
    for command in ("compute", "score"):
        err = called(command, ARTICLE, "-f", kind, *flag, status=2).err
        assert err.startswith(f"attn: {flag[0]} has no effect on {kind} on standard output\nhint: leave it out, or use")
        err = called(command, ARTICLE, "-o", f"x.{kind}", *flag, status=2, cwd=tmp_path).err
        assert err.startswith(f"attn: {flag[0]} has no effect on x.{kind}\nhint: leave it out, or write a ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        ("score article.json --digits 3", "--digits has no effect on json on standard output", "-f markdown or table"),
        ("softmax [[1,2]] --rows 3 -o x.npz", "--rows has no effect on x.npz", "write a .md or .txt file"),
        ("sum [[1]] [[1]] --cols 3 -f csv", "--cols has no effect on csv on standard output", "-f markdown or table"),
        ("compute article.json -f json --color always", "--color always has no effect on json on standard output", ""),
        ("compute article.json -o x.txt --color always", "--color always has no effect on x.txt", "is for terminals"),
        ("explain article.json -f markdown --width 60", "--width has no effect on markdown on standard", "-f table"),
        ("explain article.json -o x.html --color always", "--color always has no effect on x.html", "for terminals"),
        ("check port.npz -f json --width 60", "--width has no effect on json on standard output", "or use -f table"),
        ("inspect port.npz -o x.json --width 60", "--width has no effect on x.json", "or write a .txt file"),
        ("bench -f json --width 60", "--width has no effect on json on standard output", "or use -f table"),
        ("help -f markdown --width 60", "--width has no effect on markdown on standard output", "or use -f table"),
        ("trace model -f json --width 60", "--width has no effect on json on standard output", "or use -f table"),
        ("plot article.json -o x.html --width 60", "--width has no effect on x.html", "it is for terminals"),
        ("plot article.json --terminal -o x.svg --color always", "--color always has no effect on x.svg", ""),
    ],
)
def test_every_command_says_so(words: str, what: str, hint: str, tmp_path: Path) -> None:
    """With what the flag is for."""
    for name in ("article.json", "port.npz"):
        (tmp_path / name).symlink_to(SAMPLES / name)
    ran = called(*words.split(), status=2, cwd=tmp_path)
    assert ran.err.startswith(f"attn: {what}")
    assert hint in ran.err.splitlines()[1]
    assert {path.name for path in tmp_path.iterdir()} == {"article.json", "port.npz"}


@pytest.mark.parametrize("kind", ["markdown", "html"])
def test_they_have_their_effect_wherever_tables_are_read(kind: str) -> None:
    """In Markdown and in pages as on the screen: fewer columns, fewer digits."""
    words = ["explain", SAMPLES / "coreference.npz", "--step", "softmax", "-f", kind]
    whole = called(*words).out
    assert called(*words, "--cols", "3").out != whole
    assert called(*words, "--rows", "3").out != whole
    assert called(*words, "--digits", "2").out != whole


def test_colours_that_are_not_wanted_are_wanted_nowhere() -> None:
    """--color never asks for nothing that other formats lack."""
    assert called("compute", ARTICLE, "-f", "csv", "--color", "never").out.startswith("1.99999")
