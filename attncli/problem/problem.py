"""One attention problem: arrays, labels and options, and where each of them came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli.attend.operands import Operands, missing_hint, prepare
from attncli.attend.options import Options
from attncli.errors import InputError
from attncli.files.contents import AnyLabels, Labels, of_item

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Problem:
    """What the files and flags of one command come to.

    Attributes:
        arrays: by canonical name, as their files hold them (memory-mapped ones stay so).
        files: for each array, the file that it came from.
        given: all the files, those without an array included.
        labels: ``query_labels`` and ``key_labels``, where there are some: for all items of a batch, or for each.
        texts: ``title`` and ``source``, where there are some.
        options: those in force.
        notices: what people should know about how the files were read.
        option_sources: for each option that is not at its default, the file or flag that set it.
    """

    arrays: Mapping[str, NDArray[Any]]
    files: Mapping[str, str]
    given: tuple[str, ...] = ()
    labels: Mapping[str, AnyLabels] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    notices: tuple[str, ...] = ()
    option_sources: Mapping[str, str] = field(default_factory=dict)

    def operands(self, *, value: bool = True) -> Operands:
        """Return what the steps work on.

        Args:
            value: whether the weighted sum is wanted, so that a value must be there. One that is there is looked
                at even so: its type counts for the precision of all steps.

        Raises:
            InputError: something is missing, or does not fit; with the files of the arrays at fault.
        """
        arrays = dict(self.arrays)
        with self.naming_files():
            if value and "value" not in arrays and "hidden" not in arrays:
                raise InputError("value is missing", hint=missing_hint("value"), arrays=list(arrays))
            return prepare(arrays, self.options)

    def naming_files(self) -> _FileNamer:
        """Return a context in which an error about arrays is given the files that they came from."""
        return _FileNamer(self.files, self.place)

    @property
    def place(self) -> str:
        """All the files, for errors that are nobody's in particular."""
        return ", ".join(dict.fromkeys(self.given))

    def labels_of(self, batch: int) -> dict[str, Labels]:
        """Return the labels of one item of the batch."""
        return {name: of_item(labels, batch) for name, labels in self.labels.items()}

    def check_labels(self, batch: int, queries: int, keys: int) -> None:
        """Refuse labels that are not one a query or key.

        Raises:
            InputError: with both numbers.
        """
        for name, count in (("query_labels", queries), ("key_labels", keys)):
            given = self.labels.get(name, ())
            lists = [each for each in given if isinstance(each, tuple)]
            if lists and len(lists) != batch:
                raise InputError(f"{len(lists)} lists in {name} for {batch} batch items", place=self.place)
            for labels in lists or ([self.labels_of(0)[name]] if name in self.labels else []):
                if len(labels) != count:
                    what = name.removesuffix("_labels")
                    plural = {"query": "queries", "key": "keys"}[what]
                    message = f"{len(labels)} in {name} for {count} {plural if count > 1 else what}"
                    raise InputError(message, place=self.place)


class _FileNamer:
    def __init__(self, files: Mapping[str, str], all_files: str) -> None:
        self.files, self.all_files = files, all_files

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InputError) and not error.place:
            named = [self.files[name] for name in error.arrays if name in self.files]
            error.place = ", ".join(dict.fromkeys(named)) or self.all_files
