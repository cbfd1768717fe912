"""`attn cost`: shapes, problems and what is printed, against sums worked out by hand."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.cost.growth import Vary
from attncli.cost.request import VARIED
from attncli.cost.sizes import quantity
from attncli.errors import InputError
from attncli.languages import LANGUAGES
from tests.cost.test_models import CONFIGS
from tests.support.places import SAMPLES
from tests.support.processes import attn, called

SHAPE = ["--length", "32768", "--heads", "32", "--kv-heads", "8", "--dim", "128", "--layers", "32", "--causal"]
STAGES = ["project", "score", "softmax", "sum", "out"]


def found(*words: object, cwd: Path = Path(), **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(called("cost", *words, "-f", "json", cwd=cwd.absolute(), **more).out)
    return made


def test_json_has_the_shape_that_is_promised() -> None:
    """These keys, whole numbers, and a sum behind each of them."""
    own = found(*SHAPE, "--memory", "80GB", "--flops", "312T", "--bandwidth", "2TB")
    assert list(own) == ["pairs", "operations", "bytes", "cache", "time", "formulas"]
    assert list(own["pairs"]) == ["open", "all", "tiled", "tile"]
    assert list(own["operations"]) == ["forward", "backward", "decode", "prefill"]
    for run, stages in own["operations"].items():
        assert list(stages) == [*STAGES, *["recompute"] * (run == "backward"), "total"]
        assert stages["total"] == sum(count for stage, count in stages.items() if stage != "total")
    assert list(own["bytes"]) == ["query", "key", "value", "scores", "output"]
    cache = own["cache"]
    assert list(cache) == ["bytes", "per_token", "expanded_bytes", "tokens_in_memory", "quantized", "layers"]
    assert list(cache["quantized"]) == ["int8", "fp8", "int4"]
    assert [list(each) for each in cache["layers"]] == [["kind", "count", "keys", "bytes_per_key", "bytes"]]
    assert [list(each) for each in own["time"].values()] == [["seconds", "bound"]] * 2
    assert found("--length", 5)["time"] is None


def test_the_numbers_of_a_shape_are_those_of_its_sums() -> None:
    """By hand: N = 32768, 32 layers of 32 heads, 8 of them of keys, of 128 features of 2 bytes."""
    n, own = 32768, found(*SHAPE, "--memory", "80GB", "--flops", "312T", "--bandwidth", "2TB")
    opened = 32 * 32 * n * (n + 1) // 2
    assert own["pairs"] | {"tiled": 0} == {"open": opened, "all": 32 * 32 * n * n, "tiled": 0, "tile": [128, 128]}
    assert own["pairs"]["tiled"] == 32 * 32 * 128 * 128 * 256 * 257 // 2
    forward = {"project": 0, "score": 256 * opened, "softmax": 5 * opened, "sum": 256 * opened, "out": 0}
    assert own["operations"]["forward"] == own["operations"]["prefill"] == forward | {"total": 517 * opened}
    backward = {"score": 512 * opened, "softmax": 6 * opened, "sum": 512 * opened, "recompute": 256 * opened}
    assert own["operations"]["backward"] == {"project": 0, "out": 0, "total": 1286 * opened} | backward
    assert own["operations"]["decode"]["score"] == 256 * 32 * 32 * n
    assert own["bytes"]["query"] == own["bytes"]["output"] == 4 * own["bytes"]["key"] == 32 * 32 * n * 128 * 2
    assert own["bytes"]["scores"] == 32 * 32 * n * n * 2
    cache = own["cache"]
    assert (cache["bytes"], cache["per_token"]) == (4 << 30, 131072)
    assert cache["tokens_in_memory"] == 80_000_000_000 // 131072
    # 32 numbers share two bytes of scale; of fp8 all of a layer do, four bytes for keys and four for values.
    numbers = 2 * 32 * 8 * 128 * n
    assert cache["quantized"] == {
        "int8": numbers * 34 // 32,
        "fp8": numbers + 32 * 2 * 4,
        "int4": numbers * 18 // 32,
    }
    assert cache["layers"] == [{"kind": "full", "count": 32, "keys": n, "bytes_per_key": 4096, "bytes": 4 << 30}]
    assert own["time"]["forward"] == {"seconds": 517 * opened / 312e12, "bound": "compute"}
    assert own["time"]["decode"] == {"seconds": (4 << 30) / 2e12, "bound": "memory"}
    assert own["formulas"]["cache.bytes"] == "cache = 2 · 32 layers · 8 key heads · 128 · 2 bytes · 32768 = 4.0 GiB"


def test_every_formula_gives_its_number() -> None:
    """The sum is evaluated as it is printed: words left out, · for times."""
    for words in (SHAPE, [CONFIGS / "gemma-3-27b.json"], [CONFIGS / "whisper-large-v3.json"], ["sample:layer"]):
        own = found(*words)
        numbers = dict(_flat(own))
        for name, text in own["formulas"].items():
            if name not in numbers:
                continue
            sum_of = text.split(" = ")[1]
            plain = re.sub(r"[a-z ]+", " ", sum_of).replace("·", "*").replace("/", "//")
            assert eval(plain) == numbers[name], (name, text)
        assert len(own["formulas"]) > 15


def _flat(own: Any, name: str = "") -> Any:
    pairs = own.items() if isinstance(own, dict) else enumerate(own) if isinstance(own, list) else None
    if pairs is None:
        yield name, own
    else:
        for each, value in pairs:
            yield from _flat(value, f"{name}.{each}" if name else str(each))


def test_projections_are_counted_where_x_has_a_size() -> None:
    """2 · tokens · features of x · features of all heads, for query, key and value; and back."""
    own = found("--length", 10, "--batch", 3, "--heads", 4, "--kv-heads", 2, "--dim", 5, "--hidden-size", 7)
    forward = own["operations"]["forward"]
    assert forward["project"] == 2 * 30 * 7 * (4 + 2 + 2) * 5
    assert forward["out"] == 2 * 30 * 4 * 5 * 7
    assert own["operations"]["decode"]["project"] == 2 * 3 * 7 * 8 * 5
    assert own["operations"]["backward"]["project"] == 2 * forward["project"]


def test_keys_of_another_number_and_values_of_another_size() -> None:
    """Scores go by the features of a key, sums by those of a value."""
    own = found("--length", 6, "--keys", 9, "--heads", 2, "--dim", 3, "--value-dim", 5, "--dtype", "float32")
    assert own["operations"]["forward"]["score"] == 2 * 2 * 54 * 3
    assert own["operations"]["forward"]["sum"] == 2 * 2 * 54 * 5
    assert own["cache"]["bytes"] == 9 * 2 * (3 + 5) * 4
    assert own["bytes"]["output"] == 6 * 2 * 5 * 4


def test_a_window_holds_its_keys_and_a_chunk_its_own() -> None:
    """`--window 3` and a causal rule are four keys, the query's own included; cache and last step know it."""
    own = found("--length", 100, "--causal", "--window", 3, "--heads", 1, "--dim", 1)
    assert own["cache"]["layers"] == [{"kind": "window", "count": 1, "keys": 4, "bytes_per_key": 4, "bytes": 16}]
    assert own["pairs"]["open"] == 4 * 5 // 2 + 96 * 4
    assert own["operations"]["decode"]["score"] == 2 * 4
    own = found("--length", 100, "--causal", "--chunk", 30, "--heads", 1, "--dim", 1)
    assert own["cache"]["layers"][0] | {"bytes": 0} == {
        "kind": "chunk",
        "count": 1,
        "keys": 30,
        "bytes_per_key": 4,
        "bytes": 0,
    }
    assert own["operations"]["decode"]["score"] == 2 * 10  # the last of 90 to 99


