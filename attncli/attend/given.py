"""What is given, as arrays of numbers: whatever NumPy takes, and tensors of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.types import is_real
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def numbers(arrays: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays that are given, as NumPy arrays.

    Raises:
        InputError: one of them holds something other than numbers, or its rows are ragged.
    """
    return {name: _numbers(name, array) for name, array in arrays.items() if array is not None}


def _numbers(name: str, array: Any) -> NDArray[Any]:
    """Return an array of numbers.

    Raises:
        InputError: it holds something other than numbers, or its rows are ragged.
    """
    try:
        found = np.asarray(_of_tensor(array) if hasattr(array, "detach") else array)
    except ValueError as error:
        raise InputError(f"{name} is not an array of numbers: its rows are ragged", arrays=[name]) from error
    except (TypeError, RuntimeError) as error:
        fact = f"{name} is of a type that NumPy cannot read, {type(array).__name__}: {str(error).splitlines()[0]}"
        raise InputError(fact, arrays=[name]) from error
    if not is_real(found.dtype):
        raise InputError(f"{name} must hold real numbers, not {found.dtype.name}", arrays=[name])
    return found


def _of_tensor(tensor: Any) -> Any:
    """Return a tensor of PyTorch as an array: its numbers alone, without gradients, from wherever they are.

    Types that NumPy does not have, such as bfloat16, become float32, which changes no number.
    """
    try:
        return tensor.numpy(force=True)
    except TypeError:
        return tensor.float().numpy(force=True) if tensor.is_floating_point() else tensor
