"""The row in tiles, taught: the same output from a few keys at a time, which is why FlashAttention is exact."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from attncli.attend.shapes import show
from attncli.explain import tiles_points
from attncli.explain.blocks import Block, Formula, Table, Working
from attncli.explain.lesson import Lesson
from attncli.explain.running import Tile
from attncli.explain.tiled_row import TiledRow
from attncli.show.blocks import Heading, Paragraph
from attncli.show.tables import Grid
from attncli.show.window import around

# Of the sums of one tile so many terms are written out, and so many tiles are shown in the table.
MOST_TERMS, MOST_ROWS = 16, 16


def taught(lesson: Lesson) -> Iterator[Block]:
    """Return the explanation of the row in tiles."""
    worked = TiledRow.of(lesson)
    yield from purpose(worked)
    yield Paragraph(lesson.say("tiles_element", row=worked.query, column=lesson.about.of_sum, what=worked.what))
    if not worked.is_known:
        yield Working((lesson.say("not_a_number", row=worked.query),))
    else:
        yield Working((_start(worked),))
        yield from _steps(worked)
        yield from _table(worked)
        yield Paragraph(lesson.say("tiles_at_the_end"))
        yield Working(tuple(_end(worked)))
    yield lesson.points(tiles_points.points(worked))


def purpose(worked: TiledRow) -> Iterator[Block]:
    """Say what is kept from tile to tile, and why it comes to the same."""
    lesson, about, width = worked.lesson, worked.lesson.about, worked.width
    keys, features = about.operands.sizes.keys, about.operands.sizes.value_features
    yield Heading(lesson.say("tiles_heading"))
    yield Paragraph(lesson.say("tiles_purpose", what=worked.what))
    yield Paragraph(lesson.say("tiles_rescale"))
    yield Formula(
        "m_new = max(m, maxⱼ sⱼ), α = exp(m − m_new)",
        r"m_\mathrm{new} = \max(m, \max_j s_j), \quad \alpha = e^{m - m_\mathrm{new}}",
    )
    yield Formula(
        "l_new = α·l + Σⱼ exp(sⱼ − m_new), o_new = α·o + Σⱼ exp(sⱼ − m_new)·vⱼ",
        r"l_\mathrm{new} = \alpha l + \sum_j e^{s_j - m_\mathrm{new}}, \quad "
        r"o_\mathrm{new} = \alpha o + \sum_j e^{s_j - m_\mathrm{new}} v_j",
    )
    yield Paragraph(lesson.say("tiles_exact", what=worked.what))
    yield Paragraph(lesson.say("tiles_before"))
    count, rest = -(-keys // width), keys % width
    cut = "tiles_one" if count == 1 else "tiles_width_rest" if rest else "tiles_width"
    sizes = {"keys": worked.count(keys), "width": worked.count(width), "rest": worked.count(rest)}
    yield Paragraph(lesson.say(cut, **sizes, count=count))
    shapes = (
        f"logits {show((1, width))} → exp {show((1, width))} · V {show((width, features))} → o {show((1, features))}"
    )
    yield Paragraph(lesson.say("shapes", text=shapes))


def _start(worked: TiledRow) -> str:
    """Say what is kept before the first tile."""
    m, total, o = worked.run.start
    return worked.lesson.say("tiles_start" if m == -np.inf else "tiles_start_sink", m=m, l=total, o=o)


def _steps(worked: TiledRow) -> Iterator[Block]:
    """Go through the tiles in order: some in full, what is between them in a sentence."""
    tiles, lesson, begin = worked.run.tiles, worked.lesson, worked.lesson.language.begin

    def kind(at: int) -> tuple[str, int]:
        if at in worked.in_full:
            return "in full", at
        return ("closed" if tiles[at].is_closed else "likewise"), 0

    for (what, _), group in groupby(range(len(tiles)), kind):
        places = list(group)
        values = {"tiles": _places(lesson, places), "keys": _keys(lesson, tiles[places[0]], tiles[places[-1]])}
        if what == "in full":
            yield Paragraph(begin(lesson.say("tiles_tile", **values)))
            yield Working(tuple(_tile(worked, tiles[places[0]])))
        elif what == "closed":
            yield Paragraph(begin(lesson.say("tiles_closed", row=worked.query, **values)))
        else:
            after = tiles[places[-1]].after
            yield Paragraph(begin(lesson.say("tiles_likewise", **values, m=after.m, l=after.l, o=after.o)))


def _places(lesson: Lesson, places: list[int]) -> str:
    """Name a tile, or some of them in a row."""
    if len(places) == 1:
        return lesson.say("the_tile", tile=places[0])
    return lesson.say("the_tiles", first=places[0], last=places[-1])


def _keys(lesson: Lesson, first: Tile, last: Tile) -> str:
    """Name the keys of some tiles in a row."""
    if last.stop == first.first + 1:
        return lesson.key(first.first)
    return lesson.say("tiles_from_to", first=lesson.key(first.first), last=lesson.key(last.stop - 1))


def _tile(worked: TiledRow, tile: Tile) -> Iterator[str]:
    """Work out one tile."""
    lesson, about = worked.lesson, worked.lesson.about
    logits = about.line("logits")[tile.first : tile.stop]
    powers = np.exp(logits - tile.after.m)
    yield lesson.say("tiles_logits", logits=lesson.vector(logits))
    yield _maximum(lesson, tile)
    yield lesson.say("tiles_powers", m=lesson.signed(tile.after.m), powers=lesson.vector(powers))
    values = about.values[tile.first : tile.stop, about.of_sum]
    products = [(power, value) for power, value in zip(powers, values, strict=True) if power != 0]
    sums = {
        "l": lesson.terms([(power,) for power in powers if power != 0], "more_exponentials", MOST_TERMS),
        "o": lesson.terms(products, "more_terms", MOST_TERMS),
    }
    for name, added in sums.items():
        before, after = getattr(tile.before, name), getattr(tile.after, name)
        if tile.before.m > -np.inf:
            kept = {"factor": tile.factor, "before": lesson.signed(before)}
            yield lesson.say(f"tiles_sum_{name}", **kept, added=added, total=after)
        elif added == lesson.number(after):  # of one key
            yield lesson.say("tiles_first_one", name=name, total=after)
        else:
            yield lesson.say("tiles_first_sum", name=name, added=added, total=after)


def _maximum(lesson: Lesson, tile: Tile) -> str:
    """Say whether the maximum rises, and what is then to be rescaled."""
    before, m = tile.before.m, tile.after.m
    if before == -np.inf:
        return lesson.say("tiles_first", m=m)
    if not tile.rises:
        return lesson.say("tiles_stays", before=before, peak=tile.peak)
    old, new = lesson.told_apart(before, m)
    return lesson.say("tiles_rises", before=old, peak=new.strip("()"), minus=new, factor=tile.factor)


def _table(worked: TiledRow) -> Iterator[Block]:
    """Show what is kept after each tile, and what the output would be if it were the last."""
    lesson, tiles = worked.lesson, worked.run.tiles
    shown = around(len(tiles), MOST_ROWS, worked.rise if worked.rise is not None else len(tiles) - 1)
    rows = []
    for tile in (tiles[at] for at in shown.indices.tolist()):
        m, total, o = tile.after
        rows.append([tile.peak, m, tile.factor, total, o, o / total if total != 0 else 0 * total])
    names = [str(tile.first) if tile.stop == tile.first + 1 else f"{tile.first}–{tile.stop - 1}" for tile in tiles]
    heads = [lesson.say("tiles_peak"), "m", "α", "l", "o", "o / l"]
    title = lesson.say("table_tiles", column=lesson.about.of_sum)
    yield Table(title, Grid(np.array(rows), shown, names, heads, mark=(len(tiles) - 1, len(heads) - 1)))


def _end(worked: TiledRow) -> Iterator[str]:
    """Divide, and compare with what the whole row gave."""
    lesson, about, run = worked.lesson, worked.lesson.about, worked.run
    what, column = worked.what, about.of_sum
    if run.l == 0:
        yield lesson.say("tiles_nothing", row=worked.query, what=what)
        return
    total = run.output[column]
    yield lesson.say("tiles_quotient", what=what, o=run.o[column], l=lesson.signed(run.l), total=total)
    yield lesson.say("tiles_row", numbers=lesson.vector(run.output))
    yield lesson.say("tiles_whole", numbers=lesson.vector(worked.whole))
    yield _compared(worked)
    m, lse = lesson.number(run.m), about.line("lse")
    yield lesson.say("tiles_lse", m=m, l=run.l, total=run.lse, whole=lse)


def _compared(worked: TiledRow) -> str:
    """Say how far the two outputs are apart, and why; NaN or ∞ in one of them alone is no rounding."""
    lesson, apart = worked.lesson, worked.apart(worked.run)
    if apart == 0:
        return lesson.say("tiles_same")
    dtype = max((worked.whole.dtype, lesson.about.operands.dtype), key=lambda each: float(np.finfo(each).eps)).name
    if np.isfinite(apart):
        return lesson.say("tiles_near", apart=apart, dtype=dtype, allowed=worked.allowed)
    return lesson.say("tiles_beyond", dtype=dtype)
