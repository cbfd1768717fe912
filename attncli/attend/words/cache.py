"""The words of the stage cache."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.attend.cache.option import METAVAR, cache, words
from attncli.attend.checks import or_none
from attncli.attend.words.option import Option, option


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """In how many bits keys and values are kept."""

    cache: str | None = option(
        None,
        Option(
            "cache",
            or_none(cache),
            "Round keys (after norm and rotation) and values, past ones too, as a cache of TYPE int8, int4, e4m3 (fp8) "
            "or e5m2 gives them back, with a scale per tensor, head, channel, token or groupN of features, or unscaled "
            "(default none; a type without SCALES: group32, fp8 tensor).",
            METAVAR,
            no_gradient="rounding has no gradient",
            words=lambda facts: words(facts.options.cache),
        ),
    )
