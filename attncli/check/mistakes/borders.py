"""Borders of documents, prefixes and chunks that lie elsewhere, and rules that were taken for others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import BORDERS
from attncli.check.mistakes.masks import with_empty
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Sizes that chunks have.
CHUNKS = (2, 4, 8, 16, 32, 64, 128, 256)


def borders(o: Operands) -> Iterator[Variant]:
    """A border of a rule lies elsewhere."""
    for variant in (*_documents(o), *_prefixes(o), *_chunks(o)):
        yield from with_empty(variant)


def _documents(o: Operands) -> Iterator[Variant]:
    """Documents begin a token early or late, one of them is lost, or the ids of one batch item serve all."""
    ids = {name: o.inputs[name] for name in ("segments", "query_segments") if name in o.inputs}
    if "segments" not in ids:
        return
    fix = sentence("fix_segments")
    for step, when in ((1, "late"), (-1, "early")):
        moved = {name: _shifted(array, step) for name, array in ids.items()}
        yield _inputs(f"documents one {when}", moved, sentence(f"documents_{when}"), fix)
        only = {
            "segments": _shifted(ids["segments"], step),
            "query_segments": ids.get("query_segments", ids["segments"]),
        }
        if o.sizes.queries == o.sizes.keys:
            yield _inputs(f"documents of keys one {when}", only, sentence(f"documents_of_keys_{when}"), fix)
    if len(ids["segments"]) > 1:
        first = {name: np.broadcast_to(array[:1], array.shape) for name, array in ids.items()}
        yield _inputs("documents of item 0", first, sentence("documents_of_item_0"), fix)
    if "query_segments" not in ids and o.sizes.queries == o.sizes.keys:
        joined = {"segments": np.minimum(ids["segments"], np.sort(np.unique(ids["segments"]))[:2].max())}
        yield _inputs("documents by the first border", joined, sentence("documents_first_border"), fix)


def _shifted(array: NDArray[Any], step: int) -> NDArray[Any]:
    at = np.clip(np.arange(array.shape[-1]) - step, 0, array.shape[-1] - 1)
    return array[..., at]


def _prefixes(o: Operands) -> Iterator[Variant]:
    """The prefix is longer, shorter, left out, or open to its own queries alone."""
    prefix = o.options.prefix
    if prefix is None:
        return
    fix = sentence("fix_prefix", prefix=prefix)
    for count, how in ((prefix + 1, "one key too long"), (prefix - 1, "one key too short"), (None, "left out")):
        yield _options(f"prefix {how}", {"prefix": count or None}, word("prefix", how), fix)


def _chunks(o: Operands) -> Iterator[Variant]:
    """Chunks have another size, are left out, or are taken for a window."""
    chunk = o.options.chunk
    if chunk is None:
        return
    fix = sentence("fix_chunk", chunk=chunk)
    yield _options("chunk left out", {"chunk": None}, sentence("chunks_left_out"), fix)
    for size in dict.fromkeys([*CHUNKS, chunk + 1, chunk - 1]):
        if size not in (chunk, 0):
            said = sentence("chunks_other", size=size, chunk=chunk)
            yield _options(f"chunk {size}", {"chunk": size}, said, fix)
    for left in (chunk - 1, chunk):
        changes = {"chunk": None, "window": (left, -1)}
        yield _options(f"window {left}", changes, sentence("chunks_as_window", left=left), fix)


def _inputs(form: str, changed: Mapping[str, NDArray[Any]], said: Sentence, fix: Sentence) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(inputs={**recipe.operands.inputs, **changed})

    return Variant((BORDERS,), pieces.MASK, form, apply, said, fix, {"border": form})


def _options(form: str, changes: Mapping[str, Any], said: Sentence, fix: Sentence) -> Variant:
    return Variant((BORDERS,), pieces.MASK, form, partial(_with, changes=changes), said, fix, {"border": form})


def _with(recipe: Recipe, *, changes: Mapping[str, Any]) -> Recipe:
    return recipe.with_operands(options=replace(recipe.operands.options, **changes))
