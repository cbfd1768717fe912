"""Text from files, and the names of files, cannot do anything to a screen or a page, whatever command shows them."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

import attncli
from attncli.commands.app import build
from attncli.commands.drawing import PICTURES
from attncli.commands.registry import COMMANDS
from attncli.files.formats import FORMATS
from tests.support.processes import attn, called, in_terminal

CODE = Path(attncli.__file__).parent
# What joins letters of Persian and Hindi and parts of emoji, and signs of Arabic and others that are seen.
HARMLESS = set("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
KINDS = ("Cc", "Cf", "Zl", "Zp")
# With a character that no version of Unicode will ever have, and halves of one.
HOSTILE = [each for each in map(chr, range(0xE0100)) if unicodedata.category(each) in KINDS and each not in HARMLESS]
HOSTILE += "\uffff\ud800\udcff"
TAGS = "\U000e0002"
# File names hold neither a zero nor "/", and bytes that are not UTF-8 are shown as a surrogate.
NAME = "a" + "".join(each for each in HOSTILE if each != "\0" and ord(each) < 0x2100) + "\udcff"
# How a command is made to end soon, where it finds what is wrong late.
BRIEF = {"bench": ("--length", "8", "--rounds", "1")}
# Commands that read a problem.
READERS = [name for name in COMMANDS if "files" in {each.name for each in build(name).params}]


def unsafe(text: str) -> set[str]:
    """Return the characters that should not have come out; lines end, and colours are gone already."""
    return {each for each in text if unicodedata.category(each) in (*KINDS, "Cs", "Cn")} - HARMLESS - {"\n"}


def problem(folder: Path) -> Path:
    """Write a problem whose labels, title, source and file name hold every such character, and one wrong output."""
    whole = "".join(HOSTILE)
    # Tables cut labels off, so that each has only two; the tags at the end of Unicode are all alike.
    few = [each for each in HOSTILE if each < TAGS]
    labels = ["".join(few[at : at + 2]) for at in range(0, len(few), 2)]
    numbers = [[float(at % 7)] for at in range(len(labels))]
    data = {"query": numbers, "hidden": numbers, "labels": labels, "title": whole, "source": whole}
    # A folder of that name, since a name is not longer than 255 bytes.
    for at in range(0, len(NAME), 60):
        folder /= NAME[at : at + 60]
    folder.mkdir(parents=True)
    path = folder / "f.json"
    path.write_text(json.dumps(data | {"expected": numbers}))
    return path


def formats(command: str) -> list[str]:
    """Return the formats of text that a command writes."""
    found = {each.name: each for each in build(command).params}
    names = list(found["format"].type.choices) if "format" in found else [each.name for each in PICTURES]
    return [name for name in names if FORMATS[name].text]


@pytest.mark.parametrize(("command", "name"), [(command, name) for command in READERS for name in formats(command)])
def test_nothing_of_a_file_reaches_a_screen_or_a_file_as_it_is(command: str, name: str, tmp_path: Path) -> None:
    """On standard output, on standard error, and in files of text."""
    path = problem(tmp_path)
    target = path.with_name(f"x{FORMATS[name].suffix}")
    status = 1 if command == "check" else 0
    separators = {"\t"} if name == "tsv" else set()
    words = [command, path] if command not in ("softmax", "sum") else [command, before(command, path)]
    more = ["--terminal"] if name == "svg" else ["--rows", "all", "--cols", "all"] if name == "table" else []
    known = {flag for each in build(command).params for flag in each.opts}
    words += more if set(more) & known else []
    words += ["--step", "d_query"] if command == "grad" and FORMATS[name].is_single else []
    ran = called(*words, "-o", target, status=status)
    assert unsafe(ran.out + ran.err) == set()
    assert "\N{REPLACEMENT CHARACTER}" not in ran.out
    assert unsafe(target.read_text(encoding="utf-8")) - separators == set()
    if "--format" in known:
        ran = called(*words, "-f", name, status=status)
        assert unsafe(ran.out + ran.err) - separators == set()
        assert "\N{REPLACEMENT CHARACTER}" not in ran.out


def before(command: str, path: Path) -> Path:
    """Return what the filters before this one give."""
    steps = ["score"] if command == "softmax" else ["score", "softmax"]
    for at, step in enumerate(steps):
        target = path.with_name(f"{at}.json")
        called(step, path, "-o", target)
        path = target
    return path


@pytest.mark.parametrize("command", READERS)
def test_a_terminal_with_colours_is_as_safe(command: str, tmp_path: Path) -> None:
    """Nothing but the colours controls it."""
    path = problem(tmp_path)
    words = [command, path] if command not in ("softmax", "sum") else [command, before(command, path)]
    shown = in_terminal(*words, status=1 if command == "check" else 0)
    assert unsafe(re.sub(r"\x1b\[[0-9;]*m", "", shown)) == set()


@pytest.mark.parametrize("command", READERS)
def test_errors_name_files_safely(command: str, tmp_path: Path) -> None:
    """One that does not exist, one that is empty, and one that nobody can read; in one line, or two with a hint."""
    wrong = '{"\\u202equery": [[1]]}' if command != "inspect" else '{"query": [["\\u202e"]]}'  # which lists any name
    for name, content in (("missing.json", None), ("empty.json", ""), ("wrong.json", wrong)):
        path = problem(tmp_path / name).with_name(name)
        if content is not None:
            path.write_text(content)
        ran = called(command, path, status=2)
        assert unsafe(ran.err) == set()
        assert 1 <= len(ran.err.splitlines()) <= 2


@pytest.mark.parametrize("command", COMMANDS)
def test_errors_repeat_what_was_typed_safely(command: str, tmp_path: Path) -> None:
    """Whatever option it is given to, and as the name of an option or of a command."""
    evil = "".join(each for each in HOSTILE if each != "\0")
    for parameter in build(command).params:
        for flag in parameter.opts:
            words = [*BRIEF.get(command, ()), flag, evil] if flag.startswith("-") else [evil]
            ran = called(command, *words, cwd=tmp_path, status=2) if takes_a_value(parameter) else None
            assert ran is None or unsafe(ran.out + ran.err) == set(), flag
    for words in ([command, f"--{evil}"], [f"x{evil}"]):
        ran = called(*words, cwd=tmp_path, status=2)
        assert unsafe(ran.out + ran.err) == set()
        assert len(ran.err.splitlines()) <= 2


def takes_a_value(parameter: Any) -> bool:
    return not getattr(parameter, "is_flag", False)


def test_what_is_unsafe_is_shown_as_what_it_is(tmp_path: Path) -> None:
    """Nothing is left out or replaced, be it on a terminal, in an error, in Markdown or in a page."""
    evil = "a\x85b\u2028c\nd\u202ee\x7ff\U000e0041g"
    said = "a\\x85b\\u2028c\\nd\\u202ee\\x7ff\\U000e0041g"
    path = tmp_path / f"{evil}.json"
    path.write_text(json.dumps({"query": [[1]], "hidden": [[1]], "title": evil, "expected": [[1]]}))
    for words in (["compute"], ["explain"], ["plot"]):
        assert said in called(*words, path).out
    assert said in called("explain", path, "-f", "markdown").out.replace("\\\\", "\\")
    assert f"{said}.json:" in called("check", path.name, cwd=tmp_path).out
    assert f"attn: x{said}.json: " in called("compute", f"x{path.name}", cwd=tmp_path, status=2).err
    page = called("explain", path, "-f", "html").out
    assert f"<title>{said}</title>" in page
    assert f"<bdi>{said}</bdi></h1>" in page


def test_json_reads_back_as_what_it_was(tmp_path: Path) -> None:
    """An escape in JSON is the character itself."""
    path = problem(tmp_path)
    given = json.loads(path.read_text())
    made = json.loads(called("compute", path, "-f", "json").out)
    assert (made["title"], made["query_labels"]) == (given["title"], given["labels"])
    assert json.loads(called("check", path, "-f", "json", status=1).out)["file"] == str(path)
    assert json.loads(called("inspect", path, "-f", "json").out)["source"] == given["source"]


def test_json_is_json_where_a_terminal_has_only_ascii(tmp_path: Path) -> None:
    """Standard output is UTF-8 for all but tables."""
    path = tmp_path / "é注.json"
    path.write_text('{"query": [[1]], "hidden": [[1]], "expected": [[1]]}')
    ran = attn("check", path, "-f", "json", env={"PYTHONIOENCODING": "ascii"})
    assert json.loads(ran.raw)["file"] == str(path)


def test_json_is_written_by_one_function() -> None:
    """All but what goes into archives, which nobody prints."""
    users = {
        path.relative_to(CODE).as_posix()
        for path in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "dumps" and getattr(node.value, "id", "") == "json"
    }
    assert users <= {"text.py", "files/npz.py", "files/safetensors.py", "files/archive.py"}


def test_the_list_of_hostile_characters_is_whole() -> None:
    """Those that people were fooled with."""
    assert set("\x00\x07\x1b\x7f\x85\x9b\u00ad\u061c\u200b\u200e\u202e\u2028\u2029\u2066\u2069\ufeff\U000e0041") <= set(
        HOSTILE
    )
