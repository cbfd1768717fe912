"""HTML as a browser takes it: the elements, and the tables with what stands above them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = ("br", "img", "link", "meta", "input")


@dataclass
class Table:
    """One table.

    Attributes:
        typed: the code that stands before it.
        rows: the text of all its cells, the names of rows and columns included.
        styles: the style of each cell likewise.
    """

    typed: str
    rows: list[list[str]] = field(default_factory=list)
    styles: list[list[str]] = field(default_factory=list)

    @property
    def cells(self) -> list[list[str]]:
        """The cells without the names of rows and columns."""
        return [row[1:] for row in self.rows[1:]]


class Fragment(HTMLParser):
    """A part of a page, read.

    Attributes:
        tags: the names of all elements.
        attributes: all of them, with their values.
        tables: in their order.
        text: what is read of it.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.tables: list[Table] = []
        self.text = ""
        self._open: list[str] = []
        self._code = ""
        self.feed(source)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append(Table(self._code))
        if tag == "tr":
            self.tables[-1].rows.append([])
            self.tables[-1].styles.append([])
        if tag in ("td", "th"):
            self.tables[-1].rows[-1].append("")
            self.tables[-1].styles[-1].append(dict(attrs).get("style") or "")
        if tag == "code":
            self._code = ""

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if "td" in self._open or "th" in self._open:
            self.tables[-1].rows[-1][-1] += data
        elif "code" in self._open:
            self._code += data
