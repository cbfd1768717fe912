"""Compare an expected output with the one computed, and name the mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import stream
from attncli.attend.blas import one_thread
from attncli.attend.masking import to_the_last_key
from attncli.attend.operands import Operands
from attncli.check import dropout, facts, texts
from attncli.check.compare import Comparison, compare
from attncli.check.layouts import Layout, readings
from attncli.check.mistakes.variant import Variant
from attncli.check.narrow import is_large, narrowed
from attncli.check.precision import EPS, Reference, decimals
from attncli.check.probe import choose
from attncli.check.search import Candidate, Search
from attncli.check.way import Way

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[float], None]
# Candidates that are held to the whole problem, and scores that this may take where the fast twin cannot be used.
CONFIRMED = 12
MOST_SCORES = 1 << 28
CHUNK = 1 << 21


@dataclass(frozen=True)
class Explanation:
    """What explains the observed output.

    Attributes:
        mistakes: ids, in the order in which the mistakes are made.
        said: for each, what went wrong.
        fixes: for each, what to change.
        detail: numbers and names, by mistake.
        options: the options of the computation with which ``attn compute`` gives what was observed; None: none do.
        residual: the largest difference that is left.
        rows: in how many rows of all it was looked for.
        rank: 1 for the simplest; one with a number in it that was looked for stands behind one without.
    """

    mistakes: tuple[str, ...]
    said: tuple[str, ...]
    fixes: tuple[str, ...]
    detail: Mapping[str, object]
    options: Mapping[str, object] | None
    residual: float
    rows: tuple[int, int]
    rank: int = 1


@dataclass(frozen=True)
class Finding:
    """What came of a check.

    Attributes:
        comparison: with the right output.
        layout: how the expected output was read.
        rounding: what less precise computation explains a difference that is none, in words; empty where there is none.
        explanations: what explains the difference; all reproduce it equally well.
        facts: what can be said where nothing explains it.
        blind: what the data cannot tell, by what hides it.
        apart: what would tell the explanations apart.
    """

    comparison: Comparison
    layout: Layout
    rounding: str = ""
    explanations: Sequence[Explanation] = ()
    facts: Sequence[str] = ()
    blind: Mapping[str, str] = field(default_factory=dict)
    apart: Sequence[str] = ()

    @property
    def agrees(self) -> bool:
        """Whether the expected output is right."""
        return self.comparison.agrees


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        rtol: relative tolerance; None: what the precision explains.
        atol: absolute tolerance, likewise.
        diagnose: whether mistakes are looked for.
    """

    rtol: float | None = None
    atol: float | None = None
    diagnose: bool = True


def check(o: Operands, expected: NDArray[Any], wanted: Wanted, progress: Progress | None = None) -> Finding:
    """Compare, and look for what explains a difference.

    Args:
        o: the problem as it should be.
        expected: what another program made of it, in any layout.
        wanted: tolerances, and whether mistakes are looked for.
        progress: told the share that is done.

    Raises:
        InputError: the expected output has no shape that an output of this problem can have.
    """
    reference = Reference.of(normal(o), progress)
    levels = levels_of(o, expected)
    layout, comparison = chosen(reference, readings(expected, o.sizes), levels, wanted)
    finding = Finding(comparison, layout, blind=facts.blind(o))
    if not wanted.diagnose or (comparison.agrees and comparison.level in (levels[0], "given")):
        return finding
    search = prepared(reference, layout.array, comparison, levels)
    if comparison.agrees:
        # Within what rounding explains: only a mistake that explains it far better than rounding does is one.
        found = explained(reference, layout.array, search, search.explaining(search.singles()))
        if not found:
            return replace(finding, rounding=rounding(reference, comparison))
        strict = compare(layout.array, reference.output, reference.tolerance(levels[0]), levels[0])
        return replace(finding, comparison=strict, explanations=found, apart=told_apart(found, finding.blind))
    found = diagnosed(reference, layout.array, search, levels)
    told = list(facts.observed(comparison, layout.array, reference.output)) if not found else ()
    return replace(finding, explanations=found, facts=told, apart=told_apart(found, finding.blind))


