"""Describe a problem in one line, for tables of several problems, such as all layers of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncli.attend.arrays import ARRAYS
from attncli.attend.operands import Operands
from attncli.attend.shapes import show
from attncli.attend.words.array import Role
from attncli.said import Said


def line(shapes: Mapping[str, Sequence[int]], options: Mapping[str, object]) -> dict[str, str]:
    """Return a table row by heading: the shapes of the states, the other arrays, and the options.

    Args:
        shapes: those of the arrays, by name; what is expected, and gradients, are left out, since their shapes follow.
        options: those that differ from their default.
    """
    states = {name: show(tuple(shapes[name])) if name in shapes else "" for name in Operands.NAMES}
    others = [
        f"{name} {show(tuple(shape))}"
        for name, shape in shapes.items()
        if name not in Operands.NAMES and ARRAYS[name].role not in (Role.EXPECTED, Role.LOSS, Role.GRADIENT)
    ]
    chosen = [name if value is True else f"{name} {_short(value)}" for name, value in options.items()]
    return states | {Said("other arrays"): ", ".join(others), Said("options"): ", ".join(chosen).replace("_", "-")}


def _short(value: object) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
