"""How much memory a command takes."""

from __future__ import annotations

import subprocess
import sys

from tests.support.places import ROOT
from tests.support.processes import environment

MEASURE = """
import re, sys
from attncli.commands.app import main
status = main(sys.argv[1:])
# Not getrusage: its maximum begins with the size of the process that started this one.
print(status, int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024, file=sys.stderr)
"""


def peak(*words: object) -> tuple[str, int]:
    """Run a command and return what it printed and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, words)],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        check=True,
    )
    status, megabytes = done.stderr.split()
    assert status == "0"
    return done.stdout, int(megabytes)
