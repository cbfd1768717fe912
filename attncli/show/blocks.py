"""What every written page has, whatever it is about; the features add blocks of their own."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.text import visible

# Unicode's marks around a text of its own direction. No text from a file has them, since they would be escaped.
APART = ("\u2068", "\u2069")


@dataclass(frozen=True)
class Heading:
    """The title of a page (level 1) or of a part (level 2)."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str


def apart(text: str) -> str:
    """Return a text from a file for use within a sentence, set apart: its direction may be another than the sentence's.

    In a page that becomes markup; where there is none, `joined` takes the marks off.
    """
    return APART[0] + visible(text) + APART[1]


def joined(text: str) -> str:
    """Return a sentence without the marks of `apart`, for terminals and Markdown.

    >>> joined(apart("a") + " b")
    'a b'
    """
    return text.replace(APART[0], "").replace(APART[1], "")