@pytest.mark.parametrize("sample", ["window.json", "induction.npz", "coreference.npz", "layer.npz", "speech.npz"])
def test_a_problem_is_reckoned_by_its_arrays_and_its_own_rules(sample: str, tmp_path: Path) -> None:
    """As many open pairs as `attn mask` counts, which all heads share here."""
    called("mask", SAMPLES / sample, "-o", tmp_path / "m.npy")
    mask = np.load(tmp_path / "m.npy")
    own = found(SAMPLES / sample)["pairs"]
    assert own["open"] * mask.size == own["all"] * int(mask.sum())


def test_a_problem_has_the_sizes_of_its_arrays() -> None:
    """9 query heads, 3 of keys, one query against 13 keys of 64 features in float32."""
    own = found(SAMPLES / "decode.npz")
    assert own["cache"]["bytes"] == 2 * 3 * 13 * 64 * 4
    assert own["operations"]["forward"]["score"] == 2 * 9 * 13 * 64
    assert own["operations"]["decode"] == own["operations"]["forward"]


def test_arrays_close_keys_of_a_shape() -> None:
    """Lengths of two sequences, whose queries are their last tokens; documents in one row."""
    own = found("--length", 8, "--causal", "--key-lengths", "3,8", "--batch", 2, "--heads", 1)
    assert own["pairs"]["open"] == 1 + 2 + 3 + 8 * 9 // 2
    own = found("--length", 10, "--causal", "--cu-seqlens", "0,4,10", "--heads", 1)
    assert own["pairs"]["open"] == 4 * 5 // 2 + 6 * 7 // 2


