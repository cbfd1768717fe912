"""What a comparison of several values says, in a language."""

from __future__ import annotations

from attncli.languages import catalogue


def words(lang: str, key: str, /, **fields: object) -> str:
    """Return a sentence with its fields filled in."""
    found = catalogue(lang)
    return found.tidy(found.VARY[key].format(**fields))
