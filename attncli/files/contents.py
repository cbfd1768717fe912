"""What a file holds, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

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


@dataclass(frozen=True)
class Matrix:
    """One array without a name, as CSV, TSV and NPY files hold it.

    Attributes:
        notice: tells of a guess that may be wrong.
        null: where the first null of a JSON array stands, which is read as −∞: in a mask that is what it means.
    """

    array: NDArray[Any]
    row_labels: Labels | None = None
    column_labels: Labels | None = None
    notice: str = ""
    null: str = ""


@dataclass(frozen=True)
class Named:
    """Arrays, labels, texts and options by their canonical names, as JSON and NPZ files hold them."""

    arrays: Mapping[str, NDArray[Any]]
    labels: Mapping[str, AnyLabels] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Cases:
    """Several problems in one file, by name, such as all layers of a model."""

    named: Mapping[str, Named]


Contents = Matrix | Named | Cases
