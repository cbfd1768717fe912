"""Every question is whole: answers that can be told apart, words in every language, a problem that asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import pytest

from attncli.attend.fast.blas import one_thread
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.recipe import Recipe
from attncli.check.rounding import BFLOAT16, EVERYTHING, FLOAT16, Precision, Rounding
from attncli.files.contents import Named
from attncli.languages import DEFAULT, LANGUAGES, catalogue
from attncli.probe.marker import parsed
from attncli.probe.outputs import Made, right
from attncli.probe.question import Answer, Phrase
from attncli.probe.registry import IDS, PRECISION, QUESTIONS
from attncli.probe.request import Request
from attncli.probe.search import Search
from attncli.probe.voice import Voice
from tests.languages.test_catalogues import CODE, constants

# Answers that come to what is asked for under a causal rule, and tell something beside another one.
SAME = {("window", "no-right"), ("window", "both-sides")}
# Requests under which the asked answers have all their names.
REQUESTS = (
    Request(),
    Request({"scale": "0.3"}),
    Request({"scale": "none", "causal": True, "offset": "end"}),
    Request({"causal": True, "offset": 2}),
    Request({"rope": "interleaved"}),
    Request({"rope": "half", "causal": True, "offset": "end"}),
    Request({"window": (3, 2)}),
    Request(precision="bfloat16"),
)


@cache
def problems() -> Mapping[str, Named]:
    """Return those of a probe, with few heads, so that all is fast."""
    return Request(heads=4).problems()


def recipe(problem: Named) -> Recipe:
    return right(prepare(problem.arrays, Options.parse(problem.options)))


def asked(problem: Named) -> list[str]:
    return list(parsed(problem.texts["probe"]))


def others(problem: Named) -> list[Answer]:
    operands = recipe(problem).operands
    return [each for question in QUESTIONS.values() for each in question.others(operands)]


Told = list[list[tuple[str, Phrase]]]


def found(question: str, kind: Precision | None) -> Iterator[tuple[Answer, Told]]:
    """Return each answer to a question, and which are found in its output, rounded throughout."""
    problem = next(each for each in problems().values() if question in asked(each))
    plain = recipe(problem)
    sizes = plain.operands.sizes
    shape = (sizes.batch, sizes.heads, sizes.queries, sizes.value_features)
    for answer in QUESTIONS[question].others(plain.operands):
        made = answer.apply(plain)
        assert made is not None
        with one_thread(1 << 30):
            output = Made(made if kind is None else Rounding(kind, EVERYTHING).applied(made), shape).output
        match = Search(plain, output.astype(np.float32), asked(problem), {}).find()
        assert match is not None, answer.said
        yield answer, [[(each.question, each.said) for each in several] for several in match.answers]


@pytest.mark.takes(10)
@pytest.mark.parametrize("kind", [None, FLOAT16, BFLOAT16], ids=["float64", "float16", "bfloat16"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_answer_can_be_told_from_the_others(question: str, kind: Precision | None) -> None:
    """From what is asked for too, on the problem that asks for it; where all is rounded as well."""
    for answer, told in found(question, kind):
        if (question, answer.said.id) in SAME:
            assert [] in told
        else:
            assert told == [[(question, answer.said)]]


def test_every_question_is_asked_by_a_problem() -> None:
    """By one, and has other answers there."""
    assert sorted(each for problem in problems().values() for each in asked(problem)) == sorted(IDS)
    for problem in problems().values():
        questions = {each.question for each in others(problem)} | {PRECISION}
        assert questions >= set(asked(problem))


def test_every_other_sentence_is_used() -> None:
    """By its name."""
    code = [*constants(CODE / "probe"), *constants(CODE / "commands")]
    words = {key for key in catalogue(DEFAULT).PROBE if not key.startswith(("answer_", "question_"))}
    assert words - {each.replace("\\", "") for each in code} == set()


def test_every_answer_has_words_and_no_words_are_left_over() -> None:
    """In all languages: those of the answers that problems have, and of the precisions."""
    used = {
        f"answer_{PRECISION}_{each}" for each in ("type", "inputs", "scores", "weights", "output", "inputs-weights")
    }
    used |= {f"answer_{PRECISION}_everything"} | {f"question_{each}" for each in IDS}
    for request in REQUESTS:
        for problem in request.problems().values():
            operands = recipe(problem).operands
            names = [each for each in asked(problem) if each != PRECISION]
            said = [(each, QUESTIONS[each].asked(operands)) for each in names]
            said += [(each.question, each.said) for each in others(problem)]
            used |= {f"answer_{question}_{each.id}" for question, each in said}
            for lang in LANGUAGES:
                assert all(Voice(lang).answer(question, each) for question, each in said)
    for lang in LANGUAGES:
        words = {key for key in catalogue(lang).PROBE if key.startswith(("answer_", "question_"))}
        assert words == used
