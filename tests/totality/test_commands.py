"""Every command: a module that runs, a line in the help, examples that hold, and a place in the README."""

from __future__ import annotations

import shlex
from importlib import import_module
from pathlib import Path

import pytest

import attncli
from attncli.commands.app import build
from attncli.commands.registry import COMMANDS
from tests.support.places import README, ROOT
from tests.support.processes import called

each_command = pytest.mark.parametrize("name", COMMANDS)


def examples(name: str) -> list[list[str]]:
    """Return the commands of the examples in a command's help, each as words; a pipe is several."""
    _, _, rest = called(name, "--help", env={"COLUMNS": "200"}).out.partition("Examples:\n")
    block = rest.partition("\n\n")[0]
    return [shlex.split(part) for line in block.splitlines() for part in line.split("|")]


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
    """There are some, with flags that exist, of samples that are there."""
    found = [words for words in examples(name) if words[:1] == ["attn"]]
    assert any(words[1] == name for words in found)
    for words in found:
        known = {flag for each in build(words[1]).params for flag in (*each.opts, *each.secondary_opts)}
        assert {word for word in words[2:] if word.startswith("-") and word != "-"} <= known, words
        for word in words:
            assert not word.startswith("samples/") or (ROOT / word).exists(), word


@each_command
def test_the_readme_has_an_example_of_it(name: str) -> None:
    """In a block, as one calls it."""
    assert f"attn {name}" in README.read_text(encoding="utf-8")
