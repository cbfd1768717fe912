"""PyTorch's scaled_dot_product_attention, cosine_similarity and Bilinear."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from attncli import InputError, attention, score, softmax, steps, weighted_sum

sdpa = torch.nn.functional.scaled_dot_product_attention


def arrays(*shapes: tuple[int, ...], seed: int = 0, dtype: str = "f8") -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def theirs(*given: Any, **options: Any) -> np.ndarray[Any, Any]:
    return sdpa(*map(torch.from_numpy, given), **options).numpy()


@pytest.mark.parametrize(("dtype", "tolerance"), [("f8", 1e-12), ("f4", 3e-6)])
@pytest.mark.parametrize(("queries", "keys"), [(5, 5), (3, 7), (7, 3), (1, 6)])
def test_dense_and_causal(dtype: str, tolerance: float, queries: int, keys: int) -> None:
    """Its causal mask sits in the top left corner, and its scale is 1/√d unless told."""
    query, key, value = arrays((2, 3, queries, 8), (2, 3, keys, 8), (2, 3, keys, 4), dtype=dtype)
    for causal in (False, True):
        mine = attention(query, key, value, scale="sqrt", causal=causal)
        assert_allclose(mine, theirs(query, key, value, is_causal=causal), rtol=tolerance, atol=tolerance)
    assert_allclose(
        attention(query, key, value, scale=0.37), theirs(query, key, value, scale=0.37), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("shape", [(4, 6), (1, 6), (3, 4, 6), (2, 1, 4, 6), (2, 3, 4, 6)])
def test_masks_boolean_and_added(shape: tuple[int, ...]) -> None:
    """Masks broadcast from the right; a row that is closed throughout gives 0."""
    query, key, value, added = arrays((2, 3, 4, 8), (2, 3, 6, 8), (2, 3, 6, 5), shape)
    keep = added > -0.5
    keep[..., 0, :] = False
    for mask in (keep, added):
        mine = attention(query, key, value, mask=mask, scale="sqrt")
        assert_allclose(mine, theirs(query, key, value, attn_mask=torch.from_numpy(mask)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("heads", "key_heads"), [(6, 2), (8, 1), (4, 4)])
def test_grouped_heads(heads: int, key_heads: int) -> None:
    """enable_gqa repeats each key head for consecutive query heads."""
    query, key, value = arrays((2, heads, 5, 8), (2, key_heads, 7, 8), (2, key_heads, 7, 3))
    mine = attention(query, key, value, scale="sqrt")
    assert_allclose(mine, theirs(query, key, value, enable_gqa=True), rtol=1e-12, atol=1e-12)


def test_packed_heads_are_those_of_multi_head_attention() -> None:
    """nn.MultiheadAttention with identity projections splits the last axis into contiguous heads."""
    [states] = arrays((2, 5, 12))
    module = torch.nn.MultiheadAttention(12, 3, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(12, dtype=torch.float64).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(12))
        given = torch.from_numpy(states)
        expected = module(given, given, given, need_weights=False)[0].numpy()
    assert_allclose(attention(states, hidden=states, heads=3, scale="sqrt"), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("layout", "order"), [("bshd", (0, 2, 1, 3)), ("sbhd", (2, 0, 1, 3))])
def test_layouts_are_its_transposed_views(layout: Any, order: tuple[int, ...]) -> None:
    """A model that keeps (batch, length, heads, features) turns them for PyTorch, and its output back."""
    given = arrays((2, 6, 5, 8), (2, 3, 7, 8), (2, 3, 7, 4))
    turned = [np.ascontiguousarray(each.transpose(order)) for each in given]
    views = [torch.from_numpy(each).permute(*np.argsort(order)) for each in turned]
    expected = sdpa(*views, is_causal=True, enable_gqa=True).permute(*order).numpy()
    mine = attention(*turned, layout=layout, scale="sqrt", causal=True)
    assert_allclose(mine, expected, rtol=1e-12, atol=1e-12)


def test_pages_are_its_indexed_pools() -> None:
    """As paged caches are gathered for it: pool[table], and a mask of the lengths."""
    query, key, value = arrays((2, 6, 4, 8), (9, 4, 3, 8), (9, 4, 3, 5))
    table, lengths = np.array([[5, 0, 7], [2, 8, 1]]), np.array([11, 5])
    keys, values = (
        torch.from_numpy(each)[torch.from_numpy(table)].flatten(1, 2).transpose(1, 2) for each in (key, value)
    )
    seen = torch.arange(12) < torch.from_numpy(lengths)[:, None]
    expected = sdpa(torch.from_numpy(query), keys, values, attn_mask=seen[:, None, None], enable_gqa=True).numpy()
    mine = attention(query, key, value, block_table=table, key_lengths=lengths, scale="sqrt")
    assert_allclose(mine, expected, rtol=1e-12, atol=1e-12)


def test_cosine_and_general_scores() -> None:
    """cosine_similarity; Bilinear without bias is q·W_a·k."""
    query, key, weight = arrays((4, 6), (5, 6), (6, 3))
    [short] = arrays((5, 3), seed=1)
    cosine = torch.nn.functional.cosine_similarity(
        torch.from_numpy(query)[:, None], torch.from_numpy(key)[None], dim=-1
    )
    assert_allclose(score(query, key, score="cosine"), cosine.numpy(), rtol=1e-12, atol=1e-12)
    bilinear = torch.nn.Bilinear(6, 3, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        bilinear.weight.copy_(torch.from_numpy(weight)[None])
        left = torch.from_numpy(query)[:, None].expand(4, 5, 6).contiguous()
        right = torch.from_numpy(short)[None].expand(4, 5, 3).contiguous()
        expected = bilinear(left, right)[..., 0].numpy()
    assert_allclose(score(query, short, score="general", w_a=weight), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "int64", "uint8", "bool"]
)
def test_tensors_of_any_type_are_taken(name: str) -> None:
    """As they are: what NumPy has no type for becomes float32, which holds the same numbers."""
    dtype = getattr(torch, name)
    query, key, value = (torch.from_numpy(each).mul(3).to(dtype) for each in arrays((2, 5, 8), (2, 7, 8), (2, 7, 3)))
    alone = name in ("bfloat16", "float8_e4m3fn")  # PyTorch has it, NumPy does not
    plain = [(each.float() if alone else each).numpy() for each in (query, key, value)]
    made, expected = attention(query, key, value), attention(*plain)
    assert made.dtype == expected.dtype
    assert_array_equal(made, expected)


def test_tensors_with_gradients_are_taken() -> None:
    """Their numbers alone; also where they are parameters, views, or negated lazily."""
    states = torch.nn.Parameter(torch.from_numpy(arrays((5, 8))[0]))
    expected = theirs(*[states.detach().numpy()[None, None]] * 3, scale=1.0)[0, 0]
    for given in (states, states * 1, states.T.contiguous().T, torch.complex(states, -states).conj().imag):
        assert_allclose(attention(given, given, given), expected, rtol=1e-12)
        assert_allclose(steps(given, given, given).output, expected, rtol=1e-12)
        assert_allclose(weighted_sum(softmax(score(given, given)), given), expected, rtol=1e-12)
    grown = states.bfloat16()
    assert grown.requires_grad
    assert attention(grown, grown).dtype == np.float32


def test_a_mask_of_bytes_is_boolean_and_one_of_floats_is_added() -> None:
    """As NumPy's are."""
    query, key, value = map(torch.from_numpy, arrays((3, 8), (5, 8), (5, 2)))
    mask = torch.tensor([1, 0, 1, 1, 0])
    expected = theirs(*(each.numpy()[None, None] for each in (query, key, value)), attn_mask=mask.bool()[None])[0, 0]
    for dtype in (torch.uint8, torch.int64):
        with pytest.warns(UserWarning, match="1 = may attend"):
            assert_allclose(attention(query, key, value, scale="sqrt", mask=mask.to(dtype)), expected, rtol=1e-12)
    with pytest.warns(UserWarning, match="added to the scores"):
        assert_allclose(score(query, key, mask=mask.bfloat16()), query @ key.T + mask, rtol=1e-12)


@pytest.mark.parametrize("tensor", [torch.ones(2, 2, dtype=torch.complex64), torch.eye(2).to_sparse()])
def test_tensors_that_are_no_plain_numbers_are_refused(tensor: Any) -> None:
    """By name."""
    with pytest.raises(InputError, match=r"^key "):
        attention(torch.eye(2), tensor, torch.eye(2))
