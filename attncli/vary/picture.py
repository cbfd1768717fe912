"""What `attn plot --vary` draws: the map of a head under each value, as small multiples in the same colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from attncli.errors import InputError
from attncli.plot.names import name_of
from attncli.plot.picture import Picture, draw, require
from attncli.problem.attention import ScoreComputation
from attncli.said import Said
from attncli.show.progress import Progress, part_of
from attncli.vary.compared import Compared

Needs = Callable[[int, int, int], int]


def small_multiples(
    compared: Compared,
    kind: str,
    places: Sequence[tuple[int, int]],
    most: tuple[int, int],
    progress: Progress | None = None,
    needs: Needs | None = None,
    row: int | None = None,
) -> Picture:
    """Compute what is drawn: of each place one map after the other, each named by its value.

    The arguments are those of `attncli.plot.picture.draw`.

    Raises:
        InputError: as there; or the maps have different sizes.
    """
    computations = compared.only(["score", "softmax"])
    require_alike(compared)
    queries, keys = (computations[0].operands.sizes.queries, computations[0].operands.sizes.keys)
    down, across = (math.ceil(count / room) for count, room in zip((queries, keys), most, strict=True))
    rows, columns, count = math.ceil(queries / down), math.ceil(keys / across), len(places) * len(computations)
    drawing = 0 if needs is None else needs(rows, columns, count)
    require(computations[0], places[0], count * rows * columns, drawing)
    made: list[Picture] = []
    for done, (value, each) in enumerate(zip(compared.vary.values, computations, strict=True)):
        with compared.vary.naming(value):
            made.append(draw(each, kind, places, most, part_of(progress, done, len(computations)), row=row))
    return _together(compared, made, places, computations[0])


def require_alike(compared: Compared) -> None:
    """Refuse maps of different sizes.

    Raises:
        InputError: with two of them.
    """
    sizes = [(each.operands.sizes.queries, each.operands.sizes.keys) for each in compared.computations]
    for title, size in zip(compared.titles, sizes, strict=True):
        if size != sizes[0]:
            first, other = (" × ".join(map(str, each)) for each in (sizes[0], size))
            message = f"the maps have different sizes: {first} with {compared.titles[0]}, {other} with {title}"
            raise InputError(message, hint=f"attn compute --vary {compared.vary.flag}=… shows them as tables")


def side_by_side(compared: Compared, places: Sequence[tuple[int, int]]) -> int:
    """Return how many maps belong into one row: those of a head, unless they are all."""
    return len(compared.computations) if len(places) > 1 else 1


def _together(
    compared: Compared, made: Sequence[Picture], places: Sequence[tuple[int, int]], first: ScoreComputation
) -> Picture:
    """Return one picture of all maps; those of a place stand together."""
    panels = []
    for at, place in enumerate(places):
        where = "" if len(places) == 1 else name_of(place, first.shape, alone=False)
        panels += [
            replace(each.panels[at], name=Said("{title}, {where}", title=title, where=where) if where else title)
            for title, each in zip(compared.titles, made, strict=True)
        ]
    one = made[0]
    rows, columns = (
        next((labels for labels in found if all(labels == other for other in found)), None)
        for found in ([each.row_labels for each in made], [each.column_labels for each in made])
    )
    closed = next((each.caption for each in made if any(each.holes)), one.caption)
    where = name_of(places[0], first.shape, alone=True)
    caption = Said("{before}; {after}", before=closed, after=where) if len(places) == 1 and where else one.caption
    together = side_by_side(compared, places)
    return replace(one, panels=panels, row_labels=rows, column_labels=columns, caption=caption, together=together)
