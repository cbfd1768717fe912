"""The page of `attn plot --vary`: small multiples of a head under each value, any of which can be looked at closely."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attncli.errors import InputError
from attncli.languages import catalogue
from attncli.plot.page import (
    EXACT,
    STEPS,
    document,
    kinds_of,
    lengths_of,
    notes_of,
    of_maps,
    packed,
    run_of,
)
from attncli.plot.picture import averaged, require
from attncli.problem.attention import AttentionComputation
from attncli.show.progress import Progress, part_of
from attncli.text import visible
from attncli.vary.compared import Compared
from attncli.vary.picture import require_alike

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_html(
    compared: Compared,
    place: tuple[int, int],
    *,
    lesson: str = "",
    first: Mapping[str, object] | None = None,
    values: bool = False,
    progress: Progress | None = None,
) -> str:
    """Return the page of one head under all values.

    Args:
        compared: the computations, each with a value.
        place: the batch item and the head.
        lesson: HTML that goes before the maps.
        first: what is chosen when the page opens: ``"step"``, ``"row"`` and ``"column"``.
        values: whether cells have their numbers in them.
        progress: called with the share that is done.

    Raises:
        InputError: the maps have different sizes, or there is not enough memory.
    """
    words = catalogue(compared.lang).PAGE
    # What is chosen among are values, not heads.
    said = {**words, "head": compared.vary.flag, "help": words["help_variants"]}
    data = _collect(compared, place, progress)
    heads = compared.first.shape[1]
    which = words["head"] + " " + words["head_of"].format(head=place[1], heads=heads)
    title = compared.first.problem.texts.get("title") or words["title"]
    data |= {"title": visible(title), "words": said, "first": dict(first or {}), "values": values}
    data["notes"] = notes_of(compared.first, data, words) + [which] * (heads > 1)
    data["names"] = [words[f"step_{step}"] for step in data["steps"]]
    return document(data, said, compared.lang, lesson)


def _collect(compared: Compared, place: tuple[int, int], progress: Progress | None) -> dict[str, Any]:
    """Return the numbers that the page's script draws, in the form of `attncli.plot.page.collect`."""
    require_alike(compared)
    computations = [each for each in compared.computations if isinstance(each, AttentionComputation)]
    if len(computations) < len(compared.computations):
        raise InputError("value is missing", place=compared.first.problem.place, hint="a page needs one")
    batch, head = place
    # A value under which nothing is capped has its scores there.
    kinds = [kind for kind in STEPS[:-1] if any(kind in kinds_of(each) for each in computations)]
    one, sizes, count = computations[0], computations[0].operands.sizes, len(kinds) * len(computations)
    run = run_of(one, count)
    cells = count * math.ceil(sizes.queries / run[0]) * math.ceil(sizes.keys / run[1])
    require(one, place, cells)
    found: list[dict[str, NDArray[Any]]] = []
    for done, each in enumerate(computations):
        there = kinds_of(each)
        part = part_of(progress, done, len(computations))
        made = averaged(each, [kind for kind in kinds if kind in there], batch, head, run, part)
        found.append({kind: made.get(kind, made["scores"]) for kind in kinds})
    exact = cells <= EXACT
    lengths = [packed(lengths_of(each.operands, batch, head, run[1]), True) for each in computations]
    maps = of_maps(one, batch, run, found, exact=exact)
    return maps | {"head": 0, "lengths": lengths, "variants": compared.titles}
