"""Wrong gates: missing, of another function, with the numbers of other heads or features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.gate import sigmoid
from attncli.attend.views import ready
from attncli.check.mistakes import pieces
from attncli.check.mistakes.around import with_after
from attncli.check.mistakes.general import GATE
from attncli.check.mistakes.layout import gather, interleave, merge, split
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# What stands in the place of the sigmoid, by its form.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "raw": lambda gate: gate,
    "silu": lambda gate: gate * sigmoid(gate),
    "twice": lambda gate: sigmoid(gate) ** 2,
    "sigmoid twice": lambda gate: sigmoid(sigmoid(gate)),
    "twice the sigmoid": lambda gate: 2 * sigmoid(gate),
    "one less": lambda gate: sigmoid(-gate),
    "tanh": np.tanh,
    "one more": lambda gate: 1 + gate,
    "exponential": np.exp,
    "softmax": lambda gate: np.exp(gate) / np.exp(gate).sum(axis=-1, keepdims=True),
}


def gates(o: Operands) -> Iterator[Variant]:
    """The gate is left out or multiplied otherwise."""
    if o.gate is None:
        return
    yield _variant("missing", lambda recipe: with_after(recipe, gate=_open))
    for form, function in FUNCTIONS.items():
        yield _variant(form, partial(with_after, gate=partial(_through, function=function)))
    for form, gate in _other_gates(o).items():
        yield _variant(form, partial(_with_gate, gate=gate))


def _variant(form: str, apply: Callable[[Recipe], Recipe | None]) -> Variant:
    return Variant((GATE,), pieces.GATE, form, apply, word("gate", form), sentence("fix_gate"), {"gate": form})


def _open(o: Operands, sums: Array) -> Array:
    return sums


def _through(o: Operands, sums: Array, *, function: Callable[[Array], Array]) -> Array:
    assert o.gate is not None
    return sums * function(ready(o.gate, o.dtype))


def _with_gate(recipe: Recipe, *, gate: Array) -> Recipe | None:
    here = recipe.operands.gate
    return None if here is None or here.shape[:2] != gate.shape[:2] else recipe.with_operands(gate=gate)


def _other_gates(o: Operands) -> dict[str, Array]:
    """Return gates of other heads, features or rows, by their forms."""
    gate = np.asarray(o.gate, dtype=np.float64)
    batch, heads, _, features = gate.shape
    found: dict[str, Array] = {}
    if features > 1:
        found["first of a head"] = gate[..., :1]
        found["mean of a head"] = gate.mean(-1, keepdims=True)
    if heads > 1:
        found["head 0"] = np.broadcast_to(gate[:, :1], gate.shape)
        found["mean of heads"] = np.broadcast_to(gate.mean(1, keepdims=True), gate.shape)
        found["next head"] = np.roll(gate, -1, axis=1)
        found["head before"] = np.roll(gate, 1, axis=1)
        if features > 1:
            found["interleaved"] = interleave(gate)
            found["gathered"] = gather(gate)
        found["split"] = split(gate)
        found["merged"] = merge(gate)
    if batch > 1:
        found["item 0"] = np.broadcast_to(gate[:1], gate.shape)
    if gate.shape[2] > 1:
        found["row before"] = np.roll(gate, 1, axis=2)
        found["row after"] = np.roll(gate, -1, axis=2)
    return {form: other for form, other in found.items() if not np.array_equal(other, gate)}
