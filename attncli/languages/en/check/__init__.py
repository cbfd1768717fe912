"""English: what `attn check` says."""

from attncli.languages.en.check.added import ADDED
from attncli.languages.en.check.against import AGAINST
from attncli.languages.en.check.backward import BACKWARD
from attncli.languages.en.check.caches import CACHES
from attncli.languages.en.check.codes import CODES
from attncli.languages.en.check.elsewhere import ELSEWHERE
from attncli.languages.en.check.facts import FACTS
from attncli.languages.en.check.fixes import FIXES
from attncli.languages.en.check.layer import LAYER
from attncli.languages.en.check.mistakes import MISTAKES
from attncli.languages.en.check.report import REPORT
from attncli.languages.en.check.results import RESULTS
from attncli.languages.en.check.ruled import RULED
from attncli.languages.en.check.standing import STANDING
from attncli.languages.en.check.sums import SUMS
from attncli.languages.en.check.turning import TURNING
from attncli.languages.en.check.words import WORDS

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
