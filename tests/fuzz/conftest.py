"""The flags of the fuzzer, and what it says at the end of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.campaign import Campaign, Limit
from tests.fuzz.guard import end_process

TRIED = pytest.StashKey[dict[str, Counter[str]]]()


@pytest.fixture
def campaign(request: pytest.FixtureRequest, tmp_path: Path) -> Campaign:
    """Return a campaign, which has its share of the minutes that the run may take."""
    config, session = request.config, request.session
    minutes, seed = config.getoption("--fuzz"), config.getoption("--fuzz-seed")
    sharing = sum("campaign" in getattr(item, "fixturenames", ()) for item in session.items)
    limit = Limit(None if minutes is None else 60 * minutes / sharing, seed)

    def give_up(text: str) -> None:
        if (capture := config.pluginmanager.getplugin("capturemanager")) is not None:
            capture.suspend_global_capture()
        end_process(text)

    made = Campaign(request.node.nodeid, limit, tmp_path, give_up)
    config.stash.setdefault(TRIED, {})[made.name] = made.tried
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how much was tried."""
    every = config.stash.get(TRIED, {})
    if not every:
        return
    terminalreporter.section("what the fuzzer tried")
    for name, tried in every.items():
        counts = ", ".join(f"{count} {what}" for what, count in tried.items())
        terminalreporter.write_line(f"{name.rpartition('::')[2]}: {counts}")
    whole = sum(tried["cases"] for tried in every.values())
    terminalreporter.write_line(f"{whole} cases in all")
