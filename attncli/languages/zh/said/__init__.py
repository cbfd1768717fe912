"""中文：英文句式的译文，以句式为键。Chinese: the patterns of what is said where no language is known."""

from attncli.languages.zh.said.common import COMMON
from attncli.languages.zh.said.notices import NOTICES

SAID = {**COMMON, **NOTICES}
