"""The score functions: how a query meets a key, before the scale.

Each is declared once, as a record in `FUNCTIONS`: its formulas, its parameters, and how it is computed, in two parts.
``prepare`` brings query and key, each on its own, to where ``meet`` can compare them; for most functions ``meet`` is
then the dot product, which is what the fast twin is fast at.

Sources: ``dot`` and ``general`` Luong et al., *Effective Approaches to Attention-based Neural Machine Translation*,
2015, section 3.1; ``additive`` Bahdanau et al., *Neural Machine Translation by Jointly Learning to Align and
Translate*, 2015, section A.1.2; ``cosine`` Graves et al., *Neural Turing Machines*, 2014, section 3.3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Parameters = Mapping[str, "NDArray[Any]"]
Both = tuple["NDArray[Any]", "NDArray[Any]"]


def dot(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return q·k.

    Args:
        query: (batch, key heads, group, L, E)
        key: (batch, key heads, 1, S, E)
        parameters: none are used.

    Returns:
        (batch, key heads, group, L, S)
    """
    return query @ np.swapaxes(key, -1, -2)


def as_they_are(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Both:
    """Return query and key unchanged; memory-mapped ones stay on disk."""
    return query, key


def units(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Both:
    """Return query and key as unit vectors, so that q·k/(|q||k|) is their dot product."""
    return unit(query), unit(key)


def unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return vectors of length 1 in the same directions; a vector of zeros has none, and stays what it is."""
    # Scaled by the largest component first: its square must not overflow.
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.where(largest == 0, 1, largest)
    length = np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    return scaled / np.where(length == 0, 1, length)


def projected_query(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Both:
    """Return q·W with ``w_score`` (E, Ek), and the key; q·W·k is then a dot product."""
    return (query @ parameters["w_score"] if "w_score" in parameters else query), key


def projected(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Both:
    """Return q·W₁ and k·W₂ with ``w_query`` (E, A) and ``w_key`` (Ek, A)."""
    left = query @ parameters["w_query"] if "w_query" in parameters else query
    right = key @ parameters["w_key"] if "w_key" in parameters else key
    return left, right


def bent_sum(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return v·tanh(q + k) of a projected query and key, with ``v_score`` (A); without it v is a vector of ones."""
    size = query.shape[-1]
    factors = parameters.get("v_score", np.ones(size, dtype=query.dtype))
    shape = (*np.broadcast_shapes(query.shape[:-2], key.shape[:-2]), query.shape[-2], key.shape[-2])
    total = np.zeros(shape, dtype=query.dtype)
    # Feature by feature: all at once would take A times the memory of the scores.
    for a in range(size):
        total += factors[a] * np.tanh(query[..., a, None] + key[..., None, :, a])
    return total


@dataclass(frozen=True)
class ScoreFunction:
    """How a query meets a key, before the scale.

    Attributes:
        name: as ``--score`` has it.
        of_matrices: the formula as tables write it, in the names of the arrays.
        formula: the formula in letters, the scale included.
        tex: the same in TeX.
        prepare: brings query (batch, heads, L, E) and key (batch, key heads, S, Ek) to where they can meet. It works
            on all of them once, not on every tile.
        meet: takes a prepared query (…, L, A) and key (…, S, A), returns (…, L, S).
        parameters: the arrays that the function has a use for, each with the axes it must have: E features of a
            query, Ek of a key, A of both when they meet. One that is not given is the identity.
    """

    name: str
    of_matrices: str
    formula: str
    tex: str
    prepare: Callable[[NDArray[Any], NDArray[Any], Parameters], Both] = as_they_are
    meet: Callable[[NDArray[Any], NDArray[Any], Parameters], NDArray[Any]] = dot
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_dot(self) -> bool:
        """Whether prepared queries and keys meet in a dot product, so that no score exceeds |q|·|k|."""
        return self.meet is dot

    def size_when_met(self, side: str, given: Collection[str], sizes: Mapping[str, int]) -> int:
        """Return how many features a query (``"E"``) or key (``"Ek"``) has when the two meet.

        Args:
            side: the axis of its features before.
            given: the parameters that are given; a matrix that is not given is the identity.
            sizes: the length of each axis of the parameters.

        Example:
            >>> FUNCTIONS["general"].size_when_met("E", ["w_score"], {"E": 2, "Ek": 3})
            3
        """
        through = [axes[1] for name, axes in self.parameters.items() if name in given and axes[0] == side and axes[1:]]
        return sizes[through[0] if through else side]

    @property
    def is_bare(self) -> bool:
        """Whether query and key need no preparation."""
        return self.prepare is as_they_are


FUNCTIONS = {
    each.name: each
    for each in (
        ScoreFunction(
            "dot", "query · keyᵀ", "scores = scale · Q Kᵀ", r"\mathrm{scores} = \mathrm{scale} \cdot Q K^\top"
        ),
        ScoreFunction(
            "cosine",
            "cos(query, key)",
            "scores[i, j] = scale · qᵢ·kⱼ / (|qᵢ| |kⱼ|)",
            r"\mathrm{scores}_{ij} = \mathrm{scale} \cdot \frac{q_i \cdot k_j}{|q_i|\,|k_j|}",
            prepare=units,
        ),
        ScoreFunction(
            "general",
            "query · w_score · keyᵀ",
            "scores = scale · Q W Kᵀ",
            r"\mathrm{scores} = \mathrm{scale} \cdot Q W K^\top",
            prepare=projected_query,
            parameters={"w_score": ("E", "Ek")},
        ),
        ScoreFunction(
            "additive",
            "v_score · tanh(query · w_query + key · w_key)",
            "scores[i, j] = scale · v·tanh(qᵢ·W₁ + kⱼ·W₂)",
            r"\mathrm{scores}_{ij} = \mathrm{scale} \cdot v^\top \tanh(W_1^\top q_i + W_2^\top k_j)",
            prepare=projected,
            meet=bent_sum,
            parameters={"w_query": ("E", "A"), "w_key": ("Ek", "A"), "v_score": ("A",)},
        ),
    )
}
