"""What a command prints in Chinese has no English in it but names: of arrays, results, options, files and units."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.attend.arrays import ARRAYS
from attncli.attend.options import as_flag, records
from attncli.check.mistakes.registry import MISTAKES
from attncli.check.simulate.stages import STAGES
from attncli.check.simulate.types import TYPES
from attncli.commands.registry import COMMANDS
from attncli.cost.request import SIZES
from attncli.mask.differences import DIFFERENCES
from attncli.stats.numbers import NUMBERS
from tests.support.everything import everything
from tests.support.processes import called

# A problem with everything in force, a whole layer, one whose keys and queries have labels, and two masks.
CASES = [
    "compute ALL",
    "compute ALL --head all --batch all --step softmax -f markdown",
    "compute LAYER --hidden HIDDEN",
    "compute LABELS --cache key=int4:token,value=int8 --step softmax",
    "compute LABELS --cache int8 --head 0 --step sum -f markdown",
    "compute LABELS --simulate flash=bfloat16 --head all --step softmax",
    "compute LABELS --simulate eager=float16 --step softmax -f markdown",
    "compute LABELS --vary scale=none,sqrt",
    "compute LABELS --vary causal -f markdown",
    "score ALL -f table",
    "softmax SCORES -f table",
    "sum WEIGHTS HIDDEN -f table",
    "grad ALL",
    "grad LAYER --hidden HIDDEN -f markdown",
    "explain ALL --step score --step softmax",
    "explain LABELS --step backward -f markdown",
    "explain ALL -o OUT.html",
    "explain LABELS --step tiles -f markdown",
    "explain LABELS --vary scale=none,sqrt",
    "plot ALL",
    "plot ALL --all-heads",
    "plot LABELS --head 1 --values",
    "plot ALL --head 1 --batch 1 --what features",
    "plot LABELS --head 1 --terminal -o OUT.svg",
    "plot ALL -o OUT.html",
    "plot LABELS --head 1 --vary scale=none,sqrt",
    "plot LABELS --head 1 --vary scale=none,sqrt -o OUT.html",
    "plot LABELS --head 0 --what features -o OUT.html",
    "mask ALL",
    "mask MASK MASKED",
    "mask --length 9 --causal --window 3 -o OUT.html",
    "stats LABELS",
    "stats LABELS --what distance",
    "stats LABELS --profile -f markdown",
    "stats LABELS -o OUT.html",
    "inspect ALL",
    "inspect LABELS LAYER",
    "inspect UNKNOWN",
    "check RIGHT",
    "check RIGHT --simulate flash=bfloat16",
    "check RIGHT RIGHT --rtol 1e-3",
    "check WRONG",
    "check WRONG --no-diagnose",
    "check MINE --against THEIRS",
    "check ROWS --against THEIRS",
    "check THEIRS --against LABELS",
    "bench --length 8 --heads 1 --rounds 1 --against numpy --rope half",
    "cost --length 1024 --hidden-size 64 --flops 312T --bandwidth 2TB --memory 80GB",
    "cost --causal --window 3 --vary length=1024,2048,4096 -f markdown",
]
# Those in which something differs.
DIFFERENT = ("mask MASK ", "check WRONG", "check MINE", "check ROWS")
# What formulas, units, keys and files are called in every language.
SAME = """
attn all bool cos csv diag eps exp float16 float32 float64 int64 fp8 int4 int8 group32 json log max mean nat none npz
rms round rowsum sin sqrt tanh theta token true text NaN Enter Esc ALiBi RoPE KL True numpy rounds GB GiB KB KiB MB MiB
TB TiB dS dP dO dQ dK dV logit sink Ev on off
"""
# The papers that the lesson in tiles names, and the letters of their formulas.
PAPERS = """
Milakov Gimelshein Online normalizer calculation for softmax Rabe Staats Self-attention Does Not Need Memory
Dao FlashAttention FlashAttention-2 GPU ln l_new m_new o_new tiles
"""
# The programs of those who do one thing in different ways, and their flag.
LIBRARIES = "JAX ONNX TransformerEngine flash-attention transformers is_causal"
NAMES = {each for name in ARRAYS for each in (name, as_flag(name), f"expected_{name}")}
NAMES |= {each for name, record in records().items() for each in (name, as_flag(name), *record.choices)}
NAMES |= {*SAME.split(), *PAPERS.split(), *LIBRARIES.split(), *NUMBERS, *COMMANDS, *DIFFERENCES, *SIZES, *MISTAKES}
NAMES |= {*STAGES, *TYPES}
# Flags, the fields of sentences, formulas in LaTeX, exponents, terms beside their translation, and what an error says.
PLACEHOLDERS = re.compile(
    r"--[a-z-]+(?: (?:N|all|FILE|step))?|-[fo]\b|\{\w+\}|\$.*?\$|\d[\d.]*e[-+]?\d*|（[A-Za-z -]+）|unknown name '.*'"
)


ONE = ["--head", "0", "--batch", "0"]


def wrong_on_the_way(states: dict[str, Any]) -> dict[str, Any]:
    """Return scores that are masked already, and the weights and the output of a softmax that sees no mask."""
    scores = states["query"] @ states["key"].swapaxes(1, 2) / 2
    weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    closed = np.where(np.tri(4, dtype=bool), scores, np.float32(-1e9))
    expected = {"expected_scores": closed, "expected_weights": weights, "expected": weights @ states["value"] / 2}
    return {**expected, "options": '{"causal": true, "scale": "sqrt"}'}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return files in which no text is English, by the words that stand for them."""
    folder = tmp_path_factory.mktemp("said")
    rng = np.random.default_rng(3)
    archives = ("LAYER", "LABELS", "MASK", "MASKED", "RIGHT", "WRONG", "MINE", "THEIRS", "ROWS")
    named = {name: folder / f"{at}.npz" for at, name in enumerate(archives)}
    matrices: dict[str, Any] = {f"w_{letter}": rng.standard_normal((4, 4)).astype("f4") for letter in "qkvo"}
    np.savez(
        named["LAYER"],
        **matrices,
        b_q=np.ones(4, "f4"),
        q_norm=np.ones(2, "f4"),
        options='{"heads": 2, "qk_norm": "rms"}',
    )
    states: dict[str, Any] = {name: rng.standard_normal((2, 4, 4)).astype("f4") for name in ("query", "key", "value")}
    np.savez(named["LABELS"], **states, labels=["一", "二", "一", "二"])
    one = {name: array[:1, :1] for name, array in states.items()}
    np.savez(named["RIGHT"], **one, expected=one["value"])
    np.savez(named["WRONG"], **states, **wrong_on_the_way(states))
    causal: dict[str, Any] = {"mask": np.tri(4, dtype=bool)}
    np.savez(named["THEIRS"], **states, **causal)
    np.savez(named["ROWS"], **states, mask=np.tri(4, k=-1, dtype=bool))
    np.savez(named["MINE"], **{**states, "key": states["key"][:, ::-1]}, expected=states["value"], **causal)
    (folder / "u.json").write_text('{"甲": [[1, 2]], "乙": "文", "丙": {}}', encoding="utf-8")
    np.savez(named["MASK"], mask=np.tri(5, dtype=bool))
    np.savez(named["MASKED"], mask=np.tri(5, k=-1, dtype=bool))
    np.savetxt(folder / "h.csv", rng.standard_normal((3, 4)), delimiter=",")
    np.savetxt(folder / "s.csv", rng.standard_normal((3, 4)), delimiter=",")
    np.savetxt(folder / "w.csv", np.full((3, 3), 0.25), delimiter=",")
    lists = {name: folder / f"{name[0].lower()}.csv" for name in ("HIDDEN", "SCORES", "WEIGHTS")}
    lists["UNKNOWN"] = folder / "u.json"
    return named | lists | {"ALL": everything(folder)}


