"""What a machine can do, and how long it takes by the roofline (Williams, Waterman and Patterson, 2009).

A run takes the longer of two times: that of its operations, and that of moving its bytes once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import numpy as np

from attncli.cost.formula import Formula

# Seconds that each of the two is measured for.
WHILE = 0.35
# Rows of the matrices that are multiplied, and bytes that each thread copies: more than a cache of its own holds.
SIDE, COPIED = 768, 1 << 26
COMPUTE, MEMORY = "compute", "memory"


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        flops: operations a second.
        bandwidth: bytes a second.
    """

    flops: int
    bandwidth: int


@dataclass(frozen=True)
class Run:
    """A run of all layers.

    Attributes:
        operations: that it has.
        bytes: that it reads and writes, each once.
    """

    operations: Formula
    bytes: Formula

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.operations.value / self.bytes.value if self.bytes.value else 0.0

    def seconds(self, machine: Machine) -> tuple[float, str]:
        """Return how long it takes, and which side limits it."""
        computing, moving = self.operations.value / machine.flops, self.bytes.value / machine.bandwidth
        return (computing, COMPUTE) if computing >= moving else (moving, MEMORY)


def here(threads: int) -> Machine:
    """Measure this machine, in less than a second: float32 products by NumPy's BLAS, and copies, on all threads."""
    matrices = [np.ones((SIDE, SIDE), np.float32) for _ in range(threads)]
    blocks = [(np.zeros(COPIED, np.uint8), np.zeros(COPIED, np.uint8)) for _ in range(threads)]
    outs = [np.empty((SIDE, SIDE), np.float32) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:

        def products() -> None:
            list(pool.map(lambda at: np.matmul(matrices[at], matrices[at], out=outs[at]), range(threads)))

        def copies() -> None:
            list(pool.map(lambda at: np.copyto(*blocks[at]), range(threads)))

        return Machine(
            flops=round(threads * 2 * SIDE**3 / _seconds(products)),
            bandwidth=round(threads * 2 * COPIED / _seconds(copies)),  # each byte is read and written
        )


def _seconds(run: Callable[[], None]) -> float:
    run()
    began, taken = time.perf_counter(), []
    while time.perf_counter() - began < WHILE:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return median(taken)
