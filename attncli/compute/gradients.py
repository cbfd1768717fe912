"""The tables of `grad`: one per gradient, on the way back from the output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attncli.attend.arrays import ARRAYS, lying
from attncli.attend.parts import Selection
from attncli.compute.gradient_formulas import formula
from attncli.compute.section import Section, place, titled
from attncli.problem.gradients import GradientComputation
from attncli.problem.selection import Choice
from attncli.said import Said
from attncli.show.tables import Grid
from attncli.show.view import View
from attncli.show.window import ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels


def sections(computation: GradientComputation, choice: Choice, view: View) -> Iterator[Section]:
    """Compute what is shown, one head after another; what several heads or batch items share is shown once."""
    _, heads, queries = computation.shape
    rows = ends(queries, view.most_rows)
    titles, shown = _told(computation), set()
    for batch, head in choice.places(computation.shape):
        found = computation.arrays_of(Selection(batch, head, rows.indices))
        for name, title in titles.items():
            of_batch, of_heads = computation.parts_of(name)
            at = head * of_heads // heads
            if (name, batch * (of_batch > 1), at) in shown:
                continue
            shown.add((name, batch * (of_batch > 1), at))
            matrix = as_matrix(name, found[name])
            if name in computation.ON_THE_WAY:
                axis, numbers = rows, matrix
            else:
                axis = ends(len(matrix), view.most_rows)
                numbers = matrix[axis.indices]
            where = place(batch, of_batch, at, of_heads, of_keys=of_heads not in (1, heads))
            where += [Said("all heads")] * (of_heads == 1 < heads and computation.has_heads(name))
            labels = _labels(computation, name, batch, (axis.total, numbers.shape[1]))
            full = titled(title, where, (axis.total, numbers.shape[1]))
            yield Section(full, Grid(numbers, axis, *labels), name, (batch, head))


def _told(computation: GradientComputation) -> dict[str, str]:
    """Return the titles of what is shown; the gradient of scores that no softcap changes is that of the logits."""
    b = computation.backpropagation
    titles = {name: formula(name, b) for name in computation.names}
    if b.operands.options.softcap is None and {"d_logits", "d_scores"} <= titles.keys():
        del titles["d_scores"]
        titles["d_logits"] = titles["d_logits"].replace(" = ", " = d_scores = ", 1)
    return titles


def as_matrix(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return one head of a gradient as a matrix: numbers for each query as a column, other vectors as a row."""
    if array.ndim < 2:
        return array.reshape((-1, 1) if ARRAYS[name].is_one_per_query else (1, -1))
    return array.reshape(-1, array.shape[-1])


def _labels(
    computation: GradientComputation, name: str, batch: int, shape: tuple[int, int]
) -> tuple[Labels | None, Labels | None]:
    """Return the labels of rows and columns, where there is one for each."""
    labels, o = computation.problem.labels_of(batch), computation.operands
    queries, keys = labels.get("query_labels"), labels.get("key_labels")
    past = o.sizes.past
    found = []
    for symbol, count in zip(lying(name, columns=o.options.states == "columns"), shape, strict=True):
        of_keys = () if keys is None else keys[past:] if symbol == "S" and count == len(keys) - past else keys[:count]
        of = {"L": queries, "S": of_keys, "P": of_keys}.get(symbol)
        found.append(of if of and len(of) == count else None)
    return found[0], found[1]
