"""English: what `attn check` says."""

from attncli.languages.en.check.backward import BACKWARD
from attncli.languages.en.check.fixes import FIXES
from attncli.languages.en.check.mistakes import MISTAKES
from attncli.languages.en.check.report import REPORT
from attncli.languages.en.check.words import WORDS

CHECK = REPORT | WORDS | MISTAKES | FIXES | BACKWARD
