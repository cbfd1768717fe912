"""Where queries and keys stand, as arrays say: their positions for rotation and ALiBi, and rows of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.fitting import whole_numbers
from attncli.attend.rotary.making import Tables, check_places, rotation
from attncli.attend.rotary.values import unused
from attncli.attend.shapes import Sizes, show
from attncli.errors import InputError
from attncli.said import Said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.options import Options

Found = Mapping[str, "NDArray[Any]"]
THREE = "three positions for each state need --rope-sections"
Places = tuple["NDArray[np.int64] | None", "NDArray[np.int64] | None"]


def standing(
    found: Found, options: Options, sizes: Sizes, positions: NDArray[np.int64], features: Iterable[tuple[str, int]]
) -> dict[str, Any]:
    """Return where queries and keys stand, and tables, by the names of the fields of the operands.

    Args:
        found: the arrays that are given.
        options: those in force.
        sizes: of the problem.
        positions: (batch or 1, L) where the queries stand if no array says so.
        features: of a query and of a key, with the user's names for them.

    Raises:
        InputError: the arrays do not fit the problem, or the options of the rotation the features.
    """
    queries, keys = places(found, sizes, sections=options.rope_sections is not None)
    table = tables(found, sizes)
    by_row = table is not None and found["cos"].ndim == 3
    new = np.arange(sizes.past, sizes.keys) if keys is None else keys[:, :, sizes.past :]
    where = positions if queries is None else queries
    length = 1 + max(int(where.max()), int(new.max()))
    stood = {
        "places": queries,
        "key_places": keys,
        "cos": None if table is None else table[0],
        "sin": None if table is None else table[1],
        "row_indices": np.arange(sizes.queries) if by_row else None,
        "rope_length": length,
    }
    if options.rope is None:
        return stood
    for (given, count), what, each in zip(features, ("query", "key"), (where, new), strict=True):
        try:
            made = rotation(options, count, length, table, given)
            if not by_row:
                check_places(made, each, options.rope_theta, what)
        except InputError as error:
            error.arrays = error.arrays or (given,)
            raise
    return stood


def of_rotation(options: Options) -> list[Said]:
    """Return notices of what the options of the rotation say in vain."""
    if options.rope is None or options.rope_scaling is None:
        return []
    kind = options.rope_scaling["rope_type"]
    return [
        Said("{name} has no effect with {other}", name=name, other=f"rope-scaling {kind}")
        for name in unused(options.rope_scaling)
    ]


def places(found: Found, sizes: Sizes, *, sections: bool) -> Places:
    """Return where queries and keys stand if arrays say so, (3 or 1, batch or 1, L) and (3 or 1, batch or 1, S).

    Keys without positions of their own stand where the queries do if there are as many new ones, or else after the
    past ones, which stand at 0, 1, …

    Args:
        found: the arrays that are given, ``positions`` and ``key_positions`` perhaps among them.
        sizes: of the problem.
        sections: whether states have three positions.

    Raises:
        InputError: they do not fit, or are not whole numbers.
    """
    new = sizes.keys - sizes.past
    queries = _fitted("positions", found, sizes, sizes.queries, sections)
    keys = _fitted("key_positions", found, sizes, new, sections)
    if keys is None and queries is not None and new == sizes.queries:
        keys = queries
    return queries, None if keys is None else _after_past(keys, sizes.past)


def _fitted(name: str, found: Found, sizes: Sizes, count: int, sections: bool) -> NDArray[np.int64] | None:
    if name not in found:
        return None
    array = found[name]
    full = _three_axes(name, array, sections)
    if full.shape[1] not in (1, sizes.batch):
        hint = THREE if len(array) == 3 and not sections else ""
        raise InputError(f"{name} {show(array.shape)} does not fit the batch, {sizes.batch}", hint=hint, arrays=[name])
    if full.shape[2] != count:
        each = "query" if name == "positions" else "new key"
        raise InputError(f"{name} {show(array.shape)} must have one number per {each}, {count}", arrays=[name])
    return whole_numbers(name, full)


def _three_axes(name: str, array: NDArray[Any], sections: bool) -> NDArray[Any]:
    """Return positions as (3 or 1, batch or 1, L): one list of them serves all three sections, as in a text."""
    if array.ndim == 1:
        return array[None, None]
    if not sections and array.ndim == 2:
        return array[None]
    if sections and array.ndim in (2, 3) and len(array) == 3:
        return array.reshape(3, -1, array.shape[-1])
    axis = ARRAYS[name].axes[-1]
    wanted = f"({axis}), (3, {axis}) or (3, B, {axis})" if sections else f"({axis}) or (B, {axis})"
    hint = THREE if array.ndim == 3 and len(array) == 3 else ""
    raise InputError(f"{name} {show(array.shape)} must have the axes {wanted}", hint=hint, arrays=[name])


def _after_past(keys: NDArray[np.int64], past: int) -> NDArray[np.int64]:
    if not past:
        return keys
    before = np.broadcast_to(np.arange(past), (*keys.shape[:2], past))
    return np.concatenate([before, keys], axis=2)


def tables(found: Found, sizes: Sizes) -> Tables | None:
    """Return cosines and sines if they are given, (1, positions, D/2), or (batch or 1, L, D/2) by the states' order.

    Raises:
        InputError: one is given without the other, or they do not fit each other or the problem.
    """
    for one, other in (("cos", "sin"), ("sin", "cos")):
        if one in found and other not in found:
            raise InputError(f"{one} is given without {other}", hint="give both or neither", arrays=[one])
    if "cos" not in found:
        return None
    cos, sin = found["cos"], found["sin"]
    if cos.shape != sin.shape:
        fact = f"cos {show(cos.shape)} and sin {show(sin.shape)} must have the same shape"
        raise InputError(fact, arrays=["cos", "sin"])
    if cos.ndim not in (2, 3) or 0 in cos.shape:
        wanted = "(positions, rope-dim/2), or (B, L, rope-dim/2)"
        raise InputError(f"cos and sin {show(cos.shape)} must have the axes {wanted}", arrays=["cos", "sin"])
    if cos.ndim == 2:
        return cos[None], sin[None]
    _check_rows(cos.shape, sizes, found)
    return cos, sin


def _check_rows(shape: tuple[int, ...], sizes: Sizes, found: Found) -> None:
    """Check tables that have a row for each query, which is that of the new key at the same place."""
    hint = "tables (positions, rope-dim/2) have a row for each position instead"
    said = f"cos and sin {show(shape)} have one row per state, {shape[1]}"
    given = next((name for name in ("positions", "key_positions") if name in found), None)
    if given is not None:
        raise InputError(f"{said}, so that {given} would choose nothing", hint=hint, arrays=["cos"])
    if shape[0] not in (1, sizes.batch):
        raise InputError(f"cos and sin {show(shape)} do not fit the batch, {sizes.batch}", arrays=["cos"])
    new = sizes.keys - sizes.past
    for count, what in ((sizes.queries, "query"), (new, "new key")):
        if count != shape[1]:
            fact = f"{said}, and not per {what}, {count}"
            raise InputError(fact, hint=hint, arrays=["cos"])
