"""What a notebook shows: the numbers, where they stand, and nothing that the text of a file could have put there."""

from __future__ import annotations

import copy
import pickle
import re
import sys
import tracemalloc
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import InputError, Steps, load, steps
from attncli.show import heat
from attncli.show.tables import Grid
from attncli.show.window import ends
from tests.notebook.test_load import KEY, QUERY, VALUE
from tests.support.fragments import Fragment
from tests.support.processes import called

# All that the elements of a fragment may be.
PARTS = {"div", "section", "style", "h1", "h2", "p", "ul", "li", "pre", "table", "thead", "tbody", "tr", "th", "td"}
ELEMENTS = PARTS | {"strong", "code", "bdi"}
HOSTILE = ["<script>alert(1)</script>", "</td></table><img src=x onerror=alert(2)>", "\x1b[31m\u202ered", "&lt;b&gt;"]


def shown(thing: Any) -> Fragment:
    """Return what a notebook shows, once it is seen that it is safe."""
    fragment = Fragment(thing._repr_html_())
    assert fragment.tags <= ELEMENTS
    assert {name for name, _ in fragment.attributes} <= {"class", "lang", "dir", "style"}
    assert "url(" not in thing._repr_html_()
    assert "@import" not in thing._repr_html_()
    return fragment


def tables(thing: Any) -> dict[str, list[list[str]]]:
    """Return the rows of each table by what is typed above it."""
    return {each.typed: each.rows for each in shown(thing).tables}


def test_every_step_is_a_table() -> None:
    """By its name in Python: one query, of which one key takes 1/(1 + e), and another the rest."""
    assert tables(steps(QUERY, KEY, VALUE)) == {
        "scores": [["", "0", "1"], ["0", "1", "2"]],
        "weights": [["", "0", "1"], ["0", "0.2689", "0.7311"]],
        "output": [["", "0"], ["0", "3.462"]],
    }
    assert tables(steps([1.0, 2.0], KEY, VALUE))["weights"] == [["", "0", "1"], ["0", "0.2689", "0.7311"]]
    closed = tables(steps(QUERY, KEY, VALUE, mask=[[True, False]]))
    assert closed["logits"] == [["", "0", "1"], ["0", "1", "−∞"]]
    assert closed["weights"] == [["", "0", "1"], ["0", "1", "0"]]


def test_labels_name_rows_and_columns() -> None:
    """Those of a problem; features have none."""
    found = tables(load(QUERY, KEY, VALUE, query_labels=["it"], key_labels=[" a", "b"]).steps())
    assert found["weights"] == [["", "␣a", "b"], ["it", "0.2689", "0.7311"]]
    assert found["output"] == [["", "0"], ["it", "3.462"]]
    keys = tables(load(KEY, rope="half", key_labels=["a", "b"]).steps())["rotated_key"]
    assert [row[0] for row in keys] == ["", "a", "b"]


NAMES = [each.name for each in fields(Steps)]
RANDOM = np.random.default_rng(0)
LAYERS = {"w_q": np.eye(6), "w_k": np.eye(6), "w_v": np.eye(6), "w_o": np.ones((6, 5))}


@pytest.mark.parametrize(
    ("query", "key", "keywords"),
    [
        ((3, 4), (5, 4), {}),
        ((6, 3, 4), (2, 5, 4), {"rope": "half"}),
        ((2, 6, 3, 4), (2, 2, 5, 4), {"softcap": 2.0, "causal": True}),
        ((2, 3, 6, 4), (2, 5, 2, 4), {"layout": "bshd"}),
        ((3, 2, 6, 4), (5, 2, 2, 4), {"layout": "sbhd"}),
        ((2, 3, 6), (2, 5, 6), {"heads": 3}),
        ((2, 3, 6), (2, 5, 6), {"heads": 3, "layout": "bshd", **LAYERS}),
        ((4, 3), (4, 5), {"states": "columns"}),
        ((2, 6, 40, 4), (2, 6, 50, 4), {"qk_norm": "l2"}),
    ],
)
def test_what_is_above_a_table_gives_its_numbers(
    query: tuple[int, ...], key: tuple[int, ...], keywords: dict[str, Any]
) -> None:
    """Typed into Python it is the matrix of which the table shows rows and columns, of the head that is to be first."""
    arrays = [RANDOM.standard_normal(shape) for shape in (query, key, key)]
    for made in (steps(*arrays, **keywords), load(*arrays, **keywords).steps()):
        there = [name for name in NAMES if getattr(made, name) is not None and name != "lse"]
        if not keywords.get("causal"):  # nothing is closed, and the logits are the scores
            there.remove("logits")
        found = shown(made).tables
        assert [each.typed.partition("[")[0] for each in found] == there
        for table in found:
            compare(table.rows, eval(f"made.{table.typed}", {"made": made}))


