"""Look at the heads of a problem: their numbers, and what else is wanted, without a score matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from attncli import memory
from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.fast.shared import Shared
from attncli.attend.fast.stream import Progress, share_out
from attncli.attend.fast.tiles import pieces, whole_rows
from attncli.attend.operands import Operands, ScoreOperands
from attncli.attend.parts import WHOLE, Selection
from attncli.attend.threads import thread_count, using
from attncli.attend.views import one_of
from attncli.problem import estimate
from attncli.problem.attention import ScoreComputation
from attncli.problem.notices import of_empty, of_inputs
from attncli.stats.findings import Findings
from attncli.stats.labels import Grid, Repeats
from attncli.stats.maps import Maps
from attncli.stats.numbers import NEAR_BY, NEAR_CHANCE, NUMBERS, OPEN
from attncli.stats.profile import Profile
from attncli.stats.watcher import About, Lengths, Watcher
from attncli.stats.words import word_of

if TYPE_CHECKING:
    from attncli.files.contents import Labels


@dataclass(frozen=True)
class Wanted:
    """What is looked at.

    Attributes:
        part: the batch item and the head; by default all.
        side: the most cells down and across of the maps; 0: none are wanted.
        profile: whether weights and logits by distance are wanted.
        threads: how many; None: as many as a stream takes by itself.
    """

    part: Selection = WHOLE
    side: int = 0
    profile: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class Head:
    """What was found in one head.

    Attributes:
        problem: how it is named among FILES.
        batch: the batch item.
        head: the head.
        numbers: by name; None where no query has it.
        word: for what it does, if that is clear.
    """

    problem: str
    batch: int
    head: int
    numbers: Mapping[str, float | None]
    word: str | None


@dataclass(frozen=True, eq=False)
class Survey:
    """What was found in the heads of a problem.

    Attributes:
        problem: how it is named among FILES.
        texts: its title and source, if any.
        labels: those of each batch item that was looked at.
        heads: one after the other, those of each batch item together.
        shape: (batch, heads, L, S) of what was looked at.
        findings: the maps and the profile.
    """

    problem: str
    texts: Mapping[str, str]
    labels: tuple[Mapping[str, Labels], ...]
    heads: tuple[Head, ...]
    shape: tuple[int, int, int, int]
    findings: Findings


def look(computation: ScoreComputation, wanted: Wanted, progress: Progress | None = None) -> Survey:
    """Look at the heads of a problem, and add to its notices.

    Args:
        computation: its scores, or all of it, if it has a value.
        wanted: what is looked at.
        progress: called with the share that is done.

    Raises:
        InputError: there is not enough memory.
    """
    threads, part = wanted.threads or thread_count(), wanted.part
    _require(computation, wanted, threads)
    with using(threads):
        o = computation.select(part).core
    whole = _with_value(o)
    problem, sizes = computation.problem, o.sizes
    labels = tuple(
        problem.labels_of(batch) for batch in ([part.batch] if part.batch is not None else range(sizes.batch))
    )
    shape = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    layout = whole_rows(whole)
    todo = pieces(whole, layout)
    findings = Findings(
        shape[:2],
        sizes.group,
        tuple(todo),
        Maps(shape, wanted.side) if wanted.side else None,
        Profile(shape, o.positions[:, 0]) if wanted.profile else None,
    )

    @cache
    def about(batch: int) -> About:
        repeats = Repeats.of(labels[batch], one_of(o.positions, batch))
        return About(repeats, Grid.of(labels[batch]))

    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        with using(threads):
            shared = Shared(whole, layout, todo)
        lengths = Lengths(shared.states.value, o.dtype) if isinstance(o, Operands) else None

        share_out(shared, lambda: Watcher(shared, findings, about, lengths), threads, progress)
    computation.notices.add(of_inputs(o, computation.called))
    computation.notices.add(of_empty(np.array(sorted(findings.empty))))
    heads = tuple(_heads(problem.place, findings, shape, part))
    return Survey(problem.place, problem.texts, labels, heads, shape, findings)


def _with_value(o: ScoreOperands) -> Operands:
    """Return operands with a value, as the stream takes them; where there is none it is a view of the keys."""
    if isinstance(o, Operands):
        return o
    given = {each.name: getattr(o, each.name) for each in fields(o)}
    return Operands(**given, value=o.key[..., :1])


def _require(computation: ScoreComputation, wanted: Wanted, threads: int) -> None:
    o = computation.sketch(wanted.part)
    needed = estimate.watch(o, threads=threads, side=wanted.side, profile=wanted.profile)
    memory.require(needed, "the heads are looked at", "--head N looks at one head, --threads N takes less")


def _heads(place: str, findings: Findings, shape: tuple[int, int, int, int], part: Selection) -> Iterator[Head]:
    for batch, head in np.ndindex(*shape[:2]):
        numbers = {name: findings.mean(name, batch, head) for name in (*NUMBERS, NEAR_BY, NEAR_CHANCE, OPEN)}
        word = word_of(numbers, findings.count("induction", batch, head))
        yield Head(place, batch + (part.batch or 0), head + (part.head or 0), numbers, word)