def shown(page: str) -> str:
    """Return what is written on a page, by itself, by its script, and for those who hear it."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    data = json.loads(found[1]) if found else {}
    told = [*data.get("words", {}).values(), *data.get("names", ()), *data.get("notes", ()), data.get("title", "")]
    told += re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', page)
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return "\n".join([re.sub("<[^>]*>", " ", text), *map(str, told)])


def english(text: str) -> dict[str, str]:
    """Return the words that are no names, each with the line in which it stands."""
    found = {}
    for line in text.splitlines():
        for word in re.findall(r"[A-Za-z][A-Za-z_'-]+\d*", PLACEHOLDERS.sub(" ", line.replace("\\_", "_"))):
            if word.removeprefix("d_").strip("-'") not in NAMES and not re.fullmatch("[Wwb]_[a-z]+", word):
                found[word] = line
    return found


def test_every_command_is_tried() -> None:
    """But for what needs a model, a list of names, and the reference, whose pages have tests of their own."""
    tried = {case.split()[0] for case in CASES}
    assert COMMANDS.keys() - tried == {"help", "probe", "trace"}


@pytest.mark.takes(3)
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_left_in_english(case: str, files: dict[str, Path], tmp_path: Path) -> None:
    """On standard output, on standard error, and in what is written."""
    out = {"OUT.html": tmp_path / "o.html", "OUT.svg": tmp_path / "o.svg"}
    words = [str(out.get(word, files[word].name if word in files else word)) for word in case.split()]
    ran = called(*words, "--lang", "zh", status=int(case.startswith(DIFFERENT)), cwd=files["ALL"].parent)
    text = ran.out + ran.err + "".join(shown(path.read_text("utf-8")) for path in out.values() if path.exists())
    assert words[0] in ("softmax", "sum") or re.search("[\u4e00-\u9fff]", text)
    assert english(text) == {}


@pytest.mark.takes(3)
@pytest.mark.parametrize("case", ["compute ALL", "grad ALL", "stats LABELS", "mask ALL", "mask MASK MASKED", "cost"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_programs_read_the_same_in_every_language(case: str, form: str, files: dict[str, Path]) -> None:
    """Names, numbers and sentences of JSON and CSV do not depend on who runs the program."""
    words = [str(files.get(word, word)) for word in case.split()]
    words += {"compute ALL": ONE, "mask ALL": ONE, "grad ALL": ["--step", "d_sinks"]}.get(case, [])
    status = int(case == "mask MASK MASKED")
    english, chinese = (called(*words, "-f", form, "--lang", lang, status=status).out for lang in ("en", "zh"))
    assert english == chinese
