"""`attn check` on generated gradients: right ones are never blamed, wrong ones get the right name."""

from __future__ import annotations

import pytest

from attncli.attend.options import Options
from attncli.check.backward.finding import BackwardFinding, check
from attncli.check.backward.registry import BACKWARD
from attncli.check.diagnosis import Wanted
from attncli.check.mistakes.registry import MISTAKES as OF_FORWARD
from tests.mistakes.cases_back import BackCase, cases
from tests.mistakes.controls_back import control, labels
from tests.mistakes.registry_back import MISTAKES

SEED = 3


def diagnose(case: BackCase) -> BackwardFinding:
    """Check the gradients of one generated case."""
    return check(case.arrays, Options.parse(case.problem.options), Wanted())


@pytest.mark.takes(35)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_its_name(name: str) -> None:
    """First of all that is offered."""
    case = next(cases(name, SEED))
    finding = diagnose(case)
    assert not finding.agrees
    assert finding.explanations[0].mistakes[0] in case.acceptable


@pytest.mark.takes(60)
@pytest.mark.parametrize("label", labels(SEED))
def test_right_gradients_are_never_blamed(label: str) -> None:
    """Right by another route, in another precision, or rounded."""
    finding = diagnose(control(*labels(SEED)[label], SEED))
    assert finding.agrees
    assert not finding.explanations


def test_every_mistake_is_made_by_an_independent_implementation() -> None:
    """Whatever has a name on the way back is tried on gradients that share nothing with the program."""
    assert {each.id for each in MISTAKES.values()} - OF_FORWARD.keys() == BACKWARD.keys()


def test_the_registry_is_in_the_order_of_the_alphabet() -> None:
    """In which the reference prints it; no name is also one of the forward pass."""
    assert list(BACKWARD) == sorted(BACKWARD)
    assert not BACKWARD.keys() & OF_FORWARD.keys()


@pytest.mark.parametrize("name", BACKWARD)
def test_a_record_says_what_it_is_and_what_to_do(name: str) -> None:
    """In whole sentences, for a page of reference."""
    for text in (BACKWARD[name].sentence, BACKWARD[name].fix):
        assert text.endswith(".")
