"""Input errors, worded so that the user can fix them."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """Say what is wrong with the input, in one line.

    Args:
        message: the fact, with the user's own shapes, names and numbers.
        hint: what would fix it, if that is known.
        place: the file, with line and column if known. Left empty by code that does not deal with files.
        arrays: names of the arrays at fault, for callers that know which files they came from.
    """

    def __init__(self, message: str, *, hint: str = "", place: str = "", arrays: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = place
        self.arrays = tuple(arrays)

    @property
    def hint(self) -> str:
        """What would fix it; Python shows it below a traceback, as a note."""
        return self._hint

    @hint.setter
    def hint(self, hint: str) -> None:
        self._hint = hint
        self.__notes__ = [f"hint: {hint}"] if hint else []
