"""What a file holds, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from attncli.attend.arrays import lying
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Labels = tuple[str, ...]
# One list for all items of a batch, or one for each of them.
AnyLabels = Labels | tuple[Labels, ...]


def of_item(labels: AnyLabels, batch: int) -> Labels:
    """Return the labels of one item of a batch.

    >>> of_item(("a", "b"), 1), of_item((("a", "b"), ("c", "d")), 1)
    (('a', 'b'), ('c', 'd'))
    """
    one = labels[batch] if isinstance(labels[0] if labels else "", tuple) else labels
    return cast(Labels, one)


@dataclass(frozen=True, eq=False)
class Matrix:
    """One array without a name.

    Attributes:
        notices: report guesses that may be wrong.
        whole: whether it is a JSON array of whole numbers without a point.
        null: where the first null of a JSON array is. It is read as −∞, which is what it means in a mask only.
        is_table: whether it comes from a format that has margins.
    """

    array: NDArray[Any]
    row_labels: Labels | None = None
    column_labels: Labels | None = None
    notices: tuple[str, ...] = ()
    null: str = ""
    is_table: bool = False
    whole: bool = False


@dataclass(frozen=True, eq=False)
class Named:
    """Arrays, labels, texts and options by their canonical names: a problem as files hold it, or its results.

    Attributes:
        arrays: of results, in the order of the pipeline; the last one is what formats of one array carry.
        labels: ``query_labels`` and ``key_labels``, or ``labels`` for both.
        texts: ``title``, ``source`` and ``probe``.
        options: those that are not at their default, as JSON has them.
        show: what of it is shown first, likewise.
        dtype: the type of the floating inputs if that is not float64, for formats that do not say it themselves.
        records: what is told of the results, by name; JSON alone writes it, and nothing reads it again.
    """

    arrays: Mapping[str, NDArray[Any]]
    labels: Mapping[str, AnyLabels] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    show: Mapping[str, object] = field(default_factory=dict)
    dtype: str | None = None
    records: Mapping[str, object] = field(default_factory=dict)

    @property
    def objects(self) -> dict[str, Mapping[str, object]]:
        """Its objects by name, without empty ones."""
        return {name: each for name, each in (("options", self.options), ("show", self.show)) if each}

    @property
    def last(self) -> tuple[str, NDArray[Any]]:
        """The array that formats of one array carry, with its name."""
        return list(self.arrays.items())[-1]

    def labels_of(self, name: str) -> tuple[Labels | None, Labels | None]:
        """Return the labels of the rows and of the columns of one result, which is a matrix."""
        labels = {each: of_item(found, 0) for each, found in self.labels.items()}
        rows, columns = lying(name, columns=self.options.get("states") == "columns")
        of = {"L": labels.get("query_labels"), "S": labels.get("key_labels")}
        return of.get(rows), of.get(columns)


@dataclass(frozen=True, eq=False)
class Cases:
    """Several problems in one file, by name, such as all layers of a model."""

    named: Mapping[str, Named]


# The type of entries that are texts.
TEXT = "text"


@dataclass(frozen=True)
class Entry:
    """One entry of an archive, as its header describes it.

    Attributes:
        shape: of an array; None if it is none, or none that could be read.
        type: of its numbers, or what it is instead.
    """

    name: str
    shape: tuple[int, ...] | None
    type: str


@dataclass(frozen=True)
class Tensors:
    """The arrays of an archive, whatever their names are, of which no more than names need have been read.

    Attributes:
        names: of all of them, in the order of the file.
        entry: describes one, from its header.
        array: reads one.
    """

    names: KeysView[str]
    entry: Callable[[str], Entry]
    array: Callable[[str], NDArray[Any]]


class UnknownNamesError(InputError):
    """Say that an archive holds entries of which nobody knows what they are.

    Args:
        cause: says which.
        entries: all that it holds.
    """

    def __init__(self, cause: InputError, entries: Iterable[Entry]) -> None:
        super().__init__(cause.message, hint=cause.hint, place=cause.place)
        self.entries = tuple(entries)


Contents = Matrix | Named | Cases
