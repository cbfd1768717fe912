"""What is timed with ``--backward``: forward and backward pass together, in attn, by autograd and in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import gradients, steps
from attncli.attend.fast import backward
from attncli.bench.contestants import MODULES, MOST_SCORES, NUMPY, Contestant, Run, attention_of_torch, is_installed
from attncli.bench.problem import SEED
from attncli.errors import InputError
from attncli.text import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

STATES = ("query", "key", "value")
# So many matrices of scores are held at the same time where all stages run in reverse.
MATRICES = 6


def contestants(o: Operands, threads: int, against: list[str]) -> list[Contestant]:
    """Return attn, then the libraries that are asked for, then plain NumPy if the scores fit into memory.

    Raises:
        InputError: a library is asked for that is not installed or computes no gradients here, or NumPy is and would
            take too much.
    """
    for name in against:
        if name not in (*MAKERS, NUMPY):
            raise InputError(f"--backward: {name} is not among {listed([*MAKERS, NUMPY], 'and')}")
        if name != NUMPY and not is_installed(name):
            raise InputError(f"{name} is not installed", hint=f"pip install {' '.join(MODULES[name])}")
    given = of_output(o)
    found = [Contestant("attn", lambda: _of_states(backward.run(o, given, threads=threads)))]
    for name in dict.fromkeys(against or filter(is_installed, MAKERS)):
        if name != NUMPY:
            found.append(Contestant(name, MAKERS[name](o, given, threads)))
    size = MATRICES * o.sizes.batch * o.sizes.heads * o.sizes.queries * o.sizes.keys * o.dtype.itemsize
    if size <= MOST_SCORES:
        found.append(Contestant(NUMPY, lambda: _of_states(gradients.run(o, steps.results(o), given))))
    elif NUMPY in against:
        hint = "choose a smaller --length, or fewer --heads"
        raise InputError(f"plain NumPy would hold {size / 1e9:.1f} GB of scores at once", hint=hint)
    return found


def of_output(o: Operands) -> NDArray[Any]:
    """Return the gradient of the output: standard normal numbers."""
    return np.random.default_rng(SEED + 1).standard_normal(o.sizes.output_shape).astype(o.dtype)


def _of_states(found: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    return tuple(found[name] for name in STATES)


def of_torch(o: Operands, given: NDArray[Any], threads: int) -> Run:
    """Let autograd differentiate ``scaled_dot_product_attention``."""
    import torch

    arrays, attend = attention_of_torch(o, threads)
    for each in arrays:
        each.requires_grad_()
    of_sums = torch.from_numpy(given)
    return lambda: tuple(each.numpy() for each in torch.autograd.grad(attend(*arrays), arrays, of_sums))


MAKERS: dict[str, Callable[[Operands, NDArray[Any], int], Run]] = {"torch": of_torch}
