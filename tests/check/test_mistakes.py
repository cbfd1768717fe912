"""`attn check` on generated outputs: right ones are never blamed, wrong ones get the right name."""

from __future__ import annotations

import re

import pytest

from tests.mistakes.cases import QUICK_PAIRS, cases, pairs
from tests.mistakes.controls import control, controls
from tests.mistakes.registry import MISTAKES
from tests.support.checking import diagnose, offered
from tests.support.places import README

SEED = 3


def ids_of_the_readme() -> set[str]:
    """Return the names of mistakes that the README lists."""
    listed = re.search(r"The names of the mistakes:\n\n(.*?)\n\n", README.read_text(encoding="utf-8"), re.DOTALL)
    assert listed is not None
    return set(re.findall(r"`([\w-]+)`", listed[1]))


def test_every_mistake_that_is_listed_has_cases() -> None:
    """The generated ones, which share nothing with attn's own, and those that the README lists are the same ids."""
    assert {each.id for each in MISTAKES.values()} == ids_of_the_readme()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_its_name(name: str) -> None:
    """All that is offered first is right: no other name stands beside it."""
    case = next(cases(name, SEED))
    finding = diagnose(case)
    assert not finding.agrees
    assert offered(finding)
    assert offered(finding) <= case.acceptable


@pytest.mark.parametrize(("first", "second", "kind"), QUICK_PAIRS)
def test_two_mistakes_get_both_names(first: str, second: str, kind: str) -> None:
    """The first explanation is a right one."""
    case = next(pairs(first, second, kind, SEED))
    finding = diagnose(case)
    assert finding.explanations
    assert frozenset(finding.explanations[0].mistakes) in case.acceptable


# Every third: each control in a third of the kinds, and each kind with a third of the controls.
@pytest.mark.parametrize("label", list(controls(SEED))[::3])
def test_a_right_output_is_never_blamed(label: str) -> None:
    """Right by another route, in another precision, or rounded."""
    finding = diagnose(control(*controls(SEED)[label], SEED))
    assert finding.agrees
    assert not finding.explanations