def normal(o: Operands) -> Operands:
    """Return the problem with a mask that reaches to the last key, as mistakes take it."""
    if o.mask is None or o.mask.shape[-1] == o.sizes.keys:
        return o
    return replace(o, mask=to_the_last_key(o.mask, o.sizes.keys, False if o.mask.dtype == bool else -np.inf))


def levels_of(o: Operands, expected: NDArray[Any]) -> list[str]:
    """Return the precisions that a right output may have, the finest first: that of the arrays, and coarser ones."""
    kinds = [o.output_dtype, expected.dtype if expected.dtype.kind == "f" else np.dtype(np.float64)]
    coarsest = max(float(np.finfo(kind).eps) for kind in kinds)
    names = ["float64", "float32", "half"]
    return names[0 if coarsest < 1e-12 else 1 if coarsest < 1e-5 else 2 :]


def chosen(
    reference: Reference, layouts: Sequence[Layout], levels: Sequence[str], wanted: Wanted
) -> tuple[Layout, Comparison]:
    """Compare in each layout; return the one that agrees, or else the problem's own, or the nearest."""
    tried = [(layout, compared(reference, layout.array, levels, wanted)) for layout in layouts]
    for level in ("given", *levels):
        for layout, comparison in tried:
            if comparison.agrees and comparison.level == level:
                return layout, comparison
    agreeing = next((each for each in tried if each[1].agrees), None)
    if agreeing is not None:
        return agreeing
    own = [each for each in tried if each[0].own]
    return own[0] if own else min(tried, key=lambda each: float(np.median(each[1].badness)))


def compared(reference: Reference, expected: NDArray[Any], levels: Sequence[str], wanted: Wanted) -> Comparison:
    """Compare at the finest precision at which the outputs agree, or else at the finest of all."""
    if wanted.rtol is not None or wanted.atol is not None:
        allowed = (wanted.atol or 0.0) + (wanted.rtol or 0.0) * np.abs(reference.output)
        return compare(expected, reference.output, np.maximum(allowed, np.finfo(float).tiny), "given")
    first = compare(expected, reference.output, reference.tolerance(levels[0]), levels[0])
    count = None if first.agrees else decimals(expected)
    if count is not None:
        digits = reference.tolerance(levels[0]) + 0.5 * 10.0**-count * (1 + 1e-6)
        found = compare(expected, reference.output, digits, f"{count} decimals")
        if found.agrees:
            return found
    for level in levels[1:] if not first.agrees else ():
        found = compare(expected, reference.output, reference.tolerance(level), level)
        if found.agrees:
            return found
    return first


def rounding(reference: Reference, comparison: Comparison) -> str:
    """Say what less precise computation explains the difference."""
    if comparison.level != "half":
        return comparison.level
    share = float((comparison.badness * reference.tolerance("half") / reference.size).max())
    enough = [name for name, cost in sorted(reference.half.items(), key=lambda each: each[1]) if 2 * cost >= share]
    return enough[0] if enough else "bfloat16 all"


def prepared(reference: Reference, expected: NDArray[Any], comparison: Comparison, levels: Sequence[str]) -> Search:
    """Return the search at the finest precision."""
    probe = choose(expected, comparison.badness, reference.size, reference.o.sizes.keys)
    limit, eps = limit_of(reference, levels[0]), eps_of(levels[0])
    return Search(Way(in_float64(reference.o)), probe, eps, limit, progress=reference.progress)


def in_float64(o: Operands) -> Operands:
    """Return the operands with their states in float64, where they are small enough: thousands of ways use them."""
    assert o.value is not None
    if o.query.size + o.key.size + o.value.size > 1 << 25:
        return o
    query, key, value = (np.asarray(array, dtype=np.float64) for array in (o.query, o.key, o.value))
    return replace(o, query=query, key=key, value=value)


