"""Wrong rotations: other features turn, in other pairs, the other way, by other positions of several, or by tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import Rotation, axes_of
from attncli.attend.rotary.scaling import frequencies
from attncli.attend.stages.out import finished
from attncli.attend.stages.rotate import query_places, rotation_of
from attncli.attend.views import after_past, ready
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import ROPE_DIM, ROPE_SECTIONS, ROPE_TABLE, ROPE_VALUE
from attncli.check.mistakes.registry import ROPE_PAIRING
from attncli.check.mistakes.turning import Side, both, rotated, turn, turned
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.check.rounding import to_half
from attncli.sentences import Sentence, sentence, word, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("first", "second", "third")


def parts(o: Operands) -> Iterator[Variant]:
    """Other features turn than should, or by frequencies of another number of features."""
    if o.options.rope is None or o.cos is not None:
        return
    features = o.query.shape[-1]
    right = rotation_of(o, features)
    count, theta = right.features, o.options.rope_theta
    last = features - count if right.first == 0 else 0
    own = _which(right.first, count, features)
    made = partial(_with, fix=sentence("fix_turn_part", which=own))
    if count < features:
        if features % 2 == 0:
            yield made("all", sentence("turned_all", features=features), frequencies(features, theta), 0)
        said = sentence("turned_other_end", which=_which(last, count, features), own=own)
        yield made("the other end", said, right.frequencies, last)
    for share in (2, 4):
        some = count // share
        if some < 2 or some % 2:
            continue
        for first in dict.fromkeys((0, features - some)):
            which, form = _which(first, some, features), f"only {some} from {first}"
            said = sentence("turned_only", which=which, count=some)
            yield made(form, said, frequencies(some, theta), first)
            said = sentence("turned_only", which=which, count=count)
            yield made(f"{form}, by {count}", said, right.frequencies[: some // 2], first)
        said = sentence("turned_only_pairs", some=some // 2, count=count // 2)
        still = np.where(np.arange(count // 2) < some // 2, right.frequencies, 0.0)
        yield made(f"only {some // 2} pairs", said, still, right.first)


def by_the_whole_head(o: Operands) -> Iterator[Variant]:
    """Only some features turn, by the frequencies of all."""
    features = o.query.shape[-1]
    if o.options.rope is None or o.cos is not None or o.options.rope_scaling is not None:
        return
    right = rotation_of(o, features)
    if right.features < features and features % 2 == 0:
        said = sentence("turned_by_whole_head", features=features, count=right.features)
        other = frequencies(features, o.options.rope_theta)[: right.features // 2]
        fix = sentence("fix_turn_by_own", which=_which(right.first, right.features, features))
        yield _with("by the whole head", said, other, right.first, fix=fix)


def _which(first: int, count: int, features: int) -> Sentence:
    if count == features:
        return sentence("features_all", count=features)
    return sentence("features_last" if first else "features_first", count=count)


def _with(form: str, said: Sentence, other: NDArray[np.float64], first: int, *, fix: Sentence) -> Variant:
    def change(rotation: Rotation) -> Rotation:
        return replace(rotation, frequencies=other, first=first, axes=None)

    return both(ROPE_DIM, form, Side(change), said, fix)


def _backwards(cos: Any, sin: Any) -> tuple[Any, Any]:
    return cos, -sin


def _swapped(cos: Any, sin: Any) -> tuple[Any, Any]:
    return sin, cos


def _rounded(cos: Any, sin: Any, *, kind: str) -> tuple[Any, Any]:
    return to_half(cos, kind).astype(cos.dtype), to_half(sin, kind).astype(sin.dtype)


def ways(o: Operands) -> Iterator[Variant]:
    """One of query and key turns the other way or in other pairs; tables are swapped or rounded."""
    own = o.options.rope
    if own is None:
        return
    other = "interleaved" if own == "half" else "half"
    fix = sentence("fix_turn_alike", own=own)
    paired = Side(lambda rotation: replace(rotation, pairing=other))
    for name in ("query", "key"):
        yield _one_side(name, Side(tables=_backwards), sentence(f"turned_backwards_{name}"), fix)
        yield _one_side(name, paired, sentence(f"turned_paired_{name}", other=other, own=own), fix)
    if o.sizes.key_heads != o.sizes.heads and o.cos is None:
        yield rotated(ROPE_PAIRING, "by heads", _by_heads, sentence("turned_by_heads"), fix, whole=True)
    if o.sizes.past:  # where all keys are turned, it is the same as to turn the other way round
        fix = sentence("fix_turn_formula")
        yield both(ROPE_TABLE, "tables swapped", Side(tables=_swapped), sentence("tables_swapped"), fix)
    fix = sentence("fix_keep_float32")
    for kind in ("bfloat16", "float16"):
        said = sentence("tables_rounded", kind=kind)
        yield both(ROPE_TABLE, f"tables in {kind}", Side(tables=partial(_rounded, kind=kind)), said, fix)
        near = Side(move=lambda places, kind=kind: to_half(places.astype(float), kind).astype(np.int64))  # type: ignore[misc]
        if o.cos is None and np.abs(o.standing).max() >= 256:
            yield both(ROPE_TABLE, f"positions in {kind}", near, sentence("positions_rounded", kind=kind), fix)


def _one_side(name: str, side: Side, said: Sentence, fix: Sentence) -> Variant:
    make = partial(turned, query=side) if name == "query" else partial(turned, key=side)
    return rotated(ROPE_PAIRING, said.key, make, said, fix)


def _by_heads(o: Operands) -> tuple[Any, Any]:
    made = []
    for states, past in ((ready(o.query, o.dtype), 0), (ready(o.key, o.dtype), o.sizes.past)):
        new = np.ascontiguousarray(states[:, :, past:].swapaxes(1, 2))
        heads = np.arange(new.shape[2])[None, None]
        new = turn(replace(rotation_of(o, new.shape[-1]), axes=None), new, heads).swapaxes(1, 2)
        made.append(after_past(states[:, :, :past] if past else None, new))
    return made[0], made[1]


def sections(o: Operands) -> Iterator[Variant]:
    """Of several positions others turn a pair than should."""
    asked = o.options.rope_sections
    if o.options.rope is None or asked is None or len(o.standing) == 1:
        return
    right = rotation_of(o, o.query.shape[-1])
    axes = right.axes
    assert axes is not None
    fix = sentence("fix_sections", sections=",".join(map(str, asked)))
    for form, said, other in _other_axes(asked, axes):
        if len(other) == len(axes) and not np.array_equal(other, axes):
            side = Side(lambda rotation, other=other: replace(rotation, axes=other))  # type: ignore[misc]
            yield both(ROPE_SECTIONS, form, side, said, fix)


def _other_axes(
    asked: Sequence[int | str], axes: NDArray[np.int64]
) -> Iterator[tuple[str, Sentence, NDArray[np.int64]]]:
    """Return by which positions pairs may turn instead, with a form and what was done."""
    for at, name in enumerate(NAMES):
        yield f"all by the {name}", sentence("sections_all", which=word("position", name)), np.full_like(axes, at)
    for order in list(permutations(range(3)))[1:]:
        names = [NAMES[at] for at in order]
        said = sentence("sections_order", order=words("position", names, "comma"))
        yield f"in the order {', '.join(names)}", said, np.array(order)[axes]
    yield "reversed", sentence("sections_reversed"), axes[::-1]
    counts = tuple(each for each in asked if isinstance(each, int))
    interleaved = len(counts) == len(asked)
    said = sentence("sections_interleaved") if interleaved else sentence("sections_in_blocks")
    made = axes_of((*counts, "interleaved") if interleaved else counts)
    yield "interleaved" if interleaved else "in blocks", said, made


def values(o: Operands) -> Iterator[Variant]:
    """The value, or the output, is turned too."""
    if o.options.rope is None or o.row_indices is not None or o.value.shape[-1] != o.query.shape[-1]:
        return
    yield _variant("value turned", sentence("value_turned"), partial(_value_turned, right=o))
    if not o.has_after:
        make = partial(_output_turned, right=o)
        yield _variant("output turned", sentence("output_turned"), partial(make, backwards=False))
        yield _variant("output turned back", sentence("output_turned_back"), partial(make, backwards=True))


def _variant(form: str, said: Sentence, apply: Callable[[Recipe], Recipe]) -> Variant:
    fix = sentence("fix_turn_alone")
    return Variant((ROPE_VALUE,), pieces.OPERANDS, form, apply, said, fix, {"rope": form})


def _value_turned(recipe: Recipe, *, right: Operands) -> Recipe:
    value = ready(recipe.operands.value, right.dtype)
    return recipe.with_operands(value=turn(rotation_of(right, value.shape[-1]), value, right.keys_standing))


def _output_turned(recipe: Recipe, *, right: Operands, backwards: bool) -> Recipe:
    rotation = rotation_of(right, right.value.shape[-1])

    def after(some: Operands, sums: Any) -> Any:
        return turn(rotation, finished(some, sums), query_places(some), backwards=backwards)

    return replace(recipe, after=after)
