"""What stands beside arrays in formats whose arrays and groups have attributes: labels, texts and options."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from attncli.attend.arrays import KINDS, Kind
from attncli.errors import InputError
from attncli.files.archive import Entries, contents
from attncli.files.contents import TEXT, Contents, Entry, Matrix, Named
from attncli.files.json import object_of, parse_object
from attncli.files.json_values import to_labels, to_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAID = (Kind.LABELS, Kind.TEXT, Kind.OBJECT)


def is_said(name: str) -> bool:
    """Tell whether an attribute is one of ours; other programs put there whatever they like.

    >>> is_said("options"), is_said("decoder.3.title"), is_said("_ARRAY_DIMENSIONS"), is_said("query")
    (True, True, False, False)
    """
    return KINDS.get(name.rpartition(".")[2]) in SAID


def contents_of(
    found: Collection[str],
    said: Mapping[str, Any],
    array: Callable[[str], NDArray[Any]],
    entry: Callable[[str], Entry],
    only: str | None,
) -> Contents:
    """Return what the arrays and attributes of an archive are, or the one part of it that is wanted.

    Args:
        found: the names of its arrays.
        said: what its attributes say, by their names.
        array: reads one array.
        entry: describes one array, of which it reads no more than the header.
        only: what is wanted, with dots or slashes between names of groups.

    Raises:
        InputError: see `attncli.files.archive.contents`, or what is wanted is a text.
    """

    def named(entries: Entries) -> Named:
        arrays = {meant: array(name) for name, meant in entries.items() if name in found}
        return _named_of(arrays, {meant: said[name] for name, meant in entries.items() if name in said})

    def matrix(name: str) -> Matrix:
        if name not in found:
            raise InputError(f"{name} is a text, not an array")
        return Matrix(array(name))

    def described(name: str) -> Entry:
        return entry(name) if name in found else Entry(name, None, TEXT)

    names = [*found, *(name for name in said if name not in found)]
    if only is not None and only not in names:
        only = only.strip("/").replace("/", ".")
    return contents(names, named, matrix, described, only)


def _named_of(arrays: Mapping[str, NDArray[Any]], said: Mapping[str, Any]) -> Named:
    """Put arrays and attributes together to a problem.

    Args:
        arrays: by their canonical names.
        said: likewise; labels are lists, options an object or its JSON text.

    Raises:
        InputError: an array has the name of a text, or an attribute is not what its name says.
    """
    for name in arrays:
        if KINDS[name] is not Kind.ARRAY:
            raise InputError(f"{name} must be an attribute, not an array")
    kinds = {name: kind for name, kind in KINDS.items() if name in said}
    objects = {name: _object(said[name], name) for name, kind in kinds.items() if kind is Kind.OBJECT}
    return Named(
        # Stores list their arrays by name, or in no order at all.
        arrays={name: arrays[name] for name in KINDS if name in arrays},
        labels={name: to_labels(said[name], name) for name, kind in kinds.items() if kind is Kind.LABELS},
        texts={name: to_text(said[name], name) for name, kind in kinds.items() if kind is Kind.TEXT},
        options=objects.get("options", {}),
        show=objects.get("show", {}),
    )


def _object(value: Any, name: str) -> dict[str, object]:
    return parse_object(value, name) if isinstance(value, str) else object_of(value, name)