def diagnosed(reference: Reference, expected: NDArray[Any], search: Search, levels: Sequence[str]) -> list[Explanation]:
    """Look for one mistake, then for two; at the precision of the arrays, then at the coarser ones."""
    with one_thread(1 << 30):
        singles = search.singles()
        confirmed = explained(reference, expected, search, search.explaining(singles))
        if confirmed:
            return confirmed
        pairs = two_at_once(reference, search)
        confirmed = explained(reference, expected, search, search.explaining(pairs))
        confirmed = confirmed or without_dropout(search, expected)
        for level in levels[1:] if not confirmed else ():
            coarse = replace(search, eps=eps_of(level), limit=limit_of(reference, level))
            # What is no more than rounding must explain most of the difference to be believed.
            most = coarse.probe.distance(coarse.right) / 4
            for found in (singles, pairs):
                near = [each for each in coarse.explaining(found) if each.distance <= most]
                best = min((each.distance for each in near), default=0.0)
                near = [each for each in near if each.distance <= 2 * best]
                confirmed = confirmed or explained(reference, expected, coarse, near)
    return confirmed


def eps_of(level: str) -> float:
    """Return the relative precision of a level."""
    return EPS["bfloat16" if level == "half" else level]


def limit_of(reference: Reference, level: str) -> float:
    """Return how large a share of a row rounding may be."""
    return float((reference.tolerance(level) / reference.size).max())


def two_at_once(reference: Reference, search: Search) -> list[Candidate]:
    """Return the pairs that come near what was observed; of a large problem those that do so in a part of it."""
    if not is_large(reference.o):
        return search.pairs()
    part = narrowed(search, reference.o)
    # The widest limit: what is held against the whole later must not be lost here.
    near = [each for each in part.pairs() if each.distance <= max(part.allowed(each.way), limit_of(reference, "half"))]
    found = [search.again(each) for each in sorted(near, key=lambda each: each.distance)[:CONFIRMED]]
    return [each for each in found if each is not None]


def without_dropout(search: Search, expected: NDArray[Any]) -> list[Explanation]:
    """Look for dropout, alone or beside one other mistake in the scores or masks."""
    others = [
        each for each in search.known() if isinstance(each, Variant) and each.stage in ("rope", "rules", "numbers")
    ]
    for variants in ((), *((each,) for each in others)):
        way = search.made(variants)
        lost = None if way is None else dropout.find(way, search.probe)
        if lost is not None:
            alone = dropped(lost, expected)
            if not variants:
                return [alone]
            return [
                replace(
                    alone,
                    mistakes=(each.mistakes[0], "dropout"),
                    said=(each.said, *alone.said),
                    fixes=(each.fix, *alone.fixes),
                    detail={each.mistakes[0]: dict(each.detail), **alone.detail},
                )
                for each in variants
            ]
    return []


def dropped(found: dropout.Dropped, expected: NDArray[Any]) -> Explanation:
    """Return dropout as an explanation."""
    p = found.share if abs(found.factor - 1) < dropout.ALIKE else 1 - 1 / found.factor
    scaled = "were not scaled up" if abs(found.factor - 1) < dropout.ALIKE else f"were scaled by {found.factor:.4g}"
    return Explanation(
        ("dropout",),
        (f"dropout was left on (p about {p:.2g}): {found.share:.0%} of the weights are 0, the others {scaled}",),
        ("switch dropout off (model.eval(), dropout_p=0)",),
        {"dropout": {"p": p, "factor": found.factor}},
        None,
        float("nan"),
        (found.rows, int(np.prod(expected.shape[:3]))),
    )


