"""Limits of time and memory on whatever runs inside, and what Python has to warn of."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

# Of the processor: most cases take milliseconds, and looking for mistakes in several problems up to ten seconds. How
# long that is by the clock depends on what else the machine does; by the clock, only what waits for ever takes minutes.
SECONDS, MOST_WAITED = 30, 180
# Inputs have kilobytes; what is imported for them is there before.
MEGABYTES = 300
# Address space beyond that of the process: what asks for more is told that there is none.
ROOM = 6 << 30


class BrokenError(AssertionError):
    """A rule does not hold.

    Args:
        rule: what was broken, in words that are the same for all cases of one fault.
        seen: what was seen this time.
    """

    def __init__(self, rule: str, seen: str = "") -> None:
        super().__init__(": ".join(filter(None, [rule, seen])))
        self.rule, self.seen = rule, seen


class TooLong(BaseException):
    """The time is over, for what it tells; not an Exception, so that what catches any of those does not catch it."""


@contextmanager
def guarded(case: str, give_up: Callable[[str], None]) -> Iterator[None]:
    """Fail if what runs inside takes too much time or memory, or makes Python warn.

    Args:
        case: what runs, for the message.
        give_up: is called from a thread, with a text, where the time is over but nothing can be stopped: a loop in C
            does not see signals. It must end the process.
    """
    with _time(case, give_up), _memory(), _no_warning(), _silent():
        yield


@contextmanager
def _time(case: str, give_up: Callable[[str], None]) -> Iterator[None]:
    expired: list[str] = []

    def expire(*_: Any) -> None:
        expired.append("")
        raise TooLong

    limits = {signal.ITIMER_PROF: (signal.SIGPROF, SECONDS), signal.ITIMER_REAL: (signal.SIGALRM, MOST_WAITED)}
    before = {number: signal.signal(number, expire) for number, _ in limits.values()}
    watchdog = threading.Timer(MOST_WAITED + SECONDS, give_up, [f"{case} does not end, and cannot be stopped"])
    watchdog.daemon = True
    watchdog.start()
    for timer, (_, seconds) in limits.items():
        signal.setitimer(timer, seconds)
    try:
        yield
    except TooLong as error:
        expired.append(str(error))
    finally:
        for timer in limits:
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        watchdog.cancel()
    if expired:
        raise BrokenError(f"takes more than {SECONDS} s of the processor, or {MOST_WAITED} s", expired[-1])


@contextmanager
def _memory() -> Iterator[None]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, limits = memory("VmRSS"), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + ROOM, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    taken = (memory("VmHWM") - before) >> 20
    if taken > MEGABYTES:
        raise BrokenError(f"takes more than {MEGABYTES} MB", f"{taken} MB")


def memory(what: str) -> int:
    """Return a line of what the kernel says about this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{what}:"))


@contextmanager
def _no_warning() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    # What the package itself wants to say to callers in Python is a UserWarning.
    for each in caught:
        if each.category is not UserWarning:
            raise BrokenError(
                f"Python warns: {each.category.__name__}: {each.message}", f"{each.filename}:{each.lineno}"
            )


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing below Python writes on the terminal, as LAPACK does where it is given what it does not take."""
    with TemporaryFile() as written:
        kept = {number: os.dup(number) for number in (1, 2)}
        try:
            for number in kept:
                os.dup2(written.fileno(), number)
            yield
        finally:
            ctypes.CDLL(None).fflush(None)
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
        written.seek(0)
        if text := written.read():
            raise BrokenError("something below Python writes on the terminal", repr(text[:200]))


def end_process(text: str) -> None:
    """Say where every thread is, and end."""
    os.write(2, f"\n{text}\n".encode())
    faulthandler.dump_traceback(2)
    os._exit(3)
