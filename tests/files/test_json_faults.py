"""JSON that is none: each fault by its name, in words that no version of Python decides."""

from __future__ import annotations

import json as python_json
import re

import pytest

from attncli.errors import InputError
from attncli.files import json, json_faults


def fault(text: str) -> tuple[str, str, str]:
    with pytest.raises(InputError) as caught:
        json.parse(text)
    return caught.value.place, caught.value.message, caught.value.hint


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ('{"query"：[1]}', 1, "a full-width colon (：)", "write :"),
        ("[1，2]", 1, "a full-width comma (，)", "write ,"),
        ('{"query": [1,\n 2],\n "hidden": [3， 4]}', 3, "a full-width comma (，)", "write ,"),
        ("[1、2]", 1, "an ideographic comma (、)", "write ,"),
        ("[1,\r\n２]", 2, "a full-width digit (２)", "write 2"),
        ("[1２]", 1, "a full-width digit (２)", "write 2"),
        ("[1．5]", 1, "a full-width full stop (．)", "write ."),
        ("[−1]", 1, "a typographic minus (−)", "write -"),
        ("[－1]", 1, "a full-width minus (－)", "write -"),
        ("［1]", 1, "a full-width bracket (［)", "write ["),
        ('{"query": 【1]}', 1, "a lenticular bracket (【)", "write ["),
        ("[1, 2］", 1, "a full-width bracket (］)", "write ]"),
        ("{“query”: [1]}", 1, "a curly quote (“)", 'write "'),
        ('{"query”: [1]}', 1, "a curly quote (”)", 'write "'),
        ('{"title": "a",\n "query”: [1], "key": [2]}', 2, "a curly quote (”)", 'write "'),
        ('{"labels": ["a”, "b"]}', 1, "a curly quote (”)", 'write "'),
        ("[1,\u00a02]", 1, "a no-break space (U+00A0)", "write a plain space"),
        ("[1,\u30002]", 1, "a full-width space (U+3000)", "write a plain space"),
    ],
)
def test_characters_that_only_look_right_are_named(text: str, line: int, message: str, hint: str) -> None:
    """With the line on which they stand; the character is shown, so that no column is needed."""
    assert fault(text) == (f"line {line}", message, hint)


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("[1, 2,]", "1:6", "a trailing comma before ]", "remove it"),
        ("[1, 2 ,\n]", "1:7", "a trailing comma before ]", "remove it"),
        ('{"query": [1], }', "1:14", "a trailing comma before }", "remove it"),
        ("[1,, 2]", "1:4", "two commas with nothing between them", "remove one"),
        ("[, 1]", "1:2", "a comma right after [", "remove it"),
        ("{'query': [1]}", "1:2", "a text in single quotes", 'write " in place of each'),
        ("{query: [1]}", "1:2", "the name query is not in quotes", 'write "query"'),
        (
            '{"query": [1], # mine\n "key": [2]}',
            "1:16",
            "a comment, which JSON does not have",
            'remove it; "title" and "source" hold remarks',
        ),
        ("[1, // one\n2]", "1:5", "a comment, which JSON does not have", None),
        ("[1, /* one */ 2]", "1:5", "a comment, which JSON does not have", None),
        ("[nan]", "1:2", "nan is not JSON", 'write "NaN"'),
        ("[1, -inf]", "1:5", "-inf is not JSON", 'write "-Infinity"'),
        ("[+Inf]", "1:2", "+Inf is not JSON", 'write "Infinity"'),
        ("[∞]", "1:2", "∞ is not JSON", 'write "Infinity"'),
        ("[None]", "1:2", "None is not JSON", 'write "NaN" for a missing number, null where a mask closes a key'),
        ("[True]", "1:2", "True is not JSON", "write true"),
        ("[+1]", "1:2", "+1 is not a number as JSON writes them", "write 1"),
        ("[.5]", "1:2", ".5 is not a number as JSON writes them", "write 0.5"),
        ("[1, 5.]", "1:5", "5. is not a number as JSON writes them", "write 5"),
        ("[007]", "1:2", "007 is not a number as JSON writes them", "write 7"),
        ("[1_000]", "1:2", "1_000 is not a number as JSON writes them", "write 1000"),
        ("[0x10]", "1:2", "0x10 is not a number as JSON writes them", ""),
        ("[one]", "1:2", "one is neither a number nor a text in quotes", 'write "one" if it is a text'),
        (
            "[array([1, 2])]",
            "1:2",
            "array(…) is code, not JSON",
            "json.dump(array.tolist(), file) writes an array as JSON",
        ),
        ("[(1, 2)]", "1:2", "a round bracket", "write ["),
        ("[1 2]", "1:4", "a comma is missing before 2", "write , between elements"),
        ("[[1]\n[2]]", "2:1", "a comma is missing before [", "write , between elements"),
        ("[1; 2]", "1:3", "a semicolon (;)", "write ,"),
        ('{"query" [1]}', "1:10", 'a colon is missing after the name "query"', "write : after it"),
        ('{"query" = [1]}', "1:10", "an equals sign (=)", "write :"),
        ('{"query"}', "1:9", 'the name "query" has no value', "write : and the value after it"),
        ('{"query": }', "1:11", "a value is missing after the colon", ""),
        ("{[1]}", "1:2", "[ where a name should be", 'a name, such as "query", and a colon go before each value'),
        ('{"query": [1, 2}', "1:16", "} where the [ of line 1 should be closed", "write ]"),
        ('{"query": [1,\n2', "2:1", "it ends before the [ of line 1 is closed", "is the file complete?"),
        ('{"query": "a', "1:11", "a text is opened and never closed", 'write " at its end'),
        (
            '["a\nb"]',
            "1:2",
            "a text is not closed in its line",
            r'write " at its end, or \n for a line break within it',
        ),
        ('["a\tb"]', "1:4", r"a control character (\t) within a text", r"write \t"),
        (r'["C:\dir"]', "1:5", r"\d means nothing within a text", r"write \\ for a backslash"),
        (r'["C:\users"]', "1:5", r"\u without four hexadecimal digits", r"write \\ for a backslash"),
        ("[1, 2]]", "1:7", "] closes nothing", None),
        ("[1, 2]\n[3, 4]", "2:1", "more follows the end of the JSON", None),
        ("1,2\n3,4\n", "1:2", ", after a number or a text alone", None),
        (" ", "1:1", "there is nothing in it", ""),
    ],
)
def test_each_fault_has_its_name(text: str, place: str, message: str, hint: str | None) -> None:
    """The place is that of the first character at fault, and the hint says what to write."""
    line, column = place.split(":")
    where, said, fix = fault(text)
    assert (where, said) == (f"line {line}, column {column}", f"broken JSON: {message}")
    assert hint is None or fix == hint


