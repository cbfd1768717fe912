"""What a score is made of: q ∘ k by feature, however a query meets a key."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from attncli.plot.features import look
from attncli.problem.assemble import assemble
from attncli.problem.factory import scores_of
from tests.plot.test_plot import data_of
from tests.support.files import files
from tests.support.places import SAMPLES
from tests.support.processes import called


def adds(out: str) -> list[float]:
    """Return the last numbers of the lines of features."""
    lines = out[out.index("adds") :].splitlines()[1:]
    return [float(line.split()[3]) for line in lines if line.split()[0].isdigit()]


def test_each_product_by_hand(tmp_path: Path) -> None:
    """2·3, −1·4, 0.5·0, times a half: 3 − 2 + 0 = 1; bars to the right and to the left of the middle."""
    problem = {"query": [[2.0, -1.0, 0.5]], "hidden": [[3.0, 4.0, 0.0], [9.0, 9.0, 9.0]], "options": {"scale": 0.5}}
    files(tmp_path, {"f.json": json.dumps(problem)})
    out = called("plot", "f.json", "--what", "features", "--row", "0", "--col", "0", cwd=tmp_path).out
    assert "score of query 0 and key 0: 1, the sum over 3 features of 0.5 · q ∘ k\n" in out
    assert adds(out) == [3, -2, 0]
    first, second, third = out.splitlines()[-3:]
    assert (first.count("█"), second.count("█")) == (25, 17)  # as 3 to 2
    assert second.index("█") < second.index("│") < first.index("█")
    assert "█" not in third


@pytest.mark.parametrize("name", ["cosine.json", "general.json", "additive.json", "rotary.json", "window.json"])
def test_they_add_up_to_the_score_of_every_function(name: str) -> None:
    """Of every query and key: the scores are what `attn score` writes."""
    scores = np.array(json.loads(called("score", SAMPLES / name, "-f", "json").out)["scores"])
    computation = scores_of(assemble([str(SAMPLES / name)], {}, {}), ["score", "softmax"])
    whole = scores.reshape(1, -1, *scores.shape[-2:])
    for head, row, column in np.ndindex(*whole.shape[1:]):
        found = look(computation, (0, head), row, column)
        assert found.added.sum() == pytest.approx(whole[0, head, row, column], rel=1e-9, abs=1e-12)


def test_each_query_may_have_a_scale_of_its_own(tmp_path: Path) -> None:
    """It is in what each feature adds."""
    problem = {"query": [[2.0, 1.0]], "hidden": [[3.0, 4.0]], "query_scale": [10.0], "options": {"scale": 0.5}}
    files(tmp_path, {"f.json": json.dumps(problem)})
    out = called("plot", "f.json", "--what", "features", cwd=tmp_path).out
    assert adds(out) == [30, 20]
    assert "of 5 · q ∘ k" in out


def test_of_many_features_those_are_shown_that_add_most(tmp_path: Path) -> None:
    """And how much the others add together: of 1 to 100 the last 64, without 1 + … + 36 = 666."""
    problem = {"query": [list(range(1, 101))], "hidden": [[1.0] * 100]}
    files(tmp_path, {"f.json": json.dumps(problem)})
    out = called("plot", "f.json", "--what", "features", cwd=tmp_path).out
    assert adds(out) == list(range(37, 101))
    assert out.endswith("the other 36 features add 666\n")


def test_it_is_about_the_element_that_is_shown_first_or_has_most_weight(tmp_path: Path) -> None:
    """The page says the same, and opens there."""
    out = called("plot", "sample:coreference", "--what", "features").out
    assert "score of query 10 “it” and key 2 “animal”: 3.834" in out
    out = called("plot", "sample:coreference", "--what", "features", "--row", "cross").out
    assert "query 6 “cross” and key 8 “street”" in out
    called("plot", "sample:coreference", "--what", "features", "-o", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "What the score of query <bdi>it</bdi> and key <bdi>animal</bdi> is made of: 3.834" in page
    assert page.count("<rect ") == 32
    assert data_of(page)["first"] == {"step": "scores", "row": 10, "column": 2}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--all-heads"], "--what features is about one head\nhint: choose one with --head N\n"),
        (["--row", "cat"], "--row cat: there is no such query (0 to 15 or a label)\n"),
        (["--values"], "--values has no effect without a map\nhint: leave it out\n"),
        (["--image", "x.png", "-o", "x.png"], "--image has no effect without a map\nhint: leave it out\n"),
    ],
)
def test_what_does_not_go_with_it(tmp_path: Path, words: list[str], message: str) -> None:
    """One line each."""
    err = called("plot", "sample:coreference", "--what", "features", *words, status=2, cwd=tmp_path).err
    assert err == f"attn: {message}"
