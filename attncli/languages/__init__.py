"""The languages: one catalogue module (or package) each, found by its name.

What knows its language takes sentences from the catalogue by their key. What knows none, such as the mathematics and
the readers of files, says them in English (`attncli.said`), and they are said in another language where they are
printed: see `say_in`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from attncli.said import Said

# A catalogue's name is the language's code in ISO 639.
LANGUAGES = tuple(sorted(each.stem for each in Path(__file__).parent.glob("[a-z]*")))
DEFAULT = "en"
CHINESE = "zh"
# One letter of each language that some encodings have not.
LETTERS = {CHINESE: "中"}
# Where these stand in the name of a locale, its Chinese is written in traditional characters.
TRADITIONAL = ("hant", "hk", "mo", "tw")


class Catalogue(Protocol):
    """What a module of this folder defines.

    Every catalogue has the same keys, and under each key a sentence with the same fields in braces.

    Attributes:
        LESSON: sentences of `attn explain`.
        PAGE: words of the page to look around in.
        MASK: sentences of `attn mask`.
        CHECK: words and sentences of `attn check`.
        COST: words and sentences of `attn cost`.
        STATS: sentences of `attn stats`.
        PROBE: questions of `attn probe`, their answers, and what `attn check` says of them.
        VARY: sentences of ``--vary``, where options of the computation vary.
        REFERENCE: headings and introductions of `attn help`. In languages other than English also what is said there
            of each declaration, under the kind of thing and its name, such as ``option_scale``; the English of those
            stands in the declarations themselves.
        SAID: in languages other than English, the patterns of what is `attncli.said.Said`, by the English ones.
    """

    LESSON: Mapping[str, str]
    PAGE: Mapping[str, str]
    MASK: Mapping[str, str]
    CHECK: Mapping[str, str]
    COST: Mapping[str, str]
    STATS: Mapping[str, str]
    PROBE: Mapping[str, str]
    VARY: Mapping[str, str]
    REFERENCE: Mapping[str, str]
    SAID: Mapping[str, str]

    def tidy(self, text: str) -> str:
        """Return a sentence whose fields are filled in, with the blanks that its neighbours need."""

    def begin(self, text: str) -> str:
        """Return a sentence as it stands at the beginning of a line."""


def catalogue(name: str) -> Catalogue:
    """Return the catalogue of one of the ``LANGUAGES``."""
    return cast("Catalogue", import_module(f"{__name__}.{name}"))


def was_said(name: str) -> bool:
    """Tell whether anything was said in one of the ``LANGUAGES``: only then is its catalogue read."""
    return f"{__name__}.{name}" in sys.modules


def say_in(language: str, text: str) -> str:
    """Return a text in one of the ``LANGUAGES``; one that is not `Said`, such as a name from a file, as it is.

    >>> text = Said("{others} or {last}", others=Said("{first}, {rest}", first="a", rest="b"), last="c")
    >>> say_in("en", text), say_in("zh", text), say_in("zh", "a or b")
    ('a, b or c', 'a、b 或 c', 'a or b')
    """
    if language == DEFAULT or not isinstance(text, Said):
        return text
    found = catalogue(language)
    fields = {name: say_in(language, value) if isinstance(value, str) else value for name, value in text.fields.items()}
    return found.tidy(found.SAID.get(text.pattern, text.pattern).format(**fields))


def of_locale(environment: Mapping[str, str]) -> str:
    """Return the language of the messages that the environment asks for, as gettext reads it; English if none fits.

    >>> of_locale({"LANG": "zh_CN.UTF-8"}), of_locale({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"})
    ('zh', 'en')
    """
    code = _parts(environment)[0]
    return code if code in LANGUAGES else DEFAULT


def is_traditional(environment: Mapping[str, str]) -> bool:
    """Tell whether the environment asks for Chinese in traditional characters.

    >>> is_traditional({"LANG": "zh_TW.UTF-8"}), is_traditional({"LANG": "zh_CN.UTF-8"})
    (True, False)
    """
    code, *others = _parts(environment)
    return code == CHINESE and any(each in TRADITIONAL for each in others)


def _parts(environment: Mapping[str, str]) -> list[str]:
    """Return the parts of the name of the locale of messages: the language, the script, the country and so on."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    return re.split("[^a-z]", locale.lower())
