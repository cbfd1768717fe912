"""What `attn check` says, in every language: of every mistake that it knows, and whole reports."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import attncli
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.backward.finding import expected_of
from attncli.check.backward.mistakes.splits import TIMES
from attncli.check.backward.observing import observed_of
from attncli.check.backward.reference import Gradients
from attncli.check.backward.search import Search
from attncli.check.backward.seen import Seen
from attncli.check.diagnosis import Wanted, normal
from attncli.check.families import FAMILIES, GENERATORS, LAST
from attncli.check.mistakes.cache import rounded
from attncli.check.mistakes.variant import Generator, Unknown, Variant
from attncli.check.voice import voice
from attncli.languages import LANGUAGES, catalogue
from attncli.sentences import Field, Listed, Sentence
from tests.mistakes import cases_back
from tests.mistakes.problems import places, problem
from tests.mistakes.registry_back import MISTAKES
from tests.support.chinese import BESIDE, is_english
from tests.support.declared import put
from tests.support.places import SAMPLES
from tests.support.processes import called

CODE = Path(attncli.__file__).parent / "check"
SENTENCES = catalogue("en").CHECK
# Gradients of these show, between them, every mistake of the way back that is told in words of its own.
BACK = (
    "scale-back/twice",
    "group-sum/last",
    "softcap-back/left out",
    "rotation-back/from 0",
    "sink-back/sign",
    "broadcast-sum/mean",
    "split/query",
)


def all_said(what: Field | object) -> Iterator[Sentence]:
    """Return a sentence, and those in its fields."""
    if isinstance(what, Sentence):
        yield what
        for _, held in what.fields:
            yield from all_said(held)
    if isinstance(what, Listed):
        yield Sentence(what.join)
        for item in what.items:
            yield from all_said(item)


def variants(each: Variant | Unknown | Generator) -> list[Variant]:
    """Return what a family yields, with numbers where it has to be found; nothing where it is read off an output."""
    if isinstance(each, Unknown):
        return [each.of(2.0), each.of(0.3)]
    return [each] if isinstance(each, Variant) else []


@cache
def of_mistakes() -> tuple[Field, ...]:
    """Return what is said of every mistake, and what to change, each once."""
    found: dict[Field, None] = {}
    for kind, shape in places(0):
        p = problem(0, kind, shape)
        o = normal(prepare(p.arrays, Options.parse(p.options)))
        for family in (*FAMILIES, rounded, *GENERATORS, *LAST):
            for each in family(o):
                for made in variants(each):
                    found |= dict.fromkeys((made.description, made.fix))
    for name in BACK:
        for search in searches(name):
            for change in search.changes():
                found |= dict.fromkeys((change.description, change.fix))
    return tuple(found)


def searches(name: str) -> Iterator[Search]:
    """Return a search for what is wrong with the gradients of a generated case."""
    names = [each for each in MISTAKES if each.startswith(name.split("/")[0])]
    case = next(cases_back.cases(name if name in names else names[0], 3))
    expected = expected_of(case.arrays)
    given = {key: array for key, array in case.arrays.items() if not key.startswith("expected")}
    with np.errstate(all="ignore"):
        gradients = Gradients.of(given, Options.parse(case.problem.options))
        seen = Seen({each: observed_of(each, expected[each], gradients, Wanted()) for each in expected})
        yield Search(gradients, seen)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_mistake_is_put_into_words(lang: str) -> None:
    """Every sentence is there, and all of its fields are filled."""
    texts = [voice(lang).say(each) for each in of_mistakes()]
    assert len(set(texts)) > 500
    assert [text for text in texts if "{" in text or "}" in text] == []


def test_no_mistake_is_told_in_english_in_chinese() -> None:
    """Only names, formulas and flags are; and no blank stands beside a wide mark."""
    texts = [voice("zh").say(each) for each in of_mistakes()]
    assert [text for text in texts if is_english(text) or BESIDE.search(text)] == []


def test_whatever_is_said_of_a_mistake_is_a_sentence_of_its_catalogue() -> None:
    """And each sentence on mistakes is said of one, but those that only the numbers of a search can lead to."""
    said = {each.key for what in of_mistakes() for each in all_said(what)}
    assert said <= SENTENCES.keys()
    assert len(said) > 200


def keys() -> set[str]:
    """Return regular expressions for the keys that the code says: by name, or by the beginning of the name."""
    found = set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(re.escape(node.value))
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                found |= {f"{re.escape(start)}.+"} if re.fullmatch("[a-z_]+_", start) else set()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("word", "words"):
                kind = node.args[0]
                found |= {f"{re.escape(str(kind.value))}_.+"} if isinstance(kind, ast.Constant) else set()
    return found


def test_every_sentence_is_used() -> None:
    """By its name, or by a name that ends in that of a form, a rule or an axis."""
    used = [re.compile(each) for each in {*keys(), "and", "comma"}]
    assert [key for key in SENTENCES if not any(each.fullmatch(key) for each in used)] == []
    assert {f"keys_{each}" for each in TIMES.values()} <= SENTENCES.keys()


def test_every_sentence_that_the_code_says_is_there() -> None:
    """With the fields that it fills."""
    seen = 0
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sentence"):
                continue
            if isinstance(node.args[0], ast.Constant) and all(each.arg for each in node.keywords):
                fields = set(re.findall(r"{([a-z]+)}", SENTENCES[str(node.args[0].value)]))
                assert {each.arg for each in node.keywords} == fields, node.args[0].value
                seen += 1
    assert seen > 150


def wrong_gradients(folder: Path) -> Path:
    """Write a problem whose gradients are wrong, the query's as noise, which nothing explains."""
    rng = np.random.default_rng(1)
    states = {name: rng.standard_normal((2, 5, 4)) for name in ("query", "key", "value")}
    called("grad", put(folder / "states.npz", states), "-o", folder / "grad.npz")
    with np.load(folder / "grad.npz") as right:
        gradients = {f"expected_{name}": right[name] for name in ("d_key", "d_value")}
    gradients["expected_d_query"] = rng.standard_normal((2, 5, 4))
    return put(folder / "wrong.npz", states | gradients)


