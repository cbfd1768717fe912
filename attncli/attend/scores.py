"""The score functions: how a query meets a key, before the scale.

Each is declared once, as a record in `FUNCTIONS`, with its formulas, its parameters, and its computation in two parts:
``prepare`` transforms all queries and all keys once, so that ``meet`` can score every pair of them. For most functions
``meet`` is the dot product, which the fast path is optimised for.

Sources: ``dot`` and ``general`` Luong et al., *Effective Approaches to Attention-based Neural Machine Translation*,
2015, section 3.1; ``additive`` Bahdanau et al., *Neural Machine Translation by Jointly Learning to Align and
Translate*, 2015, section A.1.2; ``cosine`` Graves et al., *Neural Turing Machines*, 2014, section 3.3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attncli.attend.views import product, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

Parameters = Mapping[str, "NDArray[Any]"]
Pair = tuple["NDArray[Any]", "NDArray[Any]"]
# Gradients of query and key, and of parameters by name.
Gradients = tuple["NDArray[Any]", "NDArray[Any]", dict[str, "NDArray[Any]"]]


def dot(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return q·k.

    Args:
        query: (batch, key heads, group, L, E)
        key: (batch, key heads, 1, S, E)
        parameters: unused.

    Returns:
        (batch, key heads, group, L, S)
    """
    return query @ np.swapaxes(key, -1, -2)


def dot_backward(query: NDArray[Any], key: NDArray[Any], parameters: Parameters, given: NDArray[Any]) -> Gradients:
    """Return the gradients of query, d·k, and key, dᵀ·q, of a gradient of the scores (batch, key heads, group, L, S).

    That of the key has one for each query head of the group, (batch, key heads, group, S, E).
    """
    return weigh(given, key), weigh(np.swapaxes(given, -1, -2), query), {}


def unchanged_backward(
    query: NDArray[Any], key: NDArray[Any], parameters: Parameters, of_query: NDArray[Any], of_key: NDArray[Any]
) -> Gradients:
    """Return the gradients of query and key unchanged."""
    return of_query, of_key, {}


