"""What families of wrong rotations share: states turned in some way, and the mistake that turns them so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.stages.rotate import key_places, query_places, rotation_of
from attncli.attend.views import after_past, ready
from attncli.check.mistakes import pieces
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe, products
from attncli.sentences import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Both = tuple[Array, Array]

# More numbers than this in query and key are not turned before it is known which of them are looked at.
LARGE = 1 << 19
Rotate = Callable[[Operands], "Both"]


def same_tables(cos: Array, sin: Array) -> Both:
    """Return cosines and sines as they are."""
    return cos, sin


@dataclass(frozen=True)
class Side:
    """How the states of one side are turned instead.

    Attributes:
        change: the rotation → another.
        move: positions → others.
        tables: cosines and sines → what stands in their place.
        turned: whether they are turned at all.
    """

    change: Callable[[Rotation], Rotation] = lambda rotation: rotation
    move: Callable[[NDArray[np.int64]], NDArray[np.int64]] = np.positive
    tables: Callable[[Array, Array], Both] = same_tables
    turned: bool = True

    def of(self, rotation: Rotation, states: Array, places: NDArray[np.int64]) -> Array:
        """Return states (batch, heads, L, E) turned."""
        if not self.turned:
            return states
        changed = self.change(rotation)
        return changed.turn(states, *self.tables(*changed.tables(self.move(places), states.dtype)))


RIGHT = Side()


def turn(rotation: Rotation, states: Array, places: NDArray[np.int64], *, backwards: bool = False) -> Array:
    """Return states (batch, heads, L, E) turned by their positions (3 or 1, batch or 1, L)."""
    cos, sin = rotation.tables(places, states.dtype)
    return rotation.turn(states, cos, -sin if backwards else sin)


def turned(o: Operands, query: Side = RIGHT, key: Side = RIGHT) -> Both:
    """Return query and key, of which the new ones are turned so."""
    past = o.sizes.past
    queries, keys = ready(o.query, o.dtype), ready(o.key[:, :, past:], o.dtype)
    queries = query.of(rotation_of(o, queries.shape[-1]), queries, query_places(o))
    keys = key.of(rotation_of(o, keys.shape[-1]), keys, key_places(o))
    return queries, after_past(o.key[:, :, :past] if past else None, keys)


def rotated(
    mistake: Mistake,
    form: str,
    make: Rotate,
    description: Sentence,
    fix: Sentence,
    detail: Mapping[str, object] | None = None,
    *,
    whole: bool = False,
) -> Variant:
    """Return the mistake that turns query and key in this way.

    Args:
        mistake: what it is called.
        form: what identifies it.
        make: the operands, or some heads and rows of them → query and key, turned.
        description: what went wrong.
        fix: what to change.
        detail: for scripts; None: the form.
        whole: whether what turns them needs all of the problem.
    """
    told = {"rope": form} if detail is None else detail
    apply = partial(_made, make=make, whole=whole)
    return Variant((mistake,), pieces.ROTATION, form, apply, description, fix, told)


def _made(recipe: Recipe, *, make: Rotate, whole: bool) -> Recipe | None:
    """Turn all of a small problem once; of a large one, of which some heads are looked at, only those.

    Where it is the turned states that are compared, they are made as they are. Where query and key have not as many
    features, as some score functions allow, other frequencies would fit only one of them.
    """
    o = recipe.operands
    if o.query.shape[-1] != o.key.shape[-1]:
        return None
    if whole or recipe.until.startswith("rotated") or o.query.size + o.key.size <= LARGE:
        return recipe.with_rotated(*make(o))
    return replace(recipe, products=partial(_products, make=make))


def _products(o: Operands, *, make: Rotate) -> Array:
    query, key = make(o)
    return products(replace(o, query=query, key=key, options=replace(o.options, rope=None)))


def both(mistake: Mistake, form: str, side: Side, description: Sentence, fix: Sentence, **more: Any) -> Variant:
    """Return the mistake that turns query and key alike."""
    return rotated(mistake, form, partial(turned, query=side, key=side), description, fix, **more)
