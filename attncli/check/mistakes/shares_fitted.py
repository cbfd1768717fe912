"""Parts of the keys that get other shares than any that has a name: by which rule, is fitted to the shares themselves.

Where a row is Σ c · (output of a part), the c are solved for; few parts are told apart by many features. What they
depend on is then a matter of regression: c ∝ exp(α · lse + β · largest logit + a number for each part).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import merges, pieces
from attncli.check.mistakes.arithmetic import finite, over
from attncli.check.mistakes.cuts import Cut, cuts
from attncli.check.mistakes.general import PARTS_MERGED
from attncli.check.mistakes.near import Row, rows
from attncli.check.mistakes.tiles import Tiles, total
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.check.solving import solutions
from attncli.sentences import Field, Listed, Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Into how many parts at most, with how many times as many features; how many rows of each head are solved; how far from
# a row, in units of its rounding, its parts may leave it; how well a rule has to fit logarithms of shares.
PARTS, FEATURES, ROWS, FAR, FIT = 6, 3, 8, 8.0, 0.1
# Numbers that are as good as these are told as these.
NEAR = 0.02


@dataclass(frozen=True)
class Rule:
    """c = exp(α · lse + β · largest logit + γ + δ · lse of all), normalised or not.

    Attributes:
        alpha: see above; 1 is right.
        beta: see above; 0 is right.
        gamma: (parts,) one number for each part; 0 is right.
        delta: see above; −1 is right where the shares are not normalised otherwise.
        normalised: whether the shares sum to 1.
    """

    alpha: float
    beta: float
    gamma: Array
    delta: float
    normalised: bool

    def shares(self, t: Tiles) -> Array:
        """Return the share of each part."""
        by = self.alpha * finite(t.lse) + self.beta * finite(t.top) + self.gamma[:, None]
        if not self.normalised:
            return np.where(t.is_open, np.exp(by + self.delta * _of_all(t)), 0)
        return merges.by_lse(np.where(t.is_open, by, -np.inf))


def _of_all(t: Tiles) -> Array:
    top = finite(t.largest)
    return np.asarray(top + np.log(np.maximum(total(np.exp(t.lse - top)), np.finfo(float).tiny)))


def fitted(o: Operands) -> Iterator[Generator]:
    """Parts are put together by other shares."""
    if not o.has_after and o.sinks is None and o.sizes.keys > 3:
        yield Generator(pieces.SOFTMAX_ROW, _found)


def _found(observed: Observed) -> Iterator[Variant]:
    some = rows(observed, ROWS)
    features = observed.right.operands.sizes.value_features
    for cut in cuts(observed.right.operands):
        if cut.count <= PARTS and cut.count * FEATURES <= features and (rule := _rule(observed, some, cut)) is not None:
            yield _variant(rule, cut)
            return


def _rule(observed: Observed, some: Sequence[Row], cut: Cut) -> Rule | None:
    """Return the rule that the shares of all rows follow; None: parts do not make these rows, or there is no rule."""
    seen = []
    for row in some:
        t = Tiles.of(row.logits, cut, row.o)
        there = np.flatnonzero(t.is_open[:, 0])
        if len(there) < 2:
            continue
        with np.errstate(all="ignore"):
            weights = over(t.exponentials, t.sums)
            outputs = np.stack([t.back(np.where(np.arange(cut.count)[:, None] == at, weights, 0)) for at in there])
        outputs = outputs @ row.value
        found = solutions(outputs.T, row.seen[None])
        if found is None or np.abs(found[0] @ outputs - row.seen).max() > FAR * observed.share * row.size:
            return None
        if (found[0] <= 0).any():
            return None
        seen.append((t.lse[there, 0], t.top[there, 0], there, found[0]))
    return _regression(seen, cut.count) if len(seen) > cut.count + 2 else None


def _regression(seen: Sequence[tuple[Array, Array, Array, Array]], count: int) -> Rule | None:
    normalised = all(abs(share.sum() - 1) < NEAR for *_, share in seen)
    left, right = [], []
    for lse, top, there, share in seen:
        columns = np.column_stack([lse, top, np.eye(count)[there], np.full(len(lse), np.logaddexp.reduce(lse))])
        # Normalised shares tell only how they differ from each other.
        left.append(columns[1:] - columns[:1] if normalised else columns)
        right.append(np.log(share[1:] / share[0]) if normalised else np.log(share))
    matrix, side = np.concatenate(left), np.concatenate(right)
    every = list(range(2, count + 1 + (not normalised)))
    plain = [[0], [0, 1], [0, *every], [0, 1, *every]]
    of_all = [] if normalised else [[*kept, count + 2] for kept in plain]
    # The plainest rule that fits.
    for kept in sorted([*plain, *of_all], key=len):
        found = solutions(matrix[:, kept], side[None])
        if found is not None and np.abs(matrix[:, kept] @ found[0] - side).max() < FIT:
            numbers = np.zeros(count + 3)
            numbers[kept] = [round(each) if abs(each - round(each)) < NEAR / 4 else each for each in found[0]]
            return Rule(float(numbers[0]), float(numbers[1]), numbers[2:-1], float(numbers[-1]), normalised)
    return None


def _variant(rule: Rule, cut: Cut) -> Variant:
    what = sentence("shares_fitted" if rule.normalised else "shares_fitted_not_normalised", how=_said(rule))
    detail = {
        "size": cut.size,
        "lse": rule.alpha,
        "maximum": rule.beta,
        "of_all": rule.delta,
        "parts": rule.gamma.tolist(),
    }

    def made(recipe: Recipe) -> Recipe:
        def softmax(logits: Array, o: Operands) -> Array:
            with np.errstate(all="ignore"):
                t = Tiles.of(logits, cut, o)
                return t.back(merges.weights(t, rule.shares))

        return replace(recipe, softmax=softmax)

    said = sentence("in_parts", what=what, count=cut.count)
    form = f"fitted shares, {cut.name}"
    return Variant((PARTS_MERGED,), pieces.SOFTMAX_ROW, form, made, said, sentence("fix_weigh"), detail)


def _said(rule: Rule) -> Sentence:
    terms: list[Field] = [f"{rule.alpha:.4g} · lse"]
    if rule.beta:
        terms.append(sentence("shares_by_maximum", number=f"{rule.beta:.4g}"))
    if rule.delta:
        terms.append(sentence("shares_by_all", number=f"{rule.delta:.4g}"))
    for at in np.flatnonzero(np.abs(rule.gamma) > NEAR):
        terms.append(sentence("shares_by_part", number=f"{rule.gamma[at]:.4g}", part=int(at)))
    return sentence("shares_exponent", terms=Listed(tuple(terms), "comma"))
