"""A rollout as a table, a picture and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.files.contents import Named
from attncli.plot.picture import Panel, Picture
from attncli.show import markdown
from attncli.show.tables import Grid, print_grid
from attncli.show.window import ends
from attncli.stats.report import Voice, words
from attncli.text import as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels

# The most rows of a table; the digits of its numbers.
ROWS, DIGITS = 24, 3


@dataclass(frozen=True, eq=False)
class Rollout:
    """What is shown.

    Attributes:
        numbers: (L, L)
        layers: over how many it goes.
        labels: of the queries of the last layer and of the keys of the first one.
        title: of the problem.
    """

    numbers: NDArray[np.float64]
    layers: int
    labels: Mapping[str, Labels]
    title: str

    def name(self, lang: str) -> str:
        """Return what it is."""
        return words(lang, "rollout_title", layers=self.layers, count=len(self.numbers))

    def grid(self) -> Grid:
        """Return it as a table, of which large ones show the first and the last rows."""
        rows = ends(len(self.numbers), ROWS)
        labels = self.labels
        shown = self.numbers[rows.indices]
        return Grid(shown, rows, labels.get("query_labels"), labels.get("key_labels"), heated=True)


def to_terminal(found: Rollout, voice: Voice) -> None:
    """Print it, with a background that shows how large each share is."""
    voice.say(found.name(voice.lang), "bold cyan")
    print_grid(found.grid(), voice.screen, voice.console, DIGITS, None)


def to_json(found: Rollout) -> str:
    """Return all of it; a number that is none is null."""
    numbers: list[list[Any]] = [
        [value if np.isfinite(value) else None for value in row] for row in found.numbers.tolist()
    ]
    return as_json({"rollout": numbers}, allow_nan=False)


def to_markdown(found: Rollout, lang: str) -> str:
    """Return what a table shows."""
    return markdown.escape(found.name(lang)) + "\n\n" + markdown.table(found.grid(), DIGITS, None)


def named(found: Rollout) -> Named:
    """Return it as formats of one matrix hold it: without a name, and with the labels that weights have."""
    return Named({"weights": found.numbers}, labels=found.labels)


def picture(found: Rollout, lang: str) -> Picture:
    """Return what matplotlib draws."""
    return Picture(
        title=found.title,
        kind=words(lang, "rollout"),
        panels=[Panel("", found.numbers)],
        shape=(len(found.numbers), len(found.numbers)),
        row_labels=found.labels.get("query_labels"),
        column_labels=found.labels.get("key_labels"),
        caption=words(lang, "rollout_picture", layers=found.layers),
        axes=(words(lang, "output_token"), words(lang, "input_token")),
        lang=lang,
    )
