"""The numbers of heads as tables, and for programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.languages import DEFAULT, catalogue
from attncli.show import markdown
from attncli.show.lines import print_lines
from attncli.show.numbers import MOST_LABEL
from attncli.show.plain import columns_of
from attncli.show.records import GAP, print_records
from attncli.show.tables import Grid, print_grid
from attncli.show.window import ends
from attncli.stats.numbers import NUMBERS
from attncli.stats.survey import Head, Survey
from attncli.stats.words import said
from attncli.text import as_json, number, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.show.screen import Screen

# Digits after the point.
DIGITS = 2


@dataclass(frozen=True)
class Voice:
    """Where something is printed, and in what language.

    Attributes:
        screen: how wide it is, and what it can show.
        console: what is printed on.
        lang: one of the languages.
    """

    screen: Screen
    console: Console
    lang: str

    def words(self, key: str, **fields: object) -> str:
        """Return a sentence with its fields filled in."""
        return words(self.lang, key, **fields)

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence."""
        print_lines(text, self.screen, self.console, style)


def words(lang: str, key: str, **fields: object) -> str:
    """Return a sentence of `attn stats` with its fields filled in."""
    found = catalogue(lang)
    return found.tidy(found.STATS[key].format(**fields))


def record(head: Head) -> dict[str, Any]:
    """Return what programs get of a head: a number that no query has, or that is none, is null."""
    numbers = {name: _plain(head.numbers[name]) for name in NUMBERS}
    place = {"problem": head.problem, "batch": head.batch, "head": head.head}
    return place | numbers | {"word": said(head.word, DEFAULT)}


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def to_json(surveys: Sequence[Survey]) -> str:
    """Return a list with a record for each head."""
    return as_json([record(head) for survey in surveys for head in survey.heads], indent=2, allow_nan=False)


