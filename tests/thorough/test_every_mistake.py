"""Right name first, right name among those offered, no blame on right outputs: counted over everything."""

from __future__ import annotations

from collections import Counter

import pytest

from tests import mistaken
from tests.test_check import diagnose, offered

# With more keys than features by so many, nothing can be said of single weights, and dropout cannot be seen.
UNSEEN = {"dropout/0.1 and scale/none in dense large"}


@pytest.mark.parametrize("seed", [0])
def test_single_mistakes(seed: int) -> None:
    """Each is named, and no other name is offered first."""
    wrong = []
    for case in mistaken.cases(seed):
        finding = diagnose(case)
        names = [frozenset(each.mistakes) for each in finding.explanations]
        if not names or names[0] not in case.acceptable or finding.agrees:
            wrong.append((case.name, names))
    assert wrong == []


@pytest.mark.parametrize("seed", [0])
def test_pairs(seed: int) -> None:
    """Both are named."""
    wrong = []
    for case in mistaken.pairs(seed):
        names = [frozenset(each.mistakes) for each in diagnose(case).explanations]
        if (not names or names[0] not in case.acceptable) and case.name not in UNSEEN:
            wrong.append((case.name, names))
    assert wrong == []


@pytest.mark.parametrize("seed", [0])
def test_controls(seed: int) -> None:
    """None is blamed."""
    told = Counter((finding.agrees, bool(offered(finding))) for finding in map(diagnose, mistaken.controls(seed)))
    assert set(told) == {(True, False)}
