"""`attn check` on generated outputs: right ones are never blamed, wrong ones get the right name."""

from __future__ import annotations

import pytest

from tests.mistakes.cases import QUICK_PAIRS, cases, pairs
from tests.mistakes.controls import control, controls
from tests.mistakes.registry import MISTAKES
from tests.support.checking import diagnose, offered

SEED = 3


@pytest.mark.takes(5)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_its_name(name: str) -> None:
    """All that is offered first is right: no other name stands beside it."""
    case = next(cases(name, SEED))
    finding = diagnose(case)
    assert not finding.agrees
    assert offered(finding)
    assert offered(finding) <= case.acceptable


@pytest.mark.takes(4)
@pytest.mark.parametrize(("first", "second", "kind"), QUICK_PAIRS)
def test_two_mistakes_get_both_names(first: str, second: str, kind: str) -> None:
    """The first explanation is a right one."""
    case = next(pairs(first, second, kind, SEED))
    finding = diagnose(case)
    assert finding.explanations
    assert frozenset(finding.explanations[0].mistakes) in case.acceptable


# Every third: each control in a third of the kinds, and each kind with a third of the controls.
@pytest.mark.takes(4)
@pytest.mark.parametrize("label", list(controls(SEED))[::3])
def test_a_right_output_is_never_blamed(label: str) -> None:
    """Right by another route, in another precision, or rounded."""
    finding = diagnose(control(*controls(SEED)[label], SEED))
    assert finding.agrees
    assert not finding.explanations
