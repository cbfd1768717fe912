"""The registry of mistakes, what the search can make and the generated cases speak of the same ids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import normal
from attncli.check.families import FAMILIES
from attncli.check.mistakes.cache import rounded
from attncli.check.mistakes.general import GENERAL
from attncli.check.mistakes.registry import DROPOUT, MISTAKES, SAME, libraries
from attncli.check.mistakes.variant import Unknown
from tests.mistakes import registry
from tests.mistakes.problems import places, problem
from tests.mistakes.stages import Problem


def operands(p: Problem) -> Operands:
    return normal(prepare(p.arrays, Options.parse(p.options)))


def made() -> Iterator[str]:
    """Return the ids of what can be made in the generated problems."""
    yield DROPOUT.id  # found by solving for the weights, not by a search
    for kind, shape in places(0):
        for family in (*FAMILIES, rounded):
            for each in family(operands(problem(0, kind, shape))):
                variant = each.of(2.0) if isinstance(each, Unknown) else each
                yield from (mistake.id for mistake in variant.mistakes)


def test_the_families_make_every_mistake_of_the_registry_and_no_other() -> None:
    """An id that no family yields explains nothing; one that is not declared says nothing.

    Beside them they make some that generators make otherwise, and that other mistakes come near to.
    """
    assert set(made()) - set(GENERAL) == set(MISTAKES) - set(GENERAL)


def test_the_registry_is_in_the_order_of_the_alphabet() -> None:
    """In which the reference prints it, too."""
    assert list(MISTAKES) == sorted(MISTAKES)


def test_every_mistake_is_made_by_an_independent_implementation() -> None:
    """Whatever has a name is tried on outputs that share nothing with the program."""
    assert {each.id for each in registry.MISTAKES.values()} == set(MISTAKES) - set(GENERAL)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_record_says_what_it_is_and_what_to_do(name: str) -> None:
    """In whole sentences, for a page of reference."""
    record = MISTAKES[name]
    for text in (record.sentence, record.fix):
        assert text[0].isupper()
        assert text.endswith(".")
    assert not record.libraries.endswith(".")


def test_names_for_the_same_numbers_are_names() -> None:
    """What is said of pairs, and of libraries, is said of mistakes that exist."""
    assert all(set(pair) <= set(MISTAKES) for pair in SAME)
    assert libraries(("scale", "bias")) == {"scale": MISTAKES["scale"].libraries}
