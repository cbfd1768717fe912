"""What each gradient is made of, with the options in force: the titles of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.attend.backpropagation import GIVEN, Backpropagation
from attncli.attend.layer import LETTERS
from attncli.attend.norms import QUOTIENTS, Norm
from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages.mask import openings
from attncli.said import Said
from attncli.show.numbers import plain

if TYPE_CHECKING:
    from attncli.attend.operands import Operands

# Of what is the same whatever the options; the others have a function below.
FORMULAS = {
    "sinks": Said("−Σ weight of the sink · rowsum(weights ∘ d_weights)"),
    "query_scale": "Σ d_scores ∘ scores / query_scale",
    "cos": Said("Σ d_a′·a + d_b′·b, (a, b) turned to (a′, b′)"),
    "sin": Said("Σ d_b′·a − d_a′·b, (a, b) turned to (a′, b′)"),
    "w_qkv": "xᵀ · [d_projected_query, d_projected_key, d_projected_value]",
    "b_qkv": "Σ [d_projected_query, d_projected_key, d_projected_value]",
    "w_g": "xᵀ · d_gate",
    "b_g": "Σ d_gate",
    "b_o": "Σ d_output",
}
# Likewise, of the parameters of each score function.
PARAMETERS = {
    "general": {"w_a": "Σ scale · queryᵀ · d_scores · key"},
    "additive": {
        "w_a": "Σ queryᵀ · d(query · w_a)",
        "u_a": "Σ keyᵀ · d(key · u_a)",
        "v_a": "Σ scale · d_scores · tanh(query · w_a + key · u_a)",
    },
}
SUMMED = ("mask", "bias")
# In the order in which a gradient that several have is added up.
ROLES = ("value", "key", "query")


def formula(name: str, b: Backpropagation) -> str:
    """Say what a gradient is made of.

    Args:
        name: that of the gradient, such as ``d_query``.
        b: the problem.
    """
    o, of = b.operands, name.removeprefix("d_")
    if name == GIVEN:
        return _given(Said("∂loss / ∂output") if b.is_given else Said("1, of the loss Σ output"), name)
    if of == "weights":
        made = f"{name} = {_of_sums(o)} · valueᵀ{_context(o)}"
        return Said("{made}, 0 where closed", made=made) if openings(o) else made
    if of == "logits":
        return f"{name} = weights ∘ (d_weights − rowsum(weights ∘ d_weights))"
    if of == "scores":
        cap = o.options.softcap
        return f"{name} = d_logits" + ("" if cap is None else f" ∘ (1 − (capped / {plain(cap, 4)})²)")
    return _given(of_array(of, b), name)


def _given(made: str, name: str) -> str:
    return Said("{name} = {made}", name=name, made=made)


def of_array(name: str, b: Backpropagation) -> str:
    """Say what the gradient of an array is made of."""
    o = b.operands
    if name in FORMULAS:
        return FORMULAS[name]
    if name in o.parameters:
        return PARAMETERS[o.options.score][name]
    if name in SUMMED:
        is_smaller = b.arrays[name].size < o.sizes.scores
        return Said("d_logits, summed over what it is added to") if is_smaller else "d_logits"
    if name == "w_o":
        return f"{_before_out(o)}ᵀ · d_output"
    if name == "gate":
        return f"{_of_gated(o)} ∘ context ∘ σ(gate) ∘ (1 − σ(gate))"
    kind, _, letter = name.partition("_")
    states = {short: state for state, short in LETTERS.items()}
    if kind in ("w", "b") and letter in states:
        return f"{'xᵀ ·' if kind == 'w' else 'Σ'} d_projected_{states[letter]}"
    if letter == "norm":
        return f"Σ d_normed_{states[kind]} ∘ {QUOTIENTS[Norm.of(o.options.qk_norm or 'rms').kind]}"
    return _of_states(name, b)


def _of_states(name: str, b: Backpropagation) -> str:
    """Say what the gradient of a state is made of: a term for each role that it plays."""
    roles = [name] if name != "hidden" else [each for each in ROLES if each not in b.arrays]
    terms = [_of_role(each, b.operands) for each in roles]
    if len(terms) == 1:
        return terms[0][0]
    first, *others = (Said("({term})", term=term) if is_noted else term for term, is_noted in terms)
    for term in others:
        first = Said("{made} + {term}", made=first, term=term)
    return first


def _of_role(role: str, o: Operands) -> tuple[str, bool]:
    """Return the gradient of a query, key or value, past ones too, and whether notes follow the formula."""
    state = role.removeprefix("past_")
    through = o.layer.projections.get(state) if state == role else None  # past ones are not made of anything
    text = _met(state, o)
    if through is not None:
        text = f"d_projected_{state}" + f" · W_{LETTERS[state]}ᵀ" * (through.weight is not None)
    if role == "query" and o.layer.gate is not None:
        text += " + d_gate · W_gᵀ"
    made = text if through is not None else _noted(text, state, o, is_past=state != role)
    return made, made != text


def _noted(made: str, state: str, o: Operands, *, is_past: bool) -> str:
    """Return a formula with what else is done on the way back to an array."""
    group = o.sizes.heads // o.outline.states[state].shape[1]
    if group > 1:
        made = Said("{made}, summed over {count} query heads", made=made, count=group)
    if is_past:
        return made
    if o.options.rope is not None and state != "value":
        made = Said("{made}, turned back", made=made)
    if state in o.layer.norms:
        made = Said("{made}, back through the norm", made=made)
    if "block_table" in o.inputs and state != "query":
        made = Said("{made}, put back into the pages", made=made)
    return made


def _met(state: str, o: Operands) -> str:
    """Say what the gradient of a state is where query and key meet, or values are summed."""
    if state == "value":
        return f"weightsᵀ · {_of_sums(o)}"
    return FUNCTIONS[o.options.score].backward[state == "key"]


def _of_sums(o: Operands) -> str:
    return "d_context" if o.has_after else "d_output"


def _context(o: Operands) -> str:
    """Say what the gradient of the weighted sums is, where anything comes after them."""
    gated = o.gate is not None or o.layer.gate is not None
    return f", d_context = {_of_gated(o)}{' ∘ σ(gate)' * gated}" if o.has_after else ""


def _of_gated(o: Operands) -> str:
    return "d_output" + " · W_oᵀ" * ("w_o" in o.taking_part)


def _before_out(o: Operands) -> str:
    return "(context · σ(gate))" if o.gate is not None or o.layer.gate is not None else "context"
