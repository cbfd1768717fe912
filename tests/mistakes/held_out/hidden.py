"""How a kind that is held out is entered."""

from __future__ import annotations

from collections.abc import Callable

from tests.mistakes.exam.kinds import Made, kind


def hidden(name: str, on: str, ids: str, *says: str) -> Callable[[Made], Made]:
    """Enter a kind that is held out."""
    return kind(name, on, ids, says, held_out=True)
