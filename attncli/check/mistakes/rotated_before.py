"""Wrong rotations of states that the file holds rotated: undone by what is common, and done otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.rotary.scaling import frequencies
from attncli.attend.views import ready
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import POSITIONS, ROPE_DIM, ROPE_SCALING
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.offsets import THETAS, Known, assumed
from attncli.check.mistakes.registry import ROPE_PAIRING, ROPE_THETA
from attncli.check.mistakes.turning import RIGHT, Side, rotated, turn
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.sentences import Sentence, sentence

GRID = tuple(np.logspace(2, 8, 19).tolist())
FACTORS = (2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True)
class Instead:
    """What was done instead of a rotation.

    Attributes:
        mistake: its name.
        form: what identifies it.
        said: what was done.
        query: how queries were turned.
        key: how keys were.
    """

    mistake: Mistake
    form: str
    said: Sentence
    query: Side
    key: Side


def unasked(o: Operands) -> Iterator[Variant | Unknown]:
    """Query and key come rotated: another program rotated them otherwise."""
    features = o.query.shape[-1]
    if o.options.rope is not None or o.cos is not None or features % 2 or features != o.key.shape[-1]:
        return
    for known in assumed(features):
        for instead in _ways(o, known.rotation):
            yield _variant(known, instead)
        yield Unknown(pieces.ROTATION, GRID, partial(_base, known, features), alone=True)


def _ways(o: Operands, rotation: Rotation) -> Iterator[Instead]:
    """Return what may be done instead of one rotation."""
    features, still = rotation.features, Side(turned=False)
    back = Side(tables=lambda cos, sin: (cos, -sin))

    def alike(mistake: Mistake, form: str, said: Sentence, side: Side) -> Instead:
        return Instead(mistake, form, said, side, side)

    yield alike(ROPE_PAIRING, "backwards", sentence("held_backwards"), back)
    yield Instead(ROPE_PAIRING, "key still", sentence("rope_query_only"), RIGHT, still)
    yield Instead(ROPE_PAIRING, "query still", sentence("rope_key_only"), still, RIGHT)
    yield Instead(ROPE_PAIRING, "query back", sentence("held_query_back"), back, RIGHT)
    yield Instead(ROPE_PAIRING, "key back", sentence("held_key_back"), RIGHT, back)
    for share in (2, 4):
        some = features // share
        if some < 2 or some % 2:
            continue
        for first, said in (
            (0, sentence("rope_part", count=some)),
            (features - some, sentence("rope_part_last", count=some)),
        ):
            other = partial(_replaced, frequencies=_of(rotation, some), first=first)
            yield alike(ROPE_DIM, f"{some} features from {first}", said, Side(other))
    for factor in FACTORS:
        by = f"{factor:g}"
        squeezed = partial(_replaced, frequencies=rotation.frequencies / factor)
        yield alike(ROPE_SCALING, f"divided by {by}", sentence("held_divided", by=by), Side(squeezed))
        stretched = partial(_replaced, frequencies=rotation.frequencies * factor)
        yield alike(ROPE_SCALING, f"not divided by {by}", sentence("held_not_divided", by=by), Side(stretched))
    length = o.sizes.keys
    for border in dict.fromkeys(length // n for n in (2, 3, 4) if length // n > 1):
        anew = Side(move=partial(_modulo, border=border))
        yield alike(POSITIONS, f"anew at {border}", sentence("held_anew", border=border), anew)


def _of(rotation: Rotation, features: int) -> Any:
    """Return the frequencies of so many features with the base of a rotation."""
    count = len(rotation.frequencies)
    theta = rotation.frequencies[1] ** -float(count) if count > 1 else 1.0
    return frequencies(features, theta)


def _replaced(rotation: Rotation, **changes: Any) -> Rotation:
    return replace(rotation, **changes)


def _modulo(places: Any, *, border: int) -> Any:
    return places % border


def _base(known: Known, features: int, theta: float) -> Variant:
    other = Side(partial(_replaced, frequencies=frequencies(features, theta)))
    common = any(abs(theta / each - 1) < 1e-4 for each in THETAS)
    said = sentence("rope_theta_common" if common else "rope_theta", base=f"{theta:.6g}")
    return _variant(known, Instead(ROPE_THETA, "another base", said, other, other))


def _variant(known: Known, instead: Instead) -> Variant:
    assert known.said is not None
    return rotated(
        instead.mistake,
        f"{instead.form}: {known.name}",
        partial(_again, rotation=known.rotation, instead=instead),
        sentence("if_held", what=instead.said, known=known.said),
        sentence("fix_as_held", known=known.said),
    )


def _again(o: Operands, *, rotation: Rotation, instead: Instead) -> tuple[Any, Any]:
    """Undo a rotation, and do something else instead."""
    made = []
    for states, places, side in (
        (o.query, o.standing, instead.query),
        (o.key, o.keys_standing, instead.key),
    ):
        plain = turn(rotation, ready(states, o.dtype), places, backwards=True)
        made.append(side.of(rotation, plain, places))
    return made[0], made[1]
