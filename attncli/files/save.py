"""Put results on the disk: whole or not at all, and over an existing file only on request."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from attncli.attend.types import is_own
from attncli.errors import InputError
from attncli.files.archive import joined
from attncli.files.contents import Named
from attncli.files.formats import ARCHIVES, DATA, Format, Holds, folder_of, is_address, of_output, of_suffix
from attncli.files.margins import UNSAID, Margins
from attncli.files.unfinished import room, scratch, unfinished, unfinished_folder, unfinished_store
from attncli.said import Said
from attncli.text import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray


def encoded(kind: Format, named: Named, margins: Margins = UNSAID) -> bytes:
    """Return results as a file of this format holds them.

    Args:
        kind: the format.
        named: the results.
        margins: what stands around the numbers of a table; by default it has both if anything has labels.

    Raises:
        InputError: the format cannot hold them.
    """
    file = io.BytesIO()
    write(kind, named, file, margins)
    return file.getvalue()


def write(kind: Format, named: Named, file: IO[bytes], margins: Margins = UNSAID) -> None:
    """Write results to a file that is open, piece by piece.

    Raises:
        InputError: the format cannot hold them; nothing has been written then.
    """
    if kind.holds is Holds.MATRIX:
        name, array = named.last
        array = array.reshape(array.shape[-2:]) if max(array.shape[:-2], default=1) == 1 else array
        if array.ndim > 2:
            more = ", ".join(each.name for each in DATA if each.holds is not Holds.MATRIX)
            raise InputError(
                f"{name} is {'×'.join(map(str, array.shape))}, and {kind.title} holds one matrix",
                hint=f"choose one with --head and --batch, or use {more}",
            )
        named = replace(named, arrays={name: array})
    with kind.codec() as codec:
        codec.write(named, file, **dict(kind.settings), **margins.settings_of(kind))


def check_target(path: str, force: bool) -> None:
    """Refuse before anything is computed what `save` would refuse afterwards.

    Raises:
        InputError: the file exists and ``force`` is off, its folder does not exist, or it is, or is spelled as, a
            folder itself.
    """
    target = Path(path)
    if is_address(path):
        raise InputError("is an address, and what is written are files of this machine", place=path)
    if os.path.basename(path) in ("", ".", ".."):  # noqa: PTH119  # Path() drops the slash that says so
        raise InputError("names a folder, not a file", place=path, hint=f"without the slash: {target}")
    if target.is_symlink() and _leads_nowhere(target):
        raise InputError("is a link that leads back to itself", place=path)
    kind = of_suffix(path)
    if target.is_dir() and (kind is None or folder_of(target) is not kind):
        meant = f"no {kind.title} store" if kind is not None and kind.is_folder else "not a file"
        raise InputError(f"is a directory, {meant}", place=path)
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
        InputError: as `check_target`, and whatever the system reports about the disk.
    """
    with saving(path, force) as file:
        file.write(data)


@contextmanager
def saving(path: str, force: bool) -> Iterator[IO[bytes]]:
    """Open a file to write as `save` does: it appears when all of it is written."""
    check_target(path, force)
    target = Path(os.path.realpath(path))
    with _saying(path):
        if not is_regular(path):
            with target.open("wb") as stream:  # a device or pipe; renaming would put a file in its place
                yield stream
            return
        with unfinished(target, force) as stream:
            yield stream


def save_results(
    kind: Format,
    path: str,
    named: Named,
    force: bool,
    margins: Margins = UNSAID,
    chunks: Sequence[int] | None = None,
) -> list[str]:
    """Write results in a format, whatever it is, as `save` does.

    Args:
        kind: the format.
        path: of the file, or of the folder if the format is one.
        named: the results.
        force: whether what is there is replaced.
        margins: what stands around the numbers of a table.
        chunks: the shape of chunks, for arrays with as many axes; other formats have none.

    Returns:
        Notices.

    Raises:
        InputError: as `save` and `write`.
    """
    if not kind.is_folder:
        with saving(path, force) as file:
            write(kind, named, file, margins)
        return []
    check_target(path, force)
    with _saying(path), unfinished_store(Path(os.path.realpath(path)), force) as folder, kind.codec() as codec:
        several: Mapping[str, tuple[int, ...]] = codec.write_folder(named, folder, chunks)
    return [
        Said("{name} is written in chunks of {shape}", name=name, shape="×".join(map(str, shape)))
        for name, shape in several.items()
    ]


