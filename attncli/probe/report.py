"""What `attn check` shows of a probe: the table of answers, and what is not as asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attncli.attend.options import written
from attncli.check.voice import voice as voice_of_check
from attncli.files.contents import Named
from attncli.languages import DEFAULT
from attncli.probe.question import Phrase
from attncli.probe.replies import Reply, Verdict
from attncli.probe.voice import Voice
from attncli.problem.overview import line
from attncli.show.lines import print_lines
from attncli.show.records import print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

MARKS = {Verdict.AS_ASKED: "✓", Verdict.OTHER: "✗", Verdict.UNKNOWN: "?", Verdict.UNANSWERED: "–"}
PLAIN = {Verdict.AS_ASKED: "ok", Verdict.OTHER: "no", Verdict.UNKNOWN: "?", Verdict.UNANSWERED: "-"}
# How many facts and explanations are told of an output that is none of those known.
MOST = 4


def verdict(file: str, replies: Sequence[Reply], voice: Voice) -> str:
    """Return the result in one line."""
    given = [each for each in replies if each.verdict is not Verdict.UNANSWERED]
    wrong = [each for each in given if each.verdict is not Verdict.AS_ASKED]
    said = voice.say("all_as_asked", file=file, count=len(given))
    if wrong:
        said = voice.say("some_other", file=file, other=len(wrong), count=len(given), names=_names(wrong, voice))
    open_ = [each for each in replies if each.verdict is Verdict.UNANSWERED]
    return voice.say("unanswered", said=said, names=_names(open_, voice)) if open_ else said


def _names(replies: Sequence[Reply], voice: Voice) -> str:
    return voice.say("and").join(voice.question(each.question) for each in replies)


def to_terminal(file: str, replies: Sequence[Reply], voice: Voice, screen: Screen, console: Console) -> None:
    """Print the verdict, the table, and what else is known of outputs that no known answer makes."""
    say = partial(print_lines, screen=screen, console=console)
    right = all(each.verdict in (Verdict.AS_ASKED, Verdict.UNANSWERED) for each in replies)
    say(verdict(file, replies, voice), style="bold green" if right else "bold red")
    console.print()
    marks = MARKS if screen.unicode else PLAIN
    print_records([_row(each, marks, voice) for each in replies], screen, console, folded=voice.say("heading_answer"))
    for text in _facts(file, replies, voice):
        console.print()
        for at, one in enumerate(text):
            say(one, first="- " * (at > 0), rest="  " * (at > 0))


def _row(reply: Reply, marks: Mapping[Verdict, str], voice: Voice) -> dict[str, str]:
    answer = {
        Verdict.UNKNOWN: voice.say("unknown"),
        Verdict.UNANSWERED: voice.say("no_answer"),
    }.get(reply.verdict) or voice.answers(reply.question, reply.answers)
    # What is as asked need not be said twice.
    differs = reply.verdict in (Verdict.OTHER, Verdict.UNKNOWN)
    asked = voice.answer(reply.question, reply.asked) if differs and reply.asked is not None else ""
    return {
        voice.say("heading_mark"): marks[reply.verdict],
        voice.say("heading_question"): voice.question(reply.question),
        voice.say("heading_answer"): answer,
        voice.say("heading_asked"): asked,
        voice.say("heading_problem"): reply.problem,
    }


def _facts(file: str, replies: Sequence[Reply], voice: Voice) -> Iterator[list[str]]:
    """Return what is known of each output that no known answer makes: a heading and facts."""
    unknown = {each.problem: each for each in replies if each.verdict is Verdict.UNKNOWN}
    rest = []
    for name, each in unknown.items():
        facts = list(facts_of(each, voice))[:MOST]
        if each.why:
            yield [voice.say("why", problem=name, why=each.why)]
        elif facts:
            yield [voice.say("facts", problem=name), *facts]
        else:
            rest.append(name)
    if rest:
        yield [voice.say("facts_none", problems=", ".join(rest), example=f"{file}:{rest[0]}")]


def facts_of(reply: Reply, voice: Voice) -> Iterator[str]:
    """Return what `attn check` names and finds in an output, in its own words."""
    if reply.finding is None:
        return
    check = voice_of_check(voice.lang)
    for each in reply.finding.explanations:
        said = "; ".join(map(check.say, each.descriptions))
        yield voice.say("mistake", names=" + ".join(each.mistakes), said=said)
    yield from map(check.say, reply.finding.facts)


def record(file: str, replies: Sequence[Reply]) -> dict[str, Any]:
    """Return the same as values for JSON, in English."""
    voice = Voice(DEFAULT)
    given = [each for each in replies if each.verdict is not Verdict.UNANSWERED]
    return {
        "file": file,
        "agrees": all(each.verdict is Verdict.AS_ASKED for each in given) if given else None,
        "answers": [
            {
                "question": each.question,
                "problem": each.problem,
                "verdict": each.verdict.value,
                "asked": None if each.asked is None else _said(each.question, each.asked, voice),
                "found": [_said(each.question, answer, voice) for answer in each.answers],
                "why": each.why or None,
                "facts": list(facts_of(each, voice)),
            }
            for each in replies
        ],
    }


def _said(question: str, said: Phrase, voice: Voice) -> dict[str, Any]:
    return {"answer": said.id, **said.fields, "said": voice.answer(question, said)}


def rows(problems: Mapping[str, Named], voice: Voice) -> list[dict[str, str]]:
    """Return a table row for each problem that is written."""
    return [
        {
            voice.say("heading_problem"): name,
            voice.say("heading_questions"): ", ".join(questions(each)),
            **_sizes(each),
        }
        for name, each in problems.items()
    ]


def _sizes(problem: Named) -> dict[str, str]:
    """Return the shapes of query and key, and the options: value and mask follow."""
    found = line({name: problem.arrays[name].shape for name in ("query", "key")}, problem.options)
    return {heading: text for heading, text in found.items() if text}


def list_of(problems: Mapping[str, Named]) -> list[dict[str, Any]]:
    """Return the same as values for JSON."""
    return [
        {
            "problem": name,
            "questions": questions(each),
            "shapes": {array: list(found.shape) for array, found in each.arrays.items()},
            "options": {option: _plain(value) for option, value in each.options.items()},
        }
        for name, each in problems.items()
    ]


def questions(problem: Named) -> list[str]:
    """Return the questions that a problem asks."""
    from attncli.probe.marker import ENTRY, parsed

    return list(parsed(problem.texts[ENTRY]))


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str) else written(value)
