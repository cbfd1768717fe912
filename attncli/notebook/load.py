"""Load a problem from files, as the command line does, or from arrays in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Unpack

from attncli.attend.arrays import ARRAYS, BEFORE, GIVEN, canonical
from attncli.attend.elsewhere import right_word
from attncli.attend.given import numbers
from attncli.attend.keywords import OPTION_KEYWORDS, Keywords
from attncli.attend.words.array import Role
from attncli.errors import InputError
from attncli.files.contents import AnyLabels, Cases, Matrix
from attncli.files.json_values import to_labels, to_text
from attncli.files.margins import Margins
from attncli.files.open import STDIN, split_name
from attncli.notebook.messages import naming_the_file, warn
from attncli.notebook.problem import Problem
from attncli.problem.assemble import ATTENTION_ROLES, assemble
from attncli.problem.opened import Opened
from attncli.problem.problem import Problem as Found
from attncli.text import a_few, quoted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Beside options, the arrays that have flags, and what the loss says of the output.
ARRAY_KEYWORDS = (*GIVEN, *(name for name, each in ARRAYS.items() if each.role is Role.LOSS))
LABELS = ("query_labels", "key_labels")
TEXTS = ("title", "source")
MOST_NAMES = 30


class LoadKeywords(Keywords, total=False):
    """Everything that can be given besides files; see `load`."""

    query: ArrayLike | None
    key: ArrayLike | None
    value: ArrayLike | None
    d_output: ArrayLike | None
    layer: str | None
    header: bool | None
    row_labels: bool | None
    labels: Sequence[Any] | None
    query_labels: Sequence[Any] | None
    key_labels: Sequence[Any] | None
    title: str | None
    source: str | None


def load(*files: str | PathLike[str] | ArrayLike, **keywords: Unpack[LoadKeywords]) -> Problem:
    """Load a problem from files or arrays, to look at it, compute its steps, and have it explained and drawn.

    Args:
        *files: what commands take as FILES: one file of named arrays (JSON, NPZ, safetensors, Zarr or HDF5), or one
            matrix (query and hidden at once), two (query, hidden) or three (query, key, value) as CSV, TSV, NPY or
            Zarr; ``"F:name"`` picks one array or problem of a file, ``"sample:NAME"`` is a sample, and
            ``"[[1, 2], [3, 4]]"`` a matrix. An array may stand in the place of a matrix: (…, L, E), 1 to 4 axes, see
            `steps`.
        **keywords: set or replace what the files hold. Arrays and options by the names that they have in `steps`; an
            array is a file, as on the command line, or an array.
            ``layer``: ``"FILE:PREFIX"``, the weights of a layer of a checkpoint.
            ``d_output``: as the output, for ``explain(step="backward")``.
            ``header``, ``row_labels``: whether the first row and the first column of CSV and TSV are names (default: as
            they look).
            ``labels``, or ``query_labels`` and ``key_labels``: a text for each query and key, or a list of them for
            each batch item; ``title`` and ``source``: texts.

    Returns:
        A `Problem`. Nothing is computed before it is asked for, and NPY files are mapped: they must not change.

    Raises:
        InputError: a ValueError that begins with the file and says what is wrong with it, in one line; or a file holds
            several problems, which it names; or a keyword is unknown, or contradicts another.

    Warns:
        UserWarning: of what was guessed about files, such as which row of a table is its header.

    Example:
        >>> problem = load("sample:article")
        >>> problem.options, problem.steps().scores.tolist()
        ({'states': 'columns'}, [55.0, 70.0])
        >>> load([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], causal=True, offset=1).steps().logits.tolist()
        [1.0, 0.0]
    """
    with naming_the_file():
        found = _found(files, dict(keywords))
    warn(found.notices)
    return Problem(found)


def _found(files: Sequence[Any], keywords: dict[str, Any]) -> Found:
    given = {name: value for name, value in keywords.items() if value is not None}
    options = {name: given.pop(name) for name in OPTION_KEYWORDS if name in given}
    margins = Margins(given.pop("header", None), given.pop("row_labels", None))
    layer = given.pop("layer", None)
    labels, texts = _labels(given), {name: to_text(given.pop(name), name) for name in TEXTS if name in given}
    arrays = _arrays(given)
    if not files and not arrays and layer is None:
        hint = "load(FILE), load(QUERY, KEY, VALUE) or load(query=array, hidden=array)"
        raise InputError("there is nothing to load", hint=hint)
    roles = ATTENTION_ROLES.get(len(files), ())
    opened = [
        _opened(file, roles[at][0] if roles else "an array", margins, alone=len(files) == 1)
        for at, file in enumerate(files)
    ]
    found = assemble(opened, arrays, options, margins=margins, layer=layer and _path(layer))
    return replace(found, labels={**found.labels, **labels}, texts={**found.texts, **texts})


def _labels(given: dict[str, Any]) -> dict[str, AnyLabels]:
    """Take the labels out of what is given; ``labels`` are those of queries and keys."""
    found = {name: to_labels(_listed(given.pop(name)), name) for name in ("labels", *LABELS) if name in given}
    both = found.pop("labels", None)
    return ({} if both is None else dict.fromkeys(LABELS, both)) | found


def _listed(value: Any) -> Any:
    """Return what may be an array or a tuple of texts, or of lists of texts, as lists."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return [_listed(each) for each in value] if isinstance(value, list | tuple) else value


def _arrays(given: Mapping[str, Any]) -> dict[str, str | Opened | None]:
    """Return the arrays that are given, by the names that they have today.

    Raises:
        InputError: nothing has this name, or two mean the same.
    """
    unknown = next((name for name in given if name not in ARRAY_KEYWORDS and name not in BEFORE), None)
    if unknown is not None:
        known = (*ARRAY_KEYWORDS, *OPTION_KEYWORDS, "labels", *LABELS, *TEXTS, "layer", "header", "row_labels")
        raise InputError(f"unknown keyword {quoted(unknown)}", hint=right_word(unknown, known))
    meant = canonical(given)
    return {
        name: _path(given[key]) if _is_path(given[key]) else _in_memory(name, given[key]) for key, name in meant.items()
    }


def _opened(file: Any, name: str, margins: Margins, *, alone: bool) -> Opened:
    """Return a file that is read, or an array in its place.

    Raises:
        InputError: it holds several problems.
    """
    if not _is_path(file):
        return _in_memory(name, file)
    opened = Opened.file(_path(file), margins)
    if alone and isinstance(opened.contents, Cases) and len(opened.contents.named) > 1:
        names = list(opened.contents.named)
        message = f"holds {len(names)} problems: {a_few(names, MOST_NAMES)}"
        raise InputError(message, place=opened.place, hint=f'load("{opened.given}:{names[0]}") takes one')
    return opened


def _is_path(given: Any) -> bool:
    return isinstance(given, str | PathLike)


def _path(given: Any) -> str:
    """Return a path as commands take it.

    Raises:
        InputError: it stands for standard input, which a program or a notebook has for other things.
    """
    path = str(fspath(given))
    if split_name(path)[0] == STDIN:
        raise InputError("standard input is for commands", hint="give a file or an array")
    return path


def _in_memory(name: str, array: Any) -> Opened:
    """Return an array that comes from no file."""
    return Opened("", Matrix(numbers({name: array})[name]))
