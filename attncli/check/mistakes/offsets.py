"""Queries turned too far or not far enough: by how much, in each batch item, is read off the output.

A query that was turned already is turned on by the difference, so that this is seen too where the file holds rotated
states and nobody says how they were rotated: a few common rotations are tried then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.rotary.scaling import frequencies
from attncli.attend.stages.rotate import rotation_of
from attncli.attend.views import one_of, ready
from attncli.check.compare import distance
from attncli.check.mistakes import pieces
from attncli.check.mistakes.layout import baked
from attncli.check.mistakes.registry import ROPE_OFFSET
from attncli.check.mistakes.turning import turn
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Listed, Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows of an item that have to fit; how many steps are tried, and how many scores may be computed for them.
ROWS = 3
STEPS = 256
SCORES = 1 << 24
# Of so many steps some come near by chance: what is right explains the rows to within so many times what rounding does,
# and so many times better than no step at all.
NEAR, BETTER = 4.0, 8.0
# The steps of so many batch items are told.
TOLD = 6
THETAS = (10000.0, 500000.0, 1000000.0, 100000.0)


@dataclass(frozen=True)
class Known:
    """A rotation, and what it is called where it was not given: for scripts, and in words."""

    rotation: Rotation
    name: str = ""
    said: Sentence | None = None


def offsets(o: Operands) -> Iterator[Generator]:
    """Queries of each batch item are turned by another number of positions than they should be."""
    features = o.query.shape[-1]
    if o.options.qk_norm is not None and o.norms_late:
        return
    if o.options.rope is not None and o.cos is None and (o.options.rope_sections is None or len(o.standing) == 1):
        # What is turned already keeps its size.
        known = [Known(replace(rotation_of(o, features), attention=1.0))]
    elif o.options.rope is None and o.cos is None and features % 2 == 0:
        known = assumed(features)
    else:
        return
    yield Generator(pieces.ROTATION, partial(_found, known=known))


def assumed(features: int) -> list[Known]:
    """Return rotations that a file may hold states of, the common ones first."""
    return [
        Known(
            Rotation(pairing=pairing, frequencies=frequencies(features, theta)),
            f"{pairing} pairs, base {theta:g}",
            sentence("known_rotation", pairing=pairing, base=f"{theta:g}"),
        )
        for theta in THETAS
        for pairing in ("half", "interleaved")
    ]


def _found(observed: Observed, *, known: list[Known]) -> Iterator[Variant]:
    for each in known:
        steps: dict[int, int] = {}
        for item in np.flatnonzero(observed.wrong.any(axis=(1, 2))).tolist():
            step = _step(observed, each.rotation, item, list(steps.values()))
            if step is None:
                break
            steps[item] = step
        else:
            if steps:
                yield _variant(observed.right.operands, each, steps)
                return


def _step(observed: Observed, rotation: Rotation, item: int, likely: list[int]) -> int | None:
    """Return by how many positions the queries of an item were turned on; None: by no number that was tried."""
    o = observed.right.operands
    head = int(observed.wrong[item].sum(axis=1).argmax())
    wrong = np.flatnonzero(observed.wrong[item, head])
    rows = wrong[np.unique(np.linspace(0, len(wrong) - 1, ROWS).round().astype(np.int64))]
    seen = observed.expected[item, head, rows].astype(np.float64)
    one = o.select(batch=item, head=head, rows=rows)
    query = ready(one.query, o.dtype)
    apart = distance(observed.output[item, head, rows], seen).max()
    allowed = min(NEAR * observed.share * np.abs(seen).max(), apart / BETTER)
    for step in _steps(o, likely):
        states = turn(rotation, query, np.full((1, 1, len(rows)), step))
        made = Recipe(replace(one, query=states)).compute(0, 0, np.arange(len(rows)))
        if distance(made, seen).max() <= allowed:
            return step
    return None


def _steps(o: Operands, likely: list[int]) -> list[int]:
    """Return the steps that are tried, the likely ones first."""
    first, sizes = int(one_of(o.standing[0], 0)[0]), o.sizes
    told = [*likely, 1, -1, -first, sizes.past, -sizes.past, sizes.keys - sizes.queries, sizes.queries, -sizes.queries]
    most = max(8, min(STEPS, SCORES // (sizes.keys * sizes.features * ROWS)))
    near = [sign * step for step in range(1, most // 2 + 1) for sign in (1, -1)]
    return [step for step in dict.fromkeys([*told, *near]) if step]


def _variant(o: Operands, known: Known, steps: dict[int, int]) -> Variant:
    every = np.array([steps.get(item, 0) for item in range(o.sizes.batch)])
    if len(set(steps.values())) == 1 and len(steps) == o.sizes.batch:
        said = sentence("query_steps", how=_said(int(every[0])))
        said = said if known.said is None else sentence("of_known", what=said, known=known.said)
    else:
        said = _of_items(known, steps)
    return Variant(
        (ROPE_OFFSET,),
        pieces.ROTATION,
        f"query by {every.tolist()} {known.name}".strip(),
        partial(_turned_on, rotation=known.rotation, steps=every),
        said,
        sentence("fix_query_own_position"),
        {"shift": every.tolist() if len(every) > 1 else int(every[0])},
    )


def _of_items(known: Known, steps: dict[int, int]) -> Sentence:
    """Say by how much the query of each batch item was turned on."""
    items = tuple(sentence("item_steps", item=item, how=_said(step)) for item, step in list(steps.items())[:TOLD])
    how: Listed | Sentence = Listed(items, "comma")
    how = sentence("and_so_on", what=how) if len(steps) > TOLD else how
    if known.said is None:
        return sentence("query_other_steps", how=how)
    return sentence("query_other_steps_known", how=how, known=known.said)


def _said(step: int) -> Sentence:
    if abs(step) == 1:
        return sentence("step_farther" if step > 0 else "step_less_far", count=1)
    return sentence("steps_farther" if step > 0 else "steps_less_far", count=abs(step))


def _turned_on(recipe: Recipe, *, rotation: Rotation, steps: NDArray[np.int64]) -> Recipe | None:
    made = baked(recipe)
    o = made.operands
    if len(steps) != o.sizes.batch:
        return None
    places = np.broadcast_to(steps[None, :, None], (1, len(steps), o.sizes.queries))
    return made.with_operands(query=turn(rotation, ready(o.query, o.dtype), places))
