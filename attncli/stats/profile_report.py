"""Weights and logits by distance, as tables and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.show import markdown
from attncli.show.tables import Grid, print_grid
from attncli.show.window import ends
from attncli.stats.report import Voice, short_names, words
from attncli.stats.survey import Survey
from attncli.text import as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The most distances that a table shows, those nearest to 0.
MOST = 17
DIGITS = 3


def profiles(survey: Survey) -> Iterator[tuple[dict[str, Any], tuple[NDArray[Any], ...]]]:
    """Yield for each head what it is, and the distances with the mean weight and the mean logit of each."""
    found = survey.findings.profile
    assert found is not None
    for at, head in enumerate(survey.heads):
        yield (
            {"problem": head.problem, "batch": head.batch, "head": head.head},
            found.of(at // survey.shape[1], at % survey.shape[1]),
        )


def to_json(surveys: Sequence[Survey]) -> str:
    """Return a list with a record for each head; a number that is none is null."""
    records = []
    for survey in surveys:
        for place, (distance, weight, logit) in profiles(survey):
            records.append(place | {"distance": distance.tolist(), "weight": _plain(weight), "logit": _plain(logit)})
    return as_json(records, indent=None, allow_nan=False)


def _plain(numbers: NDArray[Any]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in numbers.tolist()]


def lines(surveys: Sequence[Survey]) -> list[dict[str, Any]]:
    """Return a record for each head and distance."""
    return [
        place | {"distance": int(distance), "weight": weight, "logit": logit}
        for survey in surveys
        for place, found in profiles(survey)
        for distance, weight, logit in zip(found[0], *map(_plain, found[1:]), strict=True)
    ]


def _grids(survey: Survey) -> tuple[list[Grid], NDArray[Any], NDArray[Any]]:
    """Return the grids of weights and logits, distances down and heads across; those shown, and all distances."""
    every = [found for _, found in profiles(survey)]
    distances = np.unique(np.concatenate([distance for distance, _, _ in every]))
    nearest = np.argsort(np.abs(distances), kind="stable")[:MOST]
    shown = np.sort(distances[nearest])
    several = survey.shape[0] > 1
    heads = [f"{head.batch}:{head.head}" if several else str(head.head) for head in survey.heads]
    grids = []
    for which in (1, 2):
        numbers = np.full((len(shown), len(every)), np.nan)
        for column, found in enumerate(every):
            rows = np.flatnonzero(np.isin(shown, found[0]))
            numbers[rows, column] = found[which][np.isin(found[0], shown)]
        names = [str(distance) for distance in shown]
        grids.append(Grid(numbers, ends(len(shown), None), names, heads, heated=which == 1))
    return grids, shown, distances


def to_terminal(surveys: Sequence[Survey], voice: Voice) -> None:
    """Print the weights and the logits by distance, those that are nearest."""
    for number, (name, survey) in enumerate(zip(short_names(surveys), surveys, strict=True)):
        grids, shown, distances = _grids(survey)
        for at, (kind, grid) in enumerate(zip(("weight", "logit"), grids, strict=True)):
            if number or at:
                voice.console.print()
            voice.say(voice.words(f"profile_{kind}", problem=name), "bold cyan")
            print_grid(grid, voice.screen, voice.console, DIGITS, None)
        if len(shown) < len(distances):
            bounds = {"first": shown[0], "last": shown[-1], "least": distances[0], "most": distances[-1]}
            voice.say(voice.words("profile_some", **bounds), "dim")


def to_markdown(surveys: Sequence[Survey], lang: str) -> str:
    """Return the same tables."""
    parts = []
    for name, survey in zip(short_names(surveys), surveys, strict=True):
        for kind, grid in zip(("weight", "logit"), _grids(survey)[0], strict=True):
            parts.append(markdown.escape(words(lang, f"profile_{kind}", problem=name)))
            parts.append(markdown.table(grid, DIGITS, len(survey.heads)).rstrip())
    return "\n\n".join(parts) + "\n"