@contextmanager
def mapped(
    kind: Format, path: str, shape: tuple[int, ...], dtype: np.dtype[Any], force: bool
) -> Iterator[NDArray[Any]]:
    """Open a file that is filled in place, and so may be larger than memory; it appears whole or not at all.

    Args:
        kind: a format that allows it.
        path: of the file.
        shape: of the array.
        dtype: of the array.
        force: whether an existing file is replaced.

    Raises:
        InputError: as `save`.
    """
    check_target(path, force)
    with _saying(path), unfinished(Path(path).resolve(), force) as stream:
        with kind.codec() as codec:
            codec.begin(stream, shape, dtype)
        array = room(stream, shape, dtype)
        yield array
        array.flush()


@contextmanager
def on_disk(path: str, shape: tuple[int, ...], dtype: np.dtype[Any], force: bool) -> Iterator[NDArray[Any]]:
    """Yield an array on the disk of an output, to be filled in place and then written to it, and so as `mapped`."""
    check_target(path, force)
    with _saying(path), scratch(Path(os.path.realpath(path)).parent, shape, dtype) as array:
        yield array


def is_regular(path: str) -> bool:
    """Tell whether a path is, or will be, a regular file, which can be mapped."""
    target = Path(path)
    return not target.exists() or stat.S_ISREG(target.stat().st_mode)


def check_problems(path: str, force: bool) -> None:
    """Refuse before anything is computed what `save_problems` would refuse afterwards.

    Raises:
        InputError: as `check_target`, or the format cannot hold several problems.
    """
    if not path:
        raise InputError("the name of the output is empty")
    if path == "-":
        raise InputError("a recording is a file; standard output gets the list of what is in it", hint="give -o FILE")
    # A folder that is named as a file is a slip of the hand, unless it is there.
    if not _is_folder(path) or (of_suffix(path) and not Path(path).exists()):
        of_output(path, ARCHIVES)
        check_target(path, force)
        if not is_regular(path) and not Path(path).is_dir():
            raise InputError("is not a regular file", place=path)
    elif not Path(path).absolute().parent.is_dir():
        raise InputError("its folder does not exist", place=path, hint=f"mkdir -p {Path(path).parent}")
    elif Path(path).exists() and not Path(path).is_dir():
        raise InputError("is a file, not a folder", place=path)


def _is_folder(path: str) -> bool:
    return path.endswith(("/", os.sep)) or (Path(path).is_dir() and folder_of(Path(path)) is None)


def save_problems(path: str, problems: Mapping[str, Named], force: bool) -> list[str]:
    """Write several problems, all of them or none.

    Args:
        path: one archive, which holds each problem under its name (the only one needs none); or a folder (one that
            exists, or a name that ends in a slash), which gets a file for each, in the first format that holds all
            types of numbers there are.
        problems: by name.
        force: whether existing files are replaced.

    Returns:
        Notices.

    Raises:
        InputError: as `check_problems`, and whatever the system reports about the disk.
    """
    check_problems(path, force)
    narrow = {
        array.dtype.name for each in problems.values() for array in each.arrays.values() if not is_own(array.dtype)
    }
    exact = [kind for kind in ARCHIVES if kind.every_type or not narrow]
    if _is_folder(path):
        _save_each(path, problems, exact[0], force)
        return []
    kind = of_output(path, ARCHIVES)
    notices = save_results(kind, path, joined(problems), force)
    if kind in exact:
        return notices
    lost = Said(
        "{format} has no {types}: the same numbers are float32 there; {suffix} keeps them",
        format=kind.title,
        types=listed(sorted(narrow), "or"),
        suffix=exact[0].suffix,
    )
    return [*notices, lost]


def _save_each(path: str, problems: Mapping[str, Named], kind: Format, force: bool) -> None:
    """Write one file per problem: all of them to a temporary folder first, and then each to its place."""
    folder = Path(path)
    targets = {case: folder / f"{case}{kind.suffix}" for case in problems}
    exists = folder.is_dir()
    for target in targets.values() if exists else ():
        check_target(str(target), force)
    # In the folder itself if it exists: it may be on another disk than its parent.
    near = folder if exists else folder.absolute().parent
    with _saying(path), unfinished_folder(near) as made:
        for case, each in problems.items():
            with (made / targets[case].name).open("wb") as stream:
                write(kind, each, stream)
        folder.mkdir(exist_ok=True)
        for target in targets.values():
            (made / target.name).replace(target)


@contextmanager
def _saying(path: str) -> Iterator[None]:
    """Turn what the system reports about a disk into an error about this file."""
    try:
        yield
    except FileExistsError:
        raise InputError("exists already", place=path, hint="--force writes over it") from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", place=path) from None
    except InputError as error:
        error.place = error.place or path
        raise
