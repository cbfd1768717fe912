"""Words that patterns share: what a report may say for the same thing."""

from __future__ import annotations

LOST = (
    r"(missing|lost|left out|skipped|not (seen|read|there|counted|attended|turned|rotated|applied|in)|never|closed|"
    r"dropped|without|ignored|omitted|absent|unseen|forgotten|cut off|no weight|weight 0|zero weight)"
)
TWICE = r"(twice|two times|doubled?|counted again|repeated|2 times|times 2|× ?2|a second time|two copies)"
EXTRA = r"(extra|added|more|further|another|also|open|seen|attended|counted|joins?|too many|beyond|behind)"
MOVED = (
    r"(instead|in place of|for one another|taken for|taken from|read|served|comes? from|mapped|swapped|exchanged|moved|"
    r"shift|order|permut|are those of|is that of|another)"
)
ZERO = (
    r"((is|are|be|only|all|was|were|=) 0\b|0 throughout|zeros?\b|empty|left out|missing|lost|cleared|"
    r"(not|never) written)"
)


def all_of(*parts: str) -> str:
    """A text that has all of these, in any order."""
    return "^" + "".join(f"(?=.*{part})" for part in parts)
