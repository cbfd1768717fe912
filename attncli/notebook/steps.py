"""What a notebook shows of a record of steps: a table for each result, of one head, as `attn compute` shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.shapes import show
from attncli.attend.steps import Steps
from attncli.languages import catalogue, of_locale
from attncli.notebook.fragment import VIEW, code, fragment, numbers
from attncli.show.html import text
from attncli.show.tables import Grid
from attncli.show.window import ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels

ALL = slice(None)


@dataclass(frozen=True)
class About:
    """What is known of steps beside their numbers.

    Attributes:
        batch: the item that is shown.
        head: the query head that is shown.
        labels: its ``query_labels`` and ``key_labels``, if any.
        output: the symbols of the axes of the output; empty where only the shape is known.
        title: of the problem.
    """

    batch: int = 0
    head: int = 0
    labels: Mapping[str, Labels] = field(default_factory=dict)
    output: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True, eq=False)
class LabelledSteps(Steps):
    """The results of the steps of a problem, which shows them with its labels."""

    about: About = field(default_factory=About, repr=False)

    def _repr_html_(self) -> str:
        return as_html(self, self.about)


def as_html(made: Steps, about: About | None = None) -> str:
    """Return the tables of the results, those of the first head and batch item unless it is known which to show.

    A large one is shown by its first and last rows and columns. What is written above it is what one would type.

    Args:
        made: the results.
        about: what else is known.
    """
    about, lang = about or About(), of_locale(os.environ)
    title = [f'<p dir="auto"><strong>{text(about.title)}</strong></p>'] if about.title else []
    return fragment("\n".join([*title, *_tables(made, about, lang)]), lang)


def _tables(made: Steps, about: About, lang: str) -> Iterator[str]:
    for name, (index, left) in _shown(made, about).items():
        array = getattr(made, name)
        said = catalogue(lang).REFERENCE.get(f"array_{name}", ARRAYS[name].help)
        yield f'<p class="soft">{code(_typed(name, index))} {show(array.shape)} · {text(said)}</p>'
        yield numbers(_grid(name, array[index], left, about))


def _shown(made: Steps, about: About) -> dict[str, tuple[tuple[Any, ...], list[str]]]:
    """Return the results that say something of their own, each with what picks its part that is shown, and its axes."""
    heads = made.weights.shape[-3] if made.weights.ndim > 2 else 1
    found = {}
    for name in (each.name for each in fields(Steps)):
        array = getattr(made, name)
        if array is not None and name != "lse":  # which says little beside all the weights
            axes = about.output if name == "output" and about.output else ARRAYS[name].axes[-array.ndim :]
            index = _index(axes, array.shape, about, heads)
            found[name] = index, [axis for axis, at in zip(axes, index, strict=True) if at == ALL]
    before = "capped" if "capped" in found else "scores"
    # Row by row: no second matrix of this size is made. If nothing was closed or added, the logits are the scores.
    both = [np.atleast_2d(getattr(made, name)[found[name][0]]) for name in (before, "logits")]
    if all(np.array_equal(old, new, equal_nan=True) for old, new in zip(*both, strict=True)):
        del found["logits"]
    return found


def _index(axes: Sequence[str], shape: Sequence[int], about: About, heads: int) -> tuple[Any, ...]:
    """Return what picks the head and the batch item that are shown; key heads serve as many query heads each."""
    of = {"B": lambda length: min(about.batch, length - 1), "H": lambda length: about.head * length // heads}
    of["K"] = of["H"]
    return tuple(of[axis](length) if axis in of else ALL for axis, length in zip(axes, shape, strict=True))


def _typed(name: str, index: tuple[Any, ...]) -> str:
    """Return what one types for a part of a result.

    >>> _typed("weights", (0, 2, ALL, ALL)), _typed("output", (0, ALL, 1, ALL)), _typed("scores", (ALL, ALL))
    ('weights[0, 2]', 'output[0, :, 1]', 'scores')
    """
    places = [":" if at == ALL else str(at) for at in index]
    while places and places[-1] == ":":
        places.pop()
    return name + f"[{', '.join(places)}]" * bool(places)


def _grid(name: str, matrix: NDArray[Any], axes: Sequence[str], about: About) -> Grid:
    """Return a matrix, or a vector as its only row, with the labels of its axes."""
    matrix = matrix[None] if matrix.ndim == 1 else matrix
    of = {"L": about.labels.get("query_labels"), "S": about.labels.get("key_labels")}
    rows, columns = (
        labels if labels is not None and len(labels) == count else None
        for labels, count in zip(map(of.get, ["L", *axes][-2:]), matrix.shape, strict=True)
    )
    axis = ends(len(matrix), VIEW.most_rows)
    return Grid(matrix[axis.indices], axis, rows, columns, heated=name == "weights")
