"""How much of a model may be built: no more than its weights can be of, and memory can hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from attncli.errors import InputError
from attncli.memory import available_memory
from attncli.trace.checkpoint import Weights

# Modules for each tensor, and in any case: containers, activations and dropouts have no tensors, and layers may share
# theirs.
MODULES, FEW = 20, 20_000
# Bytes for each byte of the files, where two bits may become a float32 and a head be missing; and in any case, for
# masks of all positions.
BYTES, SMALL = 32, 1 << 28
# Axes that no tensor in the files needs to have: tables of positions are computed, by some models number by number.
LONG = 1 << 16


@contextmanager
def bounded(weights: Weights) -> Iterator[None]:
    """Refuse to build a model far larger than its weights: a number in a configuration may be any number.

    Raises:
        InputError: it gets too many parts, or tensors that are too long or too large for its files or for memory.
    """
    from torch.nn.modules import module as hooks

    most, longest = FEW + MODULES * weights.tensors, max(LONG, weights.longest)
    room = min(SMALL + BYTES * weights.size, available_memory())
    built = taken = 0

    def count(*_: Any) -> None:
        nonlocal built
        built += 1
        if built > most:
            held = f"its files hold {weights.tensors} tensors"
            raise InputError(f"its configuration makes more than {most} parts, but {held}")

    def measure(_: Any, name: str, tensor: Any) -> None:
        nonlocal taken
        # Models are built without memory first, which is taken once their weights are read.
        if tensor is None or not tensor.is_meta:
            return
        taken += tensor.numel() * tensor.element_size()
        if taken > room:
            message = f"its configuration makes tensors of more than {room / 1e6:,.0f} MB, too much"
            raise InputError(f"{message} for files of {weights.size / 1e6:,.1f} MB or for memory")
        if max(tensor.shape, default=0) > longest:
            message = f"its configuration makes a tensor of length {max(tensor.shape)} ({name})"
            raise InputError(f"{message}, but no tensor in its files is longer than {weights.longest}")

    with ExitStack() as stack:
        for register, hook in (
            (hooks.register_module_module_registration_hook, count),
            (hooks.register_module_parameter_registration_hook, measure),
            (hooks.register_module_buffer_registration_hook, measure),
        ):
            stack.callback(register(hook).remove)
        yield
