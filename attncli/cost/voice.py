"""What `attn cost` says in a language."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.languages import catalogue


@dataclass(frozen=True)
class Voice:
    """A language.

    Attributes:
        lang: one of the languages.
    """

    lang: str

    def __call__(self, key: str) -> str:
        """Return the words of a key."""
        return catalogue(self.lang).COST[key]

    def say(self, key: str, **fields: object) -> str:
        """Return a sentence with its fields filled in."""
        return catalogue(self.lang).tidy(self(key).format(**fields))
