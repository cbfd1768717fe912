"""Standard input where no files are given: one rule for all commands that read files."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Iterable
from io import BufferedReader
from typing import cast

from attncli.commands.messages import notice
from attncli.files.open import STDIN, split_name
from attncli.said import Said

# Seconds after which it is said what is waited for.
PATIENCE = 5.0


def standard_input(flags: Iterable[str | None]) -> list[str]:
    """Return what is read where no files are given: standard input if it holds something, else no files.

    A pipe, a socket and a file hold something if there is a byte in them; a terminal, a device such as /dev/null and
    a closed standard input hold nothing. A pipe into which nobody has written yet, and which nobody has closed, may
    still hold something, so that it is waited for, as any filter does; after some seconds a notice says so.

    Args:
        flags: the files that flags give; one of them may be standard input already.
    """
    taken = any(split_name(each)[0] == STDIN for each in flags if each is not None)
    return [STDIN] if not taken and _holds_something() else []


def _holds_something() -> bool:
    try:
        number = sys.stdin.fileno()
        status = os.fstat(number)
    except (AttributeError, OSError, ValueError):  # there is none, or what stands in its place is no file
        return False
    if stat.S_ISREG(status.st_mode):
        return status.st_size > os.lseek(number, 0, os.SEEK_CUR)
    if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)):
        return False
    _say_if_it_takes_long(number)
    return bool(cast(BufferedReader, sys.stdin.buffer).peek(1))


def _say_if_it_takes_long(number: int) -> None:
    try:
        comes = select.select([number], [], [], PATIENCE)[0]
    except (OSError, ValueError):  # Windows selects among sockets alone
        return
    if not comes:
        notice(Said("no files are given, so standard input is waited for; < /dev/null goes without"))
