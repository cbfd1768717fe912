"""What all tests share: real processes, a real terminal, and golden files that one switch rewrites."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
GOLDEN = Path(__file__).parent / "golden"

settings.register_profile("attncli", deadline=None, database=None, derandomize="CI" in os.environ)
settings.load_profile("attncli")


# Folders of tests that run only when they are asked for: they need much that the others do without, or take long.
JOBS = {
    "oracles": "the comparisons with PyTorch, JAX, Keras and transformers (pip install -e '.[oracles]')",
    "pictures": "pictures by matplotlib, and the page in Chromium (pip install -e '.[pictures]')",
    "traces": "traces of real models, and safetensors files (.ci/run says what to install)",
    "thorough": "every generated case of a mistake, where a plain run takes some (minutes)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for job, what in JOBS.items():
        parser.addoption(f"--{job}", action="store_true", help=f"run {what}")


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"{job}: {'run' if config.getoption(f'--{job}') else 'left out'}: {what}" for job, what in JOBS.items()]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    job = collection_path.name
    return True if job in JOBS and not config.getoption(f"--{job}") else None


@dataclass(frozen=True)
class Ran:
    """What a process wrote."""

    out: str
    err: str
    raw: bytes


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which nothing but the test decides on width, colour and language."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return kept | {"COLUMNS": "80", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)} | more


def attn(
    *arguments: object,
    stdin: bytes = b"",
    status: int = 0,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
) -> Ran:
    """Run the program as a process of its own and fail on any exit status but the announced one."""
    done = subprocess.run(
        [sys.executable, "-m", "attncli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(**(env or {})),
        timeout=120,
        check=False,
    )
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode()
    assert done.returncode == status, f"exit status {done.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return Ran(out, err, done.stdout)


def in_terminal(
    *arguments: object, status: int = 0, columns: int = 100, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> str:
    """Run the program on a pseudo-terminal and return what it wrote there; fail on any exit status but this one."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        words = [sys.executable, "-m", "attncli", *map(str, arguments)]
        os.execve(
            sys.executable, words, environment(**{"COLUMNS": str(columns), "TERM": "xterm-256color"} | (env or {}))
        )
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
    return b"".join(chunks).decode().replace("\r\n", "\n")


Golden = Callable[[str, str], None]


@pytest.fixture
def golden() -> Golden:
    """Compare with a golden file; ATTN_REWRITE=1 writes it anew, for `git diff` to show."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("ATTN_REWRITE"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


def files(folder: Path, contents: dict[str, bytes | str]) -> Sequence[Path]:
    """Write files and return their paths."""
    paths = []
    for name, data in contents.items():
        path = folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        paths.append(path)
    return paths
