"""The option ``--lang``, apart from the others: only commands that teach need to know which languages there are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.groups import shown
from attncli.languages import LANGUAGES, of_locale

if TYPE_CHECKING:
    Language = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    Language = Literal[LANGUAGES]

LanguageOption = Annotated[Language | None, shown("--lang", "Language (default: the locale's).")]


def language(given: str | None = None) -> str:
    """Return the language of what is printed: the one that is given, or that of the locale."""
    return given or of_locale(os.environ)
