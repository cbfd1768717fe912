"""The fenced blocks of the README and of the reference, and what the commands in them print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.places import README
from tests.support.processes import called, environment

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCK.findall(README.read_text(encoding="utf-8")) if name == kind]


def recipe(mark: str) -> str:
    """Return the lines with which a program saves its attention, as the reference prints them.

    Args:
        mark: what only the lines for this library have in them.
    """
    page = called("help", "python", "-f", "markdown").out
    (lines,) = (text for name, text in BLOCK.findall(page) if name == "py" and mark in text)
    return str(lines)


def replay(block: str, folder: Path) -> str:
    """Run the commands of a block as a shell would and return the block as it should be."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    lines = []
    for line in block.splitlines():
        if line.startswith("$ "):
            command = ["bash", "-o", "pipefail", "-c", line[2:]]
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=folder, env=environment(PATH=path), check=False
            )
            assert not done.stderr
            assert done.returncode == (1 if ": differs by" in done.stdout else 0)
            lines += [line, *(printed.rstrip() for printed in done.stdout.splitlines())]
    return "\n".join(lines) + "\n"


def rounded(text: str) -> str:
    """Return the text with long numbers cut: the last digits of an exponential differ between processors."""
    text = re.sub(r"\d\.\d{12,}(e-\d+)?", lambda found: f"{float(found[0]):.12g}", text)
    # What rounding comes to does so too, and more.
    return re.sub(r"\b\d\.\de-0\d\b", "rounding", text)
