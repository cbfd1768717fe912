"""Assemble one problem from the files and flags of a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from attncli.attend.arrays import ARRAYS, NULL_IS_CLOSED
from attncli.attend.layouts import Form
from attncli.attend.options import Options, records
from attncli.attend.shapes import heads_of
from attncli.attend.truth import whole
from attncli.attend.words.array import Role
from attncli.errors import InputError
from attncli.files.contents import AnyLabels, Cases, Labels, Matrix, Named
from attncli.files.margins import UNSAID, Margins
from attncli.files.samples import PREFIX
from attncli.problem.first import First
from attncli.problem.opened import Opened, check_stdin, each_problem, of_flag
from attncli.problem.problem import Problem
from attncli.said import Said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.problem.layer import Weights

# The arrays that each file gives, by the number of files.
ATTENTION_ROLES: dict[int, tuple[tuple[str, ...], ...]] = {
    1: (("query", "hidden"),),
    2: (("query",), ("hidden",)),
    3: (("query",), ("key",), ("value",)),
}
SOFTMAX_ROLES: dict[int, tuple[tuple[str, ...], ...]] = {1: (("logits",),)}
SUM_ROLES: dict[int, tuple[tuple[str, ...], ...]] = {1: (("weights",),), 2: (("weights",), ("value",))}

# The labels for the positions along an axis.
LABELS = {"L": "query_labels", "S": "key_labels", "P": "past_labels"}


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Return a context that says of errors where what is at fault stands."""
    try:
        yield
    except InputError as error:
        error.place = place
        raise


