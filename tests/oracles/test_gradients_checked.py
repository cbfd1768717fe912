"""`attn check` on gradients by PyTorch's autograd: right ones agree in every precision, and are never blamed."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from attncli.attend.options import Options
from attncli.check.backward.finding import BackwardFinding, check
from attncli.check.diagnosis import Wanted

TYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
SHAPES = {
    "causal": (2, 4, 4, 12, 12),
    "grouped": (2, 6, 2, 10, 10),
    "cross": (2, 4, 4, 5, 9),
    "long": (1, 4, 2, 128, 128),
}


def eager(query: Any, key: Any, value: Any, causal: bool) -> Any:
    """Scores, softmax, sum, each rounded to the type of the tensors."""
    scores = (query @ key.transpose(-1, -2)) * query.shape[-1] ** -0.5
    if causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[-2:], dtype=torch.bool).tril(), float("-inf"))
    return torch.softmax(scores, -1) @ value


def fused(query: Any, key: Any, value: Any, causal: bool) -> Any:
    """PyTorch's kernel, whose backward pass computes the weights again."""
    return scaled_dot_product_attention(query, key, value, is_causal=causal)


def observed(shape: str, dtype: Any, attention: Any, *, factor: float = 1.0) -> BackwardFinding:
    """Check the gradients of one kind of attention, in the type in which they come; d_query times a factor."""
    batch, heads, key_heads, queries, keys = SHAPES[shape]
    rng = torch.Generator().manual_seed(0)
    sizes = {
        "query": (heads, queries),
        "key": (key_heads, keys),
        "value": (key_heads, keys),
        "d_output": (heads, queries),
    }
    given = {
        name: torch.randn(batch, *size, 16, generator=rng, dtype=torch.float64).to(dtype)
        for name, size in sizes.items()
    }
    states = [given[name].requires_grad_() for name in ("query", "key", "value")]
    shared = [each.repeat_interleave(heads // key_heads, 1) for each in states[1:]]
    attention(states[0], *shared, shape == "causal").backward(given["d_output"])
    arrays: dict[str, Any] = {name: of(each) for name, each in given.items()}
    arrays |= {f"expected_d_{name}": of(given[name].grad) for name in ("query", "key", "value")}
    arrays["expected_d_query"] = (arrays["expected_d_query"] * factor).astype(arrays["expected_d_query"].dtype)
    return check(arrays, Options.parse({"scale": "sqrt", "causal": shape == "causal"}), Wanted())


def of(tensor: Any) -> Any:
    """An array of NumPy, which has no bfloat16."""
    found = tensor.detach()
    return np.asarray(found.float() if found.dtype == torch.bfloat16 else found)


@pytest.mark.parametrize(("shape", "dtype", "attention"), list(product(SHAPES, TYPES, (eager, fused))))
def test_gradients_by_autograd_agree(shape: str, dtype: Any, attention: Any) -> None:
    """In float64, float32, float16 and bfloat16; a scale that is missing is seen in each of them, and named."""
    assert observed(shape, dtype, attention).agrees
    wrong = observed(shape, dtype, attention, factor=4.0)
    assert wrong.seen.wrong == ["query"]
    assert wrong.explanations[0].mistakes == ("scale-back",)
