"""Every catalogue says the same: the same keys, under each the same fields, all of them used and no other."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import attncli
from attncli.languages import DEFAULT, LANGUAGES, catalogue, of_locale
from attncli.plot.page import SCRIPTS, STEPS
from attncli.stats.numbers import NUMBERS
from attncli.stats.words import WORDS
from tests.support.chinese import BESIDE
from tests.support.everything import everything
from tests.support.places import SAMPLES
from tests.support.processes import attn, called

CODE = Path(attncli.__file__).parent
PARTS = ("CHECK", "COST", "LESSON", "MASK", "PAGE", "PROBE", "STATS", "VARY")
OTHERS = [name for name in LANGUAGES if name != DEFAULT]
ENGLISH = catalogue(DEFAULT)


class Blank(dict[str, str]):
    """Fill every field with nothing, to see the words around."""

    def __missing__(self, key: str) -> str:
        return ""


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def words(text: str) -> set[str]:
    """Return the English words of a sentence; some are written in English in every language."""
    same = {"logit", "tanh", "softmax", "query", "value", "sink", "scores", "weights", "dropout"}
    return set(re.findall("[a-z]{4,}", string.Formatter().vformat(text, (), Blank()))) - same


def texts(name: str, part: str) -> Mapping[str, str]:
    found = getattr(catalogue(name), part)
    assert isinstance(found, dict)
    return found


def test_the_languages_are_the_modules_of_the_folder() -> None:
    """English, Chinese, and whatever module is added; `--lang` offers all of them."""
    assert {"en", "zh"} <= set(LANGUAGES)
    assert f"<{'|'.join(LANGUAGES)}>" in attn("explain", "--help").out


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", OTHERS)
def test_every_language_has_every_sentence(name: str, part: str) -> None:
    """No key is missing, none is left over, and each sentence takes the same numbers and names."""
    english, other = texts(DEFAULT, part), texts(name, part)
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert fields(other[key]) == fields(text), key


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", OTHERS)
def test_no_sentence_was_left_in_english(name: str, part: str) -> None:
    """Only formulas and names of results are the same in two languages."""
    for key, text in texts(DEFAULT, part).items():
        assert texts(name, part)[key] != text or not words(text), key


@pytest.mark.parametrize("part", [*PARTS, "REFERENCE"])
def test_no_blank_stands_beside_a_wide_mark(part: str) -> None:
    """Neither in the catalogue of Chinese nor, below, in what comes out."""
    assert [text for text in texts("zh", part).values() if BESIDE.search(text)] == []


@pytest.mark.parametrize(
    "words",
    [["explain"], ["explain", "--step", "tiles"], ["help", "mistakes"], ["help", "arrays"], ["help", "options"]],
)
@pytest.mark.parametrize("form", ["table", "markdown"])
def test_chinese_is_set_as_chinese(words: list[str], form: str, tmp_path: Path) -> None:
    """No blank beside a wide mark, no line that begins with one that closes, and no word left in English."""
    given = [everything(tmp_path), "--row", "2", "--col", "4"] if words[0] == "explain" else []
    out = called(*words, *given, "--lang", "zh", "-f", form).out
    assert [line for line in out.splitlines() if BESIDE.search(line.strip())] == []
    assert [line for line in out.splitlines() if re.match(r"\s*[，。；：、！？）”]", line)] == []
    assert "up to" not in out
    assert "Softmax" not in out


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_sentence_is_tidied_without_loss(name: str) -> None:
    """Only blanks come in."""
    for part in (*PARTS, "REFERENCE"):
        for text in texts(name, part).values():
            assert catalogue(name).tidy(text).replace(" ", "") == text.replace(" ", "")


def constants(folder: Path) -> Iterator[str]:
    """Return regular expressions for all strings in a folder's code, fields of f-strings standing for anything."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.escape(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(str(each.value)) if isinstance(each, ast.Constant) else ".+" for each in node.values]
                if re.fullmatch("[a-z_]+_", parts[0]):
                    yield "".join(parts)


