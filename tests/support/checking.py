"""What `attn check` finds in a generated case."""

from __future__ import annotations

import math

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, Wanted, check
from tests.mistakes.cases import Case

# A test that is run beside others must not depend on how long a search takes.
PATIENT = Wanted(seconds=math.inf)


def diagnose(case: Case) -> Finding:
    """Check one generated case."""
    return check(prepare(case.problem.arrays, Options.parse(case.problem.options)), case.expected, PATIENT)


def offered(finding: Finding) -> set[frozenset[str]]:
    """Return the mistakes of each of the simplest explanations."""
    return {frozenset(each.mistakes) for each in finding.explanations if each.rank == 1}
