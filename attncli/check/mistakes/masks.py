"""Wrong masks: what the mask and the lengths of the keys say is read wrongly, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import pieces
from attncli.check.mistakes.empty import mean_when_empty, nan_when_empty
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import (
    DOCUMENTS_MIXED,
    MASK_AS_BOOLEAN,
    MASK_AXIS,
    MASK_DROPPED,
    MASK_INVERTED,
    PADDING_ATTENDED,
)
from attncli.check.mistakes.rules import without_rules
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.check.mistakes.empty import Empty

# A number below this, added to a score, was meant to close the key.
FAR = -1e3
# For at most how many scores all rules are brought into one mask, and how many boundaries of documents are tried.
MOST = 1 << 26
BOUNDARIES = 16
LAST_AXIS = sentence("fix_last_axis")
OTHER_ORDER = (sentence("mask_other_order"), sentence("fix_other_order"))
MEANING = sentence("fix_meaning")


def kept(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a mask lets a query attend: where it is true, or a number that is not far below 0."""
    return np.asarray(mask if mask.dtype == bool else np.asarray(mask) > FAR)


def mask(o: Operands) -> Iterator[Variant]:
    """What the mask says is read wrongly, or not at all."""
    yield from _everything(o)
    if o.mask is None:
        return
    keep = kept(o.mask)
    closes = not keep.all()
    if closes:
        other = np.logical_not(keep)
        yield from with_empty(_mask((MASK_INVERTED,), "inverted", other, sentence("mask_inverted"), MEANING))
    if o.mask.dtype != bool or closes:
        mistakes, description = _dropped(keep)
        yield _mask(mistakes, "dropped", None, description, sentence("fix_pass_mask"))
    yield from _numbers(o.mask, keep)
    yield from _parts(o, keep)
    yield from _boundaries(keep)
    yield from _axes(o, o.mask)


def with_empty(variant: Variant) -> Iterator[Variant]:
    """Return a mistake, and the same one in which rows without an open key are not 0, as they are here."""
    yield variant
    apply = variant.apply
    for form, empty in (("mean", mean_when_empty), ("nan", nan_when_empty)):

        def emptied(recipe: Recipe, empty: Empty = empty) -> Recipe | None:
            made = apply(recipe)
            return None if made is None else replace(made, empty=empty)

        yield replace(
            variant,
            form=f"{variant.form}, empty rows {form}",
            apply=emptied,
            description=sentence(f"rows_became_{form}", what=variant.description),
            options=None,
        )


def _everything(o: Operands) -> Iterator[Variant]:
    """All that is closed is open, or the other way round, where more than one rule closes keys."""
    none: dict[str, Any] = {"causal": False, "window": None, "chunk": None}
    rest = without_rules(o)
    given = [o.mask is not None, o.key_lengths is not None, o.options.causal, o.options.window is not None]
    given += ["segments" in o.inputs, "indices" in o.inputs, o.options.chunk is not None]
    if sum(given) < 2:
        return

    def opened(recipe: Recipe) -> Recipe:
        return with_rule_options(recipe.with_operands(mask=None, key_lengths=None, inputs=rest), **none)

    description, fix = sentence("masks_dropped"), sentence("fix_pass_masks")
    yield Variant((MASK_DROPPED,), pieces.MASK, "all dropped", opened, description, fix)
    if o.sizes.batch * o.sizes.heads * o.sizes.queries * o.sizes.keys > MOST:
        return
    keep = np.ones((1, 1, 1, 1), dtype=bool)
    for rule in openings(o).values():
        keep = keep & rule

    def inverted(recipe: Recipe) -> Recipe:
        options = replace(recipe.masking.options, **none)
        return recipe.with_rules(mask=~keep, key_lengths=None, inputs=rest, options=options)

    description, fix = sentence("masks_inverted"), sentence("fix_meaning_of_mask")
    yield from with_empty(Variant((MASK_INVERTED,), pieces.MASK, "all inverted", inverted, description, fix))


