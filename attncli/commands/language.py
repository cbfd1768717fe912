"""The option ``--lang``, apart from the others: only commands that teach need to know which languages there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.groups import shown
from attncli.languages import LANGUAGES

if TYPE_CHECKING:
    Language = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    Language = Literal[LANGUAGES]

LanguageOption = Annotated[Language | None, shown("--lang", "Language (default: the locale's).")]
