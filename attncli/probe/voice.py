"""What `attn probe` says in a language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attncli.languages import catalogue
from attncli.probe.question import Phrase


@dataclass(frozen=True)
class Voice:
    """A language.

    Attributes:
        lang: one of the languages.
    """

    lang: str

    def say(self, key: str, **fields: object) -> str:
        """Return the words of a key with its fields filled in."""
        found = catalogue(self.lang)
        return found.tidy(found.PROBE[key].format(**fields))

    def question(self, name: str) -> str:
        """Return what a question is about."""
        return self.say(f"question_{name}")

    def answer(self, question: str, said: Phrase) -> str:
        """Return an answer in words."""
        return self.say(f"answer_{question}_{said.id}", **said.fields)

    def answers(self, question: str, said: Sequence[Phrase]) -> str:
        """Return several answers of which one is right."""
        return self.say("or").join(self.answer(question, each) for each in said)
