"""The place at which a text stops being JSON, and what is open there."""

from __future__ import annotations

import re
from dataclasses import dataclass

BLANK = " \t\r\n"
# Texts, the last of which may not be closed; brackets; and whatever is between them. Nothing is tried in two ways.
TOKEN = re.compile(r'[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
MOST_SHOWN = 40


@dataclass(frozen=True)
class Spot:
    """The first place at which a text is not JSON, and what stands before it.

    Attributes:
        text: the whole text.
        at: the place.
        opened: where the innermost open bracket is; −1: none is open.
        inside: where the text begins that goes on at the place; −1: none does.
        last: where the last text before the place begins and ends.
    """

    text: str
    at: int
    opened: int
    inside: int
    last: tuple[int, int]

    @classmethod
    def of(cls, text: str, at: int) -> Spot:
        """Look at all that is open before a place."""
        opened: list[int] = []
        last = (-1, -1)
        inside = -1
        for token in TOKEN.finditer(text, 0, at):
            kind = text[token.start()]
            if kind == '"' and not _is_closed(token[0]):
                inside = token.start()
                break
            if kind == '"':
                last = token.span()
            elif kind in "[{":
                opened.append(token.start())
            elif kind in "]}" and opened:
                opened.pop()
        return cls(text, at, opened[-1] if opened else -1, inside, last)

    @property
    def here(self) -> str:
        """The character at the place; empty at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def bracket(self) -> str:
        """The innermost open bracket; empty if none is open."""
        return self.text[self.opened] if self.opened >= 0 else ""

    @property
    def before(self) -> int:
        """Where the last character before the place is that is not blank; −1: there is none."""
        return back(self.text, self.at - 1)

    @property
    def previous(self) -> str:
        """That character; empty if there is none."""
        return self.text[self.before] if self.before >= 0 else ""

    @property
    def name(self) -> str:
        """The name that stands right before the place, in its quotes; empty if none does."""
        start, end = self.last
        first = back(self.text, start - 1)
        is_name = self.bracket == "{" and end == self.before + 1 and first >= 0 and self.text[first] in "{,"
        return self.text[start:end][: MOST_SHOWN + 2] if is_name else ""

    @property
    def wants_name(self) -> bool:
        """Whether a name should stand at the place."""
        return self.bracket == "{" and self.previous in ("{", ",")

    @property
    def follows_value(self) -> bool:
        """Whether a number, a text, a word or a closing bracket stands right before the place."""
        return self.previous not in ("", ",", ":", "[", "{")

    @property
    def opens_text(self) -> bool:
        """Whether a text begins at the place that is not closed anywhere."""
        found = TOKEN.match(self.text, self.at)
        return self.inside < 0 and self.here == '"' and found is not None and not _is_closed(found[0])

    def line_of(self, at: int) -> int:
        """Return the line of a place, from 1."""
        return self.text.count("\n", 0, at) + 1

    def place_of(self, at: int) -> str:
        """Return the line and column of a place."""
        return f"line {self.line_of(at)}, column {at - self.text.rfind(chr(10), 0, at)}"


def back(text: str, at: int) -> int:
    """Return where the last character is, from a place backwards, that is not blank; −1: there is none."""
    while at >= 0 and text[at] in BLANK:
        at -= 1
    return at


def _is_closed(token: str) -> bool:
    """Tell whether a text ends with a quote that no backslash escapes."""
    escapes = len(token) - 1 - len(token[:-1].rstrip("\\"))
    return len(token) > 1 and token[-1] == '"' and escapes % 2 == 0
