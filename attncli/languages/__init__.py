"""The languages of lessons, pages and the reference: one catalogue module (or package) each, found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Protocol, cast

# A catalogue's name is the language's code in ISO 639.
LANGUAGES = tuple(sorted(each.stem for each in Path(__file__).parent.glob("[a-z]*")))
DEFAULT = "en"


class Catalogue(Protocol):
    """What a module of this folder defines.

    Every catalogue has the same keys, and under each key a sentence with the same fields in braces.

    Attributes:
        LESSON: sentences of `attn explain`.
        PAGE: words of the page to look around in.
        MASK: sentences of `attn mask`.
        COST: words and sentences of `attn cost`.
        STATS: sentences of `attn stats`.
        REFERENCE: headings and introductions of `attn help`. In languages other than English also what is said there
            of each declaration, under the kind of thing and its name, such as ``option_scale``; the English of those
            stands in the declarations themselves.
    """

    LESSON: Mapping[str, str]
    PAGE: Mapping[str, str]
    MASK: Mapping[str, str]
    COST: Mapping[str, str]
    STATS: Mapping[str, str]
    REFERENCE: Mapping[str, str]

    def tidy(self, text: str) -> str:
        """Return a sentence whose fields are filled in, with the blanks that its neighbours need."""

    def begin(self, text: str) -> str:
        """Return a sentence as it stands at the beginning of a line."""


def catalogue(name: str) -> Catalogue:
    """Return the catalogue of one of the ``LANGUAGES``."""
    return cast("Catalogue", import_module(f"{__name__}.{name}"))


def of_locale(environment: Mapping[str, str]) -> str:
    """Return the language of the messages that the environment asks for, as gettext reads it; English if none fits.

    >>> of_locale({"LANG": "zh_CN.UTF-8"}), of_locale({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"})
    ('zh', 'en')
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environment[name] for name in names if environment.get(name)), "")
    code = "".join(takewhile(str.isalpha, locale.lower()))
    return code if code in LANGUAGES else DEFAULT