def test_queries_at_the_beginning_of_more_keys_get_a_notice() -> None:
    """Whoever means a cache wants --offset end."""
    ran = called("cost", "--length", 2, "--keys", 9, "--causal", "-f", "json")
    assert "attn: notice: the first query stands at position 0, so that keys from 2 on are closed to all" in ran.err
    ran = called("cost", "--length", 2, "--keys", 9, "--causal", "--offset", "end", "--heads", 1, "-f", "json")
    assert ran.err == ""
    assert json.loads(ran.out)["pairs"]["open"] == 8 + 9


def test_a_model_with_a_past_projects_its_new_tokens_alone() -> None:
    """One query behind 4095 keys, which is what a step of generation is."""
    own = found(CONFIGS / "llama-3.1-8b.json", "--length", 1, "--keys", 4096)
    assert own["operations"]["forward"] == own["operations"]["decode"]
    whole = found(CONFIGS / "llama-3.1-8b.json", "--length", 4096)
    assert own["operations"]["prefill"] == whole["operations"]["forward"]
    assert own["cache"] == whole["cache"]


def test_any_number_of_tokens_fits_where_nothing_grows() -> None:
    """Of windows alone, once these are full."""
    own = found(CONFIGS / "mistral-7b.json", "--memory", "1GB")
    assert own["cache"]["tokens_in_memory"] is None
    assert "any number of tokens" in own["formulas"]["cache.tokens_in_memory"]
    assert found(CONFIGS / "mistral-7b.json", "--memory", "100MB")["cache"]["tokens_in_memory"] == 10**8 // 131072


def test_a_configuration_comes_through_a_pipe_too() -> None:
    """As from its file."""
    path = CONFIGS / "gpt-oss-20b.json"
    assert called("cost", stdin=path.read_bytes()).out == called("cost", "-", stdin=path.read_bytes()).out
    assert (
        called("cost", stdin=path.read_bytes(), env={"COLUMNS": "90"}).out
        == called("cost", path, env={"COLUMNS": "90"}).out
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_report_says_its_numbers_in_both_languages(lang: str) -> None:
    """In tables and sums; Markdown has them too."""
    out = called("cost", *SHAPE, "--lang", lang, "--memory", "80GB").out
    assert "4.0 GiB" in out
    assert ("缓存 = 2 · 32 层 · 8 个键头 · 128 · 2 字节 · 32768 = 4.0 GiB" in out) is (lang == "zh")
    assert ("cache = 2 · 32 layers · 8 key heads · 128 · 2 bytes · 32768 = 4.0 GiB" in out) is (lang == "en")
    text = called("cost", *SHAPE, "--lang", lang, "-f", "markdown").out
    assert len(re.findall(r"^## ", text, re.MULTILINE)) == 5
    assert "| 4.0 GiB |" in text


def test_csv_has_a_line_for_each_number() -> None:
    """With its place in JSON, and its sum."""
    rows = {row["name"]: row for row in csv.DictReader(StringIO(called("cost", *SHAPE, "-f", "csv").out))}
    assert rows["cache.bytes"]["value"] == str(4 << 30)
    assert rows["cache.bytes"]["formula"].endswith("= 4.0 GiB")
    assert rows["time"]["value"] == ""


def test_growth_is_a_list_and_says_where_lines_cross() -> None:
    """4·N·h·(N + 1)/2·… of the pairs overtakes the projections where N + 1 > 4h, of as many key heads as queries'."""
    words = ["--heads", 2, "--dim", 8, "--hidden-size", 16, "--causal", "--vary", "length=8,16,…,256"]
    own = json.loads(called("cost", *words, "-f", "json").out)
    assert [each["length"] for each in own] == [8, 16, 32, 64, 128, 256]
    assert [each["cache"]["bytes"] for each in own] == [n * 2 * 2 * 8 * 2 for n in (8, 16, 32, 64, 128, 256)]
    out = called("cost", *words).out
    # 2·2·8 · 2·N(N+1)/2 of score and sum > 2·N·16·(3·16) + 2·N·16·16 of the matrices: N + 1 > 64.
    assert "score + sum overtakes project + out at length 64\n" in out
    rows = list(csv.DictReader(StringIO(called("cost", *words, "-f", "csv").out)))
    assert [row["length"] for row in rows] == ["8", "16", "32", "64", "128", "256"]
    assert all(len(line) <= 80 for line in out.splitlines())
    assert called("cost", *words, "-f", "markdown").out.startswith("## Growth with length")


def test_a_chart_has_a_sign_for_each_curve_where_it_is() -> None:
    """Both axes are logarithmic: the square of the length rises twice as steeply as the length."""
    out = attn("cost", "--vary", "length=16,256", "--hidden-size", 64, env={"PYTHONIOENCODING": "ascii"}).out
    assert out.isascii()
    chart = out.partition("operations of a forward pass\n")[2].partition("\n           16")[0].splitlines()
    assert len(chart) == 12
    first, last = (
        min(at for at, line in enumerate(chart) if "x" in line[part]) for part in (slice(11, 13), slice(70, 99))
    )
    assert first - last > 5
    assert "o project + out" in out


@pytest.mark.parametrize("name", VARIED)
def test_whatever_has_a_number_varies(name: str) -> None:
    """By its flag's name."""
    flag = name.replace("_", "-")
    more = ["--causal"] * (name == "prefix")
    own = json.loads(called("cost", "--length", 64, *more, "--vary", f"{flag}=2,4", "-f", "json").out)
    assert [each[name] for each in own] == [2, 4]
    assert own[0] | {name: 0} != own[1] | {name: 0}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("length=4,1,2", (1, 2, 4)),
        ("--length=1,2,…,16", (1, 2, 4, 8, 16)),
        ("kv-heads=2,4,...,10", (2, 4, 6, 8, 10)),
        ("hidden_size=5,10,…,20", (5, 10, 20)),
    ],
)
def test_values_are_listed_or_go_on(text: str, values: tuple[int, ...]) -> None:
    """By factors if these lead to the last one, or else by steps."""
    assert Vary.parse(text).values == values


