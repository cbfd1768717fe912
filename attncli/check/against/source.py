"""Read a dump: the problems of files and of folders, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attncli.errors import InputError
from attncli.files import archive
from attncli.files.contents import Matrix, Named
from attncli.files.formats import READ, folder_of, is_index, of_suffix
from attncli.files.margins import UNSAID, Margins
from attncli.files.open import file_of, naming
from attncli.problem.opened import Opened, each_problem, separate

# More files than this are not one dump.
MOST_FILES = 20_000
Dump = Mapping[str, Sequence[Opened]]


def dump(given: Sequence[str], margins: Margins = UNSAID) -> dict[str, Sequence[Opened]]:
    """Return the problems of a dump by name, in order; the only one of all has the name "".

    Args:
        given: files and folders, as on the command line.
        margins: what stands around the numbers of tables.

    Raises:
        InputError: a file cannot be read, or a folder holds nothing that is.
    """
    found: dict[str, Sequence[Opened]] = {}
    plain = [each for each in given if not _is_folder(each)]
    problems = separate(plain, margins) if plain else []
    for files in problems:
        found[_unused(_name(files, alone=len(problems) == 1), found)] = files
    for each in given:
        if each not in plain:
            found |= {_unused(name, found): [opened] for name, opened in _folder(each, margins).items()}
    for files in found.values():
        for opened in files:
            if isinstance(opened.contents, InputError):
                raise opened.contents
    return found


def _is_folder(given: str) -> bool:
    try:
        return Path(given).is_dir() and folder_of(Path(given)) is None
    except (OSError, ValueError):  # the name is too long, or contains a NUL
        return False


def _name(files: Sequence[Opened], *, alone: bool) -> str:
    """Return the name of a problem: what stands behind its file, or that of the file, unless there is no other."""
    _, colon, name = files[0].given.rpartition(":") if files else ("", "", "")
    if colon and name and not isinstance(files[0].contents, Matrix):
        return name
    return "" if alone or not files else Path(files[0].given).stem


def _unused(name: str, found: Mapping[str, object]) -> str:
    others = (f"{name}#{number}" for number in range(2, len(found) + 3))
    return name if name not in found else next(each for each in others if each not in found)


def _folder(given: str, margins: Margins) -> dict[str, Opened]:
    """Return the problems of a folder: those of an index or of its files; arrays alone are put together by their names.

    Raises:
        InputError: there is none, or a file cannot be read.
    """
    with naming(given):
        files = sorted(each for each in file_of(given).rglob("*") if each.is_file())[: MOST_FILES + 1]
    if len(files) > MOST_FILES:
        raise InputError(f"holds more than {MOST_FILES} files", place=given)
    indexes = [each for each in files if is_index(each.name)]
    read = indexes or [each for each in files if of_suffix(each.name) in READ]
    found: dict[str, Opened] = {}
    loose: dict[str, Matrix] = {}
    for file in read:
        opened = Opened.file(str(file), margins)
        name = ".".join(file.relative_to(given).with_suffix("").parts)
        if isinstance(opened.contents, InputError):
            raise opened.contents
        if isinstance(opened.contents, Matrix):
            loose[name] = opened.contents
            continue
        several = each_problem(opened)
        for each in several:
            own = each.given.removeprefix(f"{file}:") if len(several) > 1 else name
            found[own if own not in found else f"{name}.{own}"] = each
    found |= _together(given, loose)
    if not found:
        raise InputError("is a folder without a file that is read here", place=given)
    return found


def _together(given: str, loose: Mapping[str, Matrix]) -> dict[str, Opened]:
    """Return the problems that arrays make which are a file each, named as the entries of an archive are."""
    if not loose:
        return {}
    with naming(given):
        problems = archive.problems(loose)
    found = {}
    for case, entries in problems.items():
        named = Named({meant: loose[name].array for name, meant in entries.items()})
        found[case] = Opened(f"{given}:{case}" if case else given, named)
    return found
