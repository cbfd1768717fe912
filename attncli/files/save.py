"""Put results on the disk: whole or not at all, and never over what is there unless that is wanted."""

from __future__ import annotations

import errno
import math
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.types import is_own
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.write import SEVERAL, format_of, npz_members, tensors_and_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray


def check_target(path: str, force: bool) -> None:
    """Refuse early what `save` would refuse late, before anything is computed.

    Raises:
        InputError: the file exists and ``force`` is off, its folder does not, or it is a folder itself.
    """
    target = Path(path)
    if target.is_symlink() and _leads_nowhere(target):
        raise InputError("is a link that leads back to itself", place=path)
    if target.is_dir():
        raise InputError("is a directory, not a file", place=path)
    if target.exists() and not force:
        raise InputError("exists already", place=path, hint="--force writes over it")
    if not target.parent.is_dir():
        raise InputError("its folder does not exist", place=path, hint=f"mkdir -p {target.parent}")


def _leads_nowhere(link: Path) -> bool:
    try:
        link.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def save(path: str, data: bytes, force: bool) -> None:
    """Write a file whole or not at all, and never over an existing one without ``force``.

    Raises:
        InputError: as `check_target`, and whatever the system says of the disk.
    """
    check_target(path, force)
    with _saying(path):
        _replace(Path(os.path.realpath(path)), data, force)


@contextmanager
def mapped(path: str, shape: tuple[int, ...], dtype: np.dtype[Any], force: bool) -> Iterator[NDArray[Any]]:
    """Open an NPY file that is filled in place, and so may be larger than memory; it appears whole or not at all.

    Raises:
        InputError: as `save`.
    """
    check_target(path, force)
    with _saying(path), _written(Path(path).resolve(), force) as file:
        with file.open("r+b") as stream:
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            start = stream.tell()
            stream.flush()
            # Room is taken now: a disk that is full later would kill the program while it writes to memory.
            size = start + math.prod(shape) * dtype.itemsize
            os.posix_fallocate(stream.fileno(), 0, size) if hasattr(os, "posix_fallocate") else stream.truncate(size)
        array = np.memmap(file, dtype, "r+", start, shape)
        yield array
        array.flush()


def is_plain(path: str) -> bool:
    """Tell whether a path is, or will be, an ordinary file, which can be mapped."""
    target = Path(path)
    return not target.exists() or stat.S_ISREG(target.stat().st_mode)


def check_problems(path: str, force: bool) -> None:
    """Refuse early what `save_problems` would refuse late.

    Raises:
        InputError: as `check_target`, or the extension is no archive's.
    """
    if not path:
        raise InputError("the name of the output is empty")
    if not _is_folder(path):
        format_of(path, SEVERAL)
        check_target(path, force)
        if not is_plain(path):
            raise InputError("is no ordinary file", place=path)
    elif not Path(path).absolute().parent.is_dir():
        raise InputError("its folder does not exist", place=path, hint=f"mkdir -p {Path(path).parent}")
    elif Path(path).exists() and not Path(path).is_dir():
        raise InputError("is a file, not a folder", place=path)


def _is_folder(path: str) -> bool:
    return path.endswith(("/", os.sep)) or Path(path).is_dir()


def save_problems(path: str, problems: Mapping[str, Named], force: bool) -> list[str]:
    """Write several problems, all of them or none.

    Args:
        path: one archive, in which each problem stands under its name (one alone needs none); or a folder (one that
            exists, or a name that ends in a slash), in which each gets a file: safetensors if it holds a type that
            NPZ has not, such as bfloat16, and else NPZ.
        problems: by name.
        force: whether files that exist are written over.

    Returns:
        What people should know.

    Raises:
        InputError: as `check_problems`, and whatever the system says of the disk.
    """
    check_problems(path, force)
    narrow = {
        array.dtype.name for each in problems.values() for array in each.arrays.values() if not is_own(array.dtype)
    }
    if _is_folder(path):
        _save_each(path, problems, "safetensors" if narrow else "npz", force)
        return []
    kind = format_of(path, SEVERAL)
    before = {case: "" if len(problems) == 1 else f"{case}." for case in problems}
    with _saying(path), _written(Path(os.path.realpath(path)), force) as file:
        _fill(file, kind, [(before[case], each) for case, each in problems.items()])
    lost = f"NPZ has no {' or '.join(sorted(narrow))}: the same numbers are float32 there; .safetensors keeps them"
    return [lost] if narrow and kind == "npz" else []


def _save_each(path: str, problems: Mapping[str, Named], kind: str, force: bool) -> None:
    """Write a file a problem: all of them elsewhere first, and then each to its place."""
    folder = Path(path)
    targets = {case: folder / f"{case}.{kind}" for case in problems}
    exists = folder.is_dir()
    for target in targets.values() if exists else ():
        check_target(str(target), force)
    # In the folder itself where there is one: it may be another disk than its parent.
    near = folder if exists else folder.absolute().parent
    with _saying(path), tempfile.TemporaryDirectory(dir=near, prefix=".attn-") as made:
        for case, each in problems.items():
            _fill(Path(made) / targets[case].name, kind, [("", each)])
        folder.mkdir(exist_ok=True)
        for target in targets.values():
            (Path(made) / target.name).replace(target)


def _fill(file: Path, kind: str, problems: Sequence[tuple[str, Named]]) -> None:
    """Write problems into a file, each name with what stands before it."""
    if kind == "npz":
        members = {before + name: a for before, each in problems for name, a in npz_members(each).items()}
        with file.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **members)
        return
    from attncli.files.safetensors import LENGTH, in_order, library

    both = [tensors_and_texts(each, before) for before, each in problems]
    arrays = {name: array for tensors, _ in both for name, array in tensors.items()}
    package = library()
    try:
        package.numpy.save_file(arrays, file, {name: text for _, said in both for name, text in said.items()})
    except package.SafetensorError as error:
        raise InputError(f"cannot be written: {error}") from None
    with file.open("r+b") as stream:
        length = stream.read(LENGTH)
        start = length + stream.read(int.from_bytes(length, "little"))
        stream.seek(0)
        stream.write(in_order(start))


def _replace(target: Path, data: bytes, force: bool) -> None:
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        target.write_bytes(data)  # a device or pipe is written to; a rename would put a file in its place
        return
    with _written(target, force) as file:
        file.write_bytes(data)


@contextmanager
def _written(target: Path, force: bool) -> Iterator[Path]:
    """Yield a file to be written, which takes the place of the target when all of it has been."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".attn-")
    os.close(descriptor)
    try:
        yield Path(name)
        Path(name).chmod(_mode(target))
        Path(name).replace(target) if force else _create(Path(name), target)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _saying(path: str) -> Iterator[None]:
    """Turn what the system says of a disk into an error about this file."""
    try:
        yield
    except FileExistsError:
        raise InputError("exists already", place=path, hint="--force writes over it") from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", place=path) from None
    except InputError as error:
        error.place = error.place or path
        raise


def _create(written: Path, target: Path) -> None:
    """Give the file its name; unlike a rename, a link fails if that name has come to exist meanwhile."""
    try:
        target.hardlink_to(written)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(target) from None
        written.replace(target)


def _mode(target: Path) -> int:
    """Return the permissions that the file has, or that a new one would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
