"""What the reference says, in one language."""

from __future__ import annotations

from collections.abc import Iterable

from attncli.languages import catalogue


class Words:
    """The sentences of the reference, in one of the ``LANGUAGES``."""

    def __init__(self, language: str) -> None:
        self._catalogue = catalogue(language)

    def say(self, key: str, **fields: str) -> str:
        """Return a heading or a sentence of a topic, with its fields filled in."""
        return self._catalogue.tidy(self._catalogue.REFERENCE[key].format(**fields))

    def of(self, kind: str, name: str, english: str) -> str:
        """Return what is said of a declaration.

        Args:
            kind: ``"option"``, ``"array"`` and so on.
            name: its name.
            english: what the declaration itself says, in English.
        """
        return self._catalogue.REFERENCE.get(f"{kind}_{name}", english)

    def has(self, kind: str, name: str) -> bool:
        """Tell whether there is more to say of a declaration than it says itself."""
        return f"{kind}_{name}" in self._catalogue.REFERENCE

    def listed(self, names: Iterable[str]) -> str:
        """Return names as a sentence lists them."""
        return self.say("comma").join(names)

    def either(self, names: Iterable[str]) -> str:
        """Return names of which one is meant, as a sentence lists them."""
        *others, last = names
        return self.say("either", others=self.listed(others), last=last) if others else last
