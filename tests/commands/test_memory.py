"""What commands reckon with before they begin is what their processes take; and what they do where it is short."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.memory import beyond_start
from tests.support.processes import attn, environment

STEPS = "--step score --step softmax --step sum"
# Commands on files of N rows, and in capitals what the files hold: each takes many times what its start does.
COMMANDS = (
    (1200, f"compute STATES {STEPS} -f json"),
    (1200, "compute STATES --step softmax -o out.csv"),
    (2000, f"compute STATES {STEPS} -f npz"),
    (2000, f"compute STATES {STEPS} -o out.npz"),
    (2000, "compute STATES --step softmax -f npy"),
    (2000, "compute STATES --causal --window 100,0 --softcap 3 --alibi --step softmax -o out.npy"),
    (2000, "compute STATES --mask OPEN --bias SQUARE --step softmax -o out.npy"),
    (2000, "compute STATES --score cosine --rope half --step score -o out.npy"),
    (600, "compute STATES --rows all --cols all"),
    (600, "compute STATES --rows all --cols all -f markdown"),
    (400_000, "compute WIDE FEW FEW --vary scale=none,sqrt,2 -f csv"),
    (200_000, "compute WIDE FEW FEW --vary scale=none,sqrt,2 -f json"),
    (400, "compute STATES --rows all --cols all --vary scale=none,sqrt,2"),
    (2000, "softmax SQUARE -o out.npy"),
    (2000, "softmax HALF -o out.npz"),
    (2000, "sum HALF STATES -f csv"),
    (200_000, "compute WIDE FEW FEW -f npy"),
    (200_000, "compute WIDE FEW FEW --rope half -o out.npy"),
    (200_000, "compute HEADS SHORT SHORT --layout bshd -f npy"),
    (200_000, "compute HEADS SHORT SHORT --layout bshd -o out.npz"),
    (1000, f"compute HEADS --layout bshd {STEPS} -o out.npz"),
    (1500, "grad STATES --mask OPEN --bias SQUARE --softcap 3 --alibi --step d_logits --step d_bias -o out.npz"),
    (1500, "grad STATES --step d_logits -o out.npy"),
    (3000, "grad WIDE --bias SQUARE --step d_bias -o out.npy"),
    (200_000, "grad WIDE FEW FEW -o out.npz"),
    (200_000, "grad WIDE FEW FEW --rope half --step d_query -o out.npy"),
    (2000, "plot WIDE"),
    (1500, "plot STATES -o out.html"),
    (2000, "explain STATES --rows all"),
    (2000, "explain STATES --rows all --step backward"),
    (200_000, "explain WIDE --step backward"),
    (1500, "explain STATES -o out.html"),
    (2000, "explain STATES --rows all --step tiles --tile 1"),
    (60_000, "explain WIDE --step tiles --tile 1"),
    (200_000, "explain WIDE --step tiles"),
    (2000, "stats STATES --threads 8"),
    (2000, "stats STATES --profile --threads 6 -f json"),
    (1500, "stats STATES --rollout -f json"),
    (40_000, "check WIDE FEW FEW --expected WIDE --no-diagnose"),
    (2000, "check STATES --expected STATES"),
    (2000, "check STATES --expected-weights SQUARE --no-diagnose"),
)


@pytest.mark.takes(8)
@pytest.mark.parametrize(("count", "command"), COMMANDS, ids=[command for _, command in COMMANDS])
def test_what_is_reckoned_is_what_is_taken(tmp_path: Path, count: int, command: str) -> None:
    """At least nine tenths of the measured peak and at most twice as much, without what the process takes anyway."""
    taken, reckoned = beyond_start(tmp_path, count, command, status=int(command.startswith("check")))
    assert 0.9 * taken <= reckoned <= 2 * taken


def test_a_limit_refuses_before_anything_is_printed_or_written(tmp_path: Path) -> None:
    """What would take 150 MB, within 130: one line, and neither half a file nor half an output."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((2000, 16)))
    for words in (["-f", "json"], ["-o", "out.json"], ["-o", "out.csv"]):
        done = limited("compute", "x.npy", "--causal", "--step", "softmax", *words, most=130 << 20, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, b"")
        assert re.fullmatch(
            r"attn: each matrix of scores or weights would take 32\.0 MB \(2000×2000 float64\); 1\d\d\.\d MB of memory "
            r"are needed, \d+\.\d MB are available\nhint: .*\n",
            done.stderr.decode(),
        )
        assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("command", ["softmax", "plot", "explain", "sum"])
