"""What explains an observed output: candidates tried on all of it, and how those that hold are described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast import stream
from attncli.check import dropout
from attncli.check.candidate import Candidate
from attncli.check.case import Case
from attncli.check.compare import distance
from attncli.check.mistakes import pieces
from attncli.check.mistakes.registry import DROPOUT, SAME
from attncli.check.part import Part
from attncli.check.recipe import Recipe
from attncli.check.search import Search
from attncli.sentences import Field, Listed, Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many candidates are tried on the whole problem, and how many scores may be computed for one of them where the fast
# twin cannot be used.
CONFIRMED = 12
MOST_SCORES = 1 << 28
CHUNK = 1 << 21
# Where some numbers may have gone to the next code, this share of the rows may differ by more.
SPARED = 0.02


@dataclass(frozen=True)
class Explanation:
    """What explains the observed output.

    Attributes:
        mistakes: ids, in the order in which the mistakes are made.
        keys: for each, what identifies it: the piece that it replaces, and the form that the piece gets.
        descriptions: for each, what went wrong.
        fixes: for each, what to change.
        detail: numbers and names, by mistake.
        options: the options of the computation with which ``attn compute`` gives what was observed; None: none do.
        residual: the largest difference that is left.
        rows: how many rows were compared, and how many there are.
        rank: 1 for the simplest; one with a fitted number comes after one without.
        part: that in which the mistakes were made; None: everywhere.
    """

    mistakes: tuple[str, ...]
    keys: tuple[tuple[str, str], ...]
    descriptions: tuple[Sentence | Listed, ...]
    fixes: tuple[Sentence, ...]
    detail: Mapping[str, object]
    options: Mapping[str, object] | None
    residual: float
    rows: tuple[int, int]
    rank: int = 1
    part: Part | None = None

    @property
    def pieces(self) -> tuple[str, ...]:
        """The pieces that the mistakes replace."""
        return tuple(piece for piece, _ in self.keys)


def dropped(found: dropout.Dropped, expected: NDArray[Any]) -> Explanation:
    """Return dropout as an explanation."""
    is_unscaled = abs(found.factor - 1) < dropout.ALIKE
    p = found.share if is_unscaled else 1 - 1 / found.factor
    numbers: dict[str, Field] = {"p": f"{p:.2g}", "share": f"{found.share:.0%}"}
    factor = f"{found.factor:.4g}"
    scaled = sentence("dropout_scaled", **numbers, factor=factor)
    unscaled = sentence("dropout_unscaled", **numbers)
    if found.what != "weights":
        scaled = sentence(f"dropout_scaled_of_{found.what}", **numbers, factor=factor)
        unscaled = sentence(f"dropout_unscaled_of_{found.what}", **numbers)
    return Explanation(
        (DROPOUT.id,),
        ((pieces.DROPOUT.name, "random"),),
        (unscaled if is_unscaled else scaled,),
        (sentence("fix_dropout"),),
        {DROPOUT.id: {"p": p, "factor": found.factor, "of": found.what}},
        None,
        float("nan"),
        (found.rows, int(np.prod(expected.shape[:3]))),
    )


def explained(search: Search, found: Sequence[Candidate]) -> list[Explanation]:
    """Try candidates on the whole problem; return those that explain all of it, one for each name."""
    # So many of those with a fitted number, and of those without: a number fits the sample where nothing else is wrong.
    by_distance = sorted(found, key=lambda each: each.distance)
    nearest = {
        id(each)
        for fitted in {each.fitted for each in found}
        for each in [one for one in by_distance if one.fitted == fitted][:CONFIRMED]
    }
    ordered = sorted(found, key=lambda each: (len(each.variants), each.fitted))
    kept: list[tuple[Candidate, float, tuple[int, int]]] = []
    tried = 0
    for each in ordered:
        if id(each) not in nearest:
            continue
        # One is always held against the whole; it may be large, and take as long as the search did.
        if tried and search.is_over("the whole of what explains a sample"):
            break
        tried += 1
        replaced = {variant.piece for variant in each.variants}
        if each.fitted and any({v.piece for v in other.variants} == replaced for other, _, _ in kept):
            continue  # the same mistake with a fitted number, although that number has a name
        share = search.allowed(each.recipe)
        spared = SPARED if any(variant.flips for variant in each.variants) else 0.0
        residual, worst, rows = whole(search.case, each.recipe, search.part, spared)
        if worst <= max(2 * share, 1.5 * each.distance):
            kept.append((each, residual, rows))
    fewest = min((each.fitted for each, _, _ in kept), default=0)
    named = [
        replace(name, rank=1 + each.fitted - fewest, **_in_part(search.part))
        for each, residual, rows in kept
        for name in names(each, residual, rows)
    ]
    # Where options reproduce the output, variants that differ only in what this data does not have say nothing more.
    plain = {(each.mistakes, each.pieces) for each in named if each.options is not None}
    return [each for each in named if each.options is not None or (each.mistakes, each.pieces) not in plain]


def _in_part(part: Part | None) -> dict[str, Any]:
    """Return what an explanation says of a part: no option makes a mistake in a part alone."""
    return {} if part is None else {"part": part, "options": None}


def names(candidate: Candidate, residual: float, rows: tuple[int, int]) -> list[Explanation]:
    """Return a candidate as one explanation for each name that its mistakes have."""
    count = max(len(variant.mistakes) for variant in candidate.variants)
    options: dict[str, object] | None = {}
    for variant in candidate.variants:
        options = None if options is None or variant.options is None else {**options, **variant.options}
    found = []
    for at in range(count):
        mistakes = tuple(variant.mistakes[min(at, len(variant.mistakes) - 1)].id for variant in candidate.variants)
        found.append(
            Explanation(
                mistakes,
                tuple(variant.key for variant in candidate.variants),
                tuple(variant.description for variant in candidate.variants),
                tuple(variant.fix for variant in candidate.variants),
                {name: dict(v.detail) for name, v in zip(mistakes, candidate.variants, strict=True)},
                options,
                residual,
                rows,
            )
        )
    return found


def whole(
    case: Case, recipe: Recipe, part: Part | None = None, spared: float = 0.0
) -> tuple[float, float, tuple[int, int]]:
    """Compute all of a problem, or of a part; return the largest difference, as a number and as a share of a row.

    The share is that of the worst row, but for a share of the rows that are spared. The third number is how many rows
    were compared, and how many there are. Where the fast twin cannot compute it and
    it is too much, some rows of every head stand for all.
    """
    expected, size = case.expected, case.size
    batches, heads, queries, _ = expected.shape
    residual = 0.0
    shares: list[NDArray[Any]] = []
    made = None
    if recipe.is_stream:
        made = stream.run(
            replace(recipe.operands, dtype=np.dtype(np.float64), output_dtype=np.dtype(np.float64))
        ).output
        for rearrange in recipe.back:
            made = rearrange(made)
        made = made * recipe.factor
    where = np.ones((batches, heads, queries), bool) if part is None else part.where
    total = int(where.sum())
    share = 1.0 if made is not None else min(1.0, MOST_SCORES / (total * recipe.operands.sizes.keys))
    step = max(1, CHUNK // recipe.operands.sizes.keys)
    for batch, head in np.argwhere(where.any(axis=2)).tolist():
        every = np.flatnonzero(where[batch, head])
        rows = every[
            np.unique(np.linspace(0, len(every) - 1, max(1, int(len(every) * share))).round().astype(np.int64))
        ]
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            computed = recipe.compute(batch, head, some) if made is None else made[batch, head, some]
            apart = distance(computed, expected[batch, head, some].astype(np.float64))
            residual = max(residual, float(apart.max()))
            shares.append((apart / size[batch, head, some][:, None]).max(axis=1))
    in_order = np.sort(np.concatenate(shares)) if shares else np.zeros(1)
    worst = float(in_order[len(in_order) - 1 - int(spared * len(in_order))])
    return residual, worst, (sum(map(len, shares)), total)


def distinguish(found: Sequence[Explanation], blind: Sequence[str]) -> list[Sentence]:
    """Say what would tell explanations apart.

    Args:
        found: the explanations.
        blind: what hides something of the data, by name.
    """
    if len(found) < 2:
        return []
    ids = {frozenset({one, other}) for a in found for b in found for one in a.mistakes for other in b.mistakes}
    same = list(dict.fromkeys(text for pair, text in SAME.items() if pair in ids))
    if blind and len({each.keys for each in found}) > 1:
        same.append(sentence("other_data", data=Listed(tuple(word("unlike", name) for name in blind), "comma")))
    return same
