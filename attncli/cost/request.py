"""What is asked for: the sizes that flags give, and a problem or a configuration beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from attncli.attend.options import Options, as_flag
from attncli.cost.band import Tile
from attncli.cost.case import TILE
from attncli.errors import InputError

if TYPE_CHECKING:
    from attncli.problem.problem import Problem

# What a shape has where no flag says so, as in `attn bench`; and the sizes that a file has of its own.
USUAL = {"length": 4096, "batch": 1, "heads": 8, "dim": 64, "layers": 1}
OF_FILES = ("length", "keys", "batch", "heads", "kv_heads", "dim", "value_dim", "hidden_size")
OF_MODELS = ("heads", "kv_heads", "dim", "value_dim", "layers", "hidden_size")
BY_MODELS = ("window", "chunk", "prefix")
# Larger numbers are no sizes, and would take long to multiply.
MOST = 1 << 33


@dataclass(frozen=True, eq=False)
class Request:
    """What is asked for; None: no flag says it.

    Attributes:
        length: queries.
        keys: keys.
        batch: sequences.
        heads: query heads.
        kv_heads: key heads.
        dim: features of a query and a key.
        value_dim: features of a value.
        layers: how many layers there are.
        hidden_size: features of x.
        dtype: type of the numbers.
        tile: queries and keys of a tile.
        options: rules by position.
        problem: arrays, of a file or of flags; they may be none.
        config: a model's configuration.
        place: the file of it.
    """

    length: int | None = None
    keys: int | None = None
    batch: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    dim: int | None = None
    value_dim: int | None = None
    layers: int | None = None
    hidden_size: int | None = None
    dtype: str | None = None
    tile: Tile = TILE
    options: Mapping[str, object] = field(default_factory=dict)
    problem: Problem | None = None
    config: Mapping[str, Any] | None = None
    place: str = ""

    def usual(self, name: str) -> int:
        """Return a size, or what it usually is."""
        return getattr(self, name) or USUAL[name]

    def parsed(self) -> Options:
        """Return the options that flags give."""
        return Options.parse({name: value for name, value in self.options.items() if value is not None})

    def with_size(self, name: str, value: int) -> Request:
        """Return the same with another size, or another number of an option."""
        if name in VARIED_OPTIONS:
            return replace(self, options={**self.options, name: str(value)})
        return replace(self, **{name: value})  # type: ignore[arg-type]  # mypy takes the name for any field

    def refuse(self, names: tuple[str, ...], what: str) -> None:
        """Refuse sizes that a file has of its own.

        Raises:
            InputError: with the flag.
        """
        for name in names:
            if getattr(self, name, None) is not None or self.options.get(name) is not None:
                message = f"--{as_flag(name)} has no effect: {what}"
                raise InputError(message, place=self.place, hint="leave it out")


SIZES = tuple(each.name for each in fields(Request) if each.name in (*OF_FILES, "layers"))
VARIED_OPTIONS = ("window", "chunk", "prefix")
VARIED = (*SIZES, *VARIED_OPTIONS)
