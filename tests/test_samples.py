"""Every sample: it can be computed, agrees with its model, and gives the same through the filters."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli.files.contents import Named
from attncli.files.open import read
from tests.support.golden import golden
from tests.support.places import RECORDED, SAMPLES
from tests.support.processes import called

COLUMNS = ["--states", "columns"]
# Samples of several problems.
SEVERAL = ("encoder.npz",)
COMMANDS: dict[str, list[str]] = {
    path.name: [f"samples/{path.name}"]
    for path in sorted(SAMPLES.iterdir())
    if path.suffix in (".json", ".npz") and path.name not in SEVERAL
} | {
    f"article.{kind}": [f"samples/article-{name}.{kind}" for name in ("query", "hidden")] + COLUMNS
    for kind in ("csv", "npy")
}


def test_every_file_here_is_tested() -> None:
    """No sample is left out of the cases above."""
    used = {Path(word).name for words in COMMANDS.values() for word in words if word.startswith("samples/")}
    assert used == {path.name for path in SAMPLES.iterdir()} - {
        "README.md",
        "plot.svg",
        "image.png",
        "stats.png",
        *SEVERAL,
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_filters_give_what_compute_gives_to_the_last_digit(name: str) -> None:
    """attn score F | attn softmax | attn sum | jq .output equals attn compute F -f json | jq .output."""
    piped = called("score", *COMMANDS[name]).raw
    for command in ("softmax", "sum"):
        piped = called(command, stdin=piped).raw
    whole = json.loads(called("compute", *COMMANDS[name], "-f", "json").out)
    made = json.loads(piped)
    for step in ("scores", "logits", "weights", "output"):
        assert made[step] == whole[step], step


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_output_is_the_models_own(path: Path) -> None:
    """What the model itself computed, in float32, is met to float32's rounding."""
    expected = np.load(path)["expected"]
    output = json.loads(called("compute", path, "-f", "json").out)["output"]
    assert_allclose(output, expected, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("name", ["article.csv", "article.npy"])
def test_the_article_is_the_same_in_every_format(name: str) -> None:
    """JSON, CSV and NPY hold the same problem."""
    of_json = json.loads(called("compute", *COMMANDS["article.json"], "-f", "json").out)["output"]
    assert np.ravel(json.loads(called("compute", *COMMANDS[name], "-f", "json").out)["output"]).tolist() == of_json


def weights(name: str, head: int) -> tuple[np.ndarray, list[str], list[str]]:
    made = json.loads(called("compute", SAMPLES / name, "-f", "json", "--step", "softmax", "--head", head).out)
    return np.array(made["weights"]), made["query_labels"], made["key_labels"]


def test_the_samples_show_what_they_are_named_for() -> None:
    """The claims of samples/README.md about who looks at whom."""
    table, rows, columns = weights("coreference.npz", 1)
    row = table[rows.index("it")]
    assert columns[int(np.argmax(row))] == "animal"
    table, rows, columns = weights("induction.npz", 6)
    assert columns[int(np.argmax(table[-1]))] == " Pot"
    for head, word in ((3, " Italy"), (5, " Paris")):
        table, _, columns = weights("decode.npz", head)
        followed = [column for column, _ in sorted(zip(columns, table[0], strict=True), key=lambda pair: -pair[1])]
        assert word in followed[:2]
    table, rows, columns = weights("transliteration.npz", 0)
    assert (np.max(table, axis=1) > 0.99).all()


def followed(name: str, head: int) -> list[tuple[str, str]]:
    """Return each query with the key that it looks at most."""
    table, rows, columns = weights(name, head)
    return [(row, columns[int(np.argmax(line))]) for row, line in zip(rows, table, strict=True)]


def test_the_small_models_look_where_their_titles_say() -> None:
    """Translation, sentiment and roles: words and what they look at most."""
    french, english = zip(*followed("translation.npz", 0), strict=True)
    assert " ".join(french) == "le jeune chat gris de ton frère ne les regarde jamais ."
    assert " ".join(english) == "cat young cat grey 's your brother never them at never ."
    table, _, columns = weights("sentiment.npz", 0)
    assert [columns[at] for at in np.argsort(-table[0])[:2]] == ["not", "wonderful"]
    assert table[0, : columns.index("but") + 1].sum() < 0.001
    arguments = {word: verb for word, verb in followed("roles.npz", 0) if word not in ("was", "to", "by", "and", ".")}
    assert arguments.items() >= {"letter": "sent", "queen": "sent", "midnight": "sent"}.items()
    assert arguments.items() >= {"boat": "painted", "sailor": "painted"}.items()
    assert {key for word, key in followed("roles.npz", 1) if word in ("was", "to", "by", "and", ".")} == {"."}


def test_the_small_models_of_other_things_look_where_their_titles_say() -> None:
    """An image, films and countries."""
    assert dict(followed("image.npz", 1))["CLS"].startswith("r2c1")
    for name, head, looks in (
        ("recommender.npz", 0, {"Nine Knives": {"Cold Alibi", "Last Motive"}}),
        ("recommender.npz", 0, {"Two Clowns": {"Bad Waiter", "Silly Heist", "Oops Uncle"}}),
        ("graph.npz", 1, {"French Guiana": {"Suriname", "Brazil"}}),
    ):
        table, rows, columns = weights(name, head)
        for asks, found in looks.items():
            best = np.argsort(-table[rows.index(asks)])[: len(found)]
            assert {columns[at] for at in best} == found


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_has_a_notice_about_one(name: str) -> None:
    """They are what a beginner tries first: nothing in them needs a warning."""
    for words in (
        ["compute", "-f", "json"],
        ["compute", "--head", "all"],
        ["score"],
        ["explain"],
        ["plot"],
        ["inspect"],
    ):
        assert called(words[0], *COMMANDS[name], *words[1:]).err == "", words


def test_samples_hold_no_objects_and_name_their_source() -> None:
    """Nothing needs pickle, and each recorded file says where it comes from."""
    for path in RECORDED:
        contents = read(str(path))
        assert isinstance(contents, Named)
        assert contents.texts["source"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("article", ["compute", "samples/article.json"]),
        ("coreference", ["compute", "samples/coreference.npz", "--head", "1", "--step", "softmax", "--cols", "all"]),
        ("decode", ["compute", "samples/decode.npz", "--head", "3"]),
        ("speech", ["compute", "samples/speech.npz", "--digits", "3"]),
        ("inspect-transliteration", ["inspect", "samples/transliteration.npz"]),
        ("markdown-article", ["compute", "samples/article.json", "-f", "markdown"]),
    ],
)
def test_samples_look_as_they_did(name: str, arguments: list[str]) -> None:
    """Whole screens, 100 columns wide, no colour."""
    golden(f"{name}.txt", called(*arguments, env={"COLUMNS": "100"}).out)
