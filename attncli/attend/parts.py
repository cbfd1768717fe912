"""Parts of a computation, and how a result lies where the user's arrays have their axes in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncli.attend.arrays import ARRAYS
from attncli.attend.layouts import Form, Name, of_result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


@dataclass(frozen=True)
class Selection:
    """A part of a problem; None means all of it.

    Attributes:
        batch: one batch item.
        head: one query head.
        rows: indices of queries.
    """

    batch: int | None = None
    head: int | None = None
    rows: NDArray[np.int64] | None = None

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the part of an array (batch or 1, heads, L, …)."""
        if self.batch is not None:
            array = array[self.batch : self.batch + 1] if array.shape[0] > 1 else array
        if self.head is not None:
            array = array[:, self.head : self.head + 1]
        return array if self.rows is None else array[:, :, self.rows]

    def form(self, rank: int, layout: Name = "bhsd", packed: int | None = None) -> Form:
        """Return how what is made of the part lies for the user.

        Args:
            rank: the number of axes of the whole result before its heads are packed.
            layout: the order of its axes.
            packed: how many heads its last axis packs; None: they lie apart.
        """
        return of_result(rank, layout, packed=packed, one_batch=self.batch is not None, one_head=self.head is not None)


WHOLE = Selection()


def form_of(o: ScoreOperands, name: str, part: Selection = WHOLE) -> Form:
    """Return how a result of a problem lies for the user: the output as the states do, others (batch, heads, L, …)."""
    sizes = o.sizes
    if name != "output":
        return part.form(sizes.rank)
    packed = sizes.heads if sizes.packed and not sizes.out_features else None
    whole = part.form(sizes.rank, o.options.layout, packed)
    return whole.without("H") if sizes.out_features else whole


def restored(name: str, array: NDArray[Any], form: Form) -> NDArray[Any]:
    """Return a result (batch, heads, L, …), or one number for each query, with the axes of the user's arrays."""
    if ARRAYS[name].is_one_per_query:
        return form.given(array[..., None])[..., 0]
    return form.given(array)
