"""Documents that are packed into one sequence."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.masks import causal_alone, opened
from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core
from tests.mistakes.stages import Array, Rng

BORDER = r"(border|document|segment|boundar|key)"


@kind(
    "masks/document-borders-late",
    "documents documents-dense",
    "documents-mixed document-borders",
    (all_of(BORDER, r"(off|one|late|1|border|boundar)"),),
)
def borders_late(x: Core, rng: Rng) -> Array:
    return opened(x, by_documents(x, np.concatenate([x.p.arrays["segments"][:1], x.p.arrays["segments"][:-1]])))


@kind(
    "masks/document-borders-early",
    "documents documents-dense",
    "documents-mixed document-borders",
    (all_of(BORDER, r"(off|one|early|1|border|boundar)"),),
)
def borders_early(x: Core, rng: Rng) -> Array:
    return opened(x, by_documents(x, np.concatenate([x.p.arrays["segments"][1:], x.p.arrays["segments"][-1:]])))


def by_documents(x: Core, ids: Array) -> Array:
    """Same document, and the causal rule where there is one."""
    return (ids[:, None] == ids) & causal_alone(x)


@kind(
    "masks/documents-mixed",
    "documents documents-dense",
    "documents-mixed mask-dropped",
    (all_of("(document|segment|mask)", rf"({LOST}|mix|each other|open)"),),
)
def mixed(x: Core, rng: Rng) -> Array:
    return opened(x, causal_alone(x))


@kind("masks/causal-lost-in-documents", "documents", "mask-dropped", (all_of("causal", LOST),))
def causal_lost(x: Core, rng: Rng) -> Array:
    ids = x.p.arrays["segments"]
    return opened(x, ids[:, None] == ids)


@kind(
    "masks/document-by-first-only",
    "documents documents-dense",
    "documents-mixed",
    (all_of("(document|segment|boundar|border)"),),
)
def first_border_only(x: Core, rng: Rng) -> Array:
    return opened(x, by_documents(x, np.minimum(x.p.arrays["segments"], 1)))


@kind(
    "masks/document-positions-from-lengths",
    "documents",
    "documents-mixed document-borders",
    (all_of("(document|segment|boundar|border|length)"),),
)
def by_lengths(x: Core, rng: Rng) -> Array:
    """Lengths taken for cumulative lengths."""
    ids = x.p.arrays["segments"]
    starts = np.sort(np.bincount(ids))[:2]
    return opened(x, by_documents(x, np.searchsorted(starts, np.arange(len(ids)), side="right")))
