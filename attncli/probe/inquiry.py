"""Find the problems of a probe among those that are checked, and answer its questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attncli.check.deadline import SECONDS
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.probe.marker import ENTRY
from attncli.probe.replies import Reply, replies
from attncli.problem.assemble import assemble
from attncli.problem.opened import Opened


def is_probe(problems: Sequence[Sequence[Opened]]) -> bool:
    """Tell whether these problems are those of a probe.

    Raises:
        InputError: some are and others are not.
    """
    marked = [
        any(isinstance(each.contents, Named) and ENTRY in each.contents.texts for each in files) for files in problems
    ]
    if any(marked) and not all(marked):
        other = next(files[0] for files, found in zip(problems, marked, strict=True) if not found)
        raise InputError("is no problem of a probe", place=other.place, hint="check it alone")
    return bool(marked) and all(marked)


def name_of(problems: Sequence[Sequence[Opened]]) -> str:
    """Return the files, without the names of the problems in them."""
    return ", ".join(dict.fromkeys(_file(each)[0] for files in problems for each in files))


def _file(opened: Opened) -> tuple[str, str]:
    """Return a file and the name of the problem in it, if it holds several."""
    file, colon, name = opened.place.rpartition(":")
    return (file, name) if colon else (opened.place, "")


def answers(
    problems: Sequence[Sequence[Opened]],
    *,
    diagnose: bool = True,
    seconds: float = SECONDS,
    progress: Callable[[float], None] | None = None,
) -> list[Reply]:
    """Return the answers to the questions of a probe, each problem in so many seconds.

    Raises:
        InputError: no output has been filled in, or a problem is not what `attn probe` wrote.
    """
    found = {}
    for files in problems:
        problem = assemble(files, {}, {})
        found[_file(files[0])[1] or problem.place] = problem
    if not any("expected" in each.arrays for each in found.values()):
        hint = "save what your program makes of each problem as NAME.expected; attn help python has the lines"
        raise InputError("no problem has an output yet", place=name_of(problems), hint=hint)
    return replies(found, diagnose=diagnose, seconds=seconds, progress=progress)
