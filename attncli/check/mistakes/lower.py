"""Numbers on the way that were kept in fewer bits: scores, weights, the sums over keys, or the output.

Half precision throughout is a matter of `attncli.check.rounding`. Here are codes of eight or four bits, and sums that
are kept in half precision while they run over the keys, so that from some point on little or nothing is added any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.codes import FLOATING, HALVED, STEPS, SYMMETRIC, Codes, Kind
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import ROUNDED_BETWEEN
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.rounding import HALVES, Precision
from attncli.check.sample import Sample
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Codes of weights, which are 0 to 1: so many stand for 1.
OF_ONE = (127.0, 255.0, 128.0, 256.0, 15.0, 7.0, 16.0, 1000.0, 100.0)
# Tiles of keys, after each of which a sum is rounded.
TILES = (1, 8, 16, 32, 64, 128)
# How many rows are tried first, and how much of the difference may be left in them.
ROWS, LEFT = 3, 0.5


@dataclass(frozen=True)
class Lower:
    """Something kept in fewer bits.

    Attributes:
        form: what identifies it.
        said: what happened.
        apply: makes it happen in a recipe.
    """

    form: str
    said: Sentence
    apply: Callable[[Recipe], Recipe]


def kept(o: Operands) -> Iterator[Generator]:
    """Something on the way was kept in fewer bits."""
    yield Generator(pieces.ROUNDED, _found, in_layers=True)


def _found(observed: Observed) -> Iterator[Variant]:
    right = observed.right
    if right.until != OUTPUT or not observed.sample.groups:
        return
    group = observed.sample.groups[0]
    # The row that is the most wrong, and those beside it in the sample.
    worst = np.argsort(-group.difference(right.compute(group.batch, group.head, group.rows)).max(axis=1))[:ROWS]
    few = Sample((group.some(worst),))
    most = LEFT * few.distance(right)
    for each in lower(right.operands):
        if few.distance(each.apply(right), most) <= most:
            yield Variant(
                (ROUNDED_BETWEEN,),
                pieces.ROUNDED,
                each.form,
                each.apply,
                each.said,
                sentence("fix_rounded_between"),
                {"rounded": each.form},
                flips=True,
            )


def lower(o: Operands) -> Iterator[Lower]:
    """Return what may have been kept in fewer bits, the likeliest first."""
    yield from _weights()
    yield from _scores()
    yield from _sums(o.sizes.keys)
    yield from _outputs()


# --- scores and weights ----------------------------------------------------------------------------------------------


def _scores() -> Iterator[Lower]:
    for what in ("scores", "products"):
        for kind in FLOATING:
            yield _at(what, kind.name, "as they are", kind.to)
        for step in HALVED:
            yield _at(what, f"{step:g}", "to steps", partial(_steps, step=step))
        for kind in (*FLOATING, *SYMMETRIC):
            yield _at(what, kind.name, "by row", partial(_of_row, kind=kind))


def _weights() -> Iterator[Lower]:
    for most in OF_ONE:
        yield _at("weights", f"{most:g}", "of one", partial(_steps, step=1 / most))
        yield _at("exponentials", f"{most:g}", "of one", partial(_steps, step=1 / most))
        yield _at("exponentials before their sum", f"{most:g}", "of one", partial(_steps, step=1 / most))
    for what in ("weights", "exponentials", "exponentials before their sum"):
        for kind in FLOATING:
            yield _at(what, kind.name, "as they are", kind.to)
            yield _at(what, kind.name, "of largest", partial(_of_largest, kind=kind))
    for kind in (*FLOATING, *SYMMETRIC):
        yield _at("weights", kind.name, "by row", partial(_of_row, kind=kind))


def _at(what: str, kind: str, how: str, to: Codes) -> Lower:
    wrap = {"scores": _score, "products": _product, "weights": _weight, "exponentials": _exponential}.get(what, _summed)
    said = sentence("rounded_to", what=word("between", what), how=sentence(word("to", how).key, kind=kind))
    return Lower(f"{what} {how} {kind}", said, partial(wrap, to=to))


def _steps(numbers: Array, *, step: float) -> Array:
    return np.asarray(np.rint(numbers / step) * step)


def _of_largest(numbers: Array, *, kind: Kind) -> Array:
    return np.asarray(kind.to(numbers * kind.largest) / kind.largest)


def _of_row(numbers: Array, *, kind: Kind) -> Array:
    """Round with a scale for each row, of what is finite in it."""
    peak = np.where(np.isfinite(numbers), np.abs(numbers), 0).max(axis=-1, keepdims=True)
    scale = np.where(peak == 0, 1, peak) / kind.largest
    return np.asarray(kind.to(numbers / scale) * scale)


def _score(recipe: Recipe, *, to: Codes) -> Recipe:
    right = recipe.scale
    return replace(recipe, scale=lambda scores, o: to(right(scores, o)))


def _product(recipe: Recipe, *, to: Codes) -> Recipe:
    right = recipe.products
    return replace(recipe, products=lambda o: to(right(o)))


def _weight(recipe: Recipe, *, to: Codes) -> Recipe:
    right = recipe.weigh
    return replace(recipe, weigh=lambda weights, value: right(to(weights), value))


def _exponential(recipe: Recipe, *, to: Codes) -> Recipe:
    """Round what is divided by the sum of what is not rounded."""
    right = recipe.softmax
    return replace(recipe, softmax=lambda logits, o: _rounded(right(logits, o), to))


def _summed(recipe: Recipe, *, to: Codes) -> Recipe:
    """Round before the sum is taken."""
    right = recipe.softmax

    def softmax(logits: Array, o: Operands) -> Array:
        weights = right(logits, o)
        made = _rounded(weights, to)
        total = 1 + made.sum(axis=-1, keepdims=True) - weights.sum(axis=-1, keepdims=True)
        return np.asarray(made / np.where(total == 0, 1, total))

    return replace(recipe, softmax=softmax)


def _rounded(weights: Array, to: Codes) -> Array:
    """Round exponentials less their maximum, of which the largest is 1; return them as weights."""
    largest = _largest(weights)
    return to(weights / largest) * largest


def _largest(weights: Array) -> Array:
    """Return the largest weight of each row, which stands for exp(0); 1 where all are 0."""
    largest = weights.max(axis=-1, keepdims=True)
    return np.where(largest > 0, largest, 1)


# --- sums ------------------------------------------------------------------------------------------------------------


def _sums(keys: int) -> Iterator[Lower]:
    for tile in TILES:
        if tile < keys:
            for half in HALVES:
                how = sentence("to_sum", kind=half.name, count=tile)
                for what, wrap in (("sum", _with_sum), ("accumulator", _with_accumulator)):
                    said = sentence("rounded_to", what=word("between", what), how=how)
                    yield Lower(f"{what} {half.name} {tile}", said, partial(wrap, half=half, tile=tile))


def _with_sum(recipe: Recipe, *, half: Precision, tile: int) -> Recipe:
    """Keep the sum of the exponentials, less their maximum, in half precision; a sink joins it at last."""
    right = recipe.softmax

    def softmax(logits: Array, o: Operands) -> Array:
        weights = right(logits, o)
        largest = _largest(weights)
        total = np.zeros_like(largest)
        for start in range(0, weights.shape[-1], tile):
            part = weights[..., start : start + tile].sum(axis=-1, keepdims=True)
            total = half.round(total + part / largest)
        total = total * largest + 1 - weights.sum(axis=-1, keepdims=True)
        return np.asarray(weights / np.where(total == 0, 1, total))

    return replace(recipe, softmax=softmax)


def _with_accumulator(recipe: Recipe, *, half: Precision, tile: int) -> Recipe:
    right = recipe.weigh

    def weigh(weights: Array, value: Array) -> Array:
        made = np.zeros((*weights.shape[:-1], value.shape[-1]))
        for start in range(0, weights.shape[-1], tile):
            part = slice(start, start + tile)
            made = half.round(made + right(weights[..., part], value[part]))
        return made

    return replace(recipe, weigh=weigh)


def _outputs() -> Iterator[Lower]:
    for kind in FLOATING:
        yield _output(kind.name, "as they are", kind.to)
    for kind in (*FLOATING, *SYMMETRIC):
        yield _output(kind.name, "by row", partial(_of_row, kind=kind))
    for step in STEPS:
        yield _output(f"{step:g}", "to steps", partial(_steps, step=step))


def _output(kind: str, how: str, to: Codes) -> Lower:
    said = sentence("rounded_to", what=word("between", "output"), how=sentence(word("to", how).key, kind=kind))
    return Lower(f"output {how} {kind}", said, partial(_finish, to=to))


def _finish(recipe: Recipe, *, to: Codes) -> Recipe:
    right = recipe.finish
    return replace(recipe, finish=lambda output: to(right(output)))
