"""Files that are being written: they get their name when they are whole, and leave nothing if they never are.

Where the system can, such a file has no name at all until then, so that nothing is left even of a process that is
killed. Elsewhere it has a name of its own and is locked; what a dead process left is not locked any more, and the next
one that writes into the folder removes it.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from attncli.files.maps import check_unchanged
from attncli.signals import Undoing

if TYPE_CHECKING:
    from numpy.typing import NDArray

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME, RANDOM = ".attn-{}.part", 8
OURS = re.compile(re.escape(NAME).replace(r"\{\}", f"[0-9a-f]{{{2 * RANDOM}}}"))
# Seconds that a file is left alone: another process may have created it just now, and not yet locked it.
YOUNG = 60


@contextmanager
def unfinished(target: Path, force: bool) -> Iterator[IO[bytes]]:
    """Open a file to write, which becomes the target when the block ends without an error.

    Args:
        target: its path, without links.
        force: whether it takes the place of an existing file.

    Raises:
        FileExistsError: the target exists by now, and ``force`` is off.
        InputError: an input has changed meanwhile.
    """
    with _opened(target.parent) as (stream, part):
        yield stream
        check_unchanged()
        stream.flush()
        if not part.exists():
            give_name(stream, part)
        part.chmod(_mode(target))
        if fcntl is None:
            stream.close()  # Windows renames no file that is open
        part.replace(target) if force else _create(part, target)


@contextmanager
def unfinished_folder(near: Path) -> Iterator[Path]:
    """Create a folder for files that are moved to their places when all of them are whole; it is removed afterwards."""
    with _part(near) as part:
        part.mkdir()
        descriptor = os.open(part, os.O_RDONLY) if fcntl else None
        try:
            if descriptor is not None:
                _lock(descriptor)
            yield part
        finally:
            if descriptor is not None:
                os.close(descriptor)


@contextmanager
def unfinished_store(target: Path, force: bool) -> Iterator[Path]:
    """Yield the path of a folder to make, which becomes the target when the block ends without an error.

    Args:
        target: its path, without links.
        force: whether it takes the place of what is there.

    Raises:
        FileExistsError: the target exists by now, and ``force`` is off.
        InputError: an input has changed meanwhile.
    """
    with unfinished_folder(target.parent) as part:
        made, old = part / "made", part / "old"
        yield made
        check_unchanged()
        if target.exists() and not force:
            raise FileExistsError(target)
        # No system puts a folder in the place of one that holds something: for a moment there is neither.
        with Undoing(partial(_restore, old, target)):
            try:
                if target.exists():
                    target.rename(old)
                made.rename(target)
            except OSError:
                _restore(old, target)
                raise


@contextmanager
def scratch(near: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Yield an array in a file of its own in a folder, which is gone afterwards; it may be larger than memory."""
    with _opened(near) as (stream, _):
        yield room(stream, shape, dtype)


def room(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.memmap[Any, Any]:
    """Map an array behind what is written in a file already.

    Raises:
        OSError: the disk has no room for it: if it were full later, writing to the map would kill the program.
    """
    start = stream.tell()
    stream.flush()
    size = start + math.prod(shape) * dtype.itemsize
    os.posix_fallocate(stream.fileno(), 0, size) if hasattr(os, "posix_fallocate") else stream.truncate(size)
    return np.memmap(stream, dtype, "r+", start, shape)


def _restore(old: Path, target: Path) -> None:
    """Put back what was moved away, if nothing has taken its place."""
    if old.exists() and not target.exists():
        old.rename(target)


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a file to write, without a name where the system can; yield it, and the path that it has or may be given."""
    with _part(folder) as part:
        nameless = _nameless(folder)
        with part.open("x+b") if nameless is None else os.fdopen(nameless, "w+b") as stream:
            _lock(stream.fileno())
            yield stream, part


@contextmanager
def _part(folder: Path) -> Iterator[Path]:
    """Yield a path at which there is nothing yet, and see to it that there is nothing afterwards."""
    _remove_left(folder)
    part = folder / NAME.format(os.urandom(RANDOM).hex())
    remove = partial(_remove, part)
    with Undoing(remove):
        try:
            yield part
        finally:
            remove()


def _nameless(folder: Path) -> int | None:
    """Open a file without a name; None if the system, or the disk, has no such thing, or could not name it later."""
    if not hasattr(os, "O_TMPFILE"):
        return None
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError:
        return None
    if Path(_handle(descriptor)).exists():
        return descriptor
    os.close(descriptor)
    return None


def _handle(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def give_name(stream: IO[bytes], path: Path) -> None:
    """Give a name to a file that has none, or to a copy of it on a disk that cannot do that."""
    try:
        # Only with a descriptor of a folder, which is not used, does Python follow the link to the file.
        os.link(_handle(stream.fileno()), path, src_dir_fd=stream.fileno())
    except OSError:
        stream.seek(0)
        with path.open("xb") as copy:
            shutil.copyfileobj(stream, copy)


def _lock(descriptor: int) -> bool:
    """Lock a file for as long as it is open; return whether that could be done."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has locked it, or the disk knows no locks
        return False
    return True


def _remove_left(folder: Path) -> None:
    """Remove what dead processes left in a folder: what has such a name, belongs to this user and is not locked."""
    with suppress(OSError), os.scandir(folder) as entries:
        for each in entries:
            if OURS.fullmatch(each.name) and _is_left(each):
                _remove(Path(each.path))


def _is_left(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        found = entry.stat(follow_symlinks=False)
        kind = stat.S_IFMT(found.st_mode)
        own = found.st_uid == os.geteuid() and kind in (stat.S_IFREG, stat.S_IFDIR)
        if own and time.time() - found.st_mtime > YOUNG:
            # On NFS only what is open for writing can be locked.
            descriptor = os.open(entry.path, (os.O_RDWR if kind == stat.S_IFREG else os.O_RDONLY) | os.O_NOFOLLOW)
            try:
                return _lock(descriptor)
            finally:
                os.close(descriptor)
    return False


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def _create(written: Path, target: Path) -> None:
    """Give the file its name; unlike a rename, a link fails if that name exists by now."""
    try:
        target.hardlink_to(written)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(target) from None
        written.replace(target)


def _mode(target: Path) -> int:
    """Return the permissions of the file, or those that a new one would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
