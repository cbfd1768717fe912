"""Where a Zarr store lies: a folder, a ZIP archive, or an address that fsspec understands."""

from __future__ import annotations

import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from attncli.errors import InputError
from attncli.files.broken import broken
from attncli.files.formats import is_address
from attncli.files.json import decode
from attncli.files.npz import broken_archive, check_bomb

# What is said of whatever a system of files raises.
REMOTE = "cannot be read"
MOST_HEADER = 1 << 24  # bytes of one piece of metadata; labels of a million tokens take fewer


class Place(ABC):
    """Where a store lies. Keys are paths below it with slashes between their parts; that of the store itself is ""."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return what lies at a key, or None if there is nothing.

        Raises:
            InputError: it is no regular file, or longer than any metadata.
        """

    @abstractmethod
    def folders(self, key: str) -> Sequence[str]:
        """Return the names of what may be arrays and groups below a key, sorted."""

    @abstractmethod
    def store(self) -> Any:
        """Return the store as the library zarr takes it, to read only."""

    def check(self, key: str) -> None:  # noqa: B027  # only a folder can hold what leads elsewhere
        """Refuse an array of which a part lies elsewhere.

        Raises:
            InputError: with the first such part.
        """

    def header(self, key: str, name: str) -> dict[str, Any] | None:
        """Return the metadata of this name at a key, or None if there are none.

        Raises:
            InputError: they are broken.
        """
        full = below(key, name)
        data = self.read(full)
        if data is None:
            return None
        try:
            found = decode(data.decode())
        except ValueError:
            raise InputError(f"{full} is broken: it is not JSON") from None
        if not isinstance(found, dict):
            raise InputError(f"{full} is broken: it is not an object")
        return found


def below(key: str, name: str) -> str:
    """Return the key of what has this name below another key.

    >>> below("decoder", "3"), below("", "zarr.json")
    ('decoder/3', 'zarr.json')
    """
    return f"{key}/{name}" if key else name


def place_of(path: Path | str) -> Place:
    """Return where a store lies.

    Args:
        path: of a folder or a ZIP archive, or an address.
    """
    if is_address(str(path)):
        return _Address(str(path))
    return _Zipped(Path(path)) if Path(path).is_file() else _Folder(Path(path))


@dataclass(frozen=True)
class _Folder(Place):
    """A folder of this machine. Links in it are not followed: whoever wrote it does not choose what else is read."""

    path: Path

    def read(self, key: str) -> bytes | None:
        path = self.path / key
        try:
            # Neither a link nor a pipe, which would never end.
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if path.is_symlink():
                raise _elsewhere(key) from None
            raise InputError(f"{key} cannot be read: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as stream:
            return _checked(stream.read(MOST_HEADER + 1), key)

    def folders(self, key: str) -> Sequence[str]:
        with os.scandir(self.path / key) as entries:
            found = [each for each in entries if each.is_dir() and not each.name.startswith(".")]
        if link := next((each.name for each in found if each.is_symlink()), None):
            raise _elsewhere(below(key, link))
        return sorted(each.name for each in found)

    def check(self, key: str) -> None:
        waiting = [self.path / key]
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for each in entries:
                    if each.is_symlink() or not (each.is_dir() or each.is_file()):
                        raise _elsewhere(Path(each.path).relative_to(self.path).as_posix())
                    if each.is_dir():
                        waiting.append(Path(each.path))

    def store(self) -> Any:
        from zarr.storage import LocalStore

        return LocalStore(self.path, read_only=True)


@dataclass(frozen=True)
class _Zipped(Place):
    """A store in a ZIP archive."""

    path: Path

    @cached_property
    def _members(self) -> dict[str, zipfile.ZipInfo]:
        with broken_archive(), zipfile.ZipFile(self.path) as archive:
            check_bomb(archive.infolist(), self.path.stat().st_size)
            return {each.filename: each for each in archive.infolist() if not each.is_dir()}

    def read(self, key: str) -> bytes | None:
        if key not in self._members:
            return None
        with broken_archive(), zipfile.ZipFile(self.path) as archive, archive.open(key) as stream:
            return _checked(stream.read(MOST_HEADER + 1), key)

    def folders(self, key: str) -> Sequence[str]:
        start = f"{key}/" if key else ""
        below = (name.removeprefix(start).split("/") for name in self._members if name.startswith(start))
        return sorted({parts[0] for parts in below if len(parts) > 1})

    def store(self) -> Any:
        from zarr.storage import ZipStore

        return ZipStore(self.path, mode="r", read_only=True)


@dataclass(frozen=True)
class _Address(Place):
    """An address such as ``s3://bucket/x.zarr``, by what the user has installed for it."""

    url: str

    @cached_property
    def _system(self) -> tuple[Any, str]:
        import fsspec

        try:
            system, path = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{self.url.partition(':')[0]} addresses are not understood here", hint=str(error)
            ) from None
        return system, path.rstrip("/")

    def read(self, key: str) -> bytes | None:
        system, root = self._system
        with broken(REMOTE):
            try:
                return _checked(system.cat_file(f"{root}/{key}", 0, MOST_HEADER + 1), key)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def folders(self, key: str) -> Sequence[str]:
        system, root = self._system
        with broken(REMOTE):
            try:
                found = system.ls(f"{root}/{key}".rstrip("/"), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        names = (each["name"].rstrip("/").rpartition("/")[2] for each in found if each["type"] == "directory")
        return sorted(name for name in names if not name.startswith("."))

    def store(self) -> Any:
        from zarr.storage import FsspecStore

        _ = self._system  # says what is missing
        return FsspecStore.from_url(self.url, read_only=True)


def _elsewhere(key: str) -> InputError:
    return InputError(f"{key} is a link or a device, and of a store only files and folders are read")


def _checked(data: bytes, key: str) -> bytes:
    if len(data) > MOST_HEADER:
        raise InputError(f"{key} has more than {MOST_HEADER} bytes, which no metadata has")
    return data
