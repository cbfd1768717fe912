"""The option ``--vary``: several values of one option of the computation, and what `attn compute` makes of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from attncli.commands.destination import TABLE, Destination, destination
from attncli.commands.groups import Group, setting
from attncli.commands.output import deliver_text, say
from attncli.commands.presentation import Output, Tables
from attncli.errors import InputError
from attncli.files.formats import DATA, FORMATS, RESULTS, of_suffix
from attncli.text import listed
from attncli.vary.values import Vary

if TYPE_CHECKING:
    from attncli.vary.report import Report

# What holds a comparison, and those of it that hold numbers alone, whatever tables would show.
HOLDING = tuple(each for each in RESULTS if each.text)
NUMBERS = tuple(each for each in HOLDING if each in DATA)


class Varying(Group):
    """Which option varies."""

    vary: Annotated[
        list[str] | None,
        setting(
            "--vary",
            "Compute it under several values of an option, side by side, and say what changes; semicolons separate "
            "values that hold commas, none leaves an option out.",
            metavar="OPTION=A,B[,…]",
        ),
    ] = None

    def chosen(self) -> Vary | None:
        """Return which option varies; None: none does.

        Raises:
            InputError: several do, or `Vary.parse` does not take it.
        """
        if not self.vary:
            return None
        if len(self.vary) > 1:
            raise InputError("--vary is given twice, and one option varies at a time", hint="give only one")
        return Vary.parse(self.vary[0])


def target(output: Output, tables: Tables, *, steps: bool) -> Destination:
    """Return where a comparison goes.

    Args:
        output: the format and the file that are asked for.
        tables: flags about tables.
        steps: whether steps are asked for by name.

    Raises:
        InputError: the format cannot hold it, or what is asked for has no effect on it.
    """
    asked = FORMATS[output.format] if output.format else of_suffix(output.output or "")
    if asked in DATA and asked not in HOLDING:
        those = listed((each.name for each in HOLDING if each is not TABLE), "or")
        hint = f"write {those}; or give one value at a time, without --vary"
        raise InputError(f"{asked.name} holds arrays alone, and not what --vary compares", hint=hint)
    where = destination(output, tables, known=HOLDING)
    if steps and where.kind in NUMBERS:
        message = f"--step has no effect on {where.kind.name} of --vary, which holds the output and what is measured"
        raise InputError(message, hint="leave it out, or use -f table or markdown")
    return where


def compare(report: Report, where: Destination) -> None:
    """Write a comparison, and its notices."""
    if where.kind is TABLE:
        deliver_text({TABLE.name: report.to_terminal}, report.view.screen, where)
    else:
        _write(_texts(report, where.kind.name), where)
    say(report.compared.said())


def _texts(report: Report, name: str) -> Iterable[str]:
    """Return a comparison in a format for programs, or to be pasted: JSON piece by piece, for it holds the outputs."""
    if name == "json":
        return report.to_json()
    return [report.to_markdown() if name == "markdown" else report.to_csv("\t" if name == "tsv" else ",")]


def _write(pieces: Iterable[str], where: Destination) -> None:
    """Write a long text piece by piece, as it is made."""
    from attncli.files.save import saving

    if where.path is not None:
        with saving(where.path, where.force) as file:
            for text in pieces:
                file.write(text.encode())
        return
    sys.stdout.flush()
    for text in pieces:
        sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
