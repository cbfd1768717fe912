"""Files that have been read, each once: what `attncli.problem.assemble` makes problems of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attncli.errors import InputError
from attncli.files.contents import Cases, Contents, Matrix
from attncli.files.margins import UNSAID, Margins
from attncli.files.open import read, shown, split_name


@dataclass(frozen=True)
class Opened:
    """A file that has been read, or one of several problems in it.

    Attributes:
        given: the argument that names it, or would name this problem alone; empty if it comes from no file.
        contents: what it holds, or why it cannot be read.
    """

    given: str
    contents: Contents | InputError

    @classmethod
    def file(cls, given: str, margins: Margins = UNSAID) -> Opened:
        """Read a file. Do so only once: standard input cannot be read again."""
        try:
            return cls(given, read(given, margins))
        except InputError as error:
            return cls(given, error)

    @property
    def place(self) -> str:
        """Its name in messages."""
        return shown(self.given)


def of_flag(file: str, margins: Margins) -> Opened:
    """Read the file of a flag, or the numbers that stand in its place."""
    return Opened(file, read(file, margins, lists=True))


def separate(files: Sequence[str], margins: Margins = UNSAID) -> list[Sequence[Opened]]:
    """Split files into problems: every problem in every file, or all files together if one of them is a matrix.

    A file that cannot be read counts as a problem; `assemble` reports what is wrong with it.
    """
    check_stdin(files)
    found = [each for file in files for each in each_problem(Opened.file(file, margins))]
    if any(isinstance(each.contents, Matrix) for each in found):
        return [found]
    return [[each] for each in found] or [[]]


def each_problem(opened: Opened) -> list[Opened]:
    """Return the problems in a file, or the file itself if it holds only one or a matrix."""
    if not isinstance(opened.contents, Cases):
        return [opened]
    return [Opened(f"{opened.given}:{name}", named) for name, named in opened.contents.named.items()]


def check_stdin(files: Sequence[str]) -> None:
    """Refuse standard input twice.

    Raises:
        InputError: it is given more than once.
    """
    if sum(split_name(file)[0] == "-" for file in files) > 1:
        raise InputError("standard input can be read only once", place="-")
