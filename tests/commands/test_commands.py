"""Every command: standard output, standard error, exit status, with and without a terminal; mostly as a process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from attncli.commands.registry import COMMANDS
from tests.support.files import files
from tests.support.places import ROOT, SAMPLES
from tests.support.processes import attn, called, environment, in_terminal

ARTICLE = SAMPLES / "article.json"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

TABLES = """\
Weighted sum of hidden states: one query meets two states, which are columns
query 5 float64 · hidden 5×2 float64
score dot · scale none · states columns · computed in float64

scores = scale · query · keyᵀ   1×2
     0   1
───────────
 0  55  70

weights = softmax(logits)   1×2
            0       1
──────────────────────
 0  3.059e-07  1.0000

output = weights · value   1×5
        0      1      2      3      4
──────────────────────────────────────
 0  2.000  3.000  4.000  5.000  6.000
"""


def stripped(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def test_compute_prints_every_step() -> None:
    """Shapes and options above, then scores, weights, output; nothing on standard error."""
    ran = attn("compute", ARTICLE)
    assert (stripped(ran.out), ran.err) == (TABLES, "")


def test_a_terminal_gets_the_same_in_colour() -> None:
    """The numbers are those of the pipe; the largest weight has a background of its own."""
    screen = in_terminal("compute", ARTICLE)
    assert stripped(ESCAPE.sub("", screen)) == TABLES
    assert re.search(r"\x1b\[38;5;16;48;5;\d+m *1\.0000", screen)


@pytest.mark.parametrize(
    ("env", "flags", "coloured"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_colour_in_a_pipe(env: dict[str, str], flags: list[str], coloured: bool) -> None:
    """Off unless it is forced; the flag has the last word."""
    assert ("\x1b[" in attn("compute", ARTICLE, *flags, env=env).out) == coloured


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colour(env: dict[str, str]) -> None:
    """NO_COLOR and TERM=dumb are honoured."""
    assert "\x1b" not in in_terminal("compute", ARTICLE, env=env)


def test_an_ascii_terminal_gets_ascii() -> None:
    """Where there are no such characters, others stand for them."""
    out = attn("compute", ARTICLE, env={"PYTHONIOENCODING": "ascii", "LANG": "C"}).raw
    assert out.isascii()
    assert b"scores = scale * query * key" in out


def test_compute_as_json() -> None:
    """Strict JSON: title, options, labels, and every step by its name."""
    made = json.loads(attn("compute", SAMPLES / "induction.npz", "-f", "json", "--head", "6").out)
    assert list(made) == [
        "title",
        "source",
        "options",
        "show",
        "dtype",
        "query_labels",
        "key_labels",
        "scores",
        "logits",
        "weights",
        "lse",
        "output",
    ]
    assert (made["options"], made["dtype"]) == ({"scale": 0.125, "causal": True}, "float32")
    assert made["logits"][0][1:] == [None] * 15
    assert made["weights"][0] == [1.0] + [0.0] * 15
    assert np.array(made["output"]).shape == (16, 64)


def test_one_matrix_formats_carry_the_output_or_the_step_asked_for(tmp_path: Path) -> None:
    """CSV, TSV and NPY; weighted-sum is sum; score gives logits."""
    assert called("compute", ARTICLE, "-f", "csv", "--step", "score").out == "55.0,70.0\n"
    assert called("compute", ARTICLE, "-f", "tsv", "--step", "score").out == "55.0\t70.0\n"
    whole = called("compute", ARTICLE, "-f", "npy").raw
    assert whole == called("compute", ARTICLE, "-f", "npy", "--step", "weighted-sum").raw
    (tmp_path / "out.npy").write_bytes(whole)
    assert np.load(tmp_path / "out.npy").shape == (5,)


def test_a_file_is_written_in_the_format_of_its_extension(tmp_path: Path) -> None:
    """Nothing on standard output."""
    assert attn("compute", ARTICLE, "-o", tmp_path / "a.npz").out == ""
    assert attn("compute", ARTICLE, "-o", tmp_path / "a.json").out == ""
    attn("compute", ARTICLE, "-o", tmp_path / "a.md")
    attn("compute", ARTICLE, "-o", tmp_path / "a.txt")
    assert np.load(tmp_path / "a.npz")["scores"].tolist() == [55, 70]
    assert json.loads((tmp_path / "a.json").read_text())["scores"] == [55, 70]
    assert (tmp_path / "a.md").read_text() == attn("compute", ARTICLE, "-f", "markdown").out
    assert stripped((tmp_path / "a.txt").read_text()) == TABLES
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_filters_print_tables_on_a_terminal_and_json_in_a_pipe() -> None:
    """The JSON carries the problem on; the table is that of compute."""
    piped = json.loads(attn("score", ARTICLE).out)
    assert list(piped) == ["title", "options", "query", "hidden", "scores", "logits"]
    screen = ESCAPE.sub("", in_terminal("score", ARTICLE, "--color", "never"))
    assert stripped(screen) == TABLES[: TABLES.index("weights") - 1]


def test_filters_carry_the_sum_of_a_vector_that_sees_nothing() -> None:
    """It is −∞, a number and no list: null in JSON."""
    arrays = {"query": [1, 2], "hidden": [[1, 2], [3, 4]]}
    whole = json.dumps(arrays | {"options": {"causal": True, "offset": -1}}).encode()
    for command in ("score", "softmax"):
        whole = called(command, stdin=whole).raw
    assert json.loads(whole)["lse"] is None
    assert json.loads(called("sum", "-f", "json", stdin=whole).out)["output"] == [0, 0]


def test_filters_work_on_any_matrices(tmp_path: Path) -> None:
    """softmax on logits alone, sum on weights and values; equal logits share equally."""
    (tmp_path / "scores.csv").write_text(",cat,dog\nit,5,5\n")
    (tmp_path / "values.csv").write_text("2,4\n4,8\n")
    weights = attn("softmax", "scores.csv", "-f", "csv", cwd=tmp_path).out
    assert weights == ",cat,dog\nit,0.5,0.5\n"
    (tmp_path / "weights.csv").write_text(weights)
    assert attn("sum", "weights.csv", "values.csv", "-f", "csv", cwd=tmp_path).out == ",0,1\nit,3.0,6.0\n"
    assert attn("softmax", "-", "-f", "csv", stdin=b"[[1000, -Infinity]]").out == "1.0,0.0\n"


def test_standard_input_and_process_substitution() -> None:
    """- is told by its bytes; a pipe by a path works like a file."""
    for path in (ARTICLE, SAMPLES / "decode.npz"):
        assert (
            attn("compute", "-", "-f", "json", stdin=path.read_bytes()).out == attn("compute", path, "-f", "json").out
        )
    query = (SAMPLES / "article-query.npy").read_bytes()
    hidden = SAMPLES / "article-hidden.csv"
    assert attn("compute", "-", hidden, "--states", "columns", "-f", "csv", "--step", "score", stdin=query).out == (
        ",first,second\n0,55.0,70.0\n"
    )


def test_flags_override_the_file(tmp_path: Path) -> None:
    """Options and arrays alike; archives give up single arrays."""
    (tmp_path / "mask.csv").write_text("true,false\n")
    ran = called("compute", ARTICLE, "--mask", tmp_path / "mask.csv", "-f", "csv", "--step", "softmax")
    assert ran.out == "1.0,0.0\n"
    assert called("compute", ARTICLE, "--scale", "0.5", "-f", "csv", "--step", "score").out == "27.5,35.0\n"
    causal = called("compute", SAMPLES / "induction.npz", "--no-causal", "-f", "json", "--step", "score", "--head", 0)
    assert "null" not in causal.out
    one = called("compute", f"{SAMPLES}/ocr.npz:q", f"{SAMPLES}/ocr.npz:k", f"{SAMPLES}/ocr.npz:v", "-f", "npy").raw
    assert one == called("compute", SAMPLES / "ocr.npz", "-f", "npy").raw


def test_heads_and_batch_items_are_chosen(tmp_path: Path) -> None:
    """--head N drops the axis; --head all prints one table after the other."""
    made = json.loads(called("compute", SAMPLES / "ocr.npz", "-f", "json", "--head", 7, "--step", "score").out)
    whole = json.loads(called("compute", SAMPLES / "ocr.npz", "-f", "json", "--step", "score").out)
    assert made["scores"] == whole["scores"][7]
    tables = called("compute", SAMPLES / "ocr.npz", "--head", "all", "--step", "softmax").out
    assert [f"head {head} of 8, 27×27" in tables for head in range(9)] == [True] * 8 + [False]
    np.save(tmp_path / "q.npy", np.random.default_rng(0).standard_normal((2, 3, 4, 5)))
    out = called("compute", tmp_path / "q.npy", "--batch", "1", "--head", "2", "-f", "csv").out
    whole = json.loads(called("compute", tmp_path / "q.npy", "-f", "json", "--step", "sum").out)["output"]
    assert [[float(cell) for cell in line.split(",")] for line in out.splitlines()] == whole[1][2]


def test_rows_cols_and_digits() -> None:
    """The first and last rows and columns, with dots between."""
    out = called("compute", SAMPLES / "ocr.npz", "--step", "score", "--rows", "3", "--cols", "2", "--digits", "2").out
    head, rule, *rows = stripped(out).splitlines()[-6:]
    assert (head.split(), set(rule)) == (["0", "…", "26"], {"─"})
    assert [row.split()[0] for row in rows] == ["0", "1", "…", "26"]
    assert re.fullmatch(r" 0 +-?\d\.\d+  … +-?\d\.\d+", rows[0])


def test_help_groups_commands_and_gives_examples() -> None:
    """Every command stands in the help, and its own help has an example that names it."""
    out = attn("--help").out
    assert [line.rstrip(":") for line in out.splitlines() if line in ("Compute:", "Understand:")] == [
        "Compute",
        "Understand",
    ]
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE)
        text = called(name, "--help").out
        assert re.search(rf"Examples:\n( +attn .*\n)* +attn (\S+ )?{name}|\| attn {name}", text), name
    assert attn().out == attn("-h").out == out


def test_version() -> None:
    """--version prints the version and nothing else."""
    assert attn("--version").out == "attn 0.1.0\n"


def test_inspect_says_what_compute_would_do(tmp_path: Path) -> None:
    """Counts of NaN and ∞, where options come from, and why compute cannot run."""
    (tmp_path / "f.json").write_text('{"query": [1, "NaN", "Infinity"], "hidden": [[1, 2]], "options": {"scale": 2}}')
    found = json.loads(called("inspect", "f.json", "-f", "json", "--causal", cwd=tmp_path).out)
    assert found["arrays"]["query"] == {
        "shape": [3],
        "dtype": "float64",
        "least": 1.0,
        "most": 1.0,
        "nan": 1,
        "infinite": 1,
        "file": "f.json",
    }
    assert found["options"] == {
        "scale": {"value": 2.0, "source": "f.json"},
        "causal": {"value": True, "source": "--causal"},
    }
    assert (found["computable"], found["verdict"]) == (
        False,
        "compute cannot run: query 3 and hidden 1×2 do not fit: each query has 3 features, each key 2",
    )


def test_start_up_loads_no_more_than_it_needs() -> None:
    """Help and version load neither NumPy nor Rich, JSON out no Rich, Python use neither Typer nor Rich."""
    program = "import sys; from attncli.commands.app import main; main({words!r}); print(*sorted(sys.modules))"
    cases = {
        program.format(words=["--help"]): {"numpy", "rich"},
        program.format(words=["--version"]): {"numpy", "rich"},
        program.format(words=["compute", "samples/article.json", "-f", "json"]): {"rich"},
    }
    python = "import attncli, sys; {line}; print(*sorted(sys.modules))"
    for line, banned in {
        "": {"numpy", "rich", "typer", "attncli.notebook", "attncli.attend"},
        "attncli.attention([1], hidden=[[1]])": {"rich", "typer", "attncli.notebook"},
        "attncli.load('sample:decode').steps()": {"rich", "typer", "matplotlib", "attncli.explain", "attncli.plot"},
        "attncli.steps([1], hidden=[[1]])._repr_html_()": {"typer", "matplotlib", "attncli.explain", "attncli.problem"},
    }.items():
        cases[python.format(line=line or "pass")] = banned
    for code, banned in cases.items():
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), cwd=ROOT, check=True
        )
        assert not banned & set(done.stdout.splitlines()[-1].split()), code


def test_a_small_output_is_to_the_last_digit_what_the_pipe_gives() -> None:
    piped = attn("score", "samples/induction.npz").raw
    for step in ("softmax", "sum"):
        piped = attn(step, *(["-f", "npy"] if step == "sum" else []), stdin=piped).raw
    assert piped == attn("compute", "samples/induction.npz", "-f", "npy").raw


def test_null_closes_a_key_in_a_matrix_without_a_name_too() -> None:
    logits = called("score", "samples/article.json", "--window", "0,0").out
    closed = json.dumps([json.loads(logits)["logits"]]).encode()
    assert b"null" in closed
    assert called("softmax", "-", "-f", "csv", stdin=closed).out == "1.0,0.0\n"


def test_the_labels_of_a_cache_go_before_the_others(tmp_path: Path) -> None:
    files(tmp_path, {"l.csv": "word,a,b\ncat,1,2\nsat,0,1\n", "p.csv": "3,1\n2,2\n4,1\n"})
    run = called("compute", "l.csv", "--past-key", "p.csv", "--past-value", "p.csv", cwd=tmp_path)
    assert "0       1       2     cat     sat" in run.out


def test_what_has_no_part_in_the_computation_is_told(tmp_path: Path) -> None:
    files(tmp_path, {"w.csv": "1,0\n0,1\n", "q.csv": "1,2\n"})
    run = called("compute", "q.csv", "--w-a", "w.csv", "--rope-theta", "100", "--offset", "1", cwd=tmp_path)
    assert run.err.splitlines() == [
        "attn: notice: w_a has no effect with --score dot; it belongs to --score general or additive",
        "attn: notice: rope-theta has no effect without --rope",
        "attn: notice: offset has no effect without --causal, --window, --chunk, --segments, --cu-seqlens, --alibi or "
        "--rope",
    ]


def test_flags_of_an_array_by_names_that_it_once_had(tmp_path: Path) -> None:
    """Each sets it, and filters call it by the name that it has now; two at once are refused."""
    files(tmp_path, {"w.csv": "0,1\n2,0\n", "q.csv": "3,4\n", "h.csv": "1,2\n"})
    words = ["q.csv", "h.csv", "--score", "general", "--w-score", "w.csv"]
    written = json.loads(called("score", *words, cwd=tmp_path).out)
    assert (written["w_a"], written["scores"]) == ([[0, 1], [2, 0]], [[3 * 2 + 4 * 2 * 1]])
    assert "w_score" not in written
    refused = called("score", *words, "--w-query", "w.csv", cwd=tmp_path, status=2)
    assert refused.err == "attn: w_a is given twice, as 'w_score' and as 'w_query'\n"
