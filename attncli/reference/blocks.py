"""What a page of the reference is made of; `prose` decides how it looks.

In every text, what stands between backticks is to be typed, or is a name in the code.
"""

from __future__ import annotations

from dataclasses import dataclass

from attncli.show.blocks import Heading, Paragraph


@dataclass(frozen=True)
class Code:
    """Lines that stay as they are.

    Attributes:
        text: the lines.
        language: what Markdown calls it.
    """

    text: str
    language: str = "text"


@dataclass(frozen=True)
class Table:
    """One row per declaration.

    Attributes:
        headings: of the columns; a column that no row has a text for is left out.
        rows: the texts.
        folded: the column that is broken over several lines where the screen is too narrow.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: int = -1


@dataclass(frozen=True)
class Item:
    """Something of which more is said than fits a table.

    Attributes:
        name: what it is called.
        text: what it is.
        remarks: what else there is to say of it, each after the word that says what kind of remark it is.
    """

    name: str
    text: str
    remarks: tuple[tuple[str, str], ...] = ()


Block = Heading | Paragraph | Code | Table | Item