def explained(
    reference: Reference, expected: NDArray[Any], search: Search, found: Sequence[Candidate]
) -> list[Explanation]:
    """Hold candidates to the whole problem; return those that explain all of it, each name apart."""
    ordered = sorted(found, key=lambda each: (len(each.variants), each.fitted))
    kept: list[tuple[Candidate, float, tuple[int, int]]] = []
    for each in ordered[:CONFIRMED]:
        slots = {variant.slot for variant in each.variants}
        if each.fitted and any({v.slot for v in other.variants} == slots for other, _, _ in kept):
            continue  # the same mistake, its number looked for although it has a name
        share = search.allowed(each.way)
        residual, worst, rows = whole(reference, expected, each.way)
        if worst <= max(2 * share, 1.5 * each.distance):
            kept.append((each, residual, rows))
    fewest = min((each.fitted for each, _, _ in kept), default=0)
    return [
        replace(named, rank=1 + each.fitted - fewest)
        for each, residual, rows in kept
        for named in names(each, residual, rows)
    ]


def names(candidate: Candidate, residual: float, rows: tuple[int, int]) -> list[Explanation]:
    """Return a candidate under each of the names that its mistakes have."""
    count = max(len(variant.mistakes) for variant in candidate.variants)
    options: dict[str, object] | None = {}
    for variant in candidate.variants:
        options = None if options is None or variant.options is None else {**options, **variant.options}
    found = []
    for at in range(count):
        mistakes = tuple(variant.mistakes[min(at, len(variant.mistakes) - 1)] for variant in candidate.variants)
        found.append(
            Explanation(
                mistakes,
                tuple(variant.said for variant in candidate.variants),
                tuple(variant.fix for variant in candidate.variants),
                {name: dict(v.detail) for name, v in zip(mistakes, candidate.variants, strict=True)},
                options,
                residual,
                rows,
            )
        )
    return found


def whole(reference: Reference, expected: NDArray[Any], way: Way) -> tuple[float, float, tuple[int, int]]:
    """Compute a way for all of the problem; return the largest difference, that as a share of a row, and rows of all.

    Where the fast twin cannot compute it and it is too much, some rows of every head stand for all.
    """
    batches, heads, queries, _ = expected.shape
    residual = worst = 0.0
    seen = 0
    made = None
    if way.is_stream:
        made = stream.run(replace(way.o, dtype=np.dtype(np.float64), output_dtype=np.dtype(np.float64))).output
        for rearrange in way.back:
            made = rearrange(made)
        made = made * way.factor
    share = min(1.0, MOST_SCORES / (batches * heads * queries * way.o.sizes.keys))
    count = queries if made is not None else max(1, int(queries * share))
    rows = np.unique(np.linspace(0, queries - 1, count).round().astype(np.int64))
    step = max(1, CHUNK // way.o.sizes.keys)
    for batch in range(batches):
        for head in range(heads):
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                part = way.compute(batch, head, some) if made is None else made[batch, head, some]
                given = expected[batch, head, some].astype(np.float64)
                with np.errstate(all="ignore"):
                    apart = np.abs(part - given)
                same = (part == given) | (np.isnan(part) & np.isnan(given))
                apart = np.where(same, 0, np.where(np.isnan(apart), np.inf, apart))
                residual = max(residual, float(apart.max()))
                worst = max(worst, float((apart / reference.size[batch, head, some][:, None]).max()))
                seen += len(some)
    return residual, worst, (seen, batches * heads * queries)


def told_apart(found: Sequence[Explanation], blind: Mapping[str, str]) -> list[str]:
    """Say what would tell explanations apart."""
    if len(found) < 2:
        return []
    ids = {frozenset({one, other}) for a in found for b in found for one in a.mistakes for other in b.mistakes}
    same = [text for pair, text in texts.SAME.items() if pair in ids]
    if len({each.said for each in found}) > 1:
        same.append(
            "data with "
            + ", ".join(f"more than {hides}" if hides.startswith("one") else f"not {hides}" for hides in blind)
        )
    return same
