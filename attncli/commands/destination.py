"""Where an output goes, and in what format: what -f, -o and the flags about tables say together."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from attncli.errors import InputError
from attncli.files.formats import FOLDERS, FORMATS, WRITTEN, Format, Holds, of_output, suffixes, that_hold
from attncli.text import listed

# The format for terminals.
TABLE = FORMATS["table"]
STDOUT = "-"


class Target(Protocol):
    """A place to write to, as given by the parameter groups of several commands."""

    output: str | None
    force: bool


class FormattedTarget(Target, Protocol):
    """A target of which the format may be given too."""

    @property
    def format(self) -> str | None:
        """The name of the format; None: that of the extension, or the command's own on standard output."""


class Shown(Protocol):
    """Flags about what a screen shows, as given by the parameter groups of several commands."""

    def given(self) -> dict[str, Any]:
        """Return all values by name."""


# The formats on which such a flag has an effect. Colours have one on a terminal alone, and files have none.
READ = that_hold(Holds.TABLES, Holds.PAGE)
EFFECTS = {"digits": READ, "rows": READ, "cols": READ, "width": (TABLE,), "color": (TABLE,)}
# The values that ask for nothing, or for nothing that any other format could not do.
IDLE = (None, "auto", "never")


@dataclass(frozen=True)
class Destination:
    """Where an output goes, and in what format.

    Attributes:
        kind: the format.
        path: the file; None is standard output.
        force: whether an existing file is written over.
        chunks: the shape of the chunks in which a folder keeps its arrays; None: as they are chosen.
    """

    kind: Format
    path: str | None = None
    force: bool = False
    chunks: tuple[int, ...] | None = None


def destination(
    output: FormattedTarget, shown: Shown, default: str = TABLE.name, known: Iterable[Format] = WRITTEN
) -> Destination:
    """Return where the output goes, after checking that it can be written there.

    Args:
        output: the format and the file that are asked for.
        shown: flags about tables, which other formats do not have.
        default: the format of standard output if none is asked for.
        known: the formats of the command.

    Raises:
        InputError: as `target_format` and `refuse_idle`, or the format is not for terminals.
    """
    asked, known = FORMATS[output.format] if output.format else None, tuple(known)
    kind = target_format(output, known, asked)
    found = Destination(asked or FORMATS[default]) if kind is None else Destination(kind, output.output, output.force)
    found = replace(found, chunks=_chunks(getattr(output, "chunks", None), found))
    refuse_idle(shown, found, known)
    if found.path is None and not found.kind.text and sys.stdout.isatty():
        hint = f"use -o FILE{found.kind.suffix}, or a pipe"
        raise InputError(f"{found.kind.name} is not for terminals", hint=hint)
    return found


def _chunks(given: str | None, where: Destination) -> tuple[int, ...] | None:
    """Return the shape of chunks that is asked for.

    Raises:
        InputError: it is none, or the output has no chunks.
    """
    if given is None:
        return None
    if not where.kind.is_folder:
        hint = f"leave it out, or write a {listed(suffixes(FOLDERS), 'or')} file"
        raise InputError(f"--chunks has no effect on {where.path or where.kind.name}", hint=hint)
    sizes = given.split(",")
    if not all(each.strip().isascii() and each.strip().isdecimal() and int(each[:19]) > 0 for each in sizes):
        raise InputError(
            f"--chunks is a whole number for each axis, not {given[:40]!r}", hint="as in --chunks 1,8,4096,64"
        )
    return tuple(int(each[:19]) for each in sizes)


def refuse_idle(shown: Shown, where: Destination, known: Iterable[Format] = WRITTEN) -> None:
    """Refuse flags about tables where there is no table.

    Raises:
        InputError: with the flag, and the formats of the command for which it is.
    """
    given = shown.given()
    for flag, kinds in EFFECTS.items():
        on_terminals = flag == "color"
        if given.get(flag) in IDLE or (where.kind in kinds and not (on_terminals and where.path)):
            continue
        what = where.path or f"{where.kind.name} on standard output"
        those = [each for each in known if each in kinds and not on_terminals]
        hint = f", or use -f {listed((each.name for each in those), 'or')}" if those else ""
        if those and where.path:
            hint = f", or write a {listed(suffixes(those), 'or')} file"
        asked = f"--{flag} {given[flag]}" if on_terminals else f"--{flag}"
        raise InputError(f"{asked} has no effect on {what}", hint=f"leave it out{hint or '; it is for terminals'}")


def target_format(output: Target, known: Iterable[Format] = WRITTEN, asked: Format | None = None) -> Format | None:
    """Return the format of the requested file, after checking that it can be written; None: it is no file.

    Args:
        output: where to write.
        known: the formats to choose from.
        asked: the format that is asked for, whatever the extension.

    Raises:
        InputError: the extension is not that of a format, or of another one than is asked for; the file exists, or its
            folder does not.
    """
    if output.output is None or output.output == STDOUT:
        return None
    from attncli.files.save import check_target

    found = of_output(output.output, known, asked)
    check_target(output.output, output.force)
    return found
