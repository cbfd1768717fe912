"""The registry of mistakes, what the search can make, the README and the generated cases speak of the same ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from attncli.attend.operands import Operands, prepare
from attncli.attend.options import Options
from attncli.check.diagnosis import Wanted, check, normal
from attncli.check.mistakes.registry import DROPOUT, MISTAKES, SAME, libraries
from attncli.check.mistakes.variant import Unknown
from attncli.check.search import FAMILIES
from tests import mistaken

README = Path(__file__).parents[2] / "README.md"


def unit(x: mistaken.Array) -> mistaken.Array:
    """Vectors of length 1."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


# Wrong outputs for the ids that the generated cases do not have: the kind of the problem, and what goes wrong in it.
MORE: dict[str, tuple[str, Callable[[mistaken.Problem], mistaken.Array]]] = {
    "bias": ("bias", lambda p: mistaken.run(p, added=lambda p, way: -p.arrays["bias"])),
    "output-factor": ("causal", lambda p: 0.7 * mistaken.right(p)),
    "score-function": ("dense", lambda p: mistaken.run(p, operands=mistaken.on(unit, "query", "key"))),
}


def operands(problem: mistaken.Problem) -> Operands:
    return normal(prepare(problem.arrays, Options.parse(problem.options)))


def made() -> Iterator[str]:
    """Return the ids of what can be made in the generated problems."""
    yield DROPOUT.id  # found by solving for the weights, not by a search
    for _, problem in mistaken.problems(0, mistaken.KINDS):
        for family in FAMILIES:
            for each in family(operands(problem)):
                variant = each.of(2.0) if isinstance(each, Unknown) else each
                yield from (mistake.id for mistake in variant.mistakes)


def test_the_families_make_every_mistake_of_the_registry_and_no_other() -> None:
    """An id that no family yields explains nothing; one that is not declared says nothing."""
    assert set(made()) == set(MISTAKES)


def test_the_readme_lists_the_registry() -> None:
    """In the order of the alphabet, as the registry declares them."""
    text = README.read_text().partition("The names of the mistakes:")[2].lstrip()
    assert re.findall(r"`([a-z-]+)`", text.partition("\n\n")[0]) == list(MISTAKES) == sorted(MISTAKES)


def test_every_mistake_is_made_by_an_independent_implementation() -> None:
    """Whatever has a name is tried on outputs that share nothing with the program."""
    assert {each.id for each in mistaken.MISTAKES.values()} | set(MORE) == set(MISTAKES)


@pytest.mark.parametrize("name", MORE)
def test_the_rest_gets_its_name(name: str) -> None:
    """As the generated cases do in tests/test_check.py."""
    kind, wrong = MORE[name]
    problem = next(p for _, p in mistaken.problems(1, {kind: mistaken.KINDS[kind]}) if p.heads > 1 and p.queries > 4)
    finding = check(
        prepare(problem.arrays, Options.parse(problem.options)), wrong(problem).astype(np.float32), Wanted()
    )
    assert [each.mistakes for each in finding.explanations] == [(name,)]


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
