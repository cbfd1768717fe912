"""The way back through softmax, taught: one gradient worked out, a finite difference of it, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.views import product
from attncli.explain import row_statistics
from attncli.explain.finite import ROUNDINGS, Row
from attncli.explain.lesson import Lesson, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Losses whose difference counts are written with all digits that they have.
ALL_DIGITS = 16


@dataclass(frozen=True)
class RowBack:
    """What the way back through softmax does in one row, in float64.

    Attributes:
        weights: (S)
        given: (S) the gradient of the weights, 0 at closed keys.
        found: (S) the gradient of the logits.
        opened: (S) which keys are open.
        sink: the weight of the sink; 0 without one.
    """

    weights: NDArray[Any]
    given: NDArray[Any]
    found: NDArray[Any]
    opened: NDArray[np.bool_]
    sink: float

    @classmethod
    def of(cls, about: Subject) -> RowBack:
        """Look at the worked row."""
        names = ("weights", "d_weights", "d_logits")
        weights, given, found = (about.line(name).astype(np.float64) for name in names)
        sink = 0.0 if about.sink is None else float(np.exp(np.float64(about.sink) - float(about.line("lse"))))
        return cls(weights, given, found, about.line("logits") > -np.inf, sink)

    @cached_property
    def steepest(self) -> float:
        """The largest w·(1 − w): how fast any weight grows with its own logit."""
        return float((self.weights * (1 - self.weights)).max())

    @property
    def arrived(self) -> float:
        """How much gradient arrives at the logits: the sum of its sizes."""
        return float(np.abs(self.found).sum())

    @property
    def arrived_if_even(self) -> float:
        """How much would arrive if all open keys, and a sink, had the same weight."""
        weight = 1 / (self.opened.sum() + (self.sink > 0))
        given = self.given[self.opened]
        return float(np.abs(weight * (given - weight * given.sum())).sum())

    def rest(self, column: int) -> tuple[float, float]:
        """Return the weight of all other keys, sink included, and the average of their gradients, weighted likewise."""
        others = np.delete(self.weights, column)
        rest = float(others.sum()) + self.sink
        return rest, float((others * np.delete(self.given, column)).sum()) / rest if rest > 0 else 0.0


def delta(about: Subject) -> Any:
    """Return Σ weights · d_weights of the worked row, as softmax reckons it."""
    return product(about.line("weights"), about.line("d_weights")).sum()


def working(lesson: Lesson) -> Iterator[str]:
    """Work out the gradient of one logit, the short way and the long way."""
    about = lesson.about
    if about.is_closed:
        return
    weight, given, found, less = (*map(about.element, ("weights", "d_weights", "d_logits")), delta(about))
    terms = lesson.terms(list(zip(about.line("d_sums"), about.line(about.sums), strict=True)), "more_terms")
    yield lesson.say("back_delta", sums=about.sums, terms=terms, total=less)
    first, second = lesson.told_apart(given, less)
    numbers = {"weight": weight, "given": first, "delta": second, "difference": lesson.signed(given - less)}
    yield lesson.say("back_logit", **numbers, total=found)
    row = RowBack.of(about)
    if len(row.weights) == 1:
        return
    # By a whole row of the Jacobian.
    slopes = -row.weights[about.column] * row.weights
    slopes[about.column] = row.weights[about.column] * row.rest(about.column)[0]
    vectors, total = {"slopes": lesson.vector(slopes), "given": lesson.vector(row.given)}, float(slopes @ row.given)
    yield lesson.say("back_long_way", key=about.column, **vectors, total=total)
    if abs(total - found) > abs(total) / 2:
        yield lesson.say("back_lost", dtype=about.operands.dtype.name, found=found)


def check(lesson: Lesson) -> Iterator[str]:
    """Move the logit, and compare how the loss moves with the gradient that was worked out."""
    about, loss = lesson.about, lesson.about.loss
    assert loss is not None  # the way back is taught only where it was gone
    if about.is_closed:
        yield lesson.say("finite_closed")
        return
    batch, _, head, _ = about.where
    row = Row(
        about.source.select(batch=batch, rows=np.array([about.row])),
        head,
        about.line("logits"),
        about.operands.sinks,
        about.values[None, None],
        loss.output[:, :, about.at : about.at + 1],
        about.line("d_sums"),
    )
    found = float(about.element("d_logits"))
    made = row.difference(about.column, found)
    if not np.isfinite(made.quotient):
        yield lesson.say("finite_none")
        return
    for sign, loss_there in (("+", made.above), ("−", made.below)):
        yield lesson.say("finite_loss", sign=sign, step=made.step, total=f"{loss_there:.{ALL_DIGITS}g}")
    apart, allowed = abs(made.quotient - found), made.error + _rounding(about, row.size)
    numbers = {"both": 2 * made.step, "quotient": made.quotient, "apart": apart, "allowed": allowed}
    yield lesson.say("finite_quotient", **numbers, dtype=about.operands.dtype.name)


def _rounding(about: Subject, size: float) -> float:
    """Return about how much rounding in the precision of the computation makes of weight · (d_weights − δ)."""
    logits, weight = about.line("logits").astype(np.float64), float(about.element("weights"))
    own = float(np.abs(about.line("d_sums").astype(np.float64) * about.values[about.column].astype(np.float64)).sum())
    digits = ROUNDINGS + float(logits.max() - logits[about.column])  # of the exponent, before the exponential
    return digits * float(np.finfo(about.operands.dtype).eps) * weight * (own + size)


def points(lesson: Lesson) -> Iterator[str]:
    """Say which logits matter, that their gradients make up for each other, and what saturation leaves of them."""
    about, row = lesson.about, RowBack.of(lesson.about)
    if lesson.row.open == 1 and about.sink is None:
        yield lesson.say("back_only_key")
        return
    given = row.given[row.opened]
    if about.sink is None and np.ptp(given) <= ROUNDINGS * np.finfo(about.operands.dtype).eps * np.abs(given).max():
        yield lesson.say("back_same", given=given[0])
        return
    up, down = int(row.found.argmax()), int(row.found.argmin())
    if row.found[up] > 0 > row.found[down]:
        names = {"up": lesson.key(up), "down": lesson.key(down)}
        yield lesson.say("back_most", **names, most=row.found[up], least=-row.found[down])
    if about.sink is None:
        yield lesson.say("back_sum_of_row")
    else:
        less = float(delta(about))
        yield lesson.say("back_sink", weight=row.sink, delta=lesson.signed(less), total=-row.sink * less)
    yield from _saturation(lesson, row)


def _saturation(lesson: Lesson, row: RowBack) -> Iterator[str]:
    """Say how much of the gradient softmax lets through, and why."""
    about, best = lesson.about, int(lesson.row.ranking[0])
    arrived, even = row.arrived, row.arrived_if_even
    values: dict[str, Any] = {"slope": row.steepest, "arrived": arrived, "even": even}
    if row.weights[best] <= row_statistics.SATURATED:
        yield lesson.say("back_not_saturated", **values)
    else:
        shares = {"best": lesson.key(best), "weight": row.weights[best], "share": arrived / even if even else 0.0}
        yield lesson.say("back_saturated", **values, **shares)
    if about.is_closed:
        return
    (rest, others), own = row.rest(about.column), float(row.given[about.column])
    weight = float(row.weights[about.column])
    first, second = lesson.told_apart(own, others)
    product_of = {"weight": weight, "rest": rest, "slope": weight * rest, "own": first, "others": second}
    yield lesson.say("back_why", **product_of, total=weight * rest * (own - others))
