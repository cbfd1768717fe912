"""What is said where no language is known is said in every language, from where it is printed."""

from __future__ import annotations

import ast
import copy
import pickle
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import attncli
from attncli.languages import DEFAULT, LANGUAGES, catalogue, say_in
from attncli.said import Said
from attncli.text import listed
from tests.support.places import SAMPLES
from tests.support.processes import attn, called

CODE = Path(attncli.__file__).parent
OTHERS = [name for name in LANGUAGES if name != DEFAULT]


def patterns() -> Iterator[tuple[str, set[str]]]:
    """Return every pattern in the code with the fields that it is filled with there."""
    for path in sorted(CODE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Said":
                assert isinstance(node.args[0], ast.Constant), (
                    f"{path}:{node.lineno}: no constant, so not in catalogues"
                )
                yield str(node.args[0].value), {each.arg or "" for each in node.keywords}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", OTHERS)
def test_every_pattern_is_in_every_catalogue(name: str) -> None:
    """With the same fields, which are those that the code fills; and the catalogue has no other."""
    found, said = dict(patterns()), catalogue(name).SAID
    assert isinstance(said, Mapping)
    assert said.keys() - found.keys() == set()
    for pattern, filled in patterns():
        assert fields(pattern) == filled, pattern
        # Words, and marks that Chinese has of its own.
        if re.search("[A-Za-z]{2}|[,;:] ", re.sub("{.*?}", "", pattern)):
            assert fields(said[pattern]) == filled, pattern


def test_a_text_is_said_with_what_fills_it() -> None:
    """Fields that are said themselves are said too; names from files stay, and are no patterns."""
    names = Said("{others} and {last}", others="a", last="{b}")
    assert say_in("en", names) == "a and {b}"
    assert say_in("zh", names) == "a 和 {b}"
    assert say_in("zh", "a and b") == "a and b"


def test_a_long_list_is_said_whole() -> None:
    """However many names there are, each stands in it once, in its order."""
    names = [f"n{at}" for at in range(5000)]
    said = listed(names)
    assert said == ", ".join(names[:-1]) + " and n4999"
    assert say_in("zh", said) == "、".join(names[:-1]) + " 和 n4999"


def test_a_copy_is_said_like_the_original() -> None:
    """A name in braces is no field of the copy either."""
    said = Said("{name} holds {counts}", name="{a}", counts="1 NaN")
    for copied in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert copied == said
        assert say_in("zh", copied) == say_in("zh", said) == "{a} 中有 1 NaN"


def test_the_other_chinese_is_told_once() -> None:
    """Where the locale has traditional characters and Chinese was printed, unless it was asked for by name."""
    told = "attn: 提示：attn 的中文是简体中文，没有繁体中文\n"
    file = SAMPLES / "article.json"
    assert attn("explain", file, env={"LANG": "zh_TW.UTF-8"}).err == told
    assert attn("explain", file, env={"LC_ALL": "zh_Hant_HK.UTF-8"}).err == told
    assert attn("explain", file, env={"LANG": "zh_CN.UTF-8"}).err == ""
    assert attn("explain", file, "--lang", "zh", env={"LANG": "zh_TW.UTF-8"}).err == ""
    assert attn("score", file, env={"LANG": "zh_TW.UTF-8"}).err == ""


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "latin-1"}])
def test_chinese_is_legible_in_any_locale(env: dict[str, str]) -> None:
    """What is asked for is written in UTF-8 if the locale has no Chinese letters, and never in escapes."""
    ran = attn("grad", SAMPLES / "article.json", "--lang", "zh", "--step", "d_query", env=env)
    assert "用 float64 计算" in ran.out
    assert "提示：没有给出 d_output" in ran.err


def test_chinese_is_written_as_a_chinese_locale_has_it() -> None:
    """GBK has these letters, and a terminal of that locale nothing else."""
    ran = attn("compute", SAMPLES / "article.json", env={"LANG": "zh_CN.GBK", "PYTHONIOENCODING": "gbk"})
    assert "用 float64 计算".encode("gbk") in ran.raw


def test_tables_are_titled_in_chinese() -> None:
    """What is in force, what is left out and which head it is; formulas and names of arrays stay as files have them."""
    ran = called("compute", SAMPLES / "window.json", "--step", "softmax", "--rows", "2", "--cols", "2", "--lang", "zh")
    assert ran.out.splitlines()[2:] == [
        "query 2×6×4 float64 · hidden 1×6×4 float64 · sinks 2 float64",
        "得分函数 dot · 缩放 sqrt = 1/√4 = 0.5 · 状态按 rows 存放 · 每个键头由 2 个查询头",
        "共用 · softcap 3 · 因果 · 窗口向后 2、向前 0 · 第一个查询在位置 0 · sinks · 用",
        "float64 计算",
        "共 2 个头，只显示头 0；用 --head N 换一个头，用 --head all 显示全部",
        "",
        "weights = softmax(logits，连同一个 sink)   头 0（共 2 个），6×6",
        "         once  …     was",
        "─" * 25,
        " once  0.0308  …       0",
        " …          …  …       …",
        " was        0  …  0.2915",
    ]


def test_maps_are_captioned_in_chinese() -> None:
    """On a terminal, with the signs that the map has."""
    lines = called("plot", SAMPLES / "window.json", "--head", "1", "--lang", "zh").out.splitlines()
    assert lines[2] == "头 1（共 2 个，从 0 数起）"
    assert lines[-1] == "weights，6 个查询 × 6 个键；行是查询，列是键；· 已屏蔽"


def test_marks_are_chinese_too() -> None:
    """Between parts that are said each for itself, and with the word that Chinese counts things by."""
    words = ["[[1,0]]", "[[1,NaN],[0,1]]", "[[1],[2]]", "--vary", "causal=off,on", "--lang", "zh"]
    assert called("compute", *words).err == "attn: 提示：key 中有 1 个 NaN\n"
    scales = ["--vary", "scale=none,sqrt", "--lang", "zh"]
    lines = called("plot", SAMPLES / "window.json", *scales, "--head", "1", "--width", "99").out.splitlines()
    assert lines[-1] == "weights，6 个查询 × 6 个键；头 1（共 2 个，从 0 数起）；行是查询，列是键；· 已屏蔽"
    out = called("plot", SAMPLES / "window.json", *scales, "--all-heads").out
    assert re.search("scale=none，头 0 +scale=sqrt，头 0 +\n", out)
