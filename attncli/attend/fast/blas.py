"""Matrix products that do not depend on how many threads there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

# OpenBLAS takes a second thread for 9216 products in a matrix-vector product, and for more in all others.
NEVER_THREADED = 9000


@contextmanager
def one_thread(products: int) -> Iterator[None]:
    """Hold BLAS to one thread, unless the product is so small that it takes no more anyway.

    Several threads split a sum in other places than one does, and round differently; equal input is to give equal
    output on every machine.

    Args:
        products: how many numbers are multiplied, which is known before the product is made.
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
# The limit is the whole process's: the first who wants it sets it, and the last who no longer does takes it back.
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
    # Looking through the loaded libraries takes milliseconds; they do not change.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
