"""The operations of a layer, stage by stage; a multiplication and the addition after it are two.

    project = 2 · tokens · features in · features out        score = 2 · open pairs · features of a key
    softmax = 5 · open pairs                                 sum = 2 · open pairs · features of a value
    out = 2 · tokens · heads · features of a value · features of x

Softmax finds the maximum, subtracts it, takes the exponential, adds and divides. Norms, rotations, biases, the decay of
a state and what else is done once a token and feature is not counted.

The backward pass has two products where the forward pass has one, and makes the scores again (`recompute`) as kernels
do that hold no matrix of them (Dao, FlashAttention-2, 2023). Of softmax it subtracts the logarithm of the sum, takes
the exponential, and makes P ∘ (dP − Σ P ∘ dP) of it: six operations a pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from attncli.cost.formula import Factor, Formula, Term, summed
from attncli.cost.layers import Attention, Group, Latent, State

STAGES = ("project", "score", "softmax", "sum", "out")
RECOMPUTE = "recompute"
SOFTMAX, SOFTMAX_BACKWARD = 5, 6
Operations = Mapping[str, Formula]


@dataclass(frozen=True)
class Work:
    """What the layers of a group do in one run.

    Attributes:
        batch: sequences.
        queries: tokens that queries are made of.
        tokens: tokens that keys and values are made of.
        open: open pairs of one layer, over all sequences and heads.
        absorbed: whether latents meet queries as they are, and no key or value is made of them.
    """

    batch: int
    queries: int
    tokens: int
    open: Term
    absorbed: bool = False


def forward(group: Group, work: Work) -> dict[str, Formula]:
    """Return the operations of a group of layers."""
    found = _of_state(group.state, work) if group.state is not None else {}
    if group.attention is not None:
        found = _of_attention(group.attention, work, makes_keys=group.kind != "shared")
    return {stage: Formula.of(found.get(stage, ())).times(_layers(group)) for stage in STAGES}


def backward(done: Operations) -> dict[str, Formula]:
    """Return the operations of the backward pass of what was done forwards."""
    found = {stage: done[stage].times(2) for stage in STAGES}
    found["softmax"] = Formula(tuple(_instead(term, SOFTMAX, SOFTMAX_BACKWARD) for term in done["softmax"].terms))
    return found | {RECOMPUTE: Formula(tuple(term for term in done["score"].terms if _is_of_pairs(term)))}


def _instead(term: Term, number: int, other: int) -> Term:
    at = next(at for at, each in enumerate(term.factors) if each == Factor(number))
    return Term((*term.factors[:at], Factor(other), *term.factors[at + 1 :]))


def _is_of_pairs(term: Term) -> bool:
    return any(each.unit == "open" for each in term.factors)


def _layers(group: Group) -> Factor:
    return Factor(group.count, "layers")


def _of_attention(a: Attention, work: Work, *, makes_keys: bool) -> dict[str, list[Term]]:
    dim, value_dim, latent = a.dim, a.value_dim, a.latent
    if latent is not None and work.absorbed:
        dim, value_dim = latent.rank + latent.rope, latent.rank
    queries = Factor(work.queries * work.batch, "tokens")
    out = [Term.of(2, queries, Factor(a.heads, "heads"), a.value_dim, a.out)]
    project = _projections(a, work, makes_keys=makes_keys)
    if latent is not None and work.absorbed:
        out.insert(0, Term.of(2, queries, Factor(a.heads, "heads"), latent.rank, a.value_dim))
    return {
        "project": project,
        "score": [work.open.times(2).times_after(dim)],
        "softmax": [work.open.times(SOFTMAX)],
        "sum": [work.open.times(2).times_after(value_dim)],
        "out": out,
    }


def _projections(a: Attention, work: Work, *, makes_keys: bool) -> list[Term]:
    queries, tokens = (Factor(count * work.batch, "tokens") for count in (work.queries, work.tokens))
    if a.latent is not None:
        return _of_latent(a, a.latent, work, queries, tokens)
    of_query = [(a.heads, a.dim), *[(a.heads, a.value_dim)] * a.gated]
    of_keys = [(a.key_heads, a.dim), (a.key_heads, a.value_dim)] if makes_keys else []
    if queries == tokens and a.source == a.hidden:
        return [Term.of(2, queries, a.hidden, summed([*of_query, *of_keys]))]
    return [Term.of(2, queries, a.hidden, summed(of_query)), Term.of(2, tokens, a.source, summed(of_keys))]


def _of_latent(a: Attention, latent: Latent, work: Work, queries: Factor, tokens: Factor) -> list[Term]:
    heads, nope = Factor(a.heads, "heads"), a.dim - latent.rope
    down = [Term.of(2, tokens, a.source, summed([(latent.rank, 1), (latent.rope, 1)]))]
    if latent.query_rank:
        up = [Term.of(2, queries, a.hidden, latent.query_rank), Term.of(2, queries, latent.query_rank, heads, a.dim)]
    else:
        up = [Term.of(2, queries, a.hidden, heads, a.dim)]
    if work.absorbed:  # the matrix that would make keys is applied to the queries
        return [*up, *down, Term.of(2, queries, heads, nope, latent.rank)]
    return [*up, *down, Term.of(2, tokens, latent.rank, heads, summed([(nope, 1), (a.value_dim, 1)]))]


def _of_state(state: State, work: Work) -> dict[str, list[Term]]:
    tokens = Factor(work.queries * work.batch, "tokens")
    first, *others = state.held
    return {
        "project": [Term.of(2, tokens, *each) for each in (*state.project, *others)],
        "score": [Term.of(2, state.passes, tokens, *first)],  # keys and values go in
        "sum": [Term.of(2, tokens, *first)],  # queries read it
        "out": [Term.of(2, tokens, *state.out)],
    }
