"""What an explanation is made of; `prose` and `html` decide how it looks."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.show.blocks import Heading, Paragraph
from attncli.show.tables import Grid


@dataclass(frozen=True)
class Formula:
    """A formula, as plain text for terminals and as TeX."""

    text: str
    tex: str


@dataclass(frozen=True)
class Working:
    """A calculation, line by line."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A matrix; one element may be marked."""

    title: str
    grid: Grid


@dataclass(frozen=True)
class Points:
    """Things to notice, each a sentence or two."""

    title: str
    points: tuple[str, ...]


@dataclass(frozen=True)
class Drawing:
    """What is drawn with characters of one width, line by line."""

    title: str
    lines: tuple[str, ...]


Block = Heading | Paragraph | Formula | Working | Table | Points | Drawing