def reports(folder: Path) -> dict[str, tuple[int, list[object]]]:
    """Return exit status and arguments of checks whose reports say all kinds of things."""
    rng = np.random.default_rng(2)
    states = {name: rng.standard_normal((2, 3, 4)) for name in ("query", "key", "value")}
    put(folder / "states.npz", states)
    called("compute", folder / "states.npz", "-o", folder / "output.npy")
    right = np.load(folder / "output.npy")
    for name, array in {
        "gated": rng.standard_normal(right.shape),
        "nan": np.full_like(right, np.nan),
        "halves": right.astype(np.float16),
    }.items():
        gate = {"gate": rng.standard_normal((3, 2))} if name == "gated" else {}
        put(folder / f"{name}.npz", states | gate | {"expected": array})
    return {
        "port": (1, [SAMPLES / "port.npz"]),
        "gated": (1, [folder / "gated.npz"]),
        "nan": (1, [folder / "nan.npz", "--no-diagnose"]),
        "halves": (0, [folder / "halves.npz"]),
        "several": (1, [SAMPLES / "port.npz", SAMPLES / "induction.npz", "--no-diagnose"]),
        "gradients": (1, [wrong_gradients(folder)]),
        "right": (0, [SAMPLES / "induction.npz"]),
    }


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, list[object]]]:
    """The checks, their files written once."""
    return reports(tmp_path_factory.mktemp("reports"))


def test_reports_are_chinese_throughout(asked: dict[str, tuple[int, list[object]]]) -> None:
    """Verdict, places, legend, reasons, fixes and facts; and no line begins with a mark that closes."""
    for status, arguments in asked.values():
        out = called("check", *arguments, "--lang", "zh", status=status).out
        assert "容差" in out
        assert [line for line in out.splitlines() if is_english(line)] == []
        assert [line for line in out.splitlines() if re.match(r"\s*[，。；：、！？）”]", line)] == []
        assert max(map(columns, out.splitlines())) <= 80 or "port" in out


def columns(line: str) -> int:
    """Return how many columns a line takes: two for each wide character."""
    return sum(2 if "\u2e80" <= each <= "\uffef" else 1 for each in line)


def test_the_picture_is_aligned_whatever_the_language(asked: dict[str, tuple[int, list[object]]]) -> None:
    """The marks of all heads begin in one column, and are the same."""
    status, arguments = asked["port"]
    found = {}
    for lang, head in (("en", "head"), ("zh", "头")):
        out = called("check", *arguments, "--lang", lang, status=status).out
        lines = [line for line in out.splitlines() if re.match(f"{head} \\d+ ", line)]
        assert len({columns(re.split(r"(?<=\d)  +", line)[0]) for line in lines}) == 1
        found[lang] = [line.split()[-1] for line in lines]
    assert found["en"] == found["zh"] != []


def test_json_is_the_same_in_every_language(asked: dict[str, tuple[int, list[object]]]) -> None:
    """Programs read it."""
    for name in ("gated", "gradients"):
        status, arguments = asked[name]
        english, chinese = (
            called("check", *arguments, "--lang", lang, "-f", "json", status=status).out for lang in ("en", "zh")
        )
        assert json.loads(english)["facts"]
        assert english == chinese
