"""Which heads and batch items of a problem are meant."""

from __future__ import annotations

from collections.abc import Sequence

from attncli.errors import InputError


def chosen(name: str, asked: int | str | None, count: int) -> Sequence[int]:
    """Return the indices of the heads (or batch items) that are asked for.

    Args:
        name: ``"head"`` or ``"batch"``, for the message.
        asked: an index, ``"all"``, or None for the first.
        count: how many there are.

    Raises:
        InputError: there is no such head.

    Example:
        >>> chosen("head", None, 4), chosen("head", "all", 4)
        ([0], range(0, 4))
    """
    if asked == "all":
        return range(count)
    index = 0 if asked is None else int(asked)
    if count == 1 and index != 0:
        raise InputError(f"--{name} {asked}: there is only one, number 0")
    if not 0 <= index < count:
        raise InputError(f"--{name} {asked}: they are counted from 0, the last is {count - 1}")
    return [index]
