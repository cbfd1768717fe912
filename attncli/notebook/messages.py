"""Errors and notices as Python tells them: with the file that is at fault, which a command says apart."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from attncli.errors import InputError
from attncli.text import visible


@contextmanager
def naming_the_file() -> Iterator[None]:
    """Return a context in which the message of an error begins with where what is at fault stands."""
    try:
        yield
    except InputError as error:
        message = visible(": ".join(filter(None, [error.place, error.message])))
        raise InputError(message, hint=visible(error.hint), arrays=error.arrays) from None


def warn(notices: Iterable[str]) -> None:
    """Warn whoever called the method that calls this."""
    for notice in notices:
        warnings.warn(visible(notice), UserWarning, stacklevel=3)
