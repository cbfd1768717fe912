"""Tiles that are added up wrongly, and parts that are put together wrongly: which, is read off single rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import merges, pieces
from attncli.check.mistakes.cuts import COUNTS, PARTS, Cut, cuts
from attncli.check.mistakes.general import ACCUMULATOR, PARTS_MERGED
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.near import Row, nearest, rows
from attncli.check.mistakes.tiles import ACCUMULATED, OVERWRITTEN, Tiles, beside_sink
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Bug:
    """One way in which tiles are added up, or parts put together, wrongly.

    Attributes:
        form: what identifies it, and names the sentence on it.
        mistake: what it is called.
        fix: the sentence on what to change.
        weights: the tiles → the weights that are made.
    """

    form: str
    mistake: Mistake
    fix: str
    weights: Callable[[Tiles], Array]


# Those that are tried in a layer, where each takes long.
USUAL = (*[*ACCUMULATED][:4], *[*OVERWRITTEN][:2], *[*merges.SHARES][:8])


def splits(o: Operands) -> Iterator[Variant | Generator]:
    """Tiles are added up, or parts put together, wrongly."""
    if o.has_after:
        # What a gate or a matrix made of rows cannot be compared with them.
        usual = [each for each in cuts(o) if each.tile or each.count in PARTS]
        yield from (_variant(bug, cut) for cut in usual for bug in _bugs(o) if bug.form in USUAL)
    else:
        yield Generator(pieces.SOFTMAX_ROW, _near)


def _near(observed: Observed) -> Iterator[Variant]:
    o, known = observed.right.operands, dict[tuple[Cut, tuple[int, int, int]], Tiles]()

    def far(one: tuple[Bug, Cut], row: Row) -> float:
        bug, cut = one
        if (cut, row.place) not in known:
            known[cut, row.place] = Tiles.of(row.logits, cut, row.o)
        with np.errstate(all="ignore"):
            return row.far(_weights(bug, known[cut, row.place]))

    every = [(bug, cut) for cut in cuts(o) for bug in _bugs(o)]
    yield from (_variant(bug, cut) for bug, cut in nearest(rows(observed), every, far))


def _bugs(o: Operands) -> list[Bug]:
    made = [Bug(form, ACCUMULATOR, "fix_rescale", each) for form, each in ACCUMULATED.items()]
    made += [Bug(form, ACCUMULATOR, "fix_sum_overwritten", each) for form, each in OVERWRITTEN.items()]
    return made + [Bug(form, PARTS_MERGED, "fix_weigh", each) for form, each in merges.forms(bool(openings(o)))]


def _variant(bug: Bug, cut: Cut) -> Variant:
    return Variant(
        (bug.mistake,),
        pieces.SOFTMAX_ROW,
        f"{bug.form}, {cut.size}" if cut.tile else f"{bug.form}, {cut.name}",
        partial(_made, bug=bug, cut=cut),
        _said(bug, cut),
        sentence(bug.fix),
        {"size": cut.size, "bug": bug.form},
    )


def _said(bug: Bug, cut: Cut) -> Sentence:
    """Say what went wrong and where keys are cut: tiles have a usual size, parts are few."""
    what = word("bug", bug.form)
    if cut.tile and bug.mistake is ACCUMULATOR:
        return sentence("in_tiles", what=what, size=cut.size)
    if cut.count in COUNTS:
        return sentence("in_parts", what=what, count=cut.count)
    return sentence("in_parts_of", what=what, size=cut.size)


def _weights(bug: Bug, tiles: Tiles) -> Array:
    return tiles.back(beside_sink(bug.weights(tiles), tiles))


def _made(recipe: Recipe, *, bug: Bug, cut: Cut) -> Recipe:
    def softmax(logits: Array, o: Operands) -> Array:
        with np.errstate(all="ignore"):
            return _weights(bug, Tiles.of(logits, cut, o))

    return replace(recipe, softmax=softmax)
