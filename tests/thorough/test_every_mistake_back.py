"""Right name first, and no blame on right gradients: counted over everything."""

from __future__ import annotations

import pytest

from tests.check.test_backward_mistakes import diagnose
from tests.mistakes.cases_back import cases
from tests.mistakes.controls_back import control, labels
from tests.mistakes.registry_back import MISTAKES

SEED = 0


@pytest.mark.parametrize("name", MISTAKES)
def test_single_mistakes(name: str) -> None:
    """Each is named first, in self-attention, in grouped heads and in cross-attention."""
    wrong = []
    for case in cases(name, SEED):
        finding = diagnose(case)
        names = [each.mistakes[0] for each in finding.explanations]
        if not names or names[0] not in case.acceptable or finding.agrees:
            wrong.append((case.name, names))
    assert wrong == []


@pytest.mark.parametrize("label", labels(SEED))
def test_controls(label: str) -> None:
    """None is blamed."""
    finding = diagnose(control(*labels(SEED)[label], SEED))
    assert finding.agrees
    assert not finding.explanations