@pytest.mark.parametrize(
    "text", ["length", "length=", "length=1", "length=0,1", "length=1,x", "x=1,2", "length=1,2,…,7.5"]
)
def test_what_cannot_vary_is_refused(text: str) -> None:
    """With what was given."""
    with pytest.raises(InputError, match="--vary"):
        Vary.parse(text)


@pytest.mark.parametrize(
    ("text", "unit"), [("", "b"), ("x", "b"), ("-1", "b"), ("1T", "flop"), ("0", "b"), ("1e999", "b")]
)
def test_quantities_are_read_or_refused(text: str, unit: str) -> None:
    """A number above 0, its prefix, its unit."""
    if text == "1T":
        assert quantity("flops", text, unit) == 10**12
        assert quantity("bandwidth", "3.35 TB/s", "b") == 3_350_000_000_000
        assert quantity("memory", "24GiB", "b") == 24 << 30
        return
    with pytest.raises(InputError, match="memory must be a number of bytes"):
        quantity("memory", text, unit)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--flops 1T", "--flops is given without --bandwidth"),
        ("--tile 3", "tile must be two whole numbers from 1, not '3'"),
        ("--heads 3 --kv-heads 2", "3 query heads cannot share 2 key heads evenly"),
        ("--length 99999999999", "--length 99999999999 is too large"),
        ("--heads 99999999999999999999 --key-lengths 5", "is too large"),
        ("sample:layer --dim 3", "--dim has no effect: sample:layer has it"),
        ("-o x.png", "a picture shows how cost grows"),
        ("sample:layer --vary length=1,2", "--length has no effect: sample:layer has it"),
    ],
)
def test_what_contradicts_itself_is_refused(words: str, message: str) -> None:
    """In one line that names the flag."""
    err = called("cost", *words.split(), status=2).err
    assert message in err


def test_this_machine_is_measured() -> None:
    """Some operations and some bytes a second, which give a time."""
    ran = called("cost", "--length", 64, "--here", "--threads", 1, "-f", "json")
    assert re.search(r"measured here: [\d.]+ [MGT] operations \(float32\) and [\d.]+ [MGT]B a second", ran.err)
    assert json.loads(ran.out)["time"]["forward"]["seconds"] > 0
