"""中文。Chinese."""

import re

from attncli.languages.zh.check import CHECK
from attncli.languages.zh.cost import COST
from attncli.languages.zh.declarations import DECLARATIONS
from attncli.languages.zh.lesson import LESSON
from attncli.languages.zh.mask import DIFFERENCES, MASK
from attncli.languages.zh.mistakes import MISTAKES
from attncli.languages.zh.page import PAGE
from attncli.languages.zh.probe import PROBE
from attncli.languages.zh.reference import REFERENCE as PAGES
from attncli.languages.zh.said import SAID
from attncli.languages.zh.samples import SAMPLES
from attncli.languages.zh.stats import NUMBERS, STATS
from attncli.languages.zh.vary import VARY

__all__ = ["CHECK", "COST", "LESSON", "MASK", "PAGE", "PROBE", "REFERENCE", "SAID", "STATS", "VARY", "begin", "tidy"]

REFERENCE = PAGES | DECLARATIONS | MISTAKES | DIFFERENCES | NUMBERS | SAMPLES
# 数字与后面的汉字之间留一个空格；标签里的文字保持原样。
NAMED = re.compile(r"((?:查询|键) \d+)(?=[\u4e00-\u9fff])")


def tidy(text: str) -> str:
    """Return a finished sentence with a blank between a number and the character that follows it."""
    return NAMED.sub(r"\1 ", text)


def begin(text: str) -> str:
    """Return a sentence as it is: softmax has no capital in Chinese, wherever it stands."""
    return text
