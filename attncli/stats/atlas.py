"""The atlas: one number of all layers and heads, as a picture; all numbers, with a map of each head, as a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from attncli.languages import catalogue
from attncli.plot.page import names_of, packed
from attncli.plot.picture import Panel, Picture
from attncli.show import heat, html
from attncli.stats.numbers import NUMBERS
from attncli.stats.report import columns, grid_of, lines_of, record, words
from attncli.stats.survey import Survey
from attncli.stats.words import said
from attncli.text import visible

# The most cells of all maps of a page, and the most and the fewest of one map down and across.
MOST, LARGEST, SMALLEST = 1 << 22, 96, 8
# The words that the page's script says itself.
SPOKEN = ("heading_head", "head_of", "value", "nothing", "weight", "closed", "mean", "told_join")


def side(heads: int) -> int:
    """Return how many cells a map may have down and across, where there are so many heads.

    >>> side(72), side(1024), side(1 << 20)
    (96, 64, 8)
    """
    return max(SMALLEST, min(LARGEST, math.isqrt(MOST // heads)))


def picture(surveys: Sequence[Survey], what: str, lang: str) -> Picture:
    """Return what matplotlib draws: one number, layers down and heads across."""
    numbers, lines = grid_of(surveys, what), lines_of(surveys)
    finite = numbers[np.isfinite(numbers)]
    bounds = None if not finite.size else (0.0, max(float(finite.max()), 1e-9))
    return Picture(
        title=_title(surveys, lang),
        kind=words(lang, f"name_{what}"),
        panels=[Panel("", numbers)],
        shape=(len(lines), numbers.shape[1]),
        row_labels=tuple(name for name, _ in lines),
        column_labels=tuple(str(head) for head in columns(surveys)),
        caption="",
        bounds=bounds,
        axes=(words(lang, "layer"), words(lang, "heading_head")),
        lang=lang,
    )


def _title(surveys: Sequence[Survey], lang: str) -> str:
    titles = {survey.texts.get("title", "") for survey in surveys}
    return next(iter(titles)) or words(lang, "title") if len(titles) == 1 else words(lang, "title")


def page(surveys: Sequence[Survey], what: str, lang: str) -> str:
    """Return a page in which every head is a cell with its map, which a click opens.

    Args:
        surveys: with maps.
        what: the number that is shown first.
        lang: the language of the page.
    """
    own = catalogue(lang).STATS
    title = visible(_title(surveys, lang))
    data = {
        "what": list(NUMBERS).index(what),
        "numbers": [
            {"name": words(lang, f"name_{name}"), "key": name, "share": each.is_share} for name, each in NUMBERS.items()
        ],
        "heads": columns(surveys),
        "lines": [line for survey in surveys for line in _lines(survey, surveys, lang)],
        "colors": heat.PALETTE,
        "nothing": heat.NOTHING,
        "words": {key: own[key] for key in SPOKEN},
    }
    folder = files("attncli.stats")
    parts = {key: html.text(words(lang, key)) for key in _places(folder.joinpath("page.html").read_text("utf-8"))}
    parts |= {
        "LANG": lang,
        "TITLE": html.text(title),
        "SOURCE": html.text(_source(surveys)),
        "STYLE": folder.joinpath("page.css").read_text("utf-8"),
        "DATA": html.script_data(data),
        "SCRIPT": folder.joinpath("page.js").read_text("utf-8"),
    }
    return html.filled(folder.joinpath("page.html").read_text("utf-8"), parts)


def _places(template: str) -> list[str]:
    """Return the sentences that a page has places for; what is written large is no sentence."""
    return [piece for piece in template.split("%%")[1::2] if piece.islower()]


def _source(surveys: Sequence[Survey]) -> str:
    return next(iter({survey.texts.get("source", "") for survey in surveys})) if len(surveys) == 1 else ""


def _lines(survey: Survey, surveys: Sequence[Survey], lang: str) -> list[Mapping[str, Any]]:
    """Return the lines of a problem: its name, the names of its queries and keys, and its heads with their maps."""
    maps = survey.findings.maps
    assert maps is not None
    means = maps.means()
    names = {id(heads[0]): name for name, heads in lines_of(surveys)}
    found: list[Mapping[str, Any]] = []
    for item, labels in enumerate(survey.labels):
        heads = survey.heads[item * survey.shape[1] : (item + 1) * survey.shape[1]]
        found.append(
            {
                "name": names[id(heads[0])],
                "queries": names_of(labels.get("query_labels"), survey.shape[2], maps.run[0]),
                "keys": names_of(labels.get("key_labels"), survey.shape[3], maps.run[1]),
                "run": list(maps.run),
                "heads": [
                    {
                        "head": head.head,
                        "numbers": [record(head)[name] for name in NUMBERS],
                        "word": said(head.word, lang) or "",
                        "map": packed(means[item, at], False),
                    }
                    for at, head in enumerate(heads)
                ],
            }
        )
    return found
