"""The work of a thread of the backward stream where indices name few of the keys; see `attncli.attend.fast.gather`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.backward_results import Found, Gradients
from attncli.attend.fast.backward_worker import BackwardWorker, Rows
from attncli.attend.fast.gather import Gathering
from attncli.attend.fast.tiles import Piece
from attncli.attend.views import weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


# Gradients are gathered if all keys are this many times as many as those that are named for a query: adding them where
# they belong takes longer than gathering keys does.
SCATTERED = 32


def can_gather(o: Operands) -> bool:
    """Tell whether the gradients of keys that indices name are to be gathered, as the forward stream gathers keys.

    A bias, a numeric mask and softcap need those of single logits.
    """
    indices = o.inputs["indices"]
    is_worth_it = indices.shape[2] == 1 or indices.shape[3] * SCATTERED <= o.sizes.keys
    return is_worth_it and o.bias is None and (o.mask is None or o.mask.dtype == bool) and o.options.softcap is None


class BackwardGatherer(Gathering[Gradients], BackwardWorker):
    """Computes the gradients of pieces in one thread, from the keys that are named for their rows."""

    folds = False

    def sweep(self, piece: Piece, rows: Rows, found: Found) -> None:
        """Add what all rows contribute to the gradients."""
        heads, keys = found.key.shape[:2]
        # One more row, for what names no key, or one that no query of the piece sees.
        of_key, of_value = (np.zeros((heads, keys + 1, each.shape[2]), self.dtype) for each in (found.key, found.value))
        count, step = rows.query.shape[1] // self.group, self.step(heads)
        for start in range(0, count, step):
            if self.shared.stopped:
                return
            self.some_rows(piece, slice(start, min(start + step, count)), rows, found, (of_key, of_value))
        found.key[...], found.value[...] = of_key[:, :-1], of_value[:, :-1]

    def some_rows(
        self, piece: Piece, at: slice, rows: Rows, found: Found, into: tuple[NDArray[Any], NDArray[Any]]
    ) -> None:
        """Add what some rows of a piece contribute to the gradients.

        Args:
            piece: the piece.
            at: the rows, as indices into those of the piece.
            rows: all queries of the piece.
            found: the gradients, updated in place but for those of keys and values.
            into: those, (G, keys of the piece + 1, …).
        """
        query, given = self.some(rows.query, at), self.some(rows.given, at)
        keys, key, weights = self.logits(piece, at, query)
        for shift in rows.shifts:
            weights -= self.some(shift[..., None], at)
        np.exp2(weights, out=weights)
        if self.is_careful and rows.bad is not None:
            np.copyto(weights, 0, where=self.some(rows.bad[..., None], at))
        shape = query.shape[:3]
        query, given, weights = (self.joined(each, keys) for each in (query, given, weights))  # (N, M, …)
        value = self.gathered(self.states.value, piece, keys, "values")  # (N, k, Ev)
        slopes = np.matmul(given[..., :-1], value.swapaxes(1, 2))
        slopes += given[..., -1:]
        slopes *= weights
        self.mend(slopes, weights)
        multiply = weigh if self.is_careful else np.matmul
        if self.states.function.is_dot:
            of_query, of_key = multiply(slopes, key), self.summed(slopes, query)
        else:
            of_query, of_key, more = self.states.function.meet_backward(query, key, self.states.parameters, slopes)
            for name, each in more.items():
                found.parameters[name] += each
        self.some(found.query, at)[...] = self.apart(of_query, shape, keys)
        for target, gradient in zip(into, (of_key, self.summed(weights, given[..., :-1])), strict=True):
            self.scatter(piece, keys, gradient, target)

    def summed(self, weights: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """Return the sums over the rows of each set of weights (N, M, k) times what they have (N, M, X): (N, k, X)."""
        if self.is_careful:
            return weigh(weights.swapaxes(1, 2), rows)
        if weights.shape[1] == 1:  # BLAS takes three times as long for a sum of one
            return weights.swapaxes(1, 2) * rows
        found: NDArray[Any] = np.matmul(weights.swapaxes(1, 2), rows)
        return found

    def some(self, array: NDArray[Any], at: slice) -> NDArray[Any]:
        """Return what some rows have of an array (G, rows · g, …): (G, R, g, …), a view."""
        return array.reshape(len(array), -1, self.group, array.shape[2])[:, at]

    def scatter(self, piece: Piece, keys: NDArray[np.int64], gradient: NDArray[Any], target: NDArray[Any]) -> None:
        """Add the gradients of keys or values where these come from.

        Args:
            piece: the piece.
            keys: (G|1, R|1, g|1, k) the keys, each once, or −1.
            gradient: (N, k, …)
            target: (G, keys of the piece + 1, …), updated in place.
        """
        count = target.shape[1] - 1
        places = keys - piece.keys.start
        places[(places < 0) | (places > count)] = count
        sets = np.broadcast_to(places, (len(target), *places.shape[1:])).reshape(-1, places.shape[3])
        by_head = len(sets) // len(target)
        for at, (of_set, some) in enumerate(zip(sets, gradient, strict=True)):
            of_head = target[at // by_head]
            sums = of_head.take(of_set, axis=0, mode="clip")  # faster than `of_head[of_set] += some`
            sums += some
            of_head[of_set] = sums
