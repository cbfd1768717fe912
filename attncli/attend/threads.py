"""Share work out among threads that wait for it; what each item of work is never depends on how many there are."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

Item = TypeVar("Item")

# For fewer numbers it takes longer to wake a thread than to do its share.
WORTH = 1 << 17
# For each thread: how many `each` may use. One, unless `using` says otherwise, so that a helper never waits for others.
_allowed = threading.local()


def thread_count() -> int:
    """Return the default number of threads: OMP_NUM_THREADS, or the number of CPUs that this process may use."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isascii() and given.isdigit() and len(given) < 10 and int(given) > 0:
        return int(given)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Let `each`, called from this thread, use so many threads."""
    before = getattr(_allowed, "threads", 1)
    _allowed.threads = threads
    try:
        yield
    finally:
        _allowed.threads = before


def each(run: Callable[[Item], None], items: Sequence[Item], numbers: int) -> None:
    """Call a function for every item, in any order, on as many threads as `using` allows.

    Args:
        run: the function.
        items: none of them may depend on another.
        numbers: on how many numbers all of them work; few are not worth a thread.
    """
    todo = deque(items)

    def work() -> None:
        while todo:
            try:
                item = todo.popleft()
            except IndexError:  # another thread took the last one
                return
            run(item)

    together(work, work, todo.clear, min(getattr(_allowed, "threads", 1), len(items), numbers // WORTH) - 1)


def together(own: Callable[[], None], helping: Callable[[], None], stop: Callable[[], None], helpers: int) -> None:
    """Do a work in this thread and in others, until all of them are done.

    Args:
        own: what this thread does.
        helping: what each of the others does; it returns when there is nothing left to do.
        stop: called when this thread is done or interrupted; the others then find nothing left to do.
        helpers: how many others.
    """
    started: list[Future[None]] = []
    try:
        with suppress(RuntimeError):  # no room for another thread: those that there are do the work
            for _ in range(helpers):
                started.append(pool(os.getpid(), helpers).submit(helping))
        own()
    finally:
        # Ctrl-C reaches the calling thread; the others stop at their next item.
        stop()
        for helper in started:
            helper.exception()
    for helper in started:
        helper.result()


@cache
def pool(process: int, count: int) -> ThreadPoolExecutor:
    """Return a pool of threads that wait for work: starting new ones would take longer than a small problem.

    Args:
        process: the process id, since threads do not survive a fork.
        count: number of threads.
    """
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(count, thread_name_prefix="attn")
