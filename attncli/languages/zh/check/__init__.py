"""中文：`attn check` 的说明文字。Chinese: what `attn check` says."""

from attncli.languages.zh.check.added import ADDED
from attncli.languages.zh.check.against import AGAINST
from attncli.languages.zh.check.backward import BACKWARD
from attncli.languages.zh.check.caches import CACHES
from attncli.languages.zh.check.codes import CODES
from attncli.languages.zh.check.elsewhere import ELSEWHERE
from attncli.languages.zh.check.facts import FACTS
from attncli.languages.zh.check.fixes import FIXES
from attncli.languages.zh.check.layer import LAYER
from attncli.languages.zh.check.mistakes import MISTAKES
from attncli.languages.zh.check.report import REPORT
from attncli.languages.zh.check.results import RESULTS
from attncli.languages.zh.check.ruled import RULED
from attncli.languages.zh.check.standing import STANDING
from attncli.languages.zh.check.sums import SUMS
from attncli.languages.zh.check.turning import TURNING
from attncli.languages.zh.check.words import WORDS

CHECK = (
    REPORT
    | WORDS
    | MISTAKES
    | FIXES
    | FACTS
    | SUMS
    | ELSEWHERE
    | ADDED
    | AGAINST
    | CODES
    | CACHES
    | LAYER
    | RESULTS
    | RULED
    | STANDING
    | TURNING
    | BACKWARD
)