@pytest.mark.parametrize("text", ["[1, 2 ,]", '{"query": [1],}', '{"query": [1,\n]}', '{"query": [1] ,\n\n }'])
def test_a_trailing_comma_is_the_same_wherever_python_points(text: str) -> None:
    """Up to version 3.12 it is the bracket, from 3.13 on the comma."""
    found = re.search(r",\s*[\]}]", text)
    assert found is not None
    errors = [json_faults.error(text, at) for at in (found.start(), found.end() - 1)]
    assert errors[0].place == errors[1].place
    assert {each.message for each in errors} == {f"broken JSON: a trailing comma before {text[found.end() - 1]}"}


def test_every_place_of_a_text_has_an_explanation() -> None:
    """Whatever a parser says where it stopped, one line comes back, and no exception."""
    text = '{"query": [[1, -2.5e3], [null, "NaN"]], "labels": ["a\\u00e9", "”"], "options": {"causal": true}}'
    python_json.loads(text)
    for at in range(len(text) + 1):
        for cut in (text, text[:at], text[:at] + text[at + 1 :], text[:at] + "，" + text[at:]):
            error = json_faults.error(cut, min(at, len(cut)))
            assert error.place.startswith("line 1")
            assert "\n" not in error.message + error.hint


def test_curly_quotes_within_a_text_are_text() -> None:
    """The fault is another one."""
    assert fault('["他说“好”" 2]')[1] == "broken JSON: a comma is missing before 2"
    assert fault('{"title": "“a”", "query": [1,]}')[1] == "broken JSON: a trailing comma before ]"


def test_the_articles_own_letters_are_understood() -> None:
    """S is the query, h the hidden states."""
    found = json.parse('{"s": [1, 2], "h": [[1, 2]]}')
    assert {name: array.tolist() for name, array in found.arrays.items()} == {"query": [1, 2], "hidden": [[1, 2]]}  # type: ignore[union-attr]


def test_options_in_an_archive_are_named() -> None:
    """They are JSON within another file, whose lines say nothing."""
    with pytest.raises(InputError) as caught:
        json.parse_object("{'causal': true}", "options")
    assert caught.value.place == "options: line 1, column 2"


def test_a_number_beyond_float64_is_shown_as_it_was_written() -> None:
    """Where an array should be, too."""
    assert fault('{"query": 1e999}')[1] == "query is 1e999, beyond the range of float64"