def test_other_commands_refuse_too(tmp_path: Path, command: str) -> None:
    """Which were killed where they did not look."""
    np.save(tmp_path / "x.npy", np.full((3000, 3000), 1 / 3000, dtype="f2"))
    words = {"explain": ["x.npy", "--rows", "all"], "sum": ["x.npy", "x.npy"]}.get(command, ["x.npy"])
    done = limited(command, *words, most=90 << 20, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"of memory are needed" in done.stderr


def test_pages_that_a_small_table_multiplies_are_refused(tmp_path: Path) -> None:
    """One page of 0.5 MB, named a thousand times: nothing is copied before it is known to fit."""
    np.savez(
        tmp_path / "p.npz",
        query=np.ones((1, 8)),
        key=np.ones((1, 8192, 1, 8)),
        value=np.ones((1, 8192, 1, 8)),
        block_table=np.zeros((1, 1000), dtype=int),
    )
    for command in ("compute", "check", "inspect"):
        words = ["--expected", "p.npz:query"] if command == "check" else []
        done = limited(command, "p.npz", *words, most=400 << 20, cwd=tmp_path)
        out = (done.stderr + done.stdout).decode().replace("\n", " ")
        assert done.returncode == 2 - 2 * (command == "inspect")
        assert re.search(r"the keys and values that block_table names would take 1\.0 GB; 1\.0 GB of memory are", out)


def limited(*words: str, most: int, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command that may hold this many bytes of data."""
    script = f"import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, ({most}, {most})); "
    script += "from attncli.__main__ import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        env=environment(OPENBLAS_NUM_THREADS="1"),
        cwd=cwd,
        check=False,
    )


def test_a_long_text_is_announced_before_it_is_begun(tmp_path: Path) -> None:
    """How long it will be about, and what would be shorter; a reader that leaves ends it."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((2300, 4)))
    words = [sys.executable, "-m", "attncli", "compute", "x.npy", "--step", "softmax", "-f", "csv"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = process.stderr.readline().decode()
        begun = os.read(process.stdout.fileno(), 1)
        process.stdout.close()
        rest = process.stderr.read()
    length, shorter = re.fullmatch(
        r"attn: notice: about (\d+\.\d) MB of CSV will be written; the same would be (\d+\.\d) MB as NPY\n", told
    ).groups()  # type: ignore[union-attr]
    assert 0.8 < float(length) / (2300 * 2300 * 22e-6) < 1.2  # a weight of 17 digits, its exponent and a comma
    assert float(shorter) == 42.3
    assert (len(begun), rest) == (1, b"")


def test_a_large_problem_is_written_in_brief(tmp_path: Path) -> None:
    """More than 2²⁰ scores: the output alone, unless steps are asked for; a small problem and a filter write all."""
    np.save(tmp_path / "large.npy", np.random.default_rng(0).standard_normal((1025, 3), dtype="f4"))
    np.save(tmp_path / "small.npy", np.random.default_rng(0).standard_normal((1024, 3), dtype="f4"))

    def written(*words: str) -> tuple[list[str], str]:
        ran = attn(*words, "-o", "o.npz", "--force", cwd=tmp_path)
        return sorted(np.load(tmp_path / "o.npz").files), ran.err

    every = ["logits", "lse", "output", "scores", "weights"]
    assert written("compute", "small.npy") == (every, "")
    assert written("compute", "large.npy") == (
        ["output"],
        "attn: notice: there are 1050625 scores: only the output is written; --step score --step softmax --step sum "
        "writes all steps\n",
    )
    assert written("compute", "large.npy", "--step", "score", "--step", "softmax", "--step", "sum") == (every, "")
    assert written("compute", "large.npy", "--step", "softmax") == (["lse", "weights"], "")
    assert written("score", "large.npy") == (["hidden", "logits", "query", "scores"], "")
