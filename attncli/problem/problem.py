"""One attention problem: arrays, labels and options, and where each came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli import memory
from attncli.attend.operands import Operands, ScoreOperands
from attncli.attend.options import Options
from attncli.attend.pages import Pages
from attncli.attend.prepare import prepare, prepare_scores
from attncli.errors import InputError
from attncli.files.contents import AnyLabels, Labels, of_item
from attncli.problem.first import First
from attncli.problem.selection import Choice

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Problem:
    """The problem given by the files and flags of one command.

    Attributes:
        arrays: by canonical name, as read (memory-mapped arrays stay mapped).
        files: for each array, the file that it came from.
        given: all files, including those without an array.
        labels: ``query_labels`` and ``key_labels``, if any: one list for all batch items, or one per item.
        texts: ``title``, ``source`` and ``probe``, if any.
        options: the options.
        show: what of it is shown first.
        notices: messages about how the files were read.
        option_sources: for each option that differs from its default, the file or flag that set it.
        lacking: a hint on what was probably left out, for errors about what does not fit.
    """

    arrays: Mapping[str, NDArray[Any]]
    files: Mapping[str, str]
    given: tuple[str, ...] = ()
    labels: Mapping[str, AnyLabels] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    show: First = field(default_factory=First)
    notices: tuple[str, ...] = ()
    option_sources: Mapping[str, str] = field(default_factory=dict)
    lacking: str = ""

    def operands(self) -> Operands:
        """Return the input of all steps.

        Raises:
            InputError: something is missing, or does not fit; with the files of the arrays at fault.
        """
        with self.naming_files():
            self.require_room()
            return prepare(self.arrays, self.options)

    def score_operands(self) -> ScoreOperands:
        """Return the input of the steps before the weighted sum, which do not need a value.

        Raises:
            InputError: as `operands`.
        """
        with self.naming_files():
            self.require_room()
            return prepare_scores(self.arrays, self.options)

    @property
    def variables(self) -> Mapping[str, NDArray[Any]]:
        """The arrays, each once: one matrix that is both query and hidden has one gradient, as hidden has."""
        hidden = self.arrays.get("hidden")
        if hidden is None or self.arrays.get("query") is not hidden or {"key", "value"} & self.arrays.keys():
            return self.arrays
        return {name: array for name, array in self.arrays.items() if name != "query"}

    def require_room(self) -> None:
        """Refuse pages that would not fit into memory when they are strung together.

        Raises:
            InputError: with their size.
        """
        if "block_table" in self.arrays:
            needed = Pages.of(self.arrays, self.options).bytes
            what = f"the keys and values that block_table names would take {memory.size(needed)}"
            memory.require(needed, what, "key_lengths says how many of them are used")

    @contextmanager
    def naming_files(self) -> Iterator[None]:
        """Return a context that adds, to errors about arrays, the files that the arrays came from."""
        try:
            yield
        except InputError as error:
            named = _together(self.files[name] for name in error.arrays if name in self.files)
            error.place = error.place or named or self.place
            error.hint = self.lacking or error.hint
            raise

    @property
    def place(self) -> str:
        """All files, for errors that do not belong to a particular one."""
        return _together(self.given)

    def choice(self, asked: Choice, shape: Sequence[int]) -> Choice:
        """Return the heads and batch items that are asked for, or else those that are shown first: see `First`."""
        with self._of_show():
            return self.show.choice(asked, shape)

    def element(self, batch: int, counts: tuple[int, int]) -> tuple[int | None, int | None]:
        """Return the query and the key that are shown first of a batch item, if it is said which: see `First`."""
        with self._of_show():
            return self.show.element(batch, self.labels_of(batch), counts)

    @contextmanager
    def _of_show(self) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            error.place = self.place
            raise

    def labels_of(self, batch: int) -> dict[str, Labels]:
        """Return the labels of one batch item."""
        return {name: of_item(labels, batch) for name, labels in self.labels.items()}

    def check_labels(self, batch: int, queries: int, keys: int) -> None:
        """Refuse labels unless there is one per query or key.

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


def _together(files: Iterable[str]) -> str:
    """Return the names of files, each once; what comes from no file has none."""
    return ", ".join(dict.fromkeys(filter(None, files)))