def to_csv(records: Sequence[Mapping[str, Any]]) -> str:
    """Return records with a header; what is null is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(records[0])
    for each in records:
        writer.writerow(visible(value) if isinstance(value, str) else value for value in each.values())
    return file.getvalue()


def short_names(surveys: Sequence[Survey]) -> list[str]:
    """Return the names of problems without what all have in common: the file, or the folder."""
    places = [survey.problem for survey in surveys]
    if len(places) == 1:
        return places
    files = {place.rpartition(":")[0] for place in places}
    if len(files) == 1:
        return [place.rpartition(":")[2] for place in places]
    folders = {place.rpartition("/")[0] for place in places}
    return [place.rpartition("/")[2] for place in places] if len(folders) == 1 else places


def rows_of(surveys: Sequence[Survey], lang: str) -> list[dict[str, str]]:
    """Return the texts of a table, a row for each head, by the names of the numbers."""
    several = any(survey.shape[0] > 1 or survey.heads[0].batch for survey in surveys)
    rows = []
    for name, survey in zip(short_names(surveys), surveys, strict=True):
        for head in survey.heads:
            place = {"problem": name} | ({"batch": str(head.batch)} if several else {}) | {"head": str(head.head)}
            numbers = {key: _written(head.numbers[key]) for key in NUMBERS}
            rows.append(place | numbers | {"word": said(head.word, lang) or ""})
    return rows


def _written(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.{DIGITS}f}" if math.isfinite(value) and abs(value) < 1e5 else number(value, DIGITS + 1)


def to_terminal(surveys: Sequence[Survey], voice: Voice) -> None:
    """Print a table of all heads; of numbers for which there is no room the last ones are left out, which is said."""
    _print_title(surveys, voice)
    rows = rows_of(surveys, voice.lang)
    if len(surveys) == 1:  # it stands above
        rows = [{name: text for name, text in row.items() if name != "problem"} for row in rows]
    names = {name: voice.words(f"heading_{name}") for name in rows[0]}
    gone = _left_out(rows, names, voice.screen.width)
    shown = [{names[name]: text for name, text in row.items() if name not in gone} for row in rows]
    numeric = [names[name] for name in rows[0] if name not in ("problem", "word")]
    print_records(shown, voice.screen, voice.console, right=numeric)
    if gone:
        voice.say(voice.words("left_out", names=_listed([names[name] for name in gone], voice.lang)), "dim")


def _print_title(surveys: Sequence[Survey], voice: Voice) -> None:
    titles = {survey.texts.get("title", "") for survey in surveys}
    if len(titles) == 1 and (title := next(iter(titles))):
        voice.say(title, "bold")
    several = len(surveys) > 1
    files = {survey.problem.rpartition(":")[0] if several else survey.problem for survey in surveys}
    sizes = {survey.shape[2:] for survey in surveys}
    if len(sizes) == len(files) == 1 and (file := files.pop()):
        queries, keys = next(iter(sizes))
        voice.say(voice.words("facts", file=file, queries=queries, keys=keys), "dim")


def _left_out(rows: Sequence[Mapping[str, str]], names: Mapping[str, str], width: int) -> list[str]:
    """Return the numbers that a table does without to fit the screen, in their order."""
    there = {name: max(columns_of(names[name]), *(columns_of(row[name]) for row in rows)) for name in names}
    there = {name: size for name, size in there.items() if any(row[name] for row in rows)}
    gone = set()
    for each in sorted(NUMBERS.values(), key=lambda number: number.worth):
        if sum(there.values()) + GAP * (len(there) - 1) <= width:
            break
        if there.pop(each.name, None) is not None:
            gone.add(each.name)
    return [name for name in NUMBERS if name in gone]


def _listed(names: Sequence[str], lang: str) -> str:
    return catalogue(lang).REFERENCE["comma"].join(names)


def to_markdown(surveys: Sequence[Survey], lang: str) -> str:
    """Return a table of all heads and numbers."""
    rows = rows_of(surveys, lang)
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    headings = [markdown.escape(words(lang, f"heading_{name}")) for name in names]
    lines = [headings, ["---"] * len(names)]
    lines += [
        [markdown.escape(row[name]) if name in ("problem", "word") else row[name] for name in names] for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def lines_of(surveys: Sequence[Survey]) -> list[tuple[str, Sequence[Head]]]:
    """Return the lines of an atlas: a problem, or a batch item of one, and its heads."""
    lines: list[tuple[str, Sequence[Head]]] = []
    for name, survey in zip(short_names(surveys), surveys, strict=True):
        heads, count = survey.heads, survey.shape[1]
        for start in range(0, len(heads), count):
            item = f"[{heads[start].batch}]" if survey.shape[0] > 1 else ""
            lines.append((visible(name) + item, heads[start : start + count]))
    return lines


def columns(surveys: Sequence[Survey]) -> list[int]:
    """Return the heads that the columns of an atlas stand for."""
    return sorted({head.head for survey in surveys for head in survey.heads})


def grid_of(surveys: Sequence[Survey], what: str) -> NDArray[np.float64]:
    """Return one number of all heads, (lines, columns); NaN where there is no such head, or it has no number."""
    lines, heads = lines_of(surveys), columns(surveys)
    found = np.full((len(lines), len(heads)), np.nan)
    for row, (_, some) in enumerate(lines):
        for head in some:
            value = head.numbers[what]
            found[row, heads.index(head.head)] = np.nan if value is None else value
    return found


def atlas_grid(surveys: Sequence[Survey], what: str) -> Grid:
    """Return one number of all heads as a table; of a long name the end tells most."""
    numbers = grid_of(surveys, what)
    names = [name if len(name) <= MOST_LABEL else "…" + name[1 - MOST_LABEL :] for name, _ in lines_of(surveys)]
    heads = [str(head) for head in columns(surveys)]
    return Grid(numbers, ends(len(names), None), names, heads, heated=True, gaps=True)


def atlas_to_terminal(surveys: Sequence[Survey], what: str, voice: Voice) -> None:
    """Print one number of all heads, with a background that shows how large it is."""
    _print_title(surveys, voice)
    voice.say(voice.words("atlas_title", what=voice.words(f"name_{what}")), "bold cyan")
    print_grid(atlas_grid(surveys, what), voice.screen, voice.console, DIGITS, None)


def atlas_to_markdown(surveys: Sequence[Survey], what: str) -> str:
    """Return one number of all heads."""
    return markdown.table(atlas_grid(surveys, what), DIGITS, len(columns(surveys)))
