"""Completion for the shell that is named, in a home folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from attncli.attend.steps import STEPS
from attncli.commands.registry import COMMANDS
from tests.support.processes import attn

SCRIPTS = {"bash": ".bash_completions/attn.sh", "zsh": ".zfunc/_attn", "fish": ".config/fish/completions/attn.fish"}


@pytest.mark.parametrize("shell", SCRIPTS)
@pytest.mark.parametrize("spelling", ["{} {}", "{}={}"])
def test_it_is_installed_for_the_shell_that_is_named(shell: str, spelling: str, tmp_path: Path) -> None:
    """Where that shell looks for it, and the same is shown; whichever shell attn was called from."""
    home = {"HOME": str(tmp_path)}
    ran = attn(*spelling.format("--install-completion", shell).split(), env=home)
    script = (tmp_path / SCRIPTS[shell]).read_text()
    assert ran.out.startswith(f"{shell} completion installed in {tmp_path / SCRIPTS[shell]}\n")
    assert f"_ATTN_COMPLETE=complete_{shell}" in script
    assert attn(*spelling.format("--show-completion", shell).split(), env=home).out.strip() == script.strip()
    if shell == "zsh":
        assert script.startswith("#compdef attn\n")
        assert "fpath+=~/.zfunc" in (tmp_path / ".zshrc").read_text()


def test_a_shell_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """With those that there are, and nothing is written."""
    err = attn("--install-completion", "tcsh", status=2, env={"HOME": str(tmp_path)}).err
    assert err.startswith("attn: Invalid value for '--install-completion': 'tcsh' is not one of ")
    assert "'zsh'" in err
    assert not list(tmp_path.iterdir())


def test_what_the_shells_ask_is_answered() -> None:
    """The commands, their options, and the steps; nothing, and not a word, where there is no such command."""

    def asked(line: str) -> list[str]:
        words = line.split(" ")
        env = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_ATTN_COMPLETE": "complete_bash"}
        ran = attn(env=env)
        assert ran.err == ""
        return ran.out.split()

    assert asked("attn ") == list(COMMANDS)
    assert asked("attn comp") == ["compute"]
    assert asked("attn compute --alib") == ["--alibi"]
    assert asked("attn explain --step ") == [*STEPS, "tiles", "backward"]
    assert asked("attn compute --step s") == ["score", "softmax", "sum"]
    assert asked("attn nothing --alib") == []
