"""How many batch items, heads, queries and keys a mask has where no query and no key says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.attend.arrays import ARRAYS
from attncli.attend.given import numbers
from attncli.attend.operands import ScoreOperands
from attncli.attend.options import Options, records
from attncli.attend.prepare import prepare_scores
from attncli.attend.words.array import OVER_SCORES, Role
from attncli.attend.words.mask import POSITIONAL
from attncli.errors import InputError
from attncli.mask.opening import rows_at_once
from attncli.problem import estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.problem.problem import Problem

STAGE = "mask"
# The arrays that close keys; and those of them that may have one row for all queries.
NAMES = tuple(name for name, each in ARRAYS.items() if each.stage == STAGE and each.role is Role.INPUT)
# No plain machine computes more cells than this within an hour.
MOST_CELLS = 1 << 36


def operands_of(problem: Problem, queries: int | None, keys: int | None) -> ScoreOperands:
    """Return the input of the stage mask; query and key hold no numbers.

    Args:
        problem: a whole one, whose query and key say how many there are, or only what closes keys.
        queries: how many there are; None: as the arrays say, or as many as keys.
        keys: likewise.

    Raises:
        InputError: nothing says how many there are, or what is given contradicts that.
    """
    if any(ARRAYS[name].role is Role.STATE for name in problem.arrays):
        found = problem.score_operands()
        _check_given(problem, found, queries, keys)
        return _without_numbers(found)
    with problem.naming_files():
        given = numbers({name: array for name, array in problem.arrays.items() if name in NAMES})
        batch, heads, length, width = lengths(given, problem.options, queries, keys)
        _check_size(length, width)
        options = Options(
            **{name: getattr(problem.options, name) for name, each in records().items() if each.stage == STAGE}
        )
        query, key = _nothing((batch, heads, length, 1)), _nothing((batch, 1, width, 1))
        return prepare_scores({"query": query, "key": key, **given}, options)


def lengths(
    given: Mapping[str, NDArray[Any]], options: Options, queries: int | None, keys: int | None
) -> tuple[int, int, int, int]:
    """Return how many batch items, heads, queries and keys there are, as the axes of arrays say.

    Args:
        given: what closes keys, by name.
        options: where a rule goes by positions, there are as many queries as keys, unless something says otherwise.
        queries: as asked for; None: not.
        keys: likewise.

    Raises:
        InputError: nothing says how many keys there are.

    Example:
        >>> lengths({"mask": np.ones((2, 1, 1, 5))}, Options(causal=True), None, None)
        (2, 1, 5, 5)
    """
    found = dict.fromkeys(OVER_SCORES, 1)
    for name, array in given.items():
        for symbol, length in zip(reversed(ARRAYS[name].axes), reversed(array.shape), strict=False):
            if symbol in found:
                found[symbol] = max(found[symbol], length)
    width = keys or _keys_of(given, found["S"]) or queries or (found["L"] if found["L"] > 1 else None)
    if width is None:
        hint = "give --length N, and --keys N where there are other than N keys; or a mask"
        raise InputError("nothing says how many queries and keys there are", hint=hint)
    by_position = any(options.in_force(name) for name in POSITIONAL) or not given.keys() <= {"mask", "bias"}
    length = queries or (found["L"] if found["L"] > 1 or not (by_position or not given) else width)
    return found["B"], found["H"], length, width


def _keys_of(given: Mapping[str, NDArray[Any]], widest: int) -> int | None:
    """Return the number of keys that arrays have, or that they count; None: none does."""
    if widest > 1 or any(ARRAYS[name].axes[-1] == "S" for name in given):
        return widest
    for name in ("cu_seqlens", "key_lengths"):
        if name in given and given[name].size and np.isfinite(most := float(np.max(given[name]))):
            return max(1, int(min(most, MOST_CELLS)))
    return None


def _check_given(problem: Problem, found: ScoreOperands, queries: int | None, keys: int | None) -> None:
    for flag, asked, has, of in (
        ("length", queries, found.sizes.queries, "queries"),
        ("keys", keys, found.sizes.keys, "keys"),
    ):
        if asked not in (None, has):
            message = f"--{flag} {asked} contradicts the file, which has {has} {of}"
            raise InputError(message, place=problem.place, hint="leave it out")
    _check_size(found.sizes.queries, found.sizes.keys)


def _check_size(queries: int, keys: int) -> None:
    """Refuse what would take an hour, or more memory than there is.

    Raises:
        InputError: with the numbers.
    """
    if queries * keys > MOST_CELLS:
        message = f"a mask of {queries} queries and {keys} keys is too large"
        raise InputError(message, hint=f"attn computes up to {MOST_CELLS} cells of it, such as {1 << 18}×{1 << 18}")
    needed = estimate.mask_rows(queries, keys, min(queries, rows_at_once(keys)))
    memory.require(needed, f"a row of this mask has {keys} keys", "give fewer keys")


def _without_numbers(o: ScoreOperands) -> ScoreOperands:
    """Return operands whose query and key are never read: their rows would be, wherever some are selected."""
    made = o.outline  # of a layer nothing need be projected either
    empty: dict[str, Any] = {name: _nothing((*array.shape[:3], 1)) for name, array in made.states.items()}
    return replace(made, **empty)


def _nothing(shape: tuple[int, ...]) -> NDArray[Any]:
    return np.broadcast_to(np.float32(0), shape)
