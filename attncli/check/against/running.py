"""Compare two dumps: read, pair, compare each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attncli.check.against.cell import Before
from attncli.check.against.pairing import paired
from attncli.check.against.rows import Against, Row, row_of
from attncli.check.against.side import Side
from attncli.check.against.source import Dump
from attncli.errors import InputError
from attncli.problem.assemble import assemble


def parsed(given: Sequence[str]) -> dict[str, str]:
    """Return the pairs that are given as MINE=THEIRS.

    Raises:
        InputError: one has another form, or a name is given twice.

    Example:
        >>> parsed(["decoder.3=blk.3.attn"])
        {'decoder.3': 'blk.3.attn'}
    """
    found: dict[str, str] = {}
    for each in given:
        mine, equals, theirs = each.partition("=")
        if not equals or not mine or not theirs:
            raise InputError(f"--map {each}: it must be MINE=THEIRS", hint="give the names of two problems")
        if mine in found:
            raise InputError(f"--map gives {mine!r} to two problems")
        found[mine] = theirs
    return found


def compared(
    called: tuple[str, str],
    dumps: tuple[Dump, Dump],
    mapped: Mapping[str, str],
    options: Mapping[str, object],
    progress: Callable[[float], None] | None = None,
) -> Against:
    """Compare two dumps.

    Args:
        called: the files of both, for messages.
        dumps: the problems of both.
        mapped: pairs that are given.
        options: those of both, which win over what their files say.
        progress: called with the share that is done.

    Raises:
        InputError: nothing can be paired or compared.
    """
    mine, theirs = dumps
    pairing = paired(list(mine), list(theirs), mapped)
    rows: list[Row] = []
    before = Before()
    for depth, pair in enumerate(pairing.pairs):
        sides = (Side(assemble(mine[pair.mine], {}, options)), Side(assemble(theirs[pair.theirs], {}, options)))
        row = row_of(pair, *sides, before=before)
        before = Before(depth + 1, before.share if row.wrong else row.share)
        rows.append(row if row.wrong and not any(each.wrong for each in rows) else row.light())
        if progress is not None:
            progress((depth + 1) / len(pairing.pairs))
    if not any(row.compared for row in rows):
        row = rows[0]
        has = [", ".join(side.problem.arrays) for side in (row.mine, row.theirs)]
        fact = f"the dumps have no array in common: {has[0]} here, {has[1]} there"
        raise InputError(fact, place=called[0])
    return Against(*called, rows, pairing.only_mine, pairing.only_theirs)
