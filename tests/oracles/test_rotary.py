"""Rotary embedding of every kind: the frequencies of transformers, the sections of Qwen2-VL and Qwen3-VL."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLTextConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLRotaryEmbedding
from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLTextConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextRotaryEmbedding

from attncli.attend.rotary.rotation import Rotation, axes_of
from attncli.attend.rotary.scaling import TYPES, frequencies, scaled
from attncli.attend.rotary.values import scaling

# There everything is computed in float32.
CLOSE: Any = {"rtol": 1e-5, "atol": 1e-12}


def drawn(draw: Any, kind: str, pairs: int) -> dict[str, Any]:
    """Return random parameters of a type, as config.json would have them."""

    def number(low: float, high: float) -> float:
        return round(float(draw(st.floats(low, high))), 3)

    def maybe(value: float) -> float | None:
        return value if draw(st.booleans()) else None

    found: dict[str, Any] = {
        "factor": number(1.0, 64.0),
        "original_max_position_embeddings": draw(st.integers(2, 8192)),
    }
    if kind == "yarn":
        found |= {"beta_fast": maybe(number(2.0, 64.0)), "beta_slow": maybe(number(0.2, 2.0))}
        found |= {"mscale": maybe(number(0.0, 2.0)), "mscale_all_dim": maybe(number(0.0, 2.0))}
        found |= {"attention_factor": maybe(number(0.5, 2.0)), "truncate": draw(st.booleans())}
    if kind == "longrope":
        for name in ("short_factor", "long_factor"):
            found[name] = [number(1.0, 60.0) for _ in range(pairs)]
        found["attention_factor"] = maybe(number(0.5, 2.0))
    if kind == "llama3":
        low = number(0.5, 4.0)
        found |= {"low_freq_factor": low, "high_freq_factor": low + number(0.1, 8.0)}
    if kind in ("yarn", "longrope") and draw(st.booleans()):
        found["factor"] = None
    return found


@pytest.mark.parametrize("kind", sorted(ROPE_INIT_FUNCTIONS))
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_frequencies_of_transformers(kind: str, data: Any) -> None:
    """Of random parameters, parts of a head and lengths."""
    draw = data.draw
    head = draw(st.sampled_from([4, 8, 16, 64, 128]))
    share = draw(st.sampled_from([0.5, 1.0]))
    turned = head if kind == "proportional" else int(head * share)
    if turned == 2:  # dynamic divides by D − 2
        return
    theta = draw(st.sampled_from([500.0, 10000.0, 500000.0, 1e6]))
    most = draw(st.integers(16, 65536))
    length = draw(st.integers(1, 200000))
    given_here = drawn(draw, kind, turned // 2) | {"rope_type": kind, "partial_rotary_factor": share}
    # Their config fills the object in, so it gets one of its own.
    config = LlamaConfig(
        head_dim=head,
        max_position_embeddings=most,
        rope_parameters=given_here | {"rope_theta": theta},
    )
    theirs, attention = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
    mine = scaled(scaling("rope_scaling", given_here | {"max_position_embeddings": most}), turned, theta, length)
    # Theirs are of float32: where a ramp ends near 0 or 1, little is left of its digits.
    assert_allclose(mine.frequencies, theirs.numpy(), rtol=1e-4, atol=1e-12)
    assert_allclose(mine.attention, attention, rtol=1e-12)


def test_every_type_of_transformers_is_known() -> None:
    """And no other."""
    assert set(ROPE_INIT_FUNCTIONS) | {"default"} == set(TYPES)


@pytest.mark.parametrize(
    ("config", "module", "sections"),
    [
        (Qwen2VLTextConfig, Qwen2VLRotaryEmbedding, (16, 24, 24)),
        (Qwen2VLTextConfig, Qwen2VLRotaryEmbedding, (2, 3, 3)),
        (Qwen3VLTextConfig, Qwen3VLTextRotaryEmbedding, (24, 20, 20, "interleaved")),
        (Qwen3VLTextConfig, Qwen3VLTextRotaryEmbedding, (11, 11, 10, "interleaved")),
    ],
)
def test_sections_of_the_models(config: Any, module: Any, sections: tuple[Any, ...]) -> None:
    """Their own modules give the cosines and sines of text and pictures."""
    half = sum(sections[:3])
    object_ = {"rope_type": "default", "mrope_section": list(sections[:3]), "rope_theta": 1e6}
    made = config(hidden_size=4 * half, num_attention_heads=2, head_dim=2 * half, rope_parameters=object_)
    positions = np.random.default_rng(1).integers(0, 50, (3, 2, 7))
    cos, sin = module(made)(torch.zeros(1, dtype=torch.float32), torch.from_numpy(positions))
    mine = Rotation(pairing="half", frequencies=frequencies(2 * half, 1e6), axes=axes_of(sections))
    for found, expected in zip(mine.tables(positions, np.dtype("f8")), (cos, sin), strict=True):
        assert_allclose(found, expected[..., :half].numpy(), atol=1e-5)
        assert_allclose(found, expected[..., half:].numpy(), atol=1e-5)
