"""The attention layers that a pattern means, as `inspect` lists them: their names, and the shapes of their matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attncli.attend.arrays import ARRAYS
from attncli.attend.shapes import show
from attncli.files.contents import Entry
from attncli.files.open import split_name
from attncli.problem.layer import Layer
from attncli.said import Said
from attncli.show.lines import print_lines
from attncli.show.records import Record, print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

Found = Sequence[tuple[Layer, Mapping[str, Entry]]]
# What has a column of its own.
MATRICES = ("w_q", "w_k", "w_v", "w_qkv", "w_o")
ORDER = tuple(ARRAYS)
ALSO = Said("also")


def to_terminal(given: str, found: Found, screen: Screen, console: Console) -> None:
    """Print the table, and how one of them is taken."""
    from shlex import quote

    say = partial(print_lines, screen=screen, console=console)
    say(Said("file: {file}", file=split_name(given)[0]), style="dim")
    print_records([_line(layer, entries) for layer, entries in found], screen, console, folded=ALSO)
    console.print()
    path, prefix = split_name(given)[0], found[0][0].prefix
    say(f"attn compute --hidden FILE --layer {quote(f'{path}:{prefix}' if prefix else path)} --heads N", style="dim")


def _line(layer: Layer, entries: Mapping[str, Entry]) -> Record:
    columns = dict.fromkeys(MATRICES, "")
    biases, also = [], []
    for several, entry in sorted(entries.items(), key=lambda each: ORDER.index(each[0].split()[0])):
        text = "?" if entry.shape is None else show(entry.shape)
        for ours in several.split():
            if ours in columns:
                columns[ours] = text if ours == several else Said("in {shape}", shape=text)
            elif ours.startswith("b_"):
                biases.append(ours)
            else:
                also.append(f"{ours} {text}")
    more = {ALSO: " · ".join(filter(None, [" ".join(biases), *also]))}
    lie = {Said("options"): " ".join(f"{name} {value}" for name, value in layer.options.items())}
    return {Said("layer"): layer.prefix or Said("(top level)")} | columns | more | lie


def record(found: Found) -> list[dict[str, Any]]:
    """Return the same as values for JSON."""
    return [
        {
            "layer": layer.prefix,
            "arrays": {
                ours: {"tensor": entry.name, "shape": entry.shape, "dtype": entry.type}
                for tensor, entry in entries.items()
                for ours in tensor.split()
            },
            "options": layer.options,
        }
        for layer, entries in found
    ]
