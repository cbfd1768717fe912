"""``--simulate`` beside PyTorch's own half precision on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.simulate.measure import Sample, measure
from attncli.check.simulate.stages import parse

Tensor: TypeAlias = Any
sdpa = torch.nn.functional.scaled_dot_product_attention


def eager(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the output as transformers' eager function makes it, every result in the type of the query."""
    scores = torch.matmul(query, key.transpose(2, 3)) * query.shape[-1] ** -0.5
    mask = torch.full(scores.shape[-2:], torch.finfo(query.dtype).min, dtype=query.dtype).triu(1)
    weights = torch.softmax(scores + mask, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(weights, value)


def math(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return what the math backend makes of half precision: it is computed in float32."""
    with sdpa_kernel(SDPBackend.MATH):
        return sdpa(query, key, value, is_causal=True)


def flash(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return what the flash kernel of the CPU makes."""
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return sdpa(query, key, value, is_causal=True)


@pytest.mark.parametrize("size", [1.0, 3.0])
@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.parametrize("theirs", [eager, math, flash], ids=lambda each: each.__name__)
def test_errors_are_those_of_pytorch(theirs: Callable[..., Tensor], kind: str, size: float) -> None:
    """Within a factor of 2, by largest and by root mean square; and mostly they are the same number for number.

    Rounding is not random: where all is rounded at the same places, the error is the same.
    """
    rng = np.random.default_rng(8)
    arrays = {name: rng.standard_normal((1, 4, 300, 64)) for name in ("query", "key", "value")}
    arrays["query"] *= size
    observed = theirs(*(torch.from_numpy(each).to(getattr(torch, kind)) for each in arrays.values()))
    o = prepare(arrays, Options.parse({"scale": "sqrt", "causal": True}))
    kernel = parse(f"{theirs.__name__}={kind}")
    found = measure(o, kernel, Sample.of(o, [0], range(4)), observed.to(torch.float64).numpy())
    assert found.observed is not None
    ours, real = found.together, found.observed.error
    assert 0.5 < real.typical / ours.typical < 2
    assert 0.5 < real.largest / ours.largest < 2
    assert found.observed.explained is not None
    assert found.observed.explained > (0.6 if theirs is flash else 0.99)
