"""The reference holds every declaration, in every language and format; and only what is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import attncli
from attncli.attend.arrays import ARRAYS, BEFORE, EXPECTED_GRADIENTS, EXPECTED_RESULTS, GRADIENTS, KINDS, Kind
from attncli.attend.options import as_flag, records
from attncli.attend.scores import FUNCTIONS
from attncli.attend.steps import STAGES, STEP_ALIASES
from attncli.attend.words.array import AXES, Role
from attncli.check.mistakes.registry import MISTAKES
from attncli.commands.app import build
from attncli.commands.registry import COMMANDS
from attncli.commands.status import Exit
from attncli.files.formats import FORMATS
from attncli.languages import DEFAULT, LANGUAGES
from attncli.reference.blocks import Block, Item, Table
from attncli.reference.prose import to_markdown
from attncli.reference.python import public
from attncli.reference.topics import TOPICS
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph
from attncli.stats.numbers import NUMBERS
from attncli.stats.words import WORDS, said
from tests.support.processes import attn, called, in_terminal


def declared() -> Iterator[tuple[str, str, str, str]]:
    """Return for each declaration its topic, the kind of thing it is, its name in `code`, and its English sentence."""
    for name, option in records().items():
        yield "options", f"option_{name}", f"--{as_flag(name)}", option.help
    for name, function in FUNCTIONS.items():
        yield "options", f"formula of {name}", name, function.formula
    for name, array in ARRAYS.items():
        is_listed = name in (*GRADIENTS, *EXPECTED_GRADIENTS, *EXPECTED_RESULTS)  # in a sentence on all of them
        topic = "results" if array.role in (Role.RESULT, Role.GRADIENT) else "arrays"
        yield topic, f"array_{name}", name, "" if is_listed else array.help
        for alias in array.names[1:]:
            yield "arrays", f"alias {alias}", alias, ""
    for stage in STAGES:
        yield "results", f"stage_{stage.name}", stage.step, stage.name
    for alias in STEP_ALIASES:
        yield "results", f"alias {alias}", alias, ""
    for each in FORMATS.values():
        yield "formats", f"holds_{each.holds.name.lower()}", each.name, each.holds.value
        for suffix in each.suffixes:
            yield "formats", f"suffix {suffix}", suffix, ""
    for name, kind in KINDS.items():
        if kind is not Kind.ARRAY:
            yield "files", f"entry {name}", name, ""
    for mistake in MISTAKES.values():
        yield "mistakes", f"mistake_{mistake.id}", mistake.id, mistake.sentence
        yield "mistakes", f"fix_{mistake.id}", mistake.id, mistake.fix
        yield "mistakes", f"libraries_{mistake.id}", mistake.id, mistake.libraries
    for number in NUMBERS.values():
        yield "results", f"number_{number.name}", number.name, number.help
    for word in WORDS:
        yield "results", f"word_{word.id}", str(said(word.id, DEFAULT)), word.help
    for name, _ in public():
        yield "python", f"python_{name.strip('_')}", name, ""


PAGES: dict[tuple[str, str], str] = {}


def page(topic: str, language: str) -> str:
    """Return a page as Markdown, made once, without the marks that keep Markdown from taking text for markup."""
    if (topic, language) not in PAGES:
        out = called("help", topic, "--lang", language, "-f", "markdown").out
        PAGES[topic, language] = out.replace("\\", "")
    return PAGES[topic, language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_declaration_is_on_its_page(language: str) -> None:
    """By its name, as code, with its sentence."""
    words = Words(language)
    for topic, key, name, english in declared():
        text = page(topic, language)
        assert re.search(rf"`{re.escape(name)}[`(= ]", text), f"{name} on {topic}"
        kind, _, rest = key.partition("_")
        assert words.of(kind, rest, english) in text, f"{key} on {topic}"


def test_methods_stand_behind_their_class() -> None:
    """Beside every name of the package, those that a problem has."""
    names = [name for name, _ in public()]
    at = names.index("Problem")
    assert names[at + 1 : at + 4] == ["Problem.steps", "Problem.explain", "Problem.plot"]
    assert [name for name in names if "." not in name] == sorted(attncli.__all__, key=names.index)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_stands_beside_the_names_is_there_too(language: str) -> None:
    """Axes, their letters, and what a program exits with."""
    words = Words(language)
    for symbol, english in AXES.items():
        assert f"| {symbol} | {words.of('axis', symbol, english)} |" in page("arrays", language)
    for each in Exit:
        assert f"| {each.value} | {words.say(f'status_{each.name.lower()}')} |" in page("results", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_alone_lists_every_command_and_topic(language: str) -> None:
    """With a line on each."""
    out = called("help", "--lang", language, env={"COLUMNS": "120"}).out
    for name in (*COMMANDS, *TOPICS):
        assert re.search(rf"^(\S+)? *{name}  +\S", out, re.MULTILINE), name
    if language == DEFAULT:
        assert all(entry.summary in out for entry in COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_its_own_help(name: str) -> None:
    """Letter for letter, with every flag but those that an array once had; Markdown has it as it is."""
    out = called("help", name).out
    assert out == called(name, "--help").out
    flags = [flag for parameter in build(name).params for flag in parameter.opts if flag.startswith("-")]
    assert [flag for flag in flags if flag not in out] == [
        flag for flag in map("--{}".format, map(as_flag, BEFORE)) if flag in flags
    ]
    assert called("help", name, "-f", "markdown").out == f"```text\n{out.rstrip()}\n```\n"


def test_topics_and_commands_do_not_share_names() -> None:
    """`attn help NAME` means one thing."""
    assert not set(TOPICS) & set(COMMANDS)


def test_an_unknown_topic_offers_the_nearest_one() -> None:
    """Whether that is a topic or a command."""
    for given, near in (("option", "options"), ("comptue", "compute")):
        ran = called("help", given, status=2)
        assert ran.err == f"attn: there is no command or topic '{given}'\nhint: did you mean \"{near}\"?\n"
        assert ran.out == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", ["", *TOPICS])
def test_a_page_fits_the_terminal(topic: str, language: str) -> None:
    """No line of text or table is cut off or wider than 80 columns; lines of code stay as they are."""
    from rich.cells import cell_len

    out = called("help", *topic.split(), "--lang", language).out
    wide = [line for line in out.splitlines() if cell_len(line.rstrip()) > 80 and not line.startswith("    ")]
    assert wide == []
    assert not re.search(r"\w…", out)
    assert "`" not in out


def test_a_page_in_a_file_and_on_a_terminal(tmp_path: Path) -> None:
    """The same text, by the extension; colours where there are some; an existing file is not written over."""
    for path, form in ((tmp_path / "a.txt", "table"), (tmp_path / "a.md", "markdown")):
        assert attn("help", "formats", "-o", path).out == ""
        assert path.read_text(encoding="utf-8") == called("help", "formats", "-f", form).out
        assert "exists" in called("help", "formats", "-o", path, status=2).err
    shown = in_terminal("help", "formats", columns=120)
    assert "\x1b[1mFormats of files\x1b[0m" in shown
    assert "\x1b" not in in_terminal("help", "formats", "--color", "never")


def test_the_language_is_that_of_the_locale() -> None:
    """Unless --lang says so."""
    chinese = called("help", "files", "--lang", "zh").out
    assert called("help", "files", env={"LANG": "zh_CN.UTF-8"}).out == chinese
    assert called("help", "files", "--lang", "en", env={"LANG": "zh_CN.UTF-8"}).out != chinese


def test_markdown_of_each_block() -> None:
    """Names as code, everything else no markup; a column without texts is left out."""
    blocks: list[Block] = [
        Heading("A *b*", level=1),
        Paragraph("`--x a|b` is 2*3."),
        Table(("name", "empty", "what"), (("`a|b`", "", "x | y"),)),
        Item("`n`", "t", (("fix: ", "f_g"),)),
    ]
    assert to_markdown(blocks) == (
        "# A \\*b\\*\n\n`--x a|b` is 2\\*3.\n\n| name | what |\n| --- | --- |\n| `a\\|b` | x \\| y |\n\n"
        "**`n`**  \nt  \n*fix*: f\\_g\n"
    )
