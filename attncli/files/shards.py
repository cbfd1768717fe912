"""A checkpoint in several files: an index in JSON names the file of each tensor, in the folder of the index.

Source: https://huggingface.co/docs/transformers/big_models (sharded checkpoints).
"""

from __future__ import annotations

import json
import stat
from functools import cache
from pathlib import Path

from attncli.errors import InputError
from attncli.files.archive import Entries, contents
from attncli.files.contents import Contents, Matrix, Named, Tensors
from attncli.files.formats import FORMATS

SHARD = FORMATS["safetensors"]
MOST_INDEX = 1 << 27  # bytes; a million tensors take fewer


def read_path(path: Path, only: str | None = None) -> Contents:
    """Read the index; of the files that it names, those alone are opened that hold what is asked for."""
    found = tensors(path)

    def named(entries: Entries) -> Named:
        return Named({meant: found.array(name) for name, meant in entries.items()})

    return contents(found.names, named, lambda name: Matrix(found.array(name)), found.entry, only)


def tensors(path: Path) -> Tensors:
    """Read the index; a file that it names is opened when a tensor in it is asked for.

    Raises:
        InputError: it is no index, or it names something else than a safetensors file in its own folder.
    """
    file_of = _index(path)

    @cache
    def shard(file: str) -> Tensors:
        return _shard(path.parent / file, file)

    def holder(name: str) -> Tensors:
        held = shard(file_of[name])
        if name not in held.names:
            raise InputError(f"{name} is not in {file_of[name]}, as the index says")
        return held

    return Tensors(file_of.keys(), lambda name: holder(name).entry(name), lambda name: holder(name).array(name))


def _index(path: Path) -> dict[str, str]:
    """Return the name of the file that holds each tensor."""
    if path.stat().st_size > MOST_INDEX:
        raise InputError(f"takes {path.stat().st_size} bytes; at most {MOST_INDEX} are read of an index")
    try:
        files = json.loads(path.read_bytes())["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError):
        files = None
    if not isinstance(files, dict) or not all(isinstance(file, str) for file in files.values()):
        raise InputError("is not an index of tensors: it has no weight_map from names to files")
    for file in dict.fromkeys(files.values()):
        # Whoever wrote the index does not choose which other files of this machine are opened.
        if {"/", "\\", ":", "\0"} & set(file) or not file.endswith(SHARD.suffix):
            raise InputError(f"names {file!r}, which is no safetensors file in its own folder")
    return files


def _shard(path: Path, name: str) -> Tensors:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{name} is not a regular file")
        with path.open("rb") as stream:
            head = stream.read(64)
    except FileNotFoundError:
        raise InputError(f"{name}, which the index names, is not there") from None
    if SHARD.recognise is None or not SHARD.recognise(head):
        raise InputError(f"{name} is not a safetensors file")
    try:
        with SHARD.codec() as codec:
            found: Tensors = codec.tensors(path)
            return found
    except InputError as error:
        error.place = name
        raise
