"""The README: its examples print what it says they print, its Python runs, and it names every command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import attncli
from attncli.commands.registry import COMMANDS
from attncli.reference.topics import TOPICS
from tests.support.places import README, ROOT
from tests.support.processes import environment
from tests.support.readme import BLOCK, blocks, replay, rounded

MOST_LINES = 350


def test_it_starts_with_two_commands() -> None:
    """The first two fenced blocks are one command each: set up and look; install and test."""
    first, second = BLOCK.findall(README.read_text(encoding="utf-8"))[:2]
    assert [first[0], second[0]] == ["sh", "sh"]
    assert first[1].count("\n") == second[1].count("\n") == 1
    assert "attn compute samples/" in first[1].split("&&")[-1]
    assert "pytest" in second[1].split("&&")[-1]


def test_its_examples_print_what_it_says(tmp_path: Path) -> None:
    """Every console block is run; ATTN_REWRITE=1 writes what came out into the README, for `git diff` to show."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    text = README.read_text(encoding="utf-8")
    for block in blocks("console"):
        text = text.replace(block, replay(block, tmp_path))
    if os.environ.get("ATTN_REWRITE"):
        README.write_text(text, encoding="utf-8")
    assert rounded(text) == rounded(README.read_text(encoding="utf-8"))


def test_its_python_runs() -> None:
    """Each block runs in an interpreter of its own."""
    for block in blocks("python"):
        subprocess.run([sys.executable, "-c", block], check=True, env=environment())


def test_it_is_short_and_names_every_command() -> None:
    """With an example of each; flags, files and results are the reference's."""
    text = README.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES
    for name in COMMANDS:
        assert f"attn {name} " in text.replace("\n", " "), name
    assert [topic for topic in TOPICS if topic not in text] == []


def test_the_version_is_that_of_the_package() -> None:
    """What is installed says what the source says."""
    from importlib.metadata import version

    assert version("attncli") == attncli.__version__