def unchanged(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Pair:
    """Return query and key unchanged; memory-mapped ones stay on disk."""
    return query, key


def unit_vectors(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Pair:
    """Return query and key as unit vectors, so that q·k/(|q||k|) is their dot product."""
    return unit(query), unit(key)


def unit_vectors_backward(
    query: NDArray[Any], key: NDArray[Any], parameters: Parameters, of_query: NDArray[Any], of_key: NDArray[Any]
) -> Gradients:
    """Return the gradients of query and key before they were made unit vectors."""
    return unit_backward(query, of_query), unit_backward(key, of_key), {}


def unit_backward(vectors: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
    """Return the gradient of vectors v, (d − u·(u·d)) / |v| with u = v/|v|; 0 for a zero vector.

    >>> unit_backward(np.array([[0.0, 2.0]]), np.array([[3.0, 5.0]])).tolist()
    [[1.5, 0.0]]
    """
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.where(largest == 0, 1, largest)
    length = np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    direction = scaled / np.where(length == 0, 1, length)
    across = given - direction * (direction * given).sum(axis=-1, keepdims=True)
    found = across / np.where(length == 0, np.inf, length) / np.where(largest == 0, 1, largest)
    return np.where((given == 0).all(axis=-1, keepdims=True), 0, found)


def unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return vectors of length 1 in the same directions; a zero vector has no direction and stays zero."""
    # Divide by the largest component first, so that its square does not overflow.
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.where(largest == 0, 1, largest)
    length = np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    return scaled / np.where(length == 0, 1, length)


def projected_query(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Pair:
    """Return q·W_a with ``w_a`` (E, Ek), and the key unchanged; q·W_a·k is then a dot product."""
    return (query @ parameters["w_a"] if "w_a" in parameters else query), key


def projected_query_backward(
    query: NDArray[Any], key: NDArray[Any], parameters: Parameters, of_query: NDArray[Any], of_key: NDArray[Any]
) -> Gradients:
    """Return the gradients of the query before q·W_a, of the key, and of W_a."""
    before, found = _through(query, parameters, "w_a", of_query)
    return before, of_key, found


def projected_backward(
    query: NDArray[Any], key: NDArray[Any], parameters: Parameters, of_query: NDArray[Any], of_key: NDArray[Any]
) -> Gradients:
    """Return the gradients of query and key before q·W_a and k·U_a, and of both matrices."""
    left, of_left = _through(query, parameters, "w_a", of_query)
    right, of_right = _through(key, parameters, "u_a", of_key)
    return left, right, of_left | of_right


def _through(
    states: NDArray[Any], parameters: Parameters, name: str, given: NDArray[Any]
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return the gradients of states x and of the matrix W of a name, of a gradient of x·W: d·Wᵀ and xᵀ·d."""
    if name not in parameters:
        return given, {}
    matrix = parameters[name]
    rows = np.broadcast_to(states, (*given.shape[:3], states.shape[3])).reshape(-1, states.shape[3])
    return weigh(given, matrix.T), {name: weigh(given.reshape(-1, given.shape[3]).T, rows).T}


def projected(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> Pair:
    """Return q·W_a and k·U_a with ``w_a`` (E, A) and ``u_a`` (Ek, A)."""
    left = query @ parameters["w_a"] if "w_a" in parameters else query
    right = key @ parameters["u_a"] if "u_a" in parameters else key
    return left, right


def tanh_of_sum(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return v_a·tanh(q + k) of a projected query and key, with ``v_a`` (A); without it, a vector of ones."""
    size = query.shape[-1]
    factors = parameters.get("v_a", np.ones(size, dtype=query.dtype))
    shape = (*np.broadcast_shapes(query.shape[:-2], key.shape[:-2]), query.shape[-2], key.shape[-2])
    total = np.zeros(shape, dtype=query.dtype)
    # Feature by feature: all at once would take A times the memory of the scores.
    for a in range(size):
        total += factors[a] * np.tanh(query[..., a, None] + key[..., None, :, a])
    return total


def tanh_of_sum_backward(
    query: NDArray[Any], key: NDArray[Any], parameters: Parameters, given: NDArray[Any]
) -> Gradients:
    """Return the gradients of a projected query and key, and of v, of a gradient d of the scores.

    t = tanh(q + k), d_q = Σ over keys of d · v · (1 − t²), d_k = the same over queries, d_v = Σ d · t
    """
    size = query.shape[-1]
    factors = parameters.get("v_a", np.ones(size, dtype=query.dtype))
    of_query = np.empty((*given.shape[:-1], size), given.dtype)
    of_key = np.empty((*given.shape[:-2], given.shape[-1], size), given.dtype)
    of_factors = np.empty(size, given.dtype)
    for a in range(size):
        turned = np.tanh(query[..., a, None] + key[..., None, :, a])
        steep = product(given, factors[a] * (1 - turned * turned))
        of_query[..., a], of_key[..., a] = steep.sum(axis=-1), steep.sum(axis=-2)
        of_factors[a] = product(given, turned).sum()
    return of_query, of_key, {"v_a": of_factors} if "v_a" in parameters else {}


def products(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return q ∘ k, the terms of which q·k is the sum.

    Args:
        query: a prepared one, (A).
        key: likewise.
        parameters: unused.
    """
    return query * key


def bent(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return v_a ∘ tanh(q + k), the terms of which v_a·tanh(q + k) is the sum, (A)."""
    return parameters.get("v_a", np.ones(1, dtype=query.dtype)) * np.tanh(query + key)


class ScoreFunction(NamedTuple):
    """How a query meets a key, before the scale.

    Attributes:
        name: the value of ``--score``.
        of_matrices: the formula for tables, in the names of the arrays.
        formula: the formula in symbols, scale included.
        tex: the same in TeX.
        prepare: transforms query (batch, heads, L, E) and key (batch, key heads, S, Ek) so that they can meet. It is
            called once on all of them, not once per tile.
        meet: takes a prepared query (…, L, A) and key (…, S, A), returns (…, L, S).
        prepare_backward: takes query and key as they are before `prepare`, and the gradients of what it makes of them;
            returns the gradients of both, and of parameters by name.
        meet_backward: takes a prepared query and key, and the gradient of the scores; returns likewise.
        backward: the formulas of the gradients of query and key for tables.
        terms: takes a prepared query (A) and key (A), returns what `meet` sums up (A).
        term: their formula.
        parameters: the arrays that the function uses, each with its axes: E features of a query, Ek of a key, A of
            both when they meet. A missing one is the identity.
    """

    name: str
    of_matrices: str
    formula: str
    tex: str
    prepare: Callable[[NDArray[Any], NDArray[Any], Parameters], Pair] = unchanged
    meet: Callable[[NDArray[Any], NDArray[Any], Parameters], NDArray[Any]] = dot
    prepare_backward: Callable[[NDArray[Any], NDArray[Any], Parameters, NDArray[Any], NDArray[Any]], Gradients] = (
        unchanged_backward
    )
    meet_backward: Callable[[NDArray[Any], NDArray[Any], Parameters, NDArray[Any]], Gradients] = dot_backward
    backward: tuple[str, str] = ("scale · d_scores · key", "scale · d_scoresᵀ · query")
    terms: Callable[[NDArray[Any], NDArray[Any], Parameters], NDArray[Any]] = products
    term: str = "q ∘ k"
    parameters: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    @property
    def is_dot(self) -> bool:
        """Whether prepared queries and keys meet in a dot product, so that no score exceeds |q|·|k|."""
        return self.meet is dot

    def size_when_met(self, side: str, given: Collection[str], sizes: Mapping[str, int]) -> int:
        """Return how many features a query (``"E"``) or key (``"Ek"``) has when the two meet.

        Args:
            side: the axis of its features before preparation.
            given: the parameters that are given; a missing matrix is the identity.
            sizes: the length of each axis of the parameters.

        Example:
            >>> FUNCTIONS["general"].size_when_met("E", ["w_a"], {"E": 2, "Ek": 3})
            3
        """
        through = [axes[1] for name, axes in self.parameters.items() if name in given and axes[0] == side and axes[1:]]
        return sizes[through[0] if through else side]

    @property
    def needs_preparation(self) -> bool:
        """Whether query and key must be prepared before they meet."""
        return self.prepare is not unchanged


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
            prepare=unit_vectors,
            prepare_backward=unit_vectors_backward,
            backward=(
                "scale · (d_scores · key/|key| − rowsum(d_scores ∘ cos) ∘ query/|query|) / |query|",
                "scale · (d_scoresᵀ · query/|query| − colsum(d_scores ∘ cos) ∘ key/|key|) / |key|",
            ),
            term="q/|q| ∘ k/|k|",
        ),
        ScoreFunction(
            "general",
            "query · w_a · keyᵀ",
            "scores = scale · Q W_a Kᵀ",
            r"\mathrm{scores} = \mathrm{scale} \cdot Q W_a K^\top",
            prepare=projected_query,
            prepare_backward=projected_query_backward,
            backward=("scale · d_scores · key · w_aᵀ", "scale · d_scoresᵀ · query · w_a"),
            term="q·W_a ∘ k",
            parameters={"w_a": ("E", "Ek")},
        ),
        ScoreFunction(
            "additive",
            "v_a · tanh(query · w_a + key · u_a)",
            "scores[i, j] = scale · v_a·tanh(qᵢ·W_a + kⱼ·U_a)",
            r"\mathrm{scores}_{ij} = \mathrm{scale} \cdot v_a^\top \tanh(W_a^\top q_i + U_a^\top k_j)",
            prepare=projected,
            meet=tanh_of_sum,
            prepare_backward=projected_backward,
            meet_backward=tanh_of_sum_backward,
            backward=(
                "scale · Σ over keys d_scores · v_a ∘ (1 − tanh²) · w_aᵀ",
                "scale · Σ over queries d_scores · v_a ∘ (1 − tanh²) · u_aᵀ",
            ),
            terms=bent,
            term="v_a ∘ tanh(q·W_a + k·U_a)",
            parameters={"w_a": ("E", "A"), "u_a": ("Ek", "A"), "v_a": ("A",)},
        ),
    )
}
