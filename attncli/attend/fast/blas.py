"""Matrix products that do not depend on the number of threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

# OpenBLAS uses a second thread from 9216 multiplications on in matrix-vector products, and from more in all others.
NEVER_THREADED = 9000


@contextmanager
def one_thread(products: int) -> Iterator[None]:
    """Limit BLAS to one thread, unless the product is so small that it uses only one anyway.

    Several threads split sums differently than one does, and so round differently; equal input must give equal output
    on every machine.

    Args:
        products: number of multiplications, known in advance from the shapes.
    """
    if products < NEVER_THREADED:
        yield
        return
    _hold()
    try:
        yield
    finally:
        _let_go()


_lock = threading.Lock()
# The limit applies to the whole process: the first caller sets it, and the last one to finish lifts it.
_held: list[Any] = []


def _hold() -> None:
    with _lock:
        _held.append(_held[0] if _held else _controller().limit(limits=1, user_api="blas"))


def _let_go() -> None:
    with _lock:
        limit = _held.pop()
        if not _held:
            limit.restore_original_limits()


@cache
def _controller() -> ThreadpoolController:
    # Searching the loaded libraries takes milliseconds, and they do not change.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
