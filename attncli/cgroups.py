"""What the control groups of this process leave it of their memory: the limit of a container is seen nowhere else.

Sources: Linux, *Control Group v2*, "Memory Interface Files", and *Memory Resource Controller* (version 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class Version(NamedTuple):
    """What the files of a version of control groups are called.

    Attributes:
        limits: each holds a number of bytes, or a word that there is no limit.
        used: what all processes of a group take, files that are cached included.
        cached: the entries of ``memory.stat`` that the system gives back where it runs short.
    """

    limits: tuple[str, ...]
    used: str
    cached: tuple[str, ...]


ONE = Version(("memory.limit_in_bytes",), "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))
TWO = Version(("memory.max", "memory.high"), "memory.current", ("inactive_file", "active_file"))


def left(process: Path = Path("/proc/self")) -> Iterator[int]:
    """Yield what each limit leaves, of the group of a process and of all groups that this one is in.

    Args:
        process: its folder in /proc.
    """
    for version, folder, top in _groups(process):
        for each in (folder, *folder.parents):
            yield from _left(version, each)
            if each == top:
                break


def _groups(process: Path) -> Iterator[tuple[Version, Path, Path]]:
    """Yield the memory groups of a process: their version, their folder, and the uppermost folder that is seen here."""
    names = {}
    for line in _lines(process / "cgroup"):
        _, controllers, name = line.split(":", 2)
        if not controllers:
            names[TWO] = name
        elif "memory" in controllers.split(","):
            names[ONE] = name
    for line in _lines(process / "mountinfo"):
        before, _, after = line.partition(" - ")
        root, top = before.split()[3:5]
        kind, _, options = after.split()[:3]
        version = TWO if kind == "cgroup2" else ONE if kind == "cgroup" and "memory" in options.split(",") else None
        if version in names:
            yield version, _folder(Path(top), names[version], root), Path(top)


def _folder(top: Path, name: str, root: str) -> Path:
    """Return the folder of a group; a container that is shown only its own group has it as the uppermost one."""
    inner = PurePosixPath(name)
    if not inner.is_relative_to(root) or ".." in inner.parts:
        return top
    return top / inner.relative_to(root)


def _left(version: Version, group: Path) -> Iterator[int]:
    used = _number(group / version.used)
    if used is None:
        return
    for name in version.limits:
        limit = _number(group / name)
        if limit is not None:
            yield limit - max(0, used - _cached(version, group))


def _cached(version: Version, group: Path) -> int:
    entries = dict(line.split()[:2] for line in _lines(group / "memory.stat"))
    return sum(int(entries.get(name, 0)) for name in version.cached)


def _number(file: Path) -> int | None:
    text = "".join(_lines(file))
    return int(text) if text.isdigit() else None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # another system, or not for us to see
        return []
