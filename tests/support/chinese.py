"""What Chinese text must not contain."""

from __future__ import annotations

import re

# Two English words side by side: Chinese has names, formulas and flags between its characters, but no two such words.
ENGLISH = re.compile("[a-z]{2,} [a-z]{2,}")
COMMAND = re.compile(r"attn compute|--[a-z-]+ [^ ]+")
# Blanks beside the wide marks of Chinese, which bring their own.
BESIDE = re.compile(r"\s[，。；：、！？）」》”]|[，。；：、！？（「《“]\s(?!\|)")


def is_english(text: str) -> bool:
    """Tell whether there are English words in a text, but for those of a command."""
    return ENGLISH.search(COMMAND.sub("", text)) is not None