@dataclass
class _Draft:
    """A problem under construction; what is added later replaces what was there."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    labels: dict[str, AnyLabels] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)
    show: First = field(default_factory=First)
    option_sources: dict[str, str] = field(default_factory=dict)
    # Row and column labels wait until --states is known, which decides which of them label the states.
    matrices: list[tuple[str, Matrix]] = field(default_factory=list)
    notices: dict[str, None] = field(default_factory=dict)  # a set that keeps its order

    def put(self, name: str, matrix: Matrix, file: str) -> None:
        if matrix.null and name not in NULL_IS_CLOSED:
            raise InputError(f"{matrix.null} is null, not a number", place=file)
        # JSON tells whole numbers by the point, a table knows no types.
        is_truth = ARRAYS[name].is_truth and (matrix.whole or matrix.is_table)
        self.arrays[name], self.files[name] = whole(matrix.array) if is_truth else matrix.array, file
        self.notices |= {Said("{place}: {text}", place=file, text=notice): None for notice in matrix.notices}
        self.matrices.append((name, matrix))

    def put_named(self, named: Named, file: str) -> None:
        self.arrays |= named.arrays
        self.files |= dict.fromkeys(named.arrays, file)
        both = named.labels.get("labels")
        self.labels |= {"query_labels": both, "key_labels": both} if both is not None else {}
        self.labels |= {name: labels for name, labels in named.labels.items() if name != "labels"}
        self.texts |= named.texts
        with _placed(file):
            self.show = First.parse(named.show)
        self.set_options(named.options, file)

    def set_options(self, given: Mapping[str, object], source: str = "") -> None:
        with _placed(source):
            Options.parse(given)
        for flag, value in given.items():
            name = flag.replace("-", "_")
            self.options[name] = value
            self.option_sources[name] = source or "--" + flag.replace("_", "-")

    def apart(self) -> _Draft:
        return _Draft(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})


def assemble(
    files: Sequence[str | Opened],
    arrays: Mapping[str, str | Opened | None],
    options: Mapping[str, object],
    roles: Mapping[int, tuple[tuple[str, ...], ...]] = ATTENTION_ROLES,
    margins: Margins = UNSAID,
    *,
    bare: bool = False,
    layer: str | None = None,
) -> Problem:
    """Read the files and assemble the problem.

    Args:
        files: one archive (the first problem, if it holds several), or one to three matrices.
        arrays: the files given with flags such as ``--mask``, by array name; or what is in the place of one.
        options: the options given with flags; None means not given.
        roles: the arrays that each file gives, by the number of files.
        margins: what stands around the numbers of tables, as flags say.
        bare: whether options alone make a problem.
        layer: the file and the prefix of a layer, if one is given; files override what it holds.

    Raises:
        InputError: a file cannot be read, the files do not fit together, or a flag is given in vain.
    """
    make = reader(files, arrays, roles, margins, bare=bare, layer=layer)
    return make({name: value for name, value in options.items() if value is not None})


def reader(
    files: Sequence[str | Opened],
    arrays: Mapping[str, str | Opened | None],
    roles: Mapping[int, tuple[tuple[str, ...], ...]] = ATTENTION_ROLES,
    margins: Margins = UNSAID,
    *,
    bare: bool = False,
    layer: str | None = None,
) -> Callable[[Mapping[str, object]], Problem]:
    """Read the files once; return what assembles a problem of them with any options, of which None is a value too.

    The arguments and errors are those of `assemble`.
    """
    given = {name: file for name, file in arrays.items() if file is not None}
    if not files and not given and layer is None and not bare:
        hint = f"give files, or pipe one in; attn inspect {PREFIX} lists some to try"
        raise InputError("no files given, and nothing on standard input", hint=hint)
    check_stdin([each.given if isinstance(each, Opened) else each for each in (*files, *given.values())])
    read_once = _Draft()
    opened = [each if isinstance(each, Opened) else Opened.file(each, margins) for each in files]
    for each in opened:
        if isinstance(each.contents, InputError):
            raise each.contents
    weights = None if layer is None else _put_layer(read_once, layer)
    _put_files(read_once, opened, roles)
    set_apart = {name: each if isinstance(each, Opened) else of_flag(each, margins) for name, each in given.items()}
    for name, each in set_apart.items():
        read_once.put(name, _one_matrix(each, name), each.place)
    margins.check(read=any(matrix.is_table for _, matrix in read_once.matrices))
    places = [each.place for each in (*opened, *set_apart.values())]

    def make(options: Mapping[str, object]) -> Problem:
        draft = read_once.apart()
        draft.set_options(options)
        if weights is None:
            return _finish(draft, places)
        lacking = _fit_layer(draft, weights)
        return _finish(draft, [*places, weights.place], lacking)

    return make


def _put_layer(draft: _Draft, given: str) -> Weights:
    """Put what a layer holds, which everything that comes later replaces."""
    from attncli.problem import layer

    weights = layer.read(given)
    draft.put_named(weights.named, weights.place)
    return weights


def _fit_layer(draft: _Draft, weights: Weights) -> str:
    """Bring what is left of a layer to what is given beside it; return a hint on what is not given."""
    from attncli.problem import beside

    own = {name for name, file in draft.files.items() if file == weights.place}
    try:
        draft.arrays = beside.fitted(draft.arrays, own, draft.options)
    except InputError as error:
        error.place = weights.place
        raise
    draft.files = {name: draft.files.get(name, weights.place) for name in draft.arrays}
    if not {"w_qkv", "b_qkv"} & draft.arrays.keys() and draft.option_sources.get("qkv") == weights.place:
        del draft.options["qkv"]  # what it told of has been cut apart
    lacking = beside.lacking(draft.arrays, draft.options)
    notices = weights.notices(draft.options.keys() | draft.arrays.keys())
    if lacking and "heads" not in draft.options:
        notices.append(Said("{place}: taken as one head; {lacking}", place=weights.place, lacking=lacking))
    draft.notices |= dict.fromkeys(notices)
    return lacking


def _put_files(draft: _Draft, files: Sequence[Opened], roles: Mapping[int, tuple[tuple[str, ...], ...]]) -> None:
    if len(files) == 1:
        first, *others = each_problem(files[0])
        if others:
            said = Said(
                "{place} holds {count} problems; using {first}, the last one is {last}",
                place=files[0].place,
                count=len(others) + 1,
                first=first.given,
                last=others[-1].given,
            )
            draft.notices[said] = None
        if isinstance(first.contents, Named):
            draft.put_named(first.contents, first.place)
            return
    if files and len(files) not in roles:
        counts = " or ".join(f"{n} ({' '.join(name[0].upper() for name in roles[n])})" for n in roles if n > 1)
        wanted = "one file of named arrays" + (f", or {counts} matrices" if counts else "")
        raise InputError(f"{len(files)} file{'s' * (len(files) > 1)} given; expected {wanted}")
    for file, names in zip(files, roles.get(len(files), ()), strict=True):
        matrix = _one_matrix(file, names[0])
        for name in names:
            draft.put(name, matrix, file.place)


def _one_matrix(file: Opened, name: str) -> Matrix:
    contents = file.contents
    assert not isinstance(contents, InputError)  # raised by assemble
    if isinstance(contents, Matrix):
        return contents
    if isinstance(contents, Cases):
        hint = f"pick one: {file.given}:{next(iter(contents.named))}.{name}"
        raise InputError(f"holds several problems, but one array is needed for {name}", place=file.place, hint=hint)
    if name in contents.arrays or len(contents.arrays) == 1:
        array = contents.arrays.get(name)
        return Matrix(next(iter(contents.arrays.values())) if array is None else array)
    message = f"holds several arrays ({', '.join(contents.arrays)}), but one is needed for {name}"
    raise InputError(message, place=file.place, hint=f"pick one: {file.given}:{next(iter(contents.arrays), 'NAME')}")


def _finish(draft: _Draft, given: Sequence[str], lacking: str = "") -> Problem:
    options = Options.parse(draft.options)
    labels: dict[str, Labels] = {}
    for name, matrix in draft.matrices:
        for target, found in _labels_of(name, matrix, options):
            labels.setdefault(target, found)
    past = draft.arrays.get("past_key")
    if past is not None and past.ndim in (2, 3, 4) and "key_labels" in labels:
        lengths = Form.of_state(past.ndim, options.layout, heads_of("past_key", past.shape, options)).letters
        count = past.shape[-1 if options.states == "columns" else lengths.index("L")]
        labels["key_labels"] = labels.get("past_labels", tuple(map(str, range(count)))) + labels["key_labels"]
    labels.pop("past_labels", None)
    changed = options.changed()
    # An option that the value of another one speaks of comes from where that one does.
    speaking = [draft.option_sources[name] for name, each in records().items() if each.split and name in draft.options]
    sources = dict.fromkeys(changed, "".join(speaking[:1])) | draft.option_sources
    return Problem(
        arrays=draft.arrays,
        files=draft.files,
        given=tuple(given),
        labels=labels | draft.labels,
        texts=draft.texts,
        options=options,
        show=draft.show,
        notices=tuple(draft.notices),
        lacking=lacking,
        option_sources={name: source for name, source in sources.items() if name in changed},
    )


def _labels_of(name: str, matrix: Matrix, options: Options) -> list[tuple[str, Labels]]:
    rows, columns = matrix.row_labels, matrix.column_labels
    axes = ARRAYS[name].axes[-2:]
    if options.states == "columns" and ARRAYS[name].role is Role.STATE:
        rows, columns = columns, rows
    found = zip(map(LABELS.get, axes), (rows, columns)[-len(axes) :], strict=True)
    return [(target, labels) for target, labels in found if target and labels is not None]
