"""What libraries raise on a broken file, as one error in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attncli.errors import InputError


def one_line(error: BaseException) -> str:
    r"""Return what an error of a library says, in one line.

    >>> one_line(ValueError("bad\nchunk")), one_line(KeyError())
    ('bad chunk', 'KeyError')
    """
    return " ".join(str(error).split())[:200] or type(error).__name__


def ended(error: BaseException) -> str:
    """Return what an error of a decoder says; one that says nothing has met the end of the file."""
    return str(error) or "it ends too early"


@contextmanager
def broken(
    what: str,
    say: Callable[[BaseException], str] = one_line,
    *,
    passed: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Turn whatever is raised within into one error: libraries raise anything on hostile bytes.

    Args:
        what: is broken, or cannot be done.
        say: what the error says.
        passed: what goes through as it is, beside errors of ours and a full memory.

    Raises:
        InputError: with what was raised.
    """
    through: tuple[type[Exception], ...] = (InputError, MemoryError, *passed)
    try:
        yield
    except through:
        raise
    except Exception as error:
        raise InputError(f"{what}: {say(error)}") from None
