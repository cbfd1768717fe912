"""Keys and values that went through a cache of fewer bits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from attncli.attend.cache.option import GROUP, STATES, cache, kept_as
from attncli.attend.cache.types import TYPES, Type
from attncli.attend.operands import Operands
from attncli.attend.stages.cache import with_held
from attncli.check.mistakes import pieces
from attncli.check.mistakes.registry import CACHE_ROUNDED
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Listed, sentence, word, words

# Groups of features that tools have.
GROUPS = (16, 32, 64, 128)


def rounded(o: Operands) -> Iterator[Variant]:
    """Keys, values or both were rounded to one type, with one kind of scales or, as in KIVI, one for each."""
    for kind in TYPES.values():
        for scales in _scales(o, kind):
            for states in (STATES, *((state,) for state in STATES)):
                yield _rounded(",".join(f"{state}={kind.name}:{scales}" for state in states))
        yield _rounded(f"key={kind.name}:channel,value={kind.name}:token")


def _scales(o: Operands, kind: Type) -> Iterator[str]:
    """Return what may have a scale of its own, where that is not the same as something else."""
    yield from ["tensor"] + ["head"] * (o.sizes.key_heads > 1) + ["channel", "token"]
    yield from ["unscaled"] * kind.is_floating
    most = max(o.key.shape[-1], o.sizes.value_features)
    yield from (f"{GROUP}{size}" for size in GROUPS if size < most)


def _rounded(text: str) -> Variant:
    kept = kept_as(text)
    held = tuple(sentence("held", states=word("states", state), how=str(how)) for state, how in kept.items())
    return Variant(
        (CACHE_ROUNDED,),
        pieces.CACHE,
        text,
        partial(_held, text=text),
        sentence("cache_rounded", states=Listed(held, "and")),
        sentence("fix_cache", states=words("states", kept), option=text),
        {"cache": {state: str(how) for state, how in kept.items()}},
        {"cache": cache("cache", text)},
    )


def _held(recipe: Recipe, *, text: str) -> Recipe:
    return recipe.with_operands(held=with_held(recipe.operands, kept_as(text)).held)
