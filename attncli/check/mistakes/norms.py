"""Wrong norms of query and key: left out, at another place, without their weights, of another kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.norms import KINDS, Norm
from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.around import earlier
from attncli.check.mistakes.general import QK_NORM
from attncli.check.mistakes.variant import Generator, Observed, Unknown, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[Any] | None]

SIDES = ("query", "key")
EPSILONS = tuple(np.logspace(-9, 1, 21).tolist())


def norms(o: Operands) -> Iterator[Generator]:
    """Query and key are normalised otherwise than they should be."""
    yield Generator(pieces.EARLY, _found, in_layers=True)


def _found(observed: Observed) -> Iterator[Variant | Unknown]:
    given = observed.given
    if given is None:
        return
    if given.options.qk_norm is None:
        yield from _unasked(given)
        return
    right, of = given.layer.norms, partial(_variant, given)
    how = Norm.of(given.options.qk_norm)
    without = {name: array for name, array in right.items() if name not in SIDES}
    yield of("missing", sentence("norm_missing"), norms=without)
    for name in SIDES:
        others = {other: array for other, array in right.items() if other != name}
        yield of(f"{name} missing", sentence("norm_left_out", state=word("name", name)), norms=others)
    if given.options.rope is not None:
        said = sentence("norm_before_rotation" if how.after_rope else "norm_after_rotation")
        form = "before the rotation" if how.after_rope else "after the rotation"
        yield of(form, said, how=replace(how, after_rope=not how.after_rope))
    yield from _weights(given, how)
    for kind in KINDS:
        if kind != how.kind:
            said = sentence("norm_other_kind", kind=kind, own=how.kind)
            yield of(kind, said, how=replace(how, kind=kind))
    yield Unknown(pieces.EARLY, EPSILONS, partial(_epsilon, given), alone=True)


def _weights(given: Operands, how: Norm) -> Iterator[Variant]:
    """Return what may be done with the weights of the norms."""
    right, of = given.layer.norms, partial(_variant, given)
    weights = {name: right.get(name) for name in SIDES}
    some = [name for name, array in weights.items() if array is not None]
    if some:
        none = {**right, **dict.fromkeys(some)}
        yield of("without weights", sentence("norm_unweighted"), norms=none, how=replace(how, plus_one=False))
        for name in some if len(some) > 1 else ():
            said = sentence("norm_unweighted_one", state=word("name", name))
            yield of(f"{name} without weights", said, norms={**right, name: None})
        said = sentence("norm_one_not_added" if how.plus_one else "norm_one_added")
        yield of("plus one", said, how=replace(how, plus_one=not how.plus_one))
    query, key = weights["query"], weights["key"]
    if query is not None and key is not None and query.shape == key.shape:
        yield of("exchanged", sentence("norm_weights_exchanged"), norms={**right, "query": key, "key": query})
        for name, array in weights.items():
            said = sentence("norm_weights_of_one", state=word("name", name))
            yield of(f"{name} for both", said, norms={**right, "query": array, "key": array})
    yield from _other_widths(given, how, weights)


def _other_widths(given: Operands, how: Norm, weights: Weights) -> Iterator[Variant]:
    """Return norms over all heads instead of each, and the other way round."""
    right, of = given.layer.norms, partial(_variant, given)
    heads = {"query": given.sizes.heads, "key": given.sizes.key_heads}
    tiled = {
        name: np.tile(np.ones(given.sizes.features) if array is None else array, heads[name])
        for name, array in weights.items()
        if array is None or array.shape == (given.sizes.features,)
    }
    if not how.after_rope and len(tiled) == len(SIDES) and min(heads.values()) > 1:
        yield of("over all heads", sentence("norm_over_all_heads"), norms={**right, **tiled})
    wide = {
        name: array.reshape(heads[name], -1)
        for name, array in weights.items()
        if array is not None
        and array.ndim == 1
        and array.size == heads[name] * given.sizes.features > given.sizes.features
    }
    if wide:
        yield of("each head", sentence("norm_of_each_head"), norms={**right, **wide})


def _unasked(given: Operands) -> Iterator[Variant]:
    """Return norms that nobody asked for."""
    for kind in KINDS:
        for sides in (SIDES, *((name,) for name in SIDES)):
            said = sentence("norm_unasked_of_both", kind=kind)
            if len(sides) == 1:
                said = sentence("norm_unasked", state=word("name", sides[0]), kind=kind)
            for after in (False, True)[: 1 + (given.options.rope is not None)]:
                form = f"{' and '.join(sides)} {kind}" + " after the rotation" * after
                all_said = sentence("norm_unasked_after", what=said) if after else said
                yield _variant(given, form, all_said, norms=dict.fromkeys(sides), how=Norm(kind, after))


def _variant(
    given: Operands,
    form: str,
    said: Sentence,
    norms: Weights | None = None,
    how: Norm | None = None,
    eps: float | None = None,
) -> Variant:
    """Return the mistake that normalises with other weights, another norm, another ε."""
    return Variant(
        (QK_NORM,),
        pieces.EARLY,
        f"norm {form}",
        partial(_normed, given=given, norms=norms, how=how, eps=eps),
        said,
        sentence("fix_norm"),
        {"norm": form} if eps is None else {"norm_eps": eps},
        raw=True,
    )


def _epsilon(given: Operands, value: float) -> Variant:
    said = sentence("norm_epsilon", eps=f"{value:.3g}", right=f"{given.options.norm_eps:g}")
    return _variant(given, "epsilon", said, eps=value)


def _normed(
    recipe: Recipe, *, given: Operands, norms: Weights | None, how: Norm | None, eps: float | None
) -> Recipe | None:
    options = given.options
    if how is not None:
        marks = ",after-rope" * how.after_rope + ",plus-one" * how.plus_one
        options = replace(options, qk_norm=f"{how.kind}{marks}")
    if eps is not None:
        options = replace(options, norm_eps=eps)
    layer = given.layer if norms is None else replace(given.layer, norms=norms)
    return earlier(recipe, given, replace(given, layer=layer, options=options))