def said(folder: Path) -> Iterator[tuple[str, set[str], bool]]:
    """Return the keys that code says by name, with the fields that it fills and whether it may fill others too."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
                names = [each.value for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)]
                filled = {each.arg for each in node.keywords if each.arg is not None}
                simple = isinstance(node.args[0], ast.Constant)
                for name in names if simple else ():
                    yield str(name), filled, any(each.arg is None for each in node.keywords)


def test_every_sentence_of_a_lesson_is_used() -> None:
    """By its name, or by a name that ends in that of a rule or a score function."""
    used = [re.compile(each) for each in set(constants(CODE / "explain"))]
    assert [key for key in ENGLISH.LESSON if not any(each.fullmatch(key) for each in used)] == []


def test_every_word_of_cost_is_used() -> None:
    """By its name, or by a name that ends in that of a stage, a run or a kind of layer."""
    used = [re.compile(each) for each in {*constants(CODE / "cost"), *constants(CODE / "commands")}]
    assert [key for key in ENGLISH.COST if not any(each.fullmatch(key) for each in used)] == []


def test_every_sentence_of_vary_is_used() -> None:
    """By its name."""
    used = [re.compile(each) for each in set(constants(CODE / "vary"))]
    assert [key for key in ENGLISH.VARY if not any(each.fullmatch(key) for each in used)] == []


def test_every_sentence_that_a_lesson_says_is_there() -> None:
    """With the fields that the code fills."""
    found = list(said(CODE / "explain"))
    assert len(found) > 40
    for key, filled, more in found:
        asked = fields(ENGLISH.LESSON[key])
        assert filled <= asked if more else filled == asked, key


def test_every_word_of_the_page_is_used_and_there() -> None:
    """Each is put into the page itself, or said by the script, or by what makes the page; and no other is asked for."""
    text = (CODE / "plot/page.html").read_text(encoding="utf-8")
    script = "".join((CODE / "plot/script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    maker = "".join(
        (CODE / name).read_text(encoding="utf-8") for name in ("plot/page.py", "plot/features.py", "vary/page.py")
    )
    used = set(re.findall(r"%%([a-z_]+)%%", text))
    used |= set(re.findall(r'\b(?:say|name)\("([a-z_]+)"', script))
    used |= set(re.findall(r'words\["([a-z_]+)"\]', maker))
    used |= {f"step_{step}" for step in STEPS}
    assert used == ENGLISH.PAGE.keys()


@pytest.mark.parametrize("room", ["plot", "stats"])
def test_the_script_of_a_page_holds_no_words(room: str) -> None:
    """No string in it reads like a sentence or a heading: those come with the data."""
    own = [CODE / "plot/script" / f"{name}.js" for name in SCRIPTS]
    scripts = own if room == "plot" else [CODE / room / "page.js"]
    script = re.sub(r"//.*", "", "".join(path.read_text(encoding="utf-8") for path in scripts))
    strings = re.findall(r'"([^"\n]*)"', script)
    allowed = {"use strict", "12px system-ui, sans-serif"}
    assert [each for each in strings if each not in allowed and re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", each)] == []
    assert not re.search("[\u2e80-\u9fff]", script)


def test_every_sentence_of_stats_is_used_and_there() -> None:
    """In its code, its page or the page's script, by its name or one that ends in that of a number or a word."""
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((CODE / "stats").iterdir()) if path.is_file())
    used = set(re.findall(r'"([a-z_]+)"|%%([a-z_]+)%%', code))
    names = {name for pair in used for name in pair}
    names |= {
        f"{kind}_{name}" for kind in ("heading", "name") for name in (*NUMBERS, "problem", "batch", "head", "word")
    }
    names |= {f"word_{each.id}" for each in WORDS} | {f"profile_{kind}" for kind in ("weight", "logit")}
    assert ENGLISH.STATS.keys() - names == set()
    said = set(re.findall(r'\b(?:words\(lang, |voice\.words\(|say\()"([a-z_]+)"', code))
    assert said - ENGLISH.STATS.keys() == set()


def test_a_page_carries_the_words_of_its_language(tmp_path: Path) -> None:
    """Headings and what the script says, in Chinese; nothing is left to be put in."""
    attn("explain", SAMPLES / "article.json", "--lang", "zh", "-o", tmp_path / "e.html")
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    assert "%%" not in page
    assert '<html lang="zh">' in page
    assert 'aria-label="热图：用方向键移动，Enter 选定查询"' in page
    assert "1 到 4 切换步骤" in page
    assert '"closed": "已屏蔽"' in page
    assert "Heat map" not in page
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert data["names"] == ["得分", "logit", "权重", "权重 × |值|"]


def test_the_page_of_a_plot_is_in_the_language_of_the_locale(tmp_path: Path) -> None:
    """As a lesson's is, where no flag says otherwise."""
    attn("plot", SAMPLES / "article.json", "-o", tmp_path / "p.html", env={"LANG": "zh_CN.UTF-8", "PYTHONUTF8": "1"})
    assert '<html lang="zh">' in (tmp_path / "p.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN"}, "zh"),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "zh"),
        ({"LANG": "xx_XX.UTF-8"}, "en"),
    ],
)
def test_the_locale_names_the_language(environment: dict[str, str], language: str) -> None:
    """LC_ALL before LC_MESSAGES before LANG; English where there is no catalogue."""
    assert of_locale(environment) == language