def _numbers(mask: NDArray[Any], keep: NDArray[np.bool_]) -> Iterator[Variant]:
    """Numbers to add are subtracted, or taken for true and false where that is not closed keys the other way round."""
    truth = np.asarray(mask) != 0
    if mask.dtype == bool or truth.all() or not truth.any() or np.array_equal(truth, ~keep):
        return
    description = sentence("mask_subtracted")
    yield _mask((MASK_INVERTED,), "subtracted", -np.asarray(mask, dtype=np.float64), description, MEANING)
    fix = sentence("fix_mask_of_numbers")
    for form, open_ in (("true attends", truth), ("true ignores", ~truth)):
        description = sentence("mask_as_boolean", closed=word("closed_by", form))
        yield from with_empty(_mask((MASK_AS_BOOLEAN,), form, open_, description, fix))


def _parts(o: Operands, keep: NDArray[np.bool_]) -> Iterator[Variant]:
    """A mask holds a causal rule and something else, and one of them is lost."""
    causal = causal_part(o, keep)
    if causal is None:
        return
    fix = sentence("fix_both_parts")
    if not (causal == keep).all():
        mistakes: tuple[Mistake, ...] = (PADDING_ATTENDED, MASK_DROPPED)
        description = sentence("mask_causal_part")
        if is_blocks(keep, causal):
            mistakes, description = (DOCUMENTS_MIXED,), sentence("mask_causal_part_documents")
        yield _mask(mistakes, "causal part only", causal, description, fix)
    columns = np.asarray(keep.any(axis=-2, keepdims=True))
    if not columns.all() and not (np.broadcast_to(columns, keep.shape) == keep).all():
        description = sentence("mask_padding_part")
        yield _mask((MASK_DROPPED,), "padding part only", np.broadcast_to(columns, keep.shape), description, fix)


def _boundaries(keep: NDArray[np.bool_]) -> Iterator[Variant]:
    """Two neighbours among packed documents see each other."""
    if keep.shape[2] != keep.shape[3]:
        return
    causal = None if (keep == np.swapaxes(keep, 2, 3)).all() else np.tril(np.ones(keep.shape[2:], dtype=bool))
    if not is_blocks(keep, causal):
        return
    first = keep[0, 0].argmax(axis=-1)
    starts = np.unique(first)[1:]
    for start in starts[:BOUNDARIES] if len(starts) > 1 else ():
        before = first[start - 1]
        document = np.where(first == start, before, first)
        open_ = document[:, None] == document
        description = sentence("mask_boundary", start=int(start))
        open_ = (open_ if causal is None else open_ & causal)[None, None]
        form, fix = f"no boundary at {start}", sentence("fix_documents")
        yield _mask((DOCUMENTS_MIXED,), form, open_, description, fix)


def _dropped(keep: NDArray[np.bool_]) -> tuple[tuple[Mistake, ...], Sentence]:
    """Return the names and the description of a dropped mask: they depend on what the mask closes."""
    if not keep.all() and (keep == keep[:, :, :1]).all():
        return (PADDING_ATTENDED, MASK_DROPPED), sentence("mask_dropped_padding")
    if is_blocks(keep, None):
        mistakes = (DOCUMENTS_MIXED, MASK_DROPPED)
        only = keep.shape == keep.swapaxes(2, 3).shape and (keep == keep.swapaxes(2, 3)).all()  # no causal rule in it
        return mistakes if only else mistakes[::-1], sentence("mask_dropped_documents")
    return (MASK_DROPPED,), sentence("mask_dropped")


