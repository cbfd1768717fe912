"""The way back: gradients are right, a finite difference agrees with them, and nothing leaks from behind a mask."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli import attention, gradients
from attncli.attend.arrays import GIVEN
from attncli.attend.backpropagation import Backpropagation
from attncli.attend.options import Options
from attncli.errors import InputError
from attncli.explain.document import teach
from attncli.explain.lesson import Lesson
from attncli.explain.prose import to_markdown
from attncli.explain.subject import choose
from attncli.languages import LANGUAGES, catalogue
from attncli.problem.factory import attention_of
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.show.screen import Screen
from attncli.show.view import View
from tests.support.arrays import normal
from tests.support.declared import FEW, Given, differentiable, numbers, options_for, states_for
from tests.support.everything import everything
from tests.support.golden import golden
from tests.support.processes import called

BACK = ["explain", "--step", "backward"]
# What rounding leaves differs between processors: the last digits of a loss, and how far two numbers are apart.
BY_ROUNDING = re.compile(r"((?:loss|损失) )[-\d.]+\n|((?:difference|差值) / [\d.e-]+ = [\d.e-]+).*?\n\n", re.DOTALL)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("en", []),
        ("zh", ["--lang", "zh"]),
        ("markdown", ["-f", "markdown"]),
        ("window", ["samples/window.json", "--head", "0", "--col", "time"]),
        ("rotary-zh", ["samples/rotary.json", "--lang", "zh", "-f", "markdown"]),
        ("closed", ["samples/window.json", "--row", "was", "--col", "once"]),
        ("nothing", ["samples/article.json", "--mask", "{folder}/none.csv"]),
    ],
)
def test_it_looks_as_it_did(tmp_path: Path, name: str, arguments: list[str]) -> None:
    """Whole lessons, 80 columns wide, but for what rounding leaves."""
    (tmp_path / "none.csv").write_text("false,false\n")
    words = [word.format(folder=tmp_path) for word in arguments]
    golden(f"explain-backward-{name}.txt", BY_ROUNDING.sub(r"\1\2 …\n", called(*BACK, *words).out))


def lesson_of(arrays: Given, options: Given, *, row: int = 0, column: int = 0, digits: int = 6) -> Lesson:
    """Return a lesson about the way back, and about one element."""
    files = dict.fromkeys(arrays, "test")
    problem = Problem({k: np.asarray(v) for k, v in arrays.items()}, files, options=Options.parse(options))
    view = View(Screen.of_stdout("never"), digits=digits)
    shown = choose(attention_of(problem), Choice(), view, row=str(row), column=str(column), steps=["backward"])
    return Lesson(shown, catalogue("en"), view.digits)


def said(lesson: Lesson) -> str:
    """Return the text of a lesson on one line."""
    return " ".join(to_markdown(teach(lesson, ["backward"]), View(Screen.of_stdout("never"))).replace("\\", "").split())


PROBLEMS = [
    *((str(each), each.arrays(*FEW), each.options) for each in differentiable()),
    *((name, states_for(name, *FEW) | {name: numbers(name, *FEW)}, options_for(name)) for name in GIVEN),
]


def usable() -> list[Any]:
    """Return the problems that can be computed; some arrays need others beside them, which is tested elsewhere."""
    found = []
    for name, arrays, options in PROBLEMS:
        try:
            attention(**arrays, **options)
        except (InputError, TypeError):
            continue
        found.append(pytest.param(arrays, options, id=name))
    return found


@pytest.mark.takes(3)
@pytest.mark.parametrize(("arrays", "options"), usable())
def test_a_finite_difference_agrees_whatever_is_in_force(arrays: Given, options: Given) -> None:
    """And the rows of one head alone give what the whole problem gives."""
    arrays = arrays | {"d_output": normal(*np.shape(attention(**arrays, **options)), seed=7)}
    whole = Backpropagation.of(arrays, Options.parse(options)).results()
    lesson = lesson_of(arrays, options, row=4, column=3, digits=17)
    about, text = lesson.about, said(lesson)
    d_logits = whole["d_logits"].reshape(-1, *about.made["d_logits"].shape)[0]
    assert_allclose(about.made["d_logits"], d_logits, rtol=1e-5, atol=1e-6 * np.abs(d_logits).max())
    if about.is_closed:
        assert about.element("d_logits") == 0
        assert "the loss does not move" in text
        return
    found = re.search(r"= (\S+), within (\S+) of d_logit \(.* explain up to (\S+)\)", text)
    assert found is not None
    quotient, apart, allowed = map(float, found.groups())
    assert apart <= allowed < 1e-4 * np.abs(d_logits).max() + 1e-4
    assert math.isclose(quotient, about.element("d_logits"), abs_tol=allowed, rel_tol=1e-9)


def test_the_example_by_hand() -> None:
    """Scores 55 and 70, values that sum to 15 and 20: ±5·σ(15)·σ(−15), and an even row would give ±5/4."""
    out = " ".join(called(*BACK).out.split())
    slope = 1 / (1 + math.exp(-15)) / (1 + math.exp(15))
    numbers = [f"{each:.4g}" for each in (5 * slope, slope, 10 * slope, 4 * slope)]
    assert numbers == ["1.53e-06", "3.059e-07", "3.059e-06", "1.224e-06"]
    assert "d_logit = weight × (d_weight − δ) = 0.9999997 × (20 − 19.99999847) = 0.9999997 × 1.53e-06 = 1.53e-06" in out
    assert "the largest w·(1 − w) is 3.059e-07, where 0.25 is possible" in out
    assert (
        "add up to 3.059e-06; if all open keys had the same weight, they would add up to 2.5. A share of 1.224e-06"
        in out
    )
    assert "= 3.059e-07 × (20 − 15) = 1.53e-06" in out
    assert "it is all ones: the loss is the sum of the output" in out
    assert "The hidden states have several parts at once (key, value)" in out


def test_the_gradient_of_the_output_is_that_of_the_file(tmp_path: Path) -> None:
    """Two keys of equal weight, values (1, 0) and (0, 1), d_output (3, 5): ½·(3 − 4)."""
    problem = {"query": [[0, 0]], "key": [[1, 1], [2, 2]], "value": [[1, 0], [0, 1]], "d_output": [[3, 5]]}
    (tmp_path / "p.json").write_text(json.dumps(problem))
    out = " ".join(called(*BACK, tmp_path / "p.json").out.split())
    assert "Here d_output is given." in out
    assert "d_weight = d_output · value = 3·1 + 5·0 = 3 δ = d_output · output = 3·0.5 + 5·0.5 = 4" in out
    assert "d_logit = weight × (d_weight − δ) = 0.5 × (3 − 4) = 0.5 × (-1) = -0.5" in out
    # One key alone, from one query: −½·(1, 1), and ½·((1, 1)·(−1) + (2, 2)·1) for the query.
    assert "to the query, from this key: d_score × slope = -0.5 × [1, 1] = [-0.5, -0.5]" in out
    assert "to the query, from all keys together: [0.5, 0.5]" in out
    (tmp_path / "p.json").write_text(json.dumps(problem | {"d_output": [[1, 2, 3]]}))
    assert called(*BACK, tmp_path / "p.json", status=2).err == (
        f"attn: {tmp_path}/p.json: d_output 1×3 does not fit the output, which is 1×2\n"
    )


EVEN = {"query": np.zeros((3, 2)), "key": normal(4, 2), "value": np.eye(4)}


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        # tanh(1/2): scores of 1, a cap of 2.
        ({"query": np.ones((1, 1)), "key": np.ones((2, 1))}, {"softcap": 2}, "× (1 − tanh²(1 / 2)) = "),
        ({"query": np.ones((1, 1)), "key": np.ones((2, 1))}, {"softcap": 2}, f"× {1 - math.tanh(0.5) ** 2:.6g} = "),
        ({}, {"scale": 0.25}, "The scale 0.25 comes in once more on the way back"),
        ({"bias": np.zeros((3, 4))}, {}, "bias: what is added to a score leaves its gradient as it is"),
        ({"mask": np.tri(3, 4, dtype=bool)}, {}, "1 of 4 keys are closed to query 2. Their gradients are exactly 0"),
        ({"gate": np.zeros((3, 4))}, {}, "times σ(gate) = [0.5, 0.5, 0.5, 0.5]: d_context = [0.5, 0.5, 0.5, 0.5]"),
        ({"w_o": np.diag([1.0, 2.0, 3.0, 4.0])}, {}, "through the rows of W_o of head 0: [1, 2, 3, 4]"),
        ({"w_o": np.diag([1.0, 2.0, 3.0, 4.0])}, {}, "d_weight = d_context · value = 1·1 + 2·0 + 3·0 + 4·0 = 1"),
        ({"w_q": np.eye(2)}, {}, "Each matrix gets xᵀ times the gradient of what it made"),
        ({}, {"qk_norm": "rms"}, "The norm takes out of a gradient the part along the vector"),
        ({}, {"rope": "half"}, "turned back by the angle of the query's position: d_query = "),
        ({}, {"rope": "half", "qk_norm": "l2,after-rope"}, "back through the norm, and turned back by the angle"),
        ({}, {"qk_norm": "l2,after-rope"}, "back through the norm: d_query = "),
        ({}, {}, "to the loss one value is worth as much as another"),
        # The sink takes a fifth, its value is 0: −1/5 · 4/5.
        ({"sinks": np.zeros(1)}, {}, "−weight × δ = −0.2 × 0.8 = -0.16"),
        ({"mask": np.eye(3, 4, dtype=bool)}, {}, "There is only one open key. Its weight is 1 whatever its logit is"),
        ({"mask": np.zeros((3, 4), dtype=bool)}, {}, "query 2 may attend to nothing: its output is 0"),
    ],
)
def test_what_is_in_force_is_taught(arrays: Given, options: Given, words: str) -> None:
    """With numbers that can be reckoned in the head: zero queries see all keys alike, whose values are unit vectors."""
    given: Given = EVEN | arrays
    if len(given["key"]) == 2:
        given = given | {"value": np.array([[1.0], [3.0]])}
    row = len(given["query"]) - 1
    text = said(lesson_of(given, options, row=row, column=min(row, 1) if "mask" not in given else 2 * (row == 2)))
    if "w_o" in given or "gate" in given:
        text = said(lesson_of(given, options, row=row))
    assert words in text


def test_grouped_heads_are_summed(tmp_path: Path) -> None:
    """Key head 1 of two, read by heads 2 and 3, and said in both languages with everything else in force too."""
    path = everything(tmp_path)
    words = [*BACK, path, "--batch", "1", "--head", "3"]
    assert "key head 1 serves 2 query heads" in " ".join(called(*words).out.split())
    chinese = "".join(called(*words, "--lang", "zh").out.split())
    for each in (
        "键头1由2个查询头共用",
        "穿过softcap",
        "偏置、ALiBi",
        "按查询位置的角度转回去",
        "汇的值是0",
        "严格为0",
    ):
        assert each in chinese, each


def test_nothing_leaks_from_behind_a_mask() -> None:
    """NaN and ∞ in the value of a closed key, and in d_output of another row, change nothing in this one."""
    arrays: Given = {"query": normal(2, 3), "key": normal(4, 3), "value": normal(4, 2)}
    mask = np.array([[True, True, False, True], [False, False, True, False]])
    clean = said(lesson_of(arrays | {"mask": mask[:1], "query": arrays["query"][:1]}, {}))
    value, output = arrays["value"].copy(), np.ones((2, 2))
    value[2], output[1] = [np.nan, np.inf], np.nan
    lesson = lesson_of(arrays | {"mask": mask, "value": value, "d_output": output}, {})
    worked = re.compile("Worked out.*?the long way[^*]*What goes on from there:.*?together: [^*]*")
    dirty, pure = (re.sub("within .*? explain", "", " ".join(worked.findall(each))) for each in (said(lesson), clean))
    assert "together: [" in dirty
    assert dirty == pure
    other = said(lesson_of(arrays | {"mask": mask, "value": value, "d_output": output}, {}, row=1))
    assert "The row of query 1 holds NaN or ∞" in other


def test_what_single_precision_loses_is_said() -> None:
    """A weight of 1 − e^−30, which float32 holds as 1: the gradient e^−30 · 1 comes out as 0."""
    arrays = {
        "query": np.ones((1, 1), "f4"),
        "key": np.array([[30], [0]], "f4"),
        "value": np.array([[2], [1]], "f4"),
    }
    text = said(lesson_of(arrays, {}))
    assert "that little is lost in float32, whose digits cannot tell d_weight and δ apart: in the table it is 0" in text
    assert f"= {math.exp(-30):.6g}"[:8] in text


def test_a_loss_beyond_the_range_has_no_difference() -> None:
    """The output is ∞, although the gradient of the sum is not."""
    arrays: Given = {"query": np.ones((1, 2)), "key": np.eye(2), "value": np.diag([1e160, 1e150])}
    arrays |= {"w_o": np.full((2, 1), 1e160), "d_output": np.full((1, 1), 1e-160)}
    with np.errstate(over="ignore"):
        text = said(lesson_of(arrays, {}))
    assert "not here: the loss leaves the range of float64" in text


def test_only_the_shown_rows_are_computed() -> None:
    """Of a problem whose matrix of scores would take 80 GB, one row as by itself."""
    keys = normal(100_000, 4)
    lesson = lesson_of({"query": keys, "key": keys, "value": keys}, {"scale": "sqrt"}, row=70_000, column=5)
    assert lesson.about.made["d_logits"].shape == (16, 100_000)
    alone = gradients(keys[70_000:70_001], keys, keys, scale="sqrt")["d_query"]
    assert_allclose(lesson.about.line("d_query"), alone[0], rtol=1e-9)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_teaches_it_too(tmp_path: Path, lang: str) -> None:
    """With a heading, the formulas, and the worked element marked in three tables."""
    called(*BACK, "samples/rotary.json", "--lang", lang, "-o", tmp_path / "e.html")
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    section = page[page.index('<section class="lesson">') : page.index("</section>")].replace("\N{NO-BREAK SPACE}", " ")
    assert f"<h2>{catalogue(lang).LESSON['back_heading']}</h2>" in section
    assert '<p class="formula">d_logits = weights ∘ (d_weights − δ), δ = rowsum(d_output ∘ output)</p>' in section
    assert section.count('<td class="mark"') == 2


def test_steps_of_both_ways_can_be_asked_for() -> None:
    """What leads forward comes first, and it is all that is taught if no step is named."""
    out = called("explain", "--step", "backward", "--step", "softmax").out
    assert out.index("Step 2 · Softmax") < out.index("The way back · Gradients")
    assert "The way back" not in called("explain").out
    assert called("explain", "--step", "gradients", status=2).err.startswith(
        "attn: --step gradients: the steps are project, norm, rotate, cache, score, softmax, sum, out, tiles, "
        "backward\n"
    )
