"""What goes wrong with input, said so that the person who gave it can mend it."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """Tell what is wrong with the input, in one line.

    Args:
        message: the fact, with the user's own shapes, names and numbers.
        hint: what would mend it, where that is known.
        place: the file, with line and column where there are some. Left empty by code that knows no files.
        arrays: names of the arrays at fault, for the edge that knows which files they came from.
    """

    def __init__(self, message: str, *, hint: str = "", place: str = "", arrays: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = place
        self.arrays = tuple(arrays)
