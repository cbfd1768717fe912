"""Which tests run."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# A shell starts jobs in the background with SIGINT and SIGQUIT ignored, nohup with SIGHUP; what the tests start would
# inherit that.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
settings.register_profile("attncli", deadline=None, database=None, derandomize="CI" in os.environ)
settings.load_profile("attncli")
# Asserts in helpers show what differs, as those in test modules do.
pytest.register_assert_rewrite("tests.support")


# Folders of tests that run only when they are asked for: they need much that the others do without, or take long.
JOBS = {
    "oracles": "the comparisons with PyTorch, JAX, Keras and transformers (pip install -e '.[oracles]')",
    "pictures": "pictures by matplotlib, and the page in Chromium (pip install -e '.[pictures]')",
    "traces": "traces of real models, and safetensors files (.ci/run says what to install)",
    "thorough": "every case of the tests of which a plain run takes some, and of every mistake (minutes)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for job, what in JOBS.items():
        parser.addoption(f"--{job}", action="store_true", help=f"run {what}")
    parser.addoption("--fuzz", type=float, metavar="MINUTES", help="let the fuzzer try for so long (a run tries a few)")
    parser.addoption("--fuzz-seed", type=int, metavar="SEED", help="repeat one case of the fuzzer")


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"{job}: {'run' if config.getoption(f'--{job}') else 'left out'}: {what}" for job, what in JOBS.items()]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    job = collection_path.name
    return True if job in JOBS and not config.getoption(f"--{job}") else None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "takes(every): a plain run takes one of so many of its cases, --thorough all")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a plain run does not take of the tests that are marked so."""
    if config.getoption("--thorough"):
        return
    seen: Counter[str] = Counter()
    left_out = []
    for item in items:
        if (mark := item.get_closest_marker("takes")) is None:
            continue
        test = item.nodeid.partition("[")[0]
        if seen[test] % mark.args[0]:
            left_out.append(item)
        seen[test] += 1
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=left_out)
