"""The files in which models keep their weights, under whatever names: one file, an index of several, or a folder."""

from __future__ import annotations

import stat
from pathlib import Path

from attncli.errors import InputError
from attncli.files.contents import Tensors
from attncli.files.formats import OF_WEIGHTS, Format, folder_of, is_address, is_index
from attncli.files.open import STDIN, at_address, file_of, kind_of, naming
from attncli.text import listed

# What a folder may hold, in the order in which it is looked for: an index says where everything is.
IN_FOLDERS = ("*.safetensors.index.json", "*.safetensors")


def tensors(path: str) -> Tensors:
    """Open a file of tensors, of which none is read before it is asked for.

    Args:
        path: of a safetensors, NPZ or HDF5 file, of a Zarr store or its address, of an index of safetensors files, or
            of a folder that holds such files or an index; or a sample.

    Raises:
        InputError: with the file and the fix, whatever is wrong with it.
    """
    with naming(path):
        if path == STDIN:
            raise InputError("is a stream, and of a layer only parts are read", hint="save it as a file first")
        if is_address(path):
            return _tensors(at_address(path), path)
        file = file_of(path)
        if (folder := folder_of(file)) is not None:
            return _tensors(folder, file)
        file = _in_folder(file)
        if not stat.S_ISREG(file.stat().st_mode):
            raise InputError("is not a regular file, and of a layer only parts are read")
        if is_index(file.name):
            from attncli.files import shards

            return shards.tensors(file)
        kind = kind_of(file, path)
        if kind not in OF_WEIGHTS:
            read = listed(each.title for each in OF_WEIGHTS)
            raise InputError(f"is {kind.title}; the weights of a layer are read from {read} files")
        return _tensors(kind, file)


def _tensors(kind: Format, path: Path | str) -> Tensors:
    with kind.codec() as codec:
        found: Tensors = codec.tensors(path)
        return found


def _in_folder(path: Path) -> Path:
    """Return the file that holds the weights in a folder, or else the path itself."""
    if not stat.S_ISDIR(path.stat().st_mode):
        return path
    for pattern in IN_FOLDERS:
        found = sorted(path.glob(pattern))
        if len(found) > 1:
            raise InputError(f"holds {len(found)} files of weights", hint=f"give one of them, such as {found[0]}")
        if found:
            return found[0]
    raise InputError("is a folder without a safetensors file")
