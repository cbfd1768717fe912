"""Matrix products that do not depend on how many threads there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

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
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    # Looking through the loaded libraries takes milliseconds; they do not change.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
