"""What is said of something: the key of a sentence and what its fields hold. It becomes words where it is printed.

What finds something out says it as a record, so that it can be compared, kept and read by a program whatever the
language; each sentence is declared once in every catalogue.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

from attncli.languages import catalogue, say_in


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a part of one.

    Attributes:
        key: of the sentence in a catalogue.
        fields: what its fields hold, by their names: numbers and names as they are, and other sentences.
    """

    key: str
    fields: tuple[tuple[str, Field], ...] = ()


@dataclass(frozen=True)
class Listed:
    """Several things, joined as a language joins them.

    Attributes:
        items: names as they are, or words of a catalogue.
        join: the key of the sentence that joins ``one`` and the ``other``.
    """

    items: tuple[Field, ...]
    join: str


Field: TypeAlias = str | int | float | Sentence | Listed


def sentence(key: str, /, **fields: Field) -> Sentence:
    """Return a sentence with its fields.

    >>> sentence("rows_differ", count=3).fields
    (('count', 3),)
    """
    return Sentence(key, tuple(fields.items()))


def word(kind: str, name: str) -> Sentence:
    """Return what a name of the program is called.

    >>> word("corner", "top left").key
    'corner_top_left'
    """
    return Sentence(f"{kind}_{name.replace(' ', '_')}")


def words(kind: str, names: Iterable[str], join: str = "and") -> Listed:
    """Return what several names are called, joined."""
    return Listed(tuple(word(kind, name) for name in names), join)


def series(names: Iterable[Field]) -> Field:
    """Join names as a sentence does: the last one after "and", the others before it after commas."""
    *others, last = names
    return Listed((Listed(tuple(others), "comma"), last), "and") if others else last


@dataclass(frozen=True)
class Voice:
    """A language in which a part of the program speaks.

    Attributes:
        lang: one of the languages.
        part: which mapping of the catalogue it takes its sentences from.
    """

    lang: str
    part: str

    def say(self, what: Field) -> str:
        """Put something into words.

        Raises:
            KeyError: the catalogue has no such sentence, or nothing fills one of its fields.
        """
        return catalogue(self.lang).tidy(self._words(what))

    def heading(self, key: str) -> str:
        """Return the words of a key that has no fields."""
        return self.say(Sentence(key))

    def of(self, kind: str, name: str, english: str) -> str:
        """Return what the reference says of a declaration, which says it in English itself."""
        return catalogue(self.lang).REFERENCE.get(f"{kind}_{name}", english)

    def _words(self, what: Field) -> str:
        if isinstance(what, Sentence):
            return self._filled(self._sentences()[what.key], dict(what.fields))
        if isinstance(what, Listed):
            join = self._sentences()[what.join]
            first, *others = map(self._words, what.items) if what.items else ("",)
            return reduce(lambda one, other: self._filled(join, {"one": one, "other": other}), others, first)
        return say_in(self.lang, what) if isinstance(what, str) else str(what)

    def _sentences(self) -> Mapping[str, str]:
        found: Mapping[str, str] = getattr(catalogue(self.lang), self.part)
        return found

    def _filled(self, text: str, fields: Mapping[str, Field]) -> str:
        """Return a sentence with its fields filled in."""
        return "".join(_spaced(self._parts(text, fields)))

    def _parts(self, text: str, fields: Mapping[str, Field]) -> Iterator[str]:
        """Return the parts of a sentence: what stands between its fields, and the fields."""
        for before, name, _, _ in string.Formatter().parse(text):
            yield before
            if name is not None:
                yield self._words(fields[name])


def _spaced(parts: Iterable[str]) -> Iterator[str]:
    """Return parts with a blank where a Chinese character meets a letter or a number of another script.

    >>> "".join(_spaced(["第 ", "3", "行与", "d_key", " 相同"]))
    '第 3 行与 d_key 相同'
    """
    last = ""
    for part in parts:
        if part:
            if last and ((_is_han(last) and _needs_room(part[0])) or (_needs_room(last) and _is_han(part[0]))):
                yield " "
            yield part
            last = part[-1]


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _needs_room(character: str) -> bool:
    return not _is_han(character) and (unicodedata.category(character)[0] in "LN" or character in "%√∞−Σ")
