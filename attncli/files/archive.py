"""Archives of named arrays: one problem, or several side by side, whatever the format.

The name of an array may carry the name of its problem before it, with a dot between them: ``decoder.3.query`` is the
query of the problem ``decoder.3``. A name without one belongs to all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from attncli.errors import InputError, nearest
from attncli.files.contents import Cases, Contents, Matrix, Named
from attncli.names import ALIASES, KINDS, canonical, member

Entries = dict[str, str]


def problems(given: Iterable[str]) -> dict[str, Entries]:
    """Tell which problems these names belong to, in the order in which people count.

    Returns:
        For each problem the canonical name of each of its entries; the name of a problem that stands alone is "".

    Raises:
        InputError: a name nobody knows, or two for the same thing in one problem.

    Example:
        >>> problems(["q", "k"])
        {'': {'q': 'query', 'k': 'key'}}
        >>> problems(["layer.10.q", "layer.9.q", "title"])
        {'layer.9': {'title': 'title', 'layer.9.q': 'query'}, 'layer.10': {'title': 'title', 'layer.10.q': 'query'}}
    """
    groups: dict[str, list[str]] = {}
    for name in given:
        case, _, last = name.rpartition(".")
        groups.setdefault(case if ALIASES.get(last, last) in KINDS else "", []).append(name)
    for_all = _entries("", groups.pop("", []))
    if not groups:
        return {"": for_all}
    found = {}
    for case in sorted(groups, key=counted):
        own = _entries(case, groups[case])
        found[case] = {name: meant for name, meant in for_all.items() if meant not in own.values()} | own
    return found


def _entries(case: str, names: Iterable[str]) -> Entries:
    last = [(name.removeprefix(f"{case}.") if case else name, name) for name in names]
    try:
        meant = canonical(each for each, _ in last)
    except InputError as error:
        error.message = ": ".join(filter(None, [case, error.message]))
        raise
    return {name: meant[each] for each, name in last}


def counted(name: str) -> list[str | int]:
    """Return what sorts names as people count.

    >>> sorted(["b.10", "b.9", "a.10"], key=counted)
    ['a.10', 'b.9', 'b.10']
    """
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def contents(
    given: Iterable[str],
    named: Callable[[Entries], Named],
    matrix: Callable[[str], Matrix],
    only: str | None = None,
) -> Contents:
    """Return what an archive holds, or the one part of it that is asked for.

    Args:
        given: the names of its entries.
        named: reads the entries of one problem.
        matrix: reads one entry, whatever its name.
        only: the array or the problem that is wanted; a number will do where one problem's name ends in it.

    Raises:
        InputError: there is nothing of that name, or a name nobody knows; what there is is offered.
    """
    names = list(given)
    if only in names:
        return matrix(str(only))
    try:
        found = problems(names)
    except InputError as error:
        if only is not None:
            return matrix(member(names, only))
        if error.hint and names:
            error.hint += f"; FILE:{names[0]} picks one array, with --query and the like"
        raise
    if only is not None:
        case = _case(found, only)
        return named(found[case]) if case else matrix(_member(names, found, only))
    if list(found) == [""]:
        return named(found[""])
    return Cases({case: named(entries) for case, entries in found.items()})


def _case(found: Iterable[str], only: str) -> str | None:
    """Return the problem that is asked for by its name or by the number at the end of it."""
    ending = [case for case in found if case == only or case.endswith(f".{only}")]
    return only if only in found else ending[0] if len(ending) == 1 else None


def _member(names: list[str], found: dict[str, Entries], only: str) -> str:
    if list(found) == [""]:
        return member(names, only)
    raise InputError(f"has no problem {only!r}", hint=nearest(only, found))
