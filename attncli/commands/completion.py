"""Shell completion: installed or shown for the shell that is named, or else for the one that attn is called from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

# Typer's own options take no shell where it can tell which one is there.
from typer import Context, Option
from typer._completion_shared import _get_shell_name
from typer.completion import install_callback, show_callback

from attncli.errors import InputError

Shell = Literal["auto", "bash", "zsh", "fish", "powershell", "pwsh"]
# The variable in which a shell asks what completes.
COMPLETING = "_ATTN_COMPLETE"
INSTALL, SHOW = "--install-completion", "--show-completion"


def with_shells(arguments: Sequence[str]) -> list[str]:
    """Return the words of a command line with ``auto`` where an option about completion names no shell.

    >>> with_shells(["--install-completion"]), with_shells(["--show-completion", "zsh"])
    (['--install-completion', 'auto'], ['--show-completion', 'zsh'])
    """
    found: list[str] = []
    for at, word in enumerate(arguments):
        found.append(word)
        if word in (INSTALL, SHOW) and (at + 1 == len(arguments) or arguments[at + 1].startswith("-")):
            found.append("auto")
    return found


def _shell(asked: str) -> str:
    shell = _get_shell_name() if asked == "auto" else asked
    if shell is None:
        raise InputError("cannot tell which shell this is", hint=f"name it: attn {INSTALL} zsh")
    return shell


def _install(context: Context, param: Any, value: str | None) -> None:
    if value is not None and not context.resilient_parsing:
        install_callback(context, param, _shell(value))


def _show(context: Context, param: Any, value: str | None) -> None:
    if value is not None and not context.resilient_parsing:
        show_callback(context, param, _shell(value))


InstallOption = Annotated[
    Shell | None,
    Option(
        INSTALL,
        callback=_install,
        is_eager=True,
        metavar="[SHELL]",
        help="Install completion for a shell: bash, zsh, fish, powershell or pwsh (default: this one).",
    ),
]
ShowOption = Annotated[
    Shell | None,
    Option(
        SHOW,
        callback=_show,
        is_eager=True,
        metavar="[SHELL]",
        help="Print what completes for a shell, to be installed by hand.",
    ),
]
