"""Every command: a module that runs, a line in the help, examples that hold, and a place in the README."""

from __future__ import annotations

import shlex
from importlib import import_module
from pathlib import Path

import pytest

import attncli
from attncli.commands.app import build
from attncli.commands.registry import COMMANDS
from tests.support.places import README
from tests.support.processes import called

each_command = pytest.mark.parametrize("name", COMMANDS)


# What makes the examples that take many seconds small; and those that are there to differ.
SMALLER = {"bench": ["--length", "64", "--keys", "64", "--rounds", "1"]}
DIFFERS = (
    ["attn", "check", "sample:port"],
    ["attn", "check", "sample:port", "--against", "sample:induction"],
    ["attn", "mask", "sample:induction", "-"],
)


def examples(name: str) -> list[list[list[str]]]:
    """Return the examples in a command's help: each the commands of a pipe, as words."""
    _, _, rest = called(name, "--help", env={"COLUMNS": "200"}).out.partition("Examples:\n")
    block = rest.partition("\n\n")[0]
    return [[shlex.split(part) for part in line.split("|")] for line in block.splitlines()]


def test_the_modules_with_a_run_are_the_commands() -> None:
    """And no command lacks one."""
    paths = (Path(attncli.__file__).parent / "commands").glob("[a-z]*.py")
    runs = {path.stem for path in paths if "\ndef run(" in path.read_text(encoding="utf-8")}
    assert runs == COMMANDS.keys()
    assert all(callable(import_module(f"attncli.commands.{name}").run) for name in COMMANDS)


@each_command
def test_the_help_lists_it_with_a_line(name: str) -> None:
    """Under its heading; the line is the first of its own help too."""
    entry = COMMANDS[name]
    assert entry.heading
    assert entry.summary.endswith(".")
    section = called("--help").out.partition(f"{entry.heading}:\n")[2].partition("\n\n")[0]
    assert entry.summary in " ".join(section.split())
    assert entry.summary in " ".join(called(name, "--help").out.split())


@each_command
def test_its_examples_are_its_own_and_hold(name: str) -> None:
    """There are some, with flags that exist."""
    found = [words for pipe in examples(name) for words in pipe]
    assert any(words[:2] == ["attn", name] for words in found)
    for words in found:
        known = {flag for each in build(words[1]).params for flag in (*each.opts, *each.secondary_opts)}
        assert {word for word in words[2:] if word.startswith("-") and word != "-"} <= known, words


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "trace"])  # trace needs a model
def test_its_examples_run_for_whoever_installed_it(name: str, tmp_path: Path) -> None:
    """In a folder that has nothing of theirs; no sample makes a notice."""
    for pipe in examples(name):
        raw = b""
        for words in pipe:
            status = int(words in DIFFERS)
            ran = called(*words[1:], *SMALLER.get(name, []), stdin=raw, status=status, cwd=tmp_path)
            assert ran.err == "", words
            raw = ran.raw
        assert raw or "-o" in pipe[-1]


@each_command
def test_the_readme_has_an_example_of_it(name: str) -> None:
    """In a block, as one calls it."""
    assert f"attn {name}" in README.read_text(encoding="utf-8")
