"""Archives of named arrays: one problem, or several side by side, whatever the format.

The name of an array may have the name of its problem before it, with a dot between them: ``decoder.3.query`` is the
query of the problem ``decoder.3``. A name without that belongs to all problems; and where ``decoder.3`` has no states,
what it has belongs to all problems below it, such as ``decoder.3.step.1``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attncli.attend.arrays import ALIASES, KINDS, STATES, canonical, member
from attncli.errors import InputError
from attncli.files.contents import AnyLabels, Cases, Contents, Entry, Matrix, Named, UnknownNamesError
from attncli.text import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

Entries = dict[str, str]
MOST_NAMES = 8
# A name with more parts than this is below nothing: looking for that would take long.
MOST_PARTS = 16


def problems(given: Iterable[str]) -> dict[str, Entries]:
    """Find out which problems these names belong to, in the order in which people count.

    Returns:
        For each problem the canonical name of each of its entries; the only problem of a file is called "".

    Raises:
        InputError: an unknown name, or two for the same thing in one problem.

    Example:
        >>> problems(["q", "k"])
        {'': {'q': 'query', 'k': 'key'}}
        >>> problems(["layer.10.q", "layer.9.q", "title"])
        {'layer.9': {'title': 'title', 'layer.9.q': 'query'}, 'layer.10': {'title': 'title', 'layer.10.q': 'query'}}
        >>> problems(["layer.9.w_o", "layer.9.step.1.q"])
        {'layer.9.step.1': {'layer.9.w_o': 'w_o', 'layer.9.step.1.q': 'query'}}
    """
    groups: dict[str, list[str]] = {}
    for name in given:
        groups.setdefault(name.rpartition(".")[0] if meaning(name) else "", []).append(name)
    for_all = _entries("", groups.pop("", []))
    if not groups:
        return {"": for_all}
    own = {case: _entries(case, groups[case]) for case in sorted(groups, key=counted)}
    parents = {above for case in own for above in _above(case)}
    shared = {case for case in parents & own.keys() if not set(own[case].values()) & set(STATES)}
    found = {}
    for case in own:
        if case not in shared:
            found[case] = for_all
            for level in (*(own[above] for above in _above(case) if above in shared), own[case]):
                found[case] = {
                    name: meant for name, meant in found[case].items() if meant not in level.values()
                } | level
    return found


def _above(case: str) -> list[str]:
    """Return the names under which a problem may have something in common with others, the outermost first.

    >>> _above("decoder.3.step.1")
    ['decoder', 'decoder.3', 'decoder.3.step']
    """
    parts = case.split(".", MOST_PARTS)
    return [".".join(parts[:count]) for count in range(1, len(parts))] if len(parts) <= MOST_PARTS else []


def meaning(name: str) -> str:
    """Return what an entry means in its problem, if it means anything.

    >>> meaning("decoder.3.q"), meaning("arr_0")
    ('query', '')
    """
    last = name.rpartition(".")[2]
    known = ALIASES.get(last, last)
    return known if known in KINDS else ""


def _entries(case: str, names: Iterable[str]) -> Entries:
    last = [(name.removeprefix(f"{case}.") if case else name, name) for name in names]
    try:
        meant = canonical(each for each, _ in last)
    except InputError as error:
        error.message = ": ".join(filter(None, [case, error.message]))
        raise
    return {name: meant[each] for each, name in last}


# The parts of a model in the order in which data flows through them.
FLOW = {"encoder": 0, "decoder": 1, "cross": 2}


def counted(name: str) -> list[tuple[int, int | str]]:
    """Return what sorts names as people count, and the parts of a model as data flows through them.

    >>> sorted(["cross.2", "decoder.10", "decoder.9", "encoder.10"], key=counted)
    ['encoder.10', 'decoder.9', 'decoder.10', 'cross.2']
    """
    return [
        (0, int(part)) if part.isdecimal() and len(part) < 19 else (0, FLOW[part]) if part in FLOW else (1, part)
        for part in re.split(r"(\d+)|\.", name)
        if part
    ]


def contents(
    given: Iterable[str],
    named: Callable[[Entries], Named],
    matrix: Callable[[str], Matrix],
    entry: Callable[[str], Entry],
    only: str | None = None,
) -> Contents:
    """Return what an archive holds, or the one part of it that is wanted.

    Args:
        given: the names of its entries.
        named: reads the entries of one problem.
        matrix: reads one entry, whatever its name.
        entry: describes one entry, of which it reads no more than the header.
        only: the array or the problem that is wanted; ``3`` means ``decoder.3`` if no other has that number.

    Raises:
        UnknownNamesError: an entry has an unknown name.
        InputError: nothing has the name that is wanted (those that there are are offered), or two mean the same.
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
            joint = " " if error.hint.endswith("?") else "; "
            error.hint += f"{joint}--query FILE:{names[0]} takes an array by any name"
        if all(map(meaning, names)):
            raise
        raise UnknownNamesError(error, map(entry, sorted(names, key=counted))) from None
    if only is not None:
        case = _case(found, only)
        return named(found[case]) if case else matrix(_member(names, found, only))
    if list(found) == [""]:
        return named(found[""])
    return Cases({case: named(entries) for case, entries in found.items()})


