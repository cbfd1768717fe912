"""How one score is worked out, and which shapes meet, for each score function by its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.shapes import show
from attncli.attend.views import ready
from attncli.explain.lesson import Lesson, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

Lines = Generator[str, None, Any]


def dot(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Lines:
    """Work out q·k."""
    total = query @ key
    terms = lesson.terms(list(zip(query, key, strict=True)), "more_terms")
    yield lesson.say("product_sum", terms=terms, total=total)
    return total


def cosine(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Lines:
    """Work out q·k and divide it by both lengths."""
    product = yield from dot(lesson, query, key)
    lengths = [np.float64(math.hypot(*each.tolist())) for each in (query, key)]
    total = product / (lengths[0] * lengths[1]) if all(lengths) else np.float64(0)
    yield lesson.say("cosine", product=product, query=lengths[0], key=lengths[1], total=total)
    return total


def general(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Lines:
    """Work out q·W_a, then its product with k."""
    weights = lesson.about.operands.parameters.get("w_a")
    if weights is not None:
        query = query @ ready(weights, query.dtype)
        yield lesson.say("projected", what="q·W_a", numbers=lesson.vector(query))
    return (yield from dot(lesson, query, key))


def additive(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Lines:
    """Work out both projections, the tanh of their sum, and its product with v_a."""
    parameters = lesson.about.operands.parameters
    for name, what in (("w_a", "q·W_a"), ("u_a", "k·U_a")):
        if name in parameters:
            projected = (query if name == "w_a" else key) @ ready(parameters[name], query.dtype)
            query, key = (projected, key) if name == "w_a" else (query, projected)
            yield lesson.say("projected", what=what, numbers=lesson.vector(projected))
    bent = np.tanh(query + key)
    yield lesson.say("projected", what="tanh(q·W_a + k·U_a)", numbers=lesson.vector(bent))
    factors = ready(parameters["v_a"], query.dtype) if "v_a" in parameters else np.ones_like(bent)
    total = factors @ bent
    terms = lesson.terms(list(zip(factors, bent, strict=True)), "more_terms")
    yield lesson.say("additive_sum", terms=terms, total=total)
    return total


def product_shapes(about: Subject) -> str:
    """Write the shapes of Q·Kᵀ, with the matrix between them where there is one."""
    parameters, sizes = about.operands.parameters, about.operands.sizes
    between = f" · W_a {show(parameters['w_a'].shape)}" if "w_a" in parameters else ""
    key = show((about.key_features, sizes.keys))
    return f"Q {show((about.rows.total, sizes.features))}{between} · Kᵀ {key}"


def additive_shapes(about: Subject) -> str:
    """Write the shapes of v_a·tanh(Q·W_a + K·U_a)."""
    parameters, sizes = about.operands.parameters, about.operands.sizes
    sides = [
        ("Q", (about.rows.total, sizes.features), "w_a", "W_a"),
        ("K", (sizes.keys, about.key_features), "u_a", "U_a"),
    ]
    texts = [
        f"{name} {show(shape)}" + (f" · {symbol} {show(parameters[weight].shape)}" if weight in parameters else "")
        for name, shape, weight, symbol in sides
    ]
    return f"v_a·tanh({' + '.join(texts)})"


@dataclass(frozen=True)
class ScoreWorking:
    """How a score function is taught.

    Attributes:
        lines: works out one score of a query (E) and a key (Ek), both in the precision of the computation; yields a
            sentence per line and returns the score before the scale.
        shapes: writes the shapes that meet.
    """

    lines: Callable[[Lesson, NDArray[Any], NDArray[Any]], Lines]
    shapes: Callable[[Subject], str] = product_shapes


WORKINGS = {
    "dot": ScoreWorking(dot),
    "cosine": ScoreWorking(cosine),
    "general": ScoreWorking(general),
    "additive": ScoreWorking(additive, additive_shapes),
}