def compare(rows: list[list[str]], matrix: Any) -> None:
    """Compare a table with its matrix, cell by cell; of more than 16 rows the middle is left out."""
    assert matrix.ndim == 2
    assert len(rows) == 1 + min(len(matrix), 17)
    for row in rows[1:]:
        for name, cell in zip(rows[0][1:], row[1:], strict=True):
            if "…" in (row[0], name):
                assert cell == "…"
            else:
                number = float(cell.replace("−", "-").replace("∞", "inf"))
                assert number == pytest.approx(matrix[int(row[0]), int(name)], rel=1e-3, abs=5e-5)


def test_the_head_that_is_shown_first(tmp_path: Path) -> None:
    """Is the one that the file names, of its batch item; a key head serves several query heads."""
    query, key = RANDOM.standard_normal((2, 6, 3, 4)), RANDOM.standard_normal((2, 2, 5, 4))
    show, options = '{"head": 4, "batch": 1}', '{"rope": "half"}'
    np.savez(tmp_path / "p.npz", query=query, key=key, value=key, show=show, options=options)
    found = tables(load(tmp_path / "p.npz").steps())
    assert list(found) == ["rotated_query[1, 4]", "rotated_key[1, 1]", "scores[1, 4]", "weights[1, 4]", "output[1, 4]"]


def test_heat_is_behind_the_weights_alone() -> None:
    """The largest is yellow; below a fiftieth of it there is none; each says the colour of its text too."""
    found = shown(steps([[0.0]], [[0.0], [0.0], [-9.0]], [[1.0], [2.0], [3.0]], bias=[[0.0, -1.0, -9.0]])).tables
    (weights,) = (each for each in found if each.typed == "weights")
    assert weights.rows[1] == ["0", "0.7310", "0.2689", "9.021e-05"]
    yellow, other = weights.styles[1][1:3]
    assert yellow == "background:rgb(253, 231, 37);color:#000000"
    color = heat.scale(0.26891 / 0.73099)
    assert other == f"background:rgb{color};color:{heat.foreground(color)}"
    assert weights.styles[1][3] == ""
    assert not any(style for each in found if each is not weights for row in each.styles for style in row)


def test_colours_stand_where_their_numbers_do() -> None:
    """Also beside what is left out, and where a label looks like what stands for that."""
    from attncli.notebook.fragment import numbers

    values = np.zeros((40, 60))
    values[39, 59] = values[0, 0] = 1.0
    rows = ends(40, 16)
    grid = Grid(values[rows.indices], rows, ["…"] * 40, ["…"] * 60, heated=True)
    (table,) = Fragment(numbers(grid)).tables
    colored = [
        (row, column)
        for row, styles in enumerate(table.styles)
        for column, style in enumerate(styles)
        if style.startswith("background")
    ]
    assert colored == [(1, 1), (len(table.rows) - 1, len(table.rows[0]) - 1)]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_of_files_stays_text(hostile: str, tmp_path: Path) -> None:
    """Labels, titles, sources and the names of files, whatever they hold."""
    np.savez(tmp_path / "p.npz", query=QUERY, hidden=KEY, title=hostile, source=hostile, key_labels=[hostile, "b"])
    problem = load(tmp_path / "p.npz")
    visible = hostile.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    for thing in (problem, problem.steps(), problem.explain()):
        text = shown(thing).text
        assert visible in text
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    assert visible in repr(problem)
    assert "\x1b" not in problem.explain() + repr(problem) + problem.explain().markdown
    assert not re.search(r"(?<!\\)<(script|img)", problem.explain().markdown)


def test_a_problem_shows_what_it_is() -> None:
    """Its title, arrays, labels and options, one to a line; a long list of labels is cut."""
    problem = load(QUERY, KEY, title="T", key_labels=["a", "b"], scale="sqrt", causal=True, window=3)
    assert tables(problem)[""] == [
        ["query", "1×2 float64"],
        ["hidden", "2×2 float64"],
        ["key_labels", "a · b"],
        ["options", "scale sqrt · causal · window 3,-1"],
    ]
    assert shown(problem).text.split()[0] == "T"
    assert repr(problem) == ("<Problem “T”: query 1×2 float64, hidden 2×2 float64; scale sqrt, causal, window 3,-1>")
    many = load(np.ones((30, 2)), key_labels=[str(at) for at in range(30)])
    assert tables(many)[""][2][1] == " · ".join([*map(str, range(24)), "…"])


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("sample", "words", "keywords"),
    [
        ("article", [], {}),
        ("article", ["--step", "softmax", "--digits", "3"], {"step": "softmax", "digits": 3}),
        ("coreference", ["--head", "2", "--row", "it", "--col", "4"], {"head": 2, "row": "it", "col": 4}),
        ("layer", ["--step", "out", "--step", "project"], {"step": ["out", "project"]}),
        ("article", ["--step", "backward", "--rows", "all"], {"step": "backward", "rows": "all"}),
    ],
)
def test_explanations_are_those_of_the_command(sample: str, words: list[str], keywords: Any, lang: str) -> None:
    """As a text and as Markdown, to the last character; `print` and a console show the text."""
    made = load(f"sample:{sample}").explain(**keywords, lang=lang)
    command = ("explain", f"sample:{sample}", *words, "--lang", lang)
    assert str(made) == called(*command).out
    assert repr(made) == str(made).rstrip()
    assert made.markdown == made._repr_markdown_() == called(*command, "-f", "markdown").out
    assert ("lang", lang) in shown(made).attributes
    assert "div" in shown(made).tags


