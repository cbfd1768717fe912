"""NPY: one array, memory-mapped where it is a file of its own, and never unpickled.

Source: NEP 1, *A simple file format for NumPy arrays*.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np

from attncli.errors import InputError
from attncli.files.contents import Matrix

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"


@dataclass(frozen=True)
class Header:
    """What the header of an NPY file promises."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def size(self) -> int:
        """How many bytes the array takes. Python's integers do not wrap round, as NumPy's would."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_path(path: Path) -> Matrix:
    """Map a file: nothing but its header is read yet."""
    with path.open("rb") as stream:
        header = read_header(stream)
    check_size(header, path.stat().st_size - header.start)
    if header.size == 0:  # an empty file cannot be mapped; whoever computes will say which axis is empty
        return Matrix(np.empty(header.shape, header.dtype))
    order: Literal["F", "C"] = "F" if header.fortran else "C"
    return Matrix(np.memmap(path, header.dtype, "r", header.start, header.shape, order))


def read_bytes(data: bytes) -> Matrix:
    """Read what came from a stream."""
    return Matrix(array_in(data))


def array_in(data: bytes | memoryview, *, text: bool = False) -> NDArray[Any]:
    """Return the array that these bytes hold, without copying them."""
    header = read_header(io.BytesIO(data[: 1 << 17]), text=text)
    check_size(header, len(data) - header.start)
    flat = np.frombuffer(data, header.dtype, math.prod(header.shape), header.start)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def read_header(stream: IO[bytes], *, text: bool = False) -> Header:
    """Read and check the header; the stream is left at the first number.

    Args:
        stream: at the first byte.
        text: whether an array of texts will do.

    Raises:
        InputError: not an NPY file, or an array of something that is no number.
    """
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(stream)
    except ValueError:
        raise InputError("not an NPY file: it does not start with \\x93NUMPY") from None
    if version not in readers:
        raise InputError(f"NPY version {version[0]}.{version[1]} is not understood", hint="save it with numpy.save")
    try:
        shape, fortran, dtype = readers[version](stream)
    # What a hostile header makes NumPy's parser raise is not documented; whatever it is, the header is broken.
    except Exception:
        raise InputError("broken NPY header") from None
    check_type(dtype, text)
    if any(length < 0 for length in shape):
        raise InputError(f"broken NPY header: shape {shape}")
    return Header(shape, fortran, dtype, stream.tell())


def check_type(dtype: np.dtype[Any], text: bool) -> None:
    """Refuse what is no number: above all pickled objects, which run code when they are loaded."""
    if dtype.hasobject:
        raise InputError(
            "holds pickled Python objects, which are never loaded",
            hint="save it as an array of numbers, such as float32",
        )
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise InputError(f"numbers of type {dtype} are wider than float64", hint="save it as float64")
    if dtype.kind not in ("biufUS" if text else "biuf"):
        raise InputError(f"holds {dtype}, not numbers", hint="float16, float32, float64, integers and bool are read")


def check_size(header: Header, held: int) -> None:
    """Refuse a file that is shorter or longer than its header says, before any memory is taken."""
    if held == header.size:
        return
    shape = "×".join(map(str, header.shape)) or "scalar"
    promise = f"the header promises {header.size} bytes ({shape} {header.dtype}), the file holds {held}"
    raise InputError(f"{'truncated' if held < header.size else 'over-long'}: {promise}")