def causal_part(o: Operands, keep: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return the causal rule that a mask of (L, S) holds, if it holds one: 1, 1, L, S."""
    if keep.shape[2] < 2 or keep.shape[3] != o.sizes.keys:
        return None
    for shift in dict.fromkeys([int(o.positions[0, 0]), o.sizes.keys - o.sizes.queries, 0]):
        rule = np.arange(o.sizes.keys) <= np.arange(o.sizes.queries)[:, None] + shift
        if not rule.all() and not (keep & ~rule).any():
            return rule[None, None]
    return None


def is_blocks(keep: NDArray[np.bool_], causal: NDArray[np.bool_] | None) -> bool:
    """Tell whether a square mask consists of blocks along the diagonal, each a document of its own."""
    if keep.shape[2] != keep.shape[3] or not np.diagonal(keep, axis1=2, axis2=3).all():
        return False
    first = keep.argmax(axis=-1)  # where the document of each query begins
    queries = np.arange(keep.shape[2])
    blocks = first[..., :, None] == first[..., None, :]
    if causal is not None or not (keep == np.swapaxes(keep, 2, 3)).all():
        blocks = blocks & (queries <= queries[:, None])
    return bool((blocks == keep).all() and not (first == 0).all())


def _axes(o: Operands, mask: NDArray[Any]) -> Iterator[Variant]:
    """The mask is laid along the wrong axes."""
    batch, _, rows, keys = mask.shape
    if o.sizes.queries == o.sizes.keys and (rows, keys) != (1, 1):
        turned = np.broadcast_to(np.swapaxes(mask, 2, 3), (*mask.shape[:2], o.sizes.queries, o.sizes.keys))
        if rows == 1 or not np.array_equal(turned, mask):
            description = sentence("mask_along_queries" if rows == 1 else "mask_transposed")
            yield from with_empty(_mask((MASK_AXIS,), "transposed", turned, description, LAST_AXIS))
    full = np.broadcast_to(mask, (batch, o.sizes.heads, rows, keys))
    wrong = _other_order(full) if o.sizes.batch == batch else full
    if not np.array_equal(wrong, full):
        yield _mask((MASK_AXIS,), "other order", wrong, *OTHER_ORDER)


def _other_order(full: NDArray[Any]) -> NDArray[Any]:
    """Return (batch, heads, …) whose first two axes were packed in the other order."""
    batch, heads = full.shape[:2]
    return np.ascontiguousarray(full.swapaxes(0, 1)).reshape(batch, heads, *full.shape[2:])


def _mask(
    mistakes: tuple[Mistake, ...], form: str, value: NDArray[Any] | None, description: Sentence, fix: Sentence
) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(mask=value)

    return Variant(mistakes, pieces.MASK, form, apply, description, fix, {"mask": description})


def lengths(o: Operands) -> Iterator[Variant]:
    """How many keys there are is ignored, or read the other way round."""
    if o.key_lengths is None:
        return
    yield Variant(
        (PADDING_ATTENDED, MASK_DROPPED),
        pieces.LENGTH,
        "dropped",
        lambda recipe: recipe.with_operands(key_lengths=None),
        sentence("lengths_ignored"),
        sentence("fix_lengths"),
    )
    if o.mask is not None:
        return
    keep = np.arange(o.sizes.keys) < o.key_lengths[:, None, None, None]
    description = sentence("padding_inverted")
    yield from with_empty(_padding(MASK_INVERTED, "inverted", np.logical_not(keep), description, MEANING))
    if o.sizes.queries == o.sizes.keys:
        wrong = np.broadcast_to(keep.swapaxes(2, 3), (len(keep), 1, o.sizes.queries, o.sizes.keys))
        description = sentence("padding_along_queries")
        yield from with_empty(_padding(MASK_AXIS, "transposed", wrong, description, LAST_AXIS))
    if len(keep) == o.sizes.batch:
        full = np.broadcast_to(keep, (len(keep), o.sizes.heads, 1, o.sizes.keys))
        if not np.array_equal(_other_order(full), full):
            yield _padding(MASK_AXIS, "other order", _other_order(full), *OTHER_ORDER)


def _padding(mistake: Mistake, form: str, mask: NDArray[np.bool_], description: Sentence, fix: Sentence) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(key_lengths=None, mask=mask)

    return Variant((mistake,), pieces.LENGTH, form, apply, description, fix, {"mask": description})


def with_rule_options(recipe: Recipe, **changes: Any) -> Recipe:
    """Return the recipe with other options of what is closed."""
    if recipe.rules is None:
        return replace(recipe, operands=replace(recipe.operands, options=replace(recipe.operands.options, **changes)))
    return recipe.with_rules(options=replace(recipe.rules.options, **changes))


def both_open(open_: NDArray[np.bool_], o: Operands) -> NDArray[np.bool_]:
    """Return where a rule and the mask are both open; a mask of numbers is added to the scores as it was."""
    return open_ if o.mask is None else open_ & kept(o.mask)
