"""English."""

from attncli.languages.en.check import CHECK
from attncli.languages.en.cost import COST
from attncli.languages.en.lesson import LESSON
from attncli.languages.en.mask import MASK
from attncli.languages.en.page import PAGE
from attncli.languages.en.probe import PROBE
from attncli.languages.en.reference import REFERENCE
from attncli.languages.en.stats import STATS
from attncli.languages.en.vary import VARY

__all__ = ["CHECK", "COST", "LESSON", "MASK", "PAGE", "PROBE", "REFERENCE", "SAID", "STATS", "VARY", "begin", "tidy"]

# What is said is English already.
SAID: dict[str, str] = {}


def tidy(text: str) -> str:
    """Return a finished sentence as it is: English words bring their own blanks."""
    return text


def begin(text: str) -> str:
    """Return a sentence with a capital."""
    return text[:1].upper() + text[1:]
