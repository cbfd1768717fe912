"""softmax: turn each row of logits into weights, which are non-negative and sum to 1.

    weights = exp(logits) / Σ exp(logits)

Sinks as in Xiao et al., *Efficient Streaming Language Models with Attention Sinks*, 2024, in the form of one learned
logit per head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import product, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands
    from attncli.attend.options import Options


class Given(Protocol):
    """What weights depend on besides their logits; softmax alone has it as the whole computation does."""

    @property
    def sinks(self) -> NDArray[Any] | None: ...  # noqa: D102
    @property
    def options(self) -> Options: ...  # noqa: D102


def weights(o: Given, logits: NDArray[Any]) -> NDArray[Any]:
    """Return the weights (batch, heads, L, S) of logits, with whatever else is given."""
    return softmax(logits, o.sinks)


def softmax(logits: NDArray[Any], sinks: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return exp(logits) / Σ exp(logits) along the last axis; a row of −∞ gives a row of 0.

    The maximum of the row is subtracted first: it cancels out, and no exponential can overflow.

    Args:
        logits: (batch, heads, L, S)
        sinks: (heads,) the logit of one extra key, which takes its share of the weight and contributes no value.
    """
    peak = logits.max(axis=-1, keepdims=True)  # (batch, heads, L, 1)
    if sinks is not None:
        sink = within(sinks, logits.dtype)[:, None, None]  # (heads, 1, 1)
        peak = np.maximum(peak, sink)
    with np.errstate(invalid="ignore"):
        # A row of −∞ has no finite maximum to subtract: −∞ − −∞ would be NaN, but its weights must be 0.
        safe = np.where(peak == -np.inf, 0, peak)
        exponentials = np.exp(logits - safe)
        total = exponentials.sum(axis=-1, keepdims=True)
        if sinks is not None:
            total = total + np.exp(sink - safe)
        return exponentials / np.where(total == 0, 1, total)


def log_sum(logits: NDArray[Any], sinks: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the natural logarithm of the sum of exponentials of each row, (batch, heads, L); −∞ of a row of −∞.

    It tells how much weight a part of the keys has among all: see `attncli.merge`.

    Args:
        logits: (batch, heads, L, S)
        sinks: (heads,) the logit of one extra key, which counts.

    Example:
        >>> log_sum(np.log([[[[1.0, 3.0]]]])).round(6).tolist(), np.log(4.0).round(6).item()
        ([[[1.386294]]], 1.386294)
    """
    peak = logits.max(axis=-1)
    if sinks is not None:
        sink = within(sinks, logits.dtype)[:, None]
        peak = np.maximum(peak, sink)
    with np.errstate(all="ignore"):
        safe = np.where(peak == -np.inf, 0, peak)
        total = np.exp(logits - safe[..., None]).sum(axis=-1)
        if sinks is not None:
            total = total + np.exp(sink - safe)
        return safe + np.log(total)


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the weights (batch, heads, L, S), and the logarithm of each row's sum (batch, heads, L)."""
    return {"weights": weights(o, made["logits"]), "lse": log_sum(made["logits"], o.sinks)}


def open_weights(made: Made) -> NDArray[Any]:
    """Return the weights, 0 at closed keys even in a row that is NaN: no gradient leaks through what is closed."""
    return np.where(made["logits"] == -np.inf, 0, made["weights"])


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the logits and of the sinks.

        d_logits = weights ∘ (d_weights − δ), δ = Σ weights · d_weights over the keys of a row
        d_sink = −Σ over its rows of (weight of the sink) · δ

    A sink has no value, so that nothing but δ is left for it.
    """
    given = found["weights"]
    # A row of which nothing is asked gets 0, even if it is NaN.
    weights = np.where((given == 0).all(axis=-1, keepdims=True), 0, open_weights(made))
    delta = product(weights, given).sum(axis=-1, keepdims=True)
    gradients = {"logits": product(weights, given - delta)}
    if o.sinks is not None:
        lse = made["lse"]  # −∞ of a row in which nothing is open, and the sink is −∞ too
        share = np.exp(within(o.sinks, lse.dtype)[:, None] - np.where(lse == -np.inf, np.inf, lse))
        gradients["sinks"] = -product(delta[..., 0], share).sum(axis=(0, 2))
    return gradients


STAGE = Stage("softmax", "softmax", "weights = softmax(logits)", ("weights", "lse"), forward, backward)
