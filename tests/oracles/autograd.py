"""What PyTorch's autograd makes of the formula: every gradient, and what rounding does to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from attncli.attend.arrays import ARRAYS
from tests.fuzz import forms
from tests.fuzz.problems import Array
from tests.fuzz.whole import Whole
from tests.oracles.differentiable import Formula, Nudge, Tensor


def leaves(w: Whole, kind: Any) -> dict[str, Tensor]:
    """Return the arrays of real numbers as tensors that want a gradient, as Python takes them."""
    real = {name: each for name, each in w.arrays.items() if each.dtype.kind == "f" and not ARRAYS[name].is_whole}
    return {name: torch.from_numpy(np.array(each)).to(kind).requires_grad_() for name, each in real.items()}


@dataclass(frozen=True, eq=False)
class Autograd:
    """What PyTorch makes of a problem.

    Attributes:
        output: as the user gets it.
        logits: (…, L, S), −∞ where a key is closed.
        gradients: by the name of what they are of: arrays as given, and the weights, logits and scores, 0 where closed.
    """

    output: Array
    logits: Array
    gradients: dict[str, Array]

    @classmethod
    def of(cls, w: Whole, loss: Array, kind: Any, nudge: Nudge = lambda tensor: tensor) -> Autograd:
        """Differentiate Σ output · loss in a type of numbers."""
        given = leaves(w, kind)
        formula = Formula(w, given, nudge)
        found, output = formula.run()
        for each in found.values():
            each.retain_grad()

        def rounded(gradient: Tensor) -> Tensor:
            """Move δ, a sum of weights and their gradients, by its rounding: it is subtracted from much the same."""
            weights = found["weights"].detach()
            delta = (weights * found["weights"].grad).abs().sum(-1, keepdim=True)
            return gradient + weights * (nudge(delta) - delta)

        found["logits"].register_hook(rounded)
        output.backward(torch.from_numpy(np.array(loss)).to(kind))
        seen_of = {n: forms.seen(w.problem, n, each.grad.numpy()) for n, each in found.items()}
        is_open = forms.seen(w.problem, "logits", formula.opened.numpy())
        logits = forms.seen(w.problem, "logits", found["logits"].detach().numpy())
        gradients = {n: np.where(is_open, each, 0) for n, each in seen_of.items()}
        gradients |= {n: each.grad.numpy() for n, each in given.items() if each.grad is not None}
        return cls(output.detach().numpy(), np.where(is_open, logits, -np.inf), gradients)

    @classmethod
    def roughly(cls, w: Whole, loss: Array, kind: Any, seed: int) -> Autograd:
        """Differentiate a problem whose numbers, and those of its steps, are each moved by a rounding error."""
        rng, eps = np.random.default_rng(seed), torch.finfo(kind).eps

        def moved(array: Array) -> Array:
            return (array * (1 + eps * rng.uniform(-1, 1, array.shape))).astype(array.dtype)

        def nudged(tensor: Tensor) -> Tensor:
            return tensor * torch.from_numpy(1 + eps * rng.uniform(-1, 1, tensor.shape)).to(kind)

        return cls.of(w.moved(moved), loss, kind, nudged)
