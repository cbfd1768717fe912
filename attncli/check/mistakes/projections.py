"""Wrong projections: biases lost, matrices transposed or exchanged, what comes behind left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.layer import LETTERS, Layer, Projection
from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.around import earlier, packed, with_after
from attncli.check.mistakes.general import PROJECTION, PROJECTION_BIAS, PROJECTION_TRANSPOSED
from attncli.check.mistakes.layout import merge
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import HEAD_RESHAPE, OPERANDS_SWAPPED
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Field, Listed, Sentence, sentence, series, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Projections = Mapping[str, Projection]


def before(o: Operands) -> Iterator[Generator]:
    """Query, key and value are projected otherwise than they should be."""
    yield Generator(pieces.EARLY, _before, in_layers=True)


def _before(observed: Observed) -> Iterator[Variant]:
    given = observed.given
    if given is None or not given.layer.projections:
        return
    right = given.layer.projections
    of = partial(_variant, given)
    biased = {state: by for state, by in right.items() if by.bias is not None}
    for state, by in biased.items():
        name: dict[str, Field] = {"state": word("name", state), "array": f"b_{LETTERS[state]}"}
        lost = {**right, state: replace(by, bias=None)}
        yield of(PROJECTION_BIAS, f"b of {state} lost", sentence("bias_lost", **name), sentence("fix_add_it"), lost)
        twice = {**right, state: replace(by, bias=2 * np.asarray(by.bias, dtype=np.float64))}
        said = sentence("bias_added_twice", **name)
        yield of(PROJECTION_BIAS, f"b of {state} twice", said, sentence("fix_add_once"), twice)
    for states in dict.fromkeys((tuple(biased), ("query", "key"))):
        if len(states) > 1 and set(states) <= set(biased):
            none = {**right, **{state: replace(biased[state], bias=None) for state in states}}
            said = sentence("biases_lost", states=series([word("name", state) for state in states]))
            yield of(PROJECTION_BIAS, f"b of {' and '.join(states)} lost", said, sentence("fix_add_them"), none)
    square = {state: by for state, by in right.items() if by.weight is not None and len(set(by.weight.shape)) == 1}
    for states in dict.fromkeys((*((state,) for state in square), tuple(square))):
        turned = {**right, **{state: replace(square[state], weight=square[state].weight.T) for state in states}}  # type: ignore[union-attr]
        if states:
            said = _transposed([f"w_{LETTERS[state]}" for state in states])
            form = f"w of {' and '.join(states)} transposed"
            yield of(PROJECTION_TRANSPOSED, form, said, sentence("fix_out_in"), turned)
    yield from _exchanged(given, right)


def _transposed(names: Sequence[str]) -> Sentence:
    key = "matrix_transposed" if len(names) == 1 else "matrices_transposed"
    return sentence(key, names=Listed(tuple(names), "and"))


def _exchanged(given: Operands, right: Projections) -> Iterator[Variant]:
    """Return the mistakes that project one state by the matrix of another."""
    of = partial(_variant, given, OPERANDS_SWAPPED)
    for one, two in (("key", "value"), ("query", "key"), ("query", "value")):
        if one not in right or two not in right or not _alike(right[one], right[two]):
            continue
        fix = sentence("fix_own_matrix")
        said = sentence("matrices_exchanged", one=f"w_{LETTERS[one]}", other=f"w_{LETTERS[two]}")
        yield of(f"{one} and {two} exchanged", said, fix, {**right, one: right[two], two: right[one]})
        for state, other in ((one, two), (two, one)):
            said = sentence(
                "projected_by_other",
                state=word("name", state),
                array=f"w_{LETTERS[other]}",
                other=word("name", other),
            )
            yield of(f"{state} by that of {other}", said, fix, {**right, state: right[other]})


def _alike(one: Projection, two: Projection) -> bool:
    shapes = [None if each is None else each.shape for each in (one.weight, one.bias, two.weight, two.bias)]
    return shapes[:2] == shapes[2:]


def _variant(
    given: Operands, mistake: Mistake, form: str, said: Sentence, fix: Sentence, projections: Projections
) -> Variant:
    layer = replace(given.layer, projections=projections)
    changed = replace(given, layer=layer)
    apply = partial(earlier, given=given, changed=changed)
    return Variant((mistake,), pieces.EARLY, form, apply, said, fix, {"projection": form}, raw=True)


def behind(o: Operands) -> Iterator[Variant]:
    """The output projection is left out, transposed, or its bias is lost."""
    out = o.layer.out
    if out is None:
        return
    yield from _biases(o, out)
    if out.weight is not None and out.weight.shape[0] == out.weight.shape[1]:
        turned = replace(o.layer, out=replace(out, weight=out.weight.T))
        fix = sentence("fix_out_in")
        yield _after(PROJECTION_TRANSPOSED, "w of output transposed", _transposed(["w_o"]), fix, turned)
        said, fix = sentence("projection_left_out"), sentence("fix_projection")
        apply = partial(with_after, out=lambda some, sums: packed(sums))
        yield _made(PROJECTION, "left out", said, fix, apply)
    if o.sizes.queries > 1:
        said, fix = sentence("merged_before_projection"), sentence("fix_swap_back")
        yield _made(HEAD_RESHAPE, "merged", said, fix, lambda recipe: replace(recipe, back=(merge,)))


def _biases(o: Operands, out: Projection) -> Iterator[Variant]:
    if out.bias is None:
        return
    bias = np.asarray(out.bias, dtype=np.float64)
    name: dict[str, Field] = {"state": word("place", "output"), "array": "b_o"}
    for how, other, fix in (
        ("lost", None, sentence("fix_add_it")),
        ("added_twice", 2 * bias, sentence("fix_add_once")),
        ("subtracted", -bias, sentence("fix_add_it")),
    ):
        layer = replace(o.layer, out=replace(out, bias=other))
        form = f"b of output {how.replace('_', ' ')}"
        yield _after(PROJECTION_BIAS, form, sentence(f"bias_{how}", **name), fix, layer)
    times = replace(o.layer, out=replace(out, bias=o.sizes.heads * bias))
    if o.sizes.heads > 2:
        said = sentence("bias_for_each_head", count=o.sizes.heads)
        yield _after(PROJECTION_BIAS, "b of output for each head", said, sentence("fix_add_once_behind"), times)


def _after(mistake: Mistake, form: str, said: Sentence, fix: Sentence, layer: Layer) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(layer=replace(recipe.operands.layer, out=layer.out))

    return _made(mistake, form, said, fix, apply)


def _made(
    mistake: Mistake, form: str, said: Sentence, fix: Sentence, apply: Callable[[Recipe], Recipe | None]
) -> Variant:
    return Variant((mistake,), pieces.OUT, form, apply, said, fix, {"projection": form})
