"""Which option would make shapes fit that do not: what errors about them suggest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Literal, TypeVar

from attncli.attend.layouts import ORDERS, WORDS
from attncli.attend.options import Options
from attncli.attend.shapes import Shape
from attncli.errors import InputError

Checked = TypeVar("Checked")


def or_fix(check: Callable[[Options], Checked], options: Options, shapes: Iterable[Shape]) -> Checked:
    """Check; on failure, look for an option that would make the check succeed, and suggest it.

    Args:
        check: what raises an error where the shapes do not fit under some options, and returns something otherwise.
        options: those that are given.
        shapes: of all arrays.

    Raises:
        InputError: that of the check, with a hint.
    """
    try:
        return check(options)
    except InputError as error:
        longest = max((length for shape in shapes for length in shape), default=0)
        for other, hint in _alternatives(options, longest):
            try:
                check(other)
            except InputError:
                continue
            error.hint = error.hint or hint
            break
        raise


def _alternatives(options: Options, longest: int) -> Iterator[tuple[Options, str]]:
    """Return options that may be meant, each with the hint that says so; no axis is longer than ``longest``."""
    states: Literal["rows", "columns"] = "rows" if options.states == "columns" else "columns"
    if options.layout == "bhsd":
        turned = replace(options, states=states)
        yield turned, f"with --states {states} they fit (each state a {states[:-1]} of its matrix)"
    if options.heads is not None:
        # No axis can be split into more heads than it is long, whatever number a file may hold.
        for count in _divisors(options.heads) if options.heads <= longest else ():
            if count != (options.kv_heads or options.heads):
                yield replace(options, kv_heads=count), f"with --kv-heads {count} they fit"
        yield replace(options, heads=None, kv_heads=None), "without --heads they fit"
    for layout in ORDERS if options.states == "rows" else ():
        if layout != options.layout:
            yield replace(options, layout=layout), f"with --layout {layout} they fit ({WORDS[layout]})"


def _divisors(number: int) -> list[int]:
    """Return what divides a number, in order.

    >>> _divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    small = [each for each in range(1, math.isqrt(number) + 1) if number % each == 0]
    return sorted({*small, *(number // each for each in small)})
