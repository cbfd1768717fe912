"""What a command computed, ready to be written or shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli.files.contents import AnyLabels, Labels, of_item

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Result:
    """Arrays by name, in the order of the pipeline, with all that a later command needs to go on.

    Attributes:
        arrays: what is given back; the last one is what formats of one matrix carry.
        labels: ``query_labels`` and ``key_labels``.
        texts: ``title`` and ``source``.
        options: those that are not at their default, as JSON has them.
        dtype: type of the floating inputs, when that is not float64.
    """

    arrays: Mapping[str, NDArray[Any]]
    labels: Mapping[str, AnyLabels] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    dtype: str | None = None

    def labels_of(self, name: str) -> tuple[Labels | None, Labels | None]:
        """Return the labels of the rows and of the columns of one result, which is a matrix."""
        labels = {name: of_item(each, 0) for name, each in self.labels.items()}
        columns = None if name == "output" else labels.get("key_labels")
        return labels.get("query_labels"), columns
