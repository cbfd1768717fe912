"""NPY: one array, memory-mapped if it is a file of its own, and never unpickled.

Source: NEP 1, *A simple file format for NumPy arrays*.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from dataclasses import dataclass
from mmap import mmap
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import numpy as np

from attncli.errors import InputError
from attncli.files.contents import Matrix, Named
from attncli.files.maps import watch

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC = np.lib.format.MAGIC_PREFIX
SAVE = "save it with numpy.save"
MOST_HEADER = 1 << 16
# For each version, the length of its length field, and what reads the rest.
READERS: dict[tuple[int, ...], tuple[int, Any]] = {
    (1, 0): (2, np.lib.format.read_array_header_1_0),
    (2, 0): (4, np.lib.format.read_array_header_2_0),
}
CHUNK = 1 << 20


@dataclass(frozen=True)
class Header:
    """What the header of an NPY file promises."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def size(self) -> int:
        """How many bytes the array takes. Python's integers do not wrap around, as NumPy's would."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_path(path: Path) -> Matrix:
    """Map a file: nothing but its header is read yet."""
    with path.open("rb") as stream:
        header = read_header(stream)
        check_size(header, os.fstat(stream.fileno()).st_size - header.start)
        if header.size == 0:  # nothing cannot be mapped; the computation will say which axis is empty
            return Matrix(np.empty(header.shape, header.dtype))
        order: Literal["F", "C"] = "F" if header.fortran else "C"
        array = np.memmap(stream, header.dtype, "r", header.start, header.shape, order)
        watch(cast(mmap, array.base), path, stream)
    return Matrix(array)


def read_stream(stream: IO[bytes]) -> Matrix:
    """Read what comes through a pipe: the header, and then at most one byte more than it promises."""
    header = read_header(stream)
    data = bytearray()
    while len(data) <= header.size and (chunk := stream.read(min(CHUNK, header.size + 1 - len(data)))):
        data += chunk
    check_size(header, len(data))
    return Matrix(_array(header, data, 0))


def array_in(data: bytes | memoryview, *, text: bool = False) -> NDArray[Any]:
    """Return the array that these bytes hold, without copying them."""
    header = read_header(io.BytesIO(data[: 1 << 17]), text=text)
    check_size(header, len(data) - header.start)
    return _array(header, data, header.start)


def _array(header: Header, data: bytes | bytearray | memoryview, start: int) -> NDArray[Any]:
    if header.size == 0:
        return np.empty(header.shape, header.dtype)
    flat = np.frombuffer(data, header.dtype, math.prod(header.shape), start)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def read_header(stream: IO[bytes], *, text: bool = False) -> Header:
    """Read and check the header; the stream is left at the first number.

    Args:
        stream: at the first byte.
        text: whether an array of texts is accepted.

    Raises:
        InputError: it is not an NPY file, or an array of something other than numbers.
    """
    magic, version = stream.read(len(MAGIC)), tuple(stream.read(2))
    if magic != MAGIC:
        raise InputError("not an NPY file: it does not start with \\x93NUMPY")
    if len(version) < 2:
        raise InputError("truncated: the NPY header ends before its version")
    if version not in READERS:
        raise InputError(f"NPY version {version[0]}.{version[1]} is not understood", hint=SAVE)
    # The length is checked here: NumPy would read as many bytes as a hostile header says it has.
    field = stream.read(READERS[version][0])
    length = int.from_bytes(field, "little")
    if length > MOST_HEADER:
        raise InputError(f"broken NPY header: it claims to be {length} bytes long")
    header = stream.read(length)
    if len(field) < READERS[version][0] or len(header) < length:
        raise InputError("truncated: the NPY header ends before its end")
    try:
        with warnings.catch_warnings():  # headers that Python 2 wrote are read, with a warning for programmers
            warnings.simplefilter("ignore")
            shape, fortran, dtype = READERS[version][1](io.BytesIO(field + header))
    # It is not documented what NumPy's parser raises on a hostile header; whatever it is, the header is broken.
    except Exception:
        raise InputError("broken NPY header") from None
    check_type(dtype, text)
    if any(type(size) is not int or size < 0 for size in shape):
        raise InputError(f"broken NPY header: shape {shape}")
    if dtype.itemsize == 0 and math.prod(shape):
        raise InputError("broken NPY header: texts without length")
    return Header(shape, fortran, dtype, 8 + len(field) + length)


def check_type(dtype: np.dtype[Any], text: bool) -> None:
    """Refuse what is not a number: above all pickled objects, which run code when they are loaded."""
    if dtype.hasobject:
        raise InputError(
            "holds pickled Python objects, which are never loaded",
            hint="save it as an array of numbers, such as float32",
        )
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise InputError(f"numbers of type {dtype} are wider than float64", hint="save it as float64")
    if dtype.kind not in ("biufUS" if text else "biuf"):
        found = "texts" if dtype.kind in "US" else dtype
        raise InputError(f"holds {found}, not numbers", hint="float16, float32, float64, integers and bool are read")


def check_size(header: Header, held: int) -> None:
    """Refuse a file that is shorter or longer than its header says, before any memory is taken."""
    if held == header.size:
        return
    shape = "×".join(map(str, header.shape)) or "scalar"
    promise = f"the header promises {header.size} bytes ({shape} {header.dtype}), the file holds {held}"
    raise InputError(f"{'truncated' if held < header.size else 'over-long'}: {promise}")


def write(named: Named, file: IO[bytes]) -> None:
    """Write the last array."""
    # To what is no file of the system NumPy writes in pieces; it could not write to a pipe otherwise.
    pieces = SimpleNamespace(write=file.write)
    np.lib.format.write_array(pieces, np.asarray(named.last[1]), allow_pickle=False)


def begin(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Write the header of an array whose numbers follow later."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
