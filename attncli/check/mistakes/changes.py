"""What may have been done to some keys of a row: each change says what it adds to the two sums of a softmax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attncli.check.mistakes.general import KEYS_DOUBLED, KEYS_LOST, KEYS_OPENED, KEYS_STALE
from attncli.check.mistakes.mistake import Mistake
from attncli.sentences import Field, Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]
    Inside: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Row:
    """One row of attention, as its keys enter the sums.

    Attributes:
        open: (S,) exponentials of the logits of open keys, less the largest logit; 0 for closed keys.
        all: (S,) the same of all keys, as if none were closed.
        one: the exponential that a logit of 0 has.
        value: (S,) the values, seen from one direction.
    """

    open: Array
    all: Array
    one: float
    value: Array


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        name: what identifies it, and names the sentence on it.
        mistake: what it is called.
        fix: what to look at.
        adds: the row → what the change of each key adds to Σ e·v, and to Σ e.
        logits: logits, those of all keys as if none were closed, and where the keys are that change (…, S) → logits.
        weights: weights and where those keys are → weights.
        opens: whether it is closed keys that change.
        fixed: the key that is its own neighbour, so that nothing changes about it, counted like an index; None: none.
    """

    name: str
    mistake: Mistake
    fix: Sentence
    adds: Callable[[Row], tuple[Array, Array]]
    logits: Callable[[Array, Array, Inside], Array] = lambda logits, every, inside: logits
    weights: Callable[[Array, Inside], Array] = lambda weights, inside: weights
    opens: bool = False
    fixed: int | None = None

    def made_to(self, keys: Field) -> Sentence:
        """Say that it was made to keys."""
        return sentence(word("changed", self.name).key, keys=keys)


def before(array: Array) -> Array:
    """Return each number's predecessor along the last axis; the first is its own."""
    return np.concatenate([array[..., :1], array[..., :-1]], axis=-1)


def after(array: Array) -> Array:
    """Return each number's successor along the last axis; the last is its own."""
    return np.concatenate([array[..., 1:], array[..., -1:]], axis=-1)


def _dropped(weights: Array, inside: Inside) -> Array:
    return np.where(inside, 0, weights)


def _moved(weights: Array, inside: Inside, *, back: bool) -> Array:
    """Give the weights of some keys to their predecessors, whose values stand in for theirs; or to their successors."""
    moving = np.where(inside, weights, 0)
    came = np.zeros_like(weights)
    if back:
        came[..., :-1] += moving[..., 1:]
        came[..., 0] += moving[..., 0]
    else:
        came[..., 1:] += moving[..., :-1]
        came[..., -1] += moving[..., -1]
    return weights - moving + came


FRESH = sentence("fix_keys_stale")


def _of_neighbour(noun: str, beside: Callable[[Array], Array], *, back: bool) -> tuple[Change, ...]:
    """Return what makes keys, values or both those of a neighbour."""
    fixed = 0 if back else -1

    def logits(logits: Array, every: Array, inside: Inside) -> Array:
        return np.where(inside, beside(every), logits)

    def weights(weights: Array, inside: Inside) -> Array:
        return _moved(weights, inside, back=back)

    return (
        Change(
            f"key and value of {noun}",
            KEYS_STALE,
            FRESH,
            lambda row: (beside(row.all * row.value) - row.open * row.value, beside(row.all) - row.open),
            logits,
            weights,
            fixed=fixed,
        ),
        Change(
            f"key of {noun}",
            KEYS_STALE,
            FRESH,
            lambda row: ((beside(row.all) - row.open) * row.value, beside(row.all) - row.open),
            logits,
            fixed=fixed,
        ),
        Change(
            f"value of {noun}",
            KEYS_STALE,
            FRESH,
            lambda row: (row.open * (beside(row.value) - row.value), np.zeros_like(row.open)),
            weights=weights,
            fixed=fixed,
        ),
    )


def _closed(row: Row) -> Array:
    """Return the exponentials of closed keys, which are 0 where a key is open."""
    return np.where(row.open == 0, row.all, 0)


CHANGES = (
    Change(
        "lost",
        KEYS_LOST,
        sentence("fix_keys_lost"),
        lambda row: (-row.open * row.value, -row.open),
        logits=lambda logits, every, inside: np.where(inside, -np.inf, logits),
    ),
    Change(
        "doubled",
        KEYS_DOUBLED,
        sentence("fix_keys_doubled"),
        lambda row: (row.open * row.value, row.open),
        logits=lambda logits, every, inside: np.where(inside, logits + np.log(2), logits),
    ),
    Change(
        "opened",
        KEYS_OPENED,
        sentence("fix_keys_opened"),
        lambda row: (_closed(row) * row.value, _closed(row)),
        logits=lambda logits, every, inside: np.where(inside, every, logits),
        opens=True,
    ),
    Change(
        "opened as zero",
        KEYS_OPENED,
        sentence("fix_keys_behind"),
        lambda row: (np.zeros_like(row.open), (row.open == 0) * row.one),
        logits=lambda logits, every, inside: np.where(inside, 0, logits),
        weights=_dropped,
        opens=True,
    ),
    Change(
        "zero key",
        KEYS_STALE,
        FRESH,
        lambda row: ((row.one - row.open) * row.value, row.one - row.open),
        logits=lambda logits, every, inside: np.where(inside, 0, logits),
    ),
    Change(
        "zero key and value",
        KEYS_STALE,
        FRESH,
        lambda row: (-row.open * row.value, row.one - row.open),
        logits=lambda logits, every, inside: np.where(inside, 0, logits),
        weights=_dropped,
    ),
    Change(
        "zero value",
        KEYS_STALE,
        FRESH,
        lambda row: (-row.open * row.value, np.zeros_like(row.open)),
        weights=_dropped,
    ),
    *_of_neighbour("the one before", before, back=True),
    *_of_neighbour("the one after", after, back=False),
)
