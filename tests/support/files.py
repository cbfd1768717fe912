"""Files, some with bytes written by hand."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def files(folder: Path, contents: dict[str, bytes | str]) -> Sequence[Path]:
    """Write files and return their paths."""
    return [put(folder, name, data) for name, data in contents.items()]


def sparse(path: Path, shape: tuple[int, ...]) -> Path:
    """Make a float32 file of zeros that takes no room on the disk."""
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape).flush()
    return path


def npy(descr: str, shape: str, data: bytes, fortran: str = "False", version: bytes = b"\x01\x00") -> bytes:
    """Write an NPY file as its specification (NEP 1) says."""
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    length = 2 if version == b"\x01\x00" else 4
    header += b" " * (-(8 + length + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY" + version + len(header).to_bytes(length, "little") + header + data


def safetensors(arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Write a safetensors file of float32: the length of the header in 8 bytes, the header, the numbers."""
    header, data = {}, b""
    for name, array in arrays.items():
        start, data = len(data), data + np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def member(name: bytes, data: bytes, deflate: bool = False, size: int | None = None) -> tuple[bytes, bytes]:
    """Write the local and the central entry of a ZIP member, the latter with its offset left open."""
    packed = zlib.compress(data, 9)[2:-4] if deflate else data
    sizes = (zlib.crc32(data), len(packed), len(data) if size is None else size)
    local = struct.pack("<4s5HIIIHH", b"PK\3\4", 20, 0, 8 * deflate, 0, 33, *sizes, len(name), 0) + name + packed
    central = struct.pack("<4s6HIIIHHHHHI", b"PK\1\2", 20, 20, 0, 8 * deflate, 0, 33, *sizes, len(name), 0, 0, 0, 0, 0)
    return local, central + name


def zipped(*members: tuple[bytes, bytes]) -> bytes:
    """Put members together to a ZIP archive."""
    body, directory = b"", b""
    for local, central in members:
        directory += central[:42] + struct.pack("<I", len(body)) + central[42:]
        body += local
    end = struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(body), 0)
    return body + directory + end
