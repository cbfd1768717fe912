"""What an explanation is about: which head, which rows, which element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import backpropagation
from attncli.attend.operands import ScoreOperands
from attncli.attend.options import Options
from attncli.attend.parts import Selection
from attncli.errors import InputError
from attncli.explain import gradients
from attncli.explain.gradients import BACKWARD
from attncli.explain.lesson import Loss, Subject
from attncli.explain.lessons.out import all_heads
from attncli.explain.positions import by_distance, elsewhere, telling_row
from attncli.explain.running import TILES, usual_width
from attncli.problem import estimate
from attncli.problem.attention import ScoreComputation
from attncli.problem.first import find, index_of
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.show.tables import MOST_COLUMNS
from attncli.show.view import View
from attncli.show.window import around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels

# The example of the article that the project started from: one query, and two hidden states as columns.
EXAMPLE: Mapping[str, Any] = {
    "query": [1.0, 2.0, 3.0, 4.0, 5.0],
    "hidden": [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0], [5.0, 6.0]],
}


def example(options: Mapping[str, object]) -> Problem:
    """Return the built-in worked example."""
    given = {"states": "columns"} | {name: value for name, value in options.items() if value is not None}
    arrays = {name: np.array(numbers) for name, numbers in EXAMPLE.items()}
    return Problem(arrays, dict.fromkeys(arrays, "built-in example"), options=Options.parse(given))


def choose(
    computation: ScoreComputation,
    choice: Choice,
    view: View,
    *,
    row: str | None,
    column: str | None,
    steps: Sequence[str],
    tile: int | None = None,
) -> Subject:
    """Compute the shown rows of the head that is explained.

    Args:
        computation: the steps that are explained, and those before them.
        choice: which head.
        view: how many rows.
        row: the query to work out, by index or label; None is the one that the problem shows first, or one that tells
            most, see `telling_row`.
        column: the key to work out, by index or label; None is likewise the one that the problem shows first, or that
            with most weight, where distances count of those at another position. An index is the output column of the
            last step too, if there is one; if only that step is explained, it is nothing else.
        steps: the steps that are explained.
        tile: how many keys a tile has, if the row is worked out in tiles and the reader says so.

    Raises:
        InputError: there is no such head, row or column.
    """
    problem, o = computation.problem, computation.operands
    batches, heads, queries = computation.shape
    if "all" in (choice.head, choice.batch):
        raise InputError("an explanation is about one head: give --head and --batch a number")
    batch, head = problem.choice(choice, computation.shape).places(computation.shape)[0]
    labels = problem.labels_of(batch)
    query_labels, key_labels = labels.get("query_labels"), labels.get("key_labels")
    first_row, first_key = problem.element(batch, (queries, o.sizes.keys))
    asked = first_row if row is None else find("row", row, query_labels, queries)
    the_row = telling_row(o, batch, head) if asked is None else asked
    rows = around(queries, min(queries, view.most_rows or queries), the_row)
    part, count = Selection(batch, head), len(rows.indices)
    tables = 2 * estimate.table(count, min(o.sizes.keys, MOST_COLUMNS))  # one is written while the next is made
    tables += estimate.back_to_element(o, count) if BACKWARD in steps else 0
    tables += estimate.in_tiles(o, count, tile or usual_width(o.sizes.keys)) if TILES in steps else 0
    computation.require(computation.needs(part, rows=count) + tables, part, "--rows N shows fewer")
    some = Selection(batch, head, rows.indices)
    arrays, whole, loss = _made(computation, some, back=BACKWARD in steps)
    features = o.sizes.value_features if {"sum", "out", TILES} & {*steps} else 1
    features = max(features, whole["output"].shape[-1]) if "out" in steps and whole else features
    if column is None and row is None and first_key is not None:
        the_column, feature = first_key, 0
    elif column is None:
        one = o.select(batch=batch, head=head, rows=np.array([the_row]))
        the_column, feature = _most(arrays["weights"][np.flatnonzero(rows.indices == the_row)[0]], one), 0
    else:
        only_sum = list(steps) == ["out"] or {*steps} <= {"sum", TILES}
        the_column, feature = _element(column, o.sizes.keys, key_labels, features, only_sum)
    return Subject(
        title=problem.texts.get("title", ""),
        operands=computation.select(some),
        source=o,
        whole=whole,
        made=arrays,
        rows=rows,
        row=the_row,
        column=the_column,
        feature=feature,
        where=(batch, batches, head, heads),
        key_head=(head // o.sizes.group, o.sizes.group),
        query_labels=query_labels,
        key_labels=key_labels,
        loss=loss,
        tile=tile,
    )


def _made(
    computation: ScoreComputation, some: Selection, *, back: bool
) -> tuple[dict[str, NDArray[Any]], Mapping[str, NDArray[Any]], Loss | None]:
    """Compute the results of one head and some rows, what all heads make of them, and the way back."""
    made = computation.compute(some).everything
    arrays = {name: array[0, 0] for name, array in made.items()}
    whole: Mapping[str, NDArray[Any]] = {}
    every, made_of_all = computation.select(some), made
    if every.has_after and "context" in made:
        of_all = Selection(some.batch, None, some.rows)
        every, made_of_all = computation.select(of_all), computation.compute(of_all).everything
        whole = all_heads(every, dict(made_of_all))
    if not back:
        return arrays, whole, None
    loss = loss_of(computation, some)
    of_sums = gradients.of_sums(every, made_of_all, loss.output)
    of_head = of_sums[:, some.head or 0][:, None]
    return arrays | gradients.of_head(computation.select(some), made, of_head), whole, loss


def loss_of(computation: ScoreComputation, some: Selection) -> Loss:
    """Return what is known of the loss, of some rows; without ``d_output`` it is the sum of the output.

    Raises:
        InputError: ``d_output`` has not the shape of the output, or an option has no gradient.
    """
    problem, o = computation.problem, computation.operands
    given = problem.arrays.get(backpropagation.GIVEN)
    with problem.naming_files():
        backpropagation.require_differentiable(o.options)
        output = backpropagation.of_output(o, given)
    hidden = tuple(name for name in o.states if name not in problem.variables)
    return Loss(output[some.batch][None][:, :, some.rows], given is not None, hidden)


def _most(weights: NDArray[Any], o: ScoreOperands) -> int:
    """Return the key with most weight; where distances count, of those at another position, if there is one."""
    known = np.where(np.isnan(weights), 0, weights)
    others = elsewhere(o) if by_distance(o.options) else np.zeros(len(weights), dtype=bool)
    return int(np.argmax(np.where(others, known, -1) if others.any() else known))


def _element(column: str, keys: int, labels: Labels | None, features: int, only_sum: bool) -> tuple[int, int]:
    """Return the key and the output column that are asked for."""
    index = index_of(column)
    if only_sum:
        if index is None or index >= features:
            raise InputError(f"--col {column}: there is no such output column (0 to {features - 1})")
        return 0, index
    return find("col", column, labels, keys), index if index is not None and index < features else 0