def test_an_explanation_marks_its_element() -> None:
    """In its table; the formula and the working are there too."""
    made = shown(load(QUERY, KEY, VALUE).explain("softmax"))
    assert made.tables[-1].rows == [["", "0", "1"], ["0", "0.2689", "0.7311"]]
    assert ("class", "mark") in made.attributes
    assert "weight = 1 / 1.368 = 0.7311" in made.text.replace("\u00a0", " ")


def test_the_language_of_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is that of what is shown, unless another is asked for."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    problem = load(QUERY, KEY, VALUE)
    assert "缩放后的得分" in shown(problem.steps()).text
    assert "最大" in problem.explain("softmax")
    assert "Softmax" in problem.explain("softmax", lang="en").partition("\n")[2]


@pytest.mark.parametrize(
    ("method", "keywords", "message"),
    [
        ("explain", {"head": 7}, "--head 7: the only index is 0"),
        ("explain", {"head": 1.5}, "--head must be all or a whole number from 0, not '1.5'"),
        ("explain", {"head": "all"}, "an explanation is about one head: give --head and --batch a number"),
        ("explain", {"row": "x"}, "--row x: there is no such query (0 to 0)"),
        ("explain", {"lang": "fr"}, "lang must be en or zh, not 'fr'"),
        ("explain", {"digits": 0}, "digits must be a whole number from 1 to 17, not 0"),
        ("explain", {"step": "tiles", "tile": 0}, "tile must be a whole number from 1, not 0"),
        ("explain", {"tile": 2}, "--tile has no effect without --step tiles"),
        ("explain", {"digits": 18}, "digits must be a whole number from 1 to 17, not 18"),
        ("explain", {"digits": 1.0}, "digits must be a whole number from 1 to 17, not 1.0"),
        ("explain", {"rows": 0}, "--rows must be all or a whole number from 1, not '0'"),
        ("plot", {"what": "colors"}, "--what is weights, scores, logits, not 'colors'"),
        ("plot", {"head": 0, "all_heads": True}, "--head and --all-heads contradict each other"),
        ("plot", {"col": 0}, "--col has no effect without --what features, or a page"),
        ("plot", {"patches": "2x2"}, "--patches has no effect without --image"),
    ],
)  # fmt: skip
def test_what_methods_refuse(method: str, keywords: dict[str, Any], message: str) -> None:
    """In one line, with the flag of the command that does the same."""
    with pytest.raises(InputError) as caught:
        getattr(load(QUERY, KEY, VALUE), method)(**keywords)
    assert str(caught.value) == message


def test_a_step_that_is_none() -> None:
    """The nearest one is offered; an alias is taken."""
    problem = load(QUERY, KEY, VALUE)
    with pytest.raises(InputError, match=r"^--step sofmax: the steps are project, norm, .*, backward\n") as caught:
        problem.explain(["score", "sofmax"])
    assert caught.value.hint == 'did you mean "softmax"?'
    assert problem.explain("weighted-sum") == problem.explain(["sum"])


def test_figures_need_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be imported, the error says what to install."""
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="need matplotlib") as caught:
        load(QUERY, KEY, VALUE).plot()
    assert caught.value.hint == "pip install 'attncli[plot]'"


def test_what_is_shown_of_much_is_little() -> None:
    """Of 96 MB a few tables, and they take no more memory than that."""
    scores = np.zeros((2, 2000, 3000))
    made = alike(scores)
    tracemalloc.start()
    html, text = made._repr_html_(), repr(made)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert html is not None
    assert len(html) < 60_000
    assert len(text) < 10_000
    assert peak < 8_000_000


def alike(scores: Any) -> Steps:
    """Return steps whose matrices are all the same."""
    made: dict[str, Any] = dict.fromkeys(NAMES)
    made |= dict.fromkeys(("scores", "logits", "weights", "output"), scores)
    return Steps(**made | {"lse": scores[..., 0]})


def test_copies_are_the_same() -> None:
    """A notebook may copy what it shows, or keep it in a file."""
    problem = load(QUERY, KEY, VALUE, key_labels=["a", "b"])
    made, told = problem.steps(), problem.explain()
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert again._repr_html_() == made._repr_html_()
    for heard in (pickle.loads(pickle.dumps(told)), copy.copy(told)):
        assert (heard, heard.html, heard.markdown) == (told, told.html, told.markdown)
