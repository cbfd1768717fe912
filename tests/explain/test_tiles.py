"""The row in tiles: right tile by tile, the same at the end, and nothing that a problem can have puts it out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli import attention, steps
from attncli.attend.options import Options
from attncli.explain.blocks import Table, Working
from attncli.explain.document import teach
from attncli.explain.lesson import Lesson
from attncli.explain.prose import to_markdown
from attncli.explain.running import usual_width
from attncli.explain.subject import choose
from attncli.explain.tiled_row import TiledRow
from attncli.languages import LANGUAGES, catalogue
from attncli.problem.assemble import assemble
from attncli.problem.factory import attention_of
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.show.blocks import Paragraph
from attncli.show.screen import Screen
from attncli.show.view import View
from tests.support.arrays import normal
from tests.support.everything import everything
from tests.support.golden import golden
from tests.support.processes import attn, called

TILES = ["explain", "--step", "tiles"]
INFINITY = Decimal("Infinity")
# What rounding leaves differs between processors.
BY_ROUNDING = re.compile(r"(differ by at most|最多相差) .*?(?=\n +lse|\n- lse)", re.DOTALL)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("en", []),
        ("zh", ["samples/decode.npz", "--head", "3", "--lang", "zh"]),
        ("window", ["samples/window.json", "--head", "0", "--row", "was", "-f", "markdown"]),
        ("nothing-zh", ["samples/article.json", "--mask", "{folder}/none.csv", "--lang", "zh"]),
    ],
)
def test_it_looks_as_it_did(tmp_path: Path, name: str, arguments: list[str]) -> None:
    """Whole lessons, 80 columns wide, but for what rounding leaves."""
    (tmp_path / "none.csv").write_text("false,false\n")
    words = [word.format(folder=tmp_path) for word in arguments]
    golden(f"explain-tiles-{name}.txt", BY_ROUNDING.sub(r"\1 …", called(*TILES, *words).out))


def lesson_of(
    arrays: dict[str, Any], options: dict[str, Any], *, row: int = 0, tile: int | None = None, digits: int = 6
) -> Lesson:
    """Return a lesson about a row in tiles."""
    files = dict.fromkeys(arrays, "test")
    problem = Problem({k: np.asarray(v) for k, v in arrays.items()}, files, options=Options.parse(options))
    view = View(Screen.of_stdout("never"), digits=digits)
    shown = choose(attention_of(problem), Choice(), view, row=str(row), column=None, steps=["tiles"], tile=tile)
    return Lesson(shown, catalogue("en"), view.digits)


def said(lesson: Lesson) -> str:
    """Return the text of a lesson on one line."""
    return " ".join(to_markdown(teach(lesson, ["tiles"]), View(Screen.of_stdout("never"))).replace("\\", "").split())


def table(lesson: Lesson) -> Any:
    """Return the numbers of the table of tiles: the largest logit, m, α, l, o and o / l of each."""
    return next(block.grid.numbers for block in teach(lesson, ["tiles"]) if isinstance(block, Table))


class Kept(NamedTuple):
    """A line of the table, reckoned with fifty digits."""

    largest: Decimal
    m: Decimal
    factor: Decimal
    l: Decimal  # noqa: E741
    o: Decimal
    share: Decimal


def power(exponent: Decimal) -> Decimal:
    return Decimal(0) if exponent == -INFINITY else exponent.exp()


def by_hand(
    logits: Sequence[Decimal], values: Sequence[float], width: int, sink: float | None = None
) -> Iterator[Kept]:
    """Reckon what is kept after each tile the long way: anew from all keys so far, so that nothing is ever rescaled."""
    extra = [] if sink is None else [Decimal(sink)]
    before = max([*extra, -INFINITY])
    for first in range(0, len(logits), width):
        largest = max(logits[first : first + width])
        so_far = logits[: first + width]
        m = max([*so_far, *extra])
        factor = Decimal(1) if largest == -INFINITY else power(before - m) if before > -INFINITY else Decimal(0)
        shifted = [power(each - m) if each > -INFINITY else Decimal(0) for each in so_far]
        total = sum(shifted, Decimal(0)) + sum(power(each - m) for each in extra)
        products = [a * Decimal(b) for a, b in zip(shifted, values, strict=False) if a > 0]  # a closed value may be NaN
        o = sum(products, Decimal(0))
        yield Kept(largest, m, factor, total, o, o / total if total else Decimal(0))
        before = m


def dot(a: Any, b: Any) -> Decimal:
    return sum((Decimal(x) * Decimal(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)), Decimal(0))


def tanh(x: Decimal) -> Decimal:
    return 1 - 2 / ((2 * x).exp() + 1)


QUERY, KEY, VALUE = normal(3, 4, seed=1), normal(11, 4, seed=2), normal(11, 2, seed=3)
BIAS = normal(3, 11, seed=4)
HOLES = np.array(
    [[True] * 11, [False, False, False, True, True, False, True, False, False, False, False], [False] * 11]
)


@pytest.mark.parametrize("width", [1, 2, 3, 8, 11, 50])
@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize(
    ("extra", "options", "sink"),
    [
        ({}, {}, None),
        ({}, {"scale": 0.25, "softcap": 1.5, "causal": True, "offset": 4}, None),
        ({"bias": BIAS}, {"scale": 3}, None),
        ({"mask": HOLES}, {}, None),
        ({"mask": HOLES, "sinks": np.array([0.5])}, {}, 0.5),
        ({"sinks": np.array([40.0])}, {}, 40.0),
    ],
    ids=["plain", "softcap", "bias", "holes", "sink", "large sink"],
)
def test_each_tile_is_right(
    extra: dict[str, Any], options: dict[str, Any], sink: float | None, row: int, width: int
) -> None:
    """To fourteen digits, whatever is closed; and the last line is the output of the steps."""
    arrays = {"query": QUERY, "key": KEY, "value": VALUE} | extra
    if "mask" in extra:
        arrays["value"] = np.where(HOLES[row][:, None], VALUE, np.nan)
    with localcontext() as context:
        context.prec = 50
        logits = []
        for key in range(11):
            score = dot(QUERY[row], KEY[key]) * Decimal(options.get("scale", 1))
            if "softcap" in options:
                score = Decimal(options["softcap"]) * tanh(score / Decimal(options["softcap"]))
            score += Decimal(float(BIAS[row, key])) if "bias" in extra else 0
            is_open = key <= row + 4 if "causal" in options else bool(HOLES[row, key]) if "mask" in extra else True
            logits.append(score if is_open else -INFINITY)
        right = list(by_hand(logits, arrays["value"][:, 0].tolist(), min(width, 11), sink))
    lesson = lesson_of(arrays, options, row=row, tile=width)
    assert_allclose(table(lesson), np.array(right, dtype=np.float64), rtol=1e-13, atol=1e-14)
    made = steps(**arrays, **options)
    whole = TiledRow.of(lesson).run
    assert_allclose(whole.output, made.output[row], rtol=1e-12, atol=1e-15)
    assert_allclose(whole.lse, made.lse[row], rtol=1e-13)
    assert_allclose(table(lesson)[-1, -1], float(right[-1].share), rtol=1e-13, atol=1e-14)


def test_everything_at_once_ends_at_the_same_output(tmp_path: Path) -> None:
    """Each row of each head, with rotation, ALiBi, a window, a cache and sinks, within what is said of rounding."""
    computation = attention_of(assemble([str(everything(tmp_path))], {}, {}))
    view = View(Screen.of_stdout("never"))
    for place in np.ndindex(2, 4):
        for row in range(3):
            shown = choose(computation, Choice(*place), view, row=str(row), column=None, steps=["tiles"], tile=2)
            worked = TiledRow.of(Lesson(shown, catalogue("en"), 4))
            assert worked.run.output.dtype == np.float32
            assert worked.apart(worked.run) <= worked.allowed < 1e-5
            assert_allclose(worked.run.lse, shown.line("lse"), rtol=1e-6)


def test_the_example_by_hand() -> None:
    """Scores 55 and 70, values 1 and 2: α = e^−15; left out, the two keys would count alike."""
    out = " ".join(called(*TILES).out.split())
    small = math.exp(-15)
    assert f"{small:.4g}" == "3.059e-07"
    assert "m_new = max(55, 70) = 70: the maximum rises" in out
    assert "α = exp(m − m_new) = exp(55 − 70) = 3.059e-07" in out
    assert "l_new = α·l + Σ exp = 3.059e-07·1 + 1 = 1.0000003" in out
    assert "o_new = α·o + Σ exp·value = 3.059e-07·1 + 1·2 = 2.0000003" in out
    assert f"count {1 / small:.4g} times what they should" in out
    assert "Column 0 would be 1.5 instead of 1.9999997, and the worst column off by 0.5" in out
    assert "the scores, 1×2 = 2 numbers, and as many weights" in out
    assert "1 + 2 + 5 = 8 numbers. With 2 keys that is no gain" in out


def test_a_kernel_that_forgets_the_factor_is_wrong_as_it_is_said() -> None:
    """Such a kernel, written out here, against the number in the sentence."""
    query, key, value = normal(1, 3, seed=5), normal(9, 3, seed=6) * 2, normal(9, 2, seed=7)
    scores, m, total, out = (key @ query[0]).tolist(), -math.inf, 0.0, 0.0
    for first in range(0, 9, 3):
        part = scores[first : first + 3]
        m = max(m, *part)
        total += sum(math.exp(each - m) for each in part)
        out += sum(math.exp(each - m) * float(v) for each, v in zip(part, value[first : first + 3, 0], strict=True))
    text = said(lesson_of({"query": query, "key": key, "value": value}, {}, tile=3))
    found = re.search(r"Column 0 would be (\S+) instead of (\S+), and the worst", text)
    assert found is not None
    right = attention(query, key, value)[0, 0]
    assert_allclose([float(each) for each in found.groups()], [out / total, right], rtol=1e-5)
    assert abs(out / total - right) > 0.01


def test_a_first_tile_that_is_wholly_closed() -> None:
    """Nothing is done in it, not even with NaN and ∞ in its values; the first open one begins with no factor."""
    value = np.array([[np.nan], [np.inf], [3.0], [5.0], [7.0]])
    mask = np.array([[False, False, True, False, True]])
    arrays = {"query": np.zeros((1, 2)), "key": np.ones((5, 2)), "value": value, "mask": mask}
    text = said(lesson_of(arrays, {}))
    assert "Tile 0, key 0 to key 1: wholly closed to query 0, so nothing is to be done" in text
    assert "Tile 1, key 2 to key 3: - logits = [0, −∞] - m = 0, the largest of them - exp(logits − 0) = [1, 0]" in text
    assert "- l = 1 - o = 1·3 = 3 " in text
    assert "Tile 2, key 4: - logits = [0] - m_new = max(0, 0) = 0: the maximum stays" in text
    assert "- l_new = α·l + Σ exp = 1·1 + 1 = 2 - o_new = α·o + Σ exp·value = 1·3 + 1·7 = 10 " in text
    assert "output = o / l = 10 / 2 = 5 " in text
    assert "equal in every digit" in text
    assert "Wholly closed to query 0: 1 of 3 tiles" in text
    assert "exp(−∞ − (−∞)) is NaN" in text


@pytest.mark.parametrize("sinks", [{}, {"sinks": np.array([-np.inf])}])
def test_a_row_in_which_nothing_is_open(sinks: dict[str, Any]) -> None:
    """Is 0 by definition; its lse is −∞."""
    arrays = {"query": np.zeros((1, 2)), "key": np.ones((5, 2)), "value": np.full((5, 1), np.nan)}
    lesson = lesson_of(arrays | {"mask": np.zeros((1, 5), dtype=bool)} | sinks, {})
    text = said(lesson)
    assert "before the first tile: m = −∞, l = 0, o = 0 Tiles 0 to 2, key 0 to key 4: wholly closed" in text
    assert "l is still 0, since query 0 may attend to nothing" in text
    assert TiledRow.of(lesson).run.output.tolist() == [0]
    assert TiledRow.of(lesson).run.lse == -np.inf


def test_a_sink_alone() -> None:
    """With nothing open it has all the weight, so that the output is 0, and lse is its logit."""
    arrays = {"query": np.zeros((1, 2)), "key": np.ones((3, 2)), "value": np.ones((3, 1))}
    text = said(lesson_of(arrays | {"mask": np.zeros((1, 3), dtype=bool), "sinks": np.array([2.0])}, {}))
    assert "the sink is taken in, whose value is 0: m = 2, l = exp(2 − m) = 1, o = 0" in text
    assert "output = o / l = 0 / 1 = 0 " in text
    assert "lse = m + ln l = 2 + ln 1 = 2; of the whole row: 2" in text
    assert "the sink has the largest logit of all" in text


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_without_a_largest_logit(bad: float) -> None:
    """Nothing is worked out; what is true of every row is said all the same."""
    key = np.ones((5, 2))
    key[3] = bad
    text = said(lesson_of({"query": np.ones((1, 2)), "key": key, "value": np.ones((5, 1))}, {}))
    assert "The row of query 0 holds NaN or ∞" in text
    assert "Tile 0" not in text
    assert "What is never held" in text


def test_nan_in_an_open_value_goes_through() -> None:
    """Into the output, as in the steps; and into no other column."""
    value = np.array([[1.0, np.nan], [3.0, 4.0], [5.0, 6.0]])
    lesson = lesson_of({"query": np.zeros((1, 2)), "key": np.ones((3, 2)), "value": value}, {})
    assert_allclose(TiledRow.of(lesson).run.output, [3.0, np.nan])
    assert "all columns, in tiles: [3, NaN] - all columns, whole row: [3, NaN]" in said(lesson)


def test_what_a_later_tile_outweighs_is_gone() -> None:
    """A factor that underflows to 0 leaves nothing, not even of ∞: its weight is 0 in the steps too."""
    arrays: dict[str, Any] = {"query": np.ones((1, 1)), "key": np.array([[0.0], [1e4]])}
    arrays |= {"value": np.array([[np.inf], [2.0]])}
    lesson = lesson_of(arrays, {})
    assert TiledRow.of(lesson).run.output.tolist() == [2.0] == attention(**arrays)[0].tolist()
    assert "count ∞ times what they should" in said(lesson)


def test_a_sum_beyond_the_range_is_said() -> None:
    """Before it is divided, o is the sum of two values of which one is nearly the largest number."""
    arrays = {"query": np.zeros((1, 1)), "key": np.ones((2, 1)), "value": np.full((2, 1), 1.5e308)}
    assert "a sum left the range of float64 on the way" in said(lesson_of(arrays, {}))


def test_half_precision_is_compared_as_what_it_is() -> None:
    """The output is rounded to float16, the tiles are not."""
    arrays = {name: normal(*shape, seed=8).astype("f2") for name, shape in (("query", (1, 8)), ("hidden", (9, 8)))}
    text = said(lesson_of(arrays, {}))
    found = re.search(r"differ by at most (\S+); rounding in float16 explains about (\S+) ", text)
    assert found is not None
    assert 0 < float(found[1]) < float(found[2]) < 0.1


def test_a_row_whose_maximum_comes_first_names_another() -> None:
    """Query 0 meets the largest key first, query 1 last."""
    arrays = {"query": np.array([[1.0], [-1.0]]), "key": np.array([[3.0], [2.0], [1.0]]), "value": np.eye(3)}
    text = said(lesson_of(arrays, {}))
    assert "the largest logit is in the first open tile, so α is 1 from there on" in text
    assert "Of the rows shown, query 1 has the maximum that rises most from tile to tile: --row 1 shows it." in text
    assert "Without the factor this row would be wrong" in said(lesson_of(arrays, {}, row=1))


def test_equal_values_do_not_show_the_mistake() -> None:
    """Whatever the weights, the mean of ones is one."""
    arrays = {"query": np.ones((1, 1)), "key": np.array([[1.0], [2.0], [3.0]]), "value": np.ones((3, 1))}
    assert "happens to make no difference that shows" in said(lesson_of(arrays, {}))


def test_what_comes_after_is_named() -> None:
    """With a gate and W_o it is the context of the head that tiles make."""
    arrays = {"query": normal(1, 4), "hidden": normal(5, 4), "w_o": np.eye(4), "gate": np.zeros((1, 4))}
    text = said(lesson_of(arrays, {}))
    assert "- context = o / l = " in text
    assert "What comes after (a gate, W_o) takes the row when it is finished" in text


def test_short_rows_make_two_to_four_tiles() -> None:
    """A row of one key makes one; of long rows tiles are as large as those of kernels."""
    assert all(2 <= -(-keys // usual_width(keys)) <= 4 for keys in range(2, 513))
    assert [usual_width(keys) for keys in (1, 513, 10**6)] == [1, 128, 128]


def test_of_a_long_row_three_tiles_are_worked_out() -> None:
    """The first, that which raises the maximum most, and the last; the table has some of the others."""
    key = np.zeros((5000, 1))
    key[1234] = 7
    lesson = lesson_of({"query": np.ones((1, 1)), "key": key, "value": normal(5000, 1)}, {})
    headings = [each.text for each in teach(lesson, ["tiles"]) if isinstance(each, Paragraph)]
    tiles = [each for each in headings if each.startswith("Tile")]
    assert tiles[0] == "Tile 0, key 0 to key 127:"
    assert tiles[1].startswith(
        "Tiles 1 to 8, key 128 to key 1151: likewise, see the table below. Then m = 0, l = 1152,"
    )
    assert tiles[2] == "Tile 9, key 1152 to key 1279:"
    assert tiles[3].startswith("Tiles 10 to 38, ")
    assert tiles[4] == "Tile 39, key 4992 to key 4999:"
    assert len(tiles) == 5
    assert table(lesson).shape == (16, 6)
    assert "instead of 5000, and no more with twice as many keys" in said(lesson)
    worked = [line for each in teach(lesson, ["tiles"]) if isinstance(each, Working) for line in each.lines]
    assert max(map(len, worked)) < 300


def test_only_tiles_have_a_size() -> None:
    """--tile is refused where there are none, and a page has them."""
    assert called(*TILES, "--tile", "5").out.count("Tile 0, key 0 to key 1:") == 1
    assert "one tile has all keys (2 keys)" in " ".join(called(*TILES, "--tile", "5").out.split())
    for words in ([], ["--step", "sum"], ["--step", "backward"]):
        assert called("explain", *words, "--tile", "2", status=2).err == (
            "attn: --tile has no effect without --step tiles\nhint: give both, or leave it out\n"
        )
    assert "--tile" in called(*TILES, "--tile", "0", status=2).err


def test_the_column_of_the_output_can_be_chosen() -> None:
    """As with --step sum; there are five."""
    assert "output column 4:" in called(*TILES, "--col", "4").out
    assert called(*TILES, "--col", "5", status=2).err == "attn: --col 5: there is no such output column (0 to 4)\n"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_has_it_after_the_sum_and_a_text_points_to_it(tmp_path: Path, lang: str) -> None:
    """In every language; a page about another step has not."""
    words, said_so = ["samples/decode.npz", "--head", "3", "--lang", lang], catalogue(lang).LESSON
    called("explain", *words, "--tile", "5", "-o", tmp_path / "all.html")
    page = (tmp_path / "all.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    section = page[page.index('<section class="lesson">') : page.index("</section>")]
    headings = re.findall(r"<h2>(.*?)</h2>", section)
    assert headings[-2:] == [said_so["sum_heading"], said_so["tiles_heading"]]
    assert '<p class="formula">m_new = max(m, maxⱼ sⱼ), α = exp(m − m_new)</p>' in section
    assert "10–12</th>" in section
    called("explain", *words, "--step", "softmax", "-o", tmp_path / "one.html")
    assert said_so["tiles_heading"] not in (tmp_path / "one.html").read_text(encoding="utf-8")
    text = "".join(called("explain", *words).out.split())
    assert said_so["tiles_heading"].replace(" ", "") not in text
    assert said_so["tiles_elsewhere"].replace(" ", "") in text
    both = called("explain", *words, "--step", "tiles", "--step", "sum", "--step", "backward").out
    assert said_so["tiles_elsewhere"][:20] not in both
    names = ("sum_heading", "tiles_purpose", "back_heading")
    assert sorted(names, key=lambda name: both.index(said_so[name][:15])) == list(names)


def test_a_terminal_of_plain_characters_has_words_for_the_letters() -> None:
    """Of these formulas and those of the way back: none is escaped."""
    out = attn(*TILES, "--step", "backward", env={"PYTHONIOENCODING": "ascii"}).out
    assert "m_new = max(m, max_j s_j), alpha = exp(m - m_new)" in out
    assert "\\" not in out
