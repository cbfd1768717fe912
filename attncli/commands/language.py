"""The language of what a command prints, on standard output and on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

from attncli.commands.messages import SPOKEN, notice
from attncli.languages import CHINESE, LETTERS, is_traditional, of_locale, was_said
from attncli.said import Said

SIMPLIFIED = Said("the Chinese of attn is written in simplified characters")


def language(given: str | None = None) -> str:
    """Return the language of what is printed: the one that is given, or that of the locale."""
    return given or of_locale(os.environ)


@contextmanager
def speaking(given: str | None) -> Iterator[None]:
    """Say notices in a language; where the locale has other characters for what was said, end with a notice of that.

    Args:
        given: one of the languages; None: that of the locale.
    """
    chosen = language(given)
    SPOKEN.set(chosen)
    for stream in (sys.stdout, sys.stderr):
        _make_able(stream, chosen)
    yield
    if given is None and is_traditional(os.environ) and was_said(CHINESE):
        notice(SIMPLIFIED)


def _make_able(stream: TextIO, lang: str) -> None:
    """Let a stream write UTF-8 where its own encoding lacks the letters of the language: escapes would help nobody."""
    if not isinstance(stream, TextIOWrapper):  # it may be anything that stands in for one
        return
    try:
        LETTERS.get(lang, "").encode(stream.encoding)
    except UnicodeEncodeError:
        stream.reconfigure(encoding="utf-8")