def _case(found: Iterable[str], only: str) -> str | None:
    """Return the problem that is wanted, by its name or by words of it that no other has in this order.

    Raises:
        InputError: several have them.
    """
    if only in found:
        return only
    alike = [case for case in found if f".{only}." in f".{case}."]
    if len(alike) > 1:
        raise InputError(f"has {len(alike)} problems of the name {only!r}", hint="pick one: " + _some(alike))
    return alike[0] if alike else None


def _some(names: Iterable[str]) -> str:
    """Return a list of names; a long one without its middle."""
    every = list(names)
    return ", ".join(every if len(every) <= MOST_NAMES else [*every[: MOST_NAMES - 2], "…", every[-1]])


def _member(names: list[str], found: dict[str, Entries], only: str) -> str:
    if list(found) == [""]:
        return member(names, only)
    close = nearest(only, found)
    there = "there are " + _some(found)
    raise InputError(f"has no problem {only!r}", hint=close if close.startswith("did you") else there)


def joined(problems: Mapping[str, Named]) -> Named:
    """Put several problems into one, each name with the name of its problem before it, as `problems` finds them.

    One alone keeps its names. Objects become texts, in JSON. An array that several have in common is there once.
    """
    if len(problems) == 1:
        return next(iter(problems.values()))
    arrays = _in_common(problems)
    once = set(arrays)
    labels: dict[str, AnyLabels] = {}
    texts: dict[str, str] = {}
    for case, each in problems.items():
        objects = {name: json.dumps(found) for name, found in each.objects.items()}
        above = _above(case)
        own = {name: array for name, array in each.arrays.items() if not once & {f"{one}.{name}" for one in above}}
        arrays |= {f"{case}.{name}": array for name, array in own.items()}
        labels |= {f"{case}.{name}": found for name, found in each.labels.items()}
        texts |= {f"{case}.{name}": text for name, text in (dict(each.texts) | objects).items()}
    return Named(arrays, labels, texts)


def _in_common(problems: Mapping[str, Named]) -> dict[str, NDArray[Any]]:
    """Return the arrays that all problems of one part of a model have in common, such as the steps of a layer."""
    below: dict[str, list[str]] = {}
    for case in problems:
        for above in _above(case):
            below.setdefault(above, []).append(case)
    found: dict[str, NDArray[Any]] = {}
    for above, cases in below.items():
        first, *others = (problems[case].arrays for case in cases)
        for name in first if others and above not in problems else ():
            covered = any(f"{one}.{name}" in found for one in _above(above))
            if name not in STATES and not covered and all(_is_one(first[name], each.get(name)) for each in others):
                found[f"{above}.{name}"] = first[name]
    return found


def _is_one(array: NDArray[Any], other: NDArray[Any] | None) -> bool:
    """Tell whether two arrays are the same numbers at the same place in memory."""
    if other is None or (array.shape, array.strides, array.dtype) != (other.shape, other.strides, other.dtype):
        return False
    return array.size > 0 and array.__array_interface__["data"] == other.__array_interface__["data"]
