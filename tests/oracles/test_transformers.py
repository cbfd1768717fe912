"""The helpers of transformers: ALiBi of Bloom, rotary of Llama and GPT-J, softcap of Gemma 2, sinks of gpt-oss."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.gemma2.modeling_gemma2 import eager_attention_forward as gemma_attention
from transformers.models.gpt_oss.modeling_gpt_oss import eager_attention_forward as oss_attention
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb as interleaved_rotary
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb as half_rotary

from attncli import attention, score
from attncli.attend.alibi import slopes
from tests.support.arrays import normal

QUERY, KEY, VALUE = normal(1, 4, 5, 8), normal(1, 2, 5, 8), normal(1, 2, 5, 6)
TENSORS = [torch.from_numpy(each) for each in (QUERY, KEY, VALUE)]


@pytest.mark.parametrize("heads", [1, 2, 3, 5, 8, 12, 16, 20, 71])
def test_alibi_slopes_for_any_number_of_heads(heads: int) -> None:
    """Bloom adds slope · j to each row, which softmax cannot tell from −slope · (p − j)."""
    tensor = build_alibi_tensor(torch.ones(1, 3), heads, torch.float64).numpy().reshape(heads, 3)
    assert_allclose(slopes(heads), tensor[:, 1], rtol=1e-6)
    query, key = normal(heads, 4, 8), normal(heads, 6, 8)
    bloom = attention(query, key, key, bias=slopes(heads)[:, None, None] * np.arange(6), causal=True)
    assert_allclose(attention(query, key, key, alibi=True, causal=True), bloom, rtol=1e-10, atol=1e-12)


def test_rotary_of_llama() -> None:
    """Halves paired, each angle standing twice."""
    frequencies = 10000.0 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    table = torch.arange(5, dtype=torch.float64)[:, None] * frequencies
    both = torch.cat([table, table], dim=-1)[None]
    query, key = half_rotary(*TENSORS[:2], both.cos(), both.sin())
    expected = query @ key.repeat_interleave(2, dim=1).transpose(-1, -2)
    assert_allclose(score(QUERY, KEY, rope="half"), expected.numpy(), rtol=1e-10, atol=1e-12)


def test_rotary_of_gptj() -> None:
    """Neighbours paired; there the axes are batch, length, heads, features."""
    frequencies = 10000.0 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    table = torch.arange(5, dtype=torch.float64)[:, None] * frequencies
    turned = [interleaved_rotary(each.transpose(1, 2), table.sin()[None], table.cos()[None]) for each in TENSORS[:2]]
    query, key = (each.transpose(1, 2) for each in turned)
    expected = query @ key.repeat_interleave(2, dim=1).transpose(-1, -2)
    assert_allclose(score(QUERY, KEY, rope="interleaved"), expected.numpy(), rtol=1e-10, atol=1e-12)


def test_softcap_of_gemma() -> None:
    """Scale, then softcap, then mask; its softmax is computed in float32."""
    module = SimpleNamespace(num_key_value_groups=2, head_dim=8, training=False)
    mask = torch.triu(torch.full((5, 5), -torch.inf, dtype=torch.float64), 1)[None, None]
    output = gemma_attention(module, *TENSORS, mask, scaling=0.4, softcap=0.7)[0]
    mine = attention(QUERY, KEY, VALUE, scale=0.4, softcap=0.7, causal=True)
    assert_allclose(mine, output.transpose(1, 2).numpy(), rtol=1e-5, atol=1e-6)


def test_sinks_of_gpt_oss() -> None:
    """One learned logit a head takes part in softmax and is dropped behind it."""
    sinks = normal(4, seed=2)
    module = SimpleNamespace(num_key_value_groups=2, sinks=torch.from_numpy(sinks), training=False)
    output = oss_attention(module, *TENSORS, None, scaling=0.4)[0]
    mine = attention(QUERY, KEY, VALUE, scale=0.4, sinks=sinks)
    assert_allclose(mine, output.transpose(1, 2).numpy(), rtol=1e-5, atol=1e-6)
