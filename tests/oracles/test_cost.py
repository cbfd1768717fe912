"""`attn cost` against what transformers allocates, the parameters of its models, and PyTorch's FLOP counter."""

from __future__ import annotations

import inspect
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count
from transformers import StaticCache

from attncli.cost.cost import Cost
from attncli.cost.request import Request
from attncli.cost.source import case_of
from tests.oracles.tiny import BATCH, LENGTH, MODELS, SOURCE, WITH_ENCODER, built, configuration, inputs

# What is no matrix that x is multiplied by, of the parameters of such layers: a bias by position, the MLP of NemotronH,
# the convolution that is all that LFM2 has.
NO_MATRIX = ("A_log", ".D", "dt_bias", "relative_attention_bias", "up_proj", "down_proj", "conv.conv")
LAYERS = ("attn", "attention", "mamba", "mixer", "conv.", "SelfAttention", "EncDecAttention")


def cost(family: str, config: dict[str, Any], **more: Any) -> Cost:
    """Return what is reckoned of a model that was built."""
    source = SOURCE if family in WITH_ENCODER else None
    case, notices = case_of(Request(length=LENGTH, keys=source, batch=BATCH, dtype="float32", config=config, **more))
    assert notices == ()  # every field that speaks of attention is understood
    return Cost(case)


def held(cache: Any) -> list[torch.Tensor]:
    """Return all tensors of a cache."""
    halves = [getattr(cache, f"{name}_attention_cache", None) for name in ("self", "cross")]
    if halves[0] is not None:
        return [tensor for half in halves for tensor in held(half)]
    found: list[torch.Tensor] = []
    for layer in cache.layers:
        found += [each for name in ("keys", "values") if (each := getattr(layer, name, None)) is not None]
        for name in ("conv_states", "recurrent_states"):
            found += [each for each in getattr(layer, name, {}).values() if each is not None]
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", MODELS)
def test_the_cache_has_the_bytes_that_transformers_allocates(family: str, tmp_path: Path) -> None:
    """Every layer's keys, values, latents and states, of two sequences, in a cache of as many tokens as there are."""
    model = built(family)
    given = inputs(family)
    if family not in WITH_ENCODER:
        names = inspect.signature(model.forward).parameters
        name = next(each for each in ("cache", "past_key_values", "cache_params") if each in names)
        given[name] = StaticCache(config=model.config, max_cache_len=LENGTH)
    with torch.no_grad():
        made = model(**given, use_cache=True)
    cache = next(each for name in ("past_key_values", "cache_params", "cache") if (each := getattr(made, name, None)))
    tensors = held(cache)
    mine = cost(family, configuration(model, tmp_path))
    assert mine.cache.bytes().value == sum(each.numel() * each.element_size() for each in tensors)
    # Layer by layer: as many numbers of each size.
    expected: Counter[int] = Counter()
    for each in mine.held:
        if each.keys and each.per_key.value:
            assert each.bytes.value == each.per_key.value * each.keys * each.group.count * BATCH
            expected[each.keys] += each.group.count
    lengths = Counter(each.shape[2] for each in tensors if each.ndim == 4 and each.shape[2] in expected)
    assert all(lengths[keys] >= 2 * count for keys, count in expected.items())


@pytest.mark.parametrize("family", MODELS.keys() - {"mpt", "gemma3n", "gemma4"})
def test_the_matrices_have_as_many_numbers_as_the_model(family: str, tmp_path: Path) -> None:
    """Those before and after attention, and before and after a state, with its convolution."""
    model = built(family)
    own = [
        each.numel()
        for name, each in model.named_parameters()
        if each.ndim > 1 and any(part in name for part in LAYERS) and not any(part in name for part in NO_MATRIX)
    ]
    found = cost(family, configuration(model, tmp_path))
    assert sum(found.weights) == sum(own)


# Families whose attention is plain products, which the counter sees; and the names of the modules.
COUNTED = {"llama": ".self_attn", "gpt2": ".attn", "deepseek3": ".self_attn", "bart": "_attn", "t5": "Attention"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", COUNTED)
def test_a_forward_and_a_backward_pass_have_the_operations_that_pytorch_counts(family: str, tmp_path: Path) -> None:
    """Of the modules of attention; it counts products alone, and as if no pair were closed, since it knows no mask."""
    model = built(family, attn_implementation="eager")
    given = inputs(family)
    config = configuration(model, tmp_path)
    counter = FlopCounterMode(display=False)
    with counter:
        logits = model(**given, use_cache=False).logits
        forward, every = total_of(counter, COUNTED[family]), counter.get_total_flops()
        logits.sum().backward()
    found = cost(family, config)
    products = {name: found.operations["forward"][name].value for name in ("project", "out")} | every_pair(found)
    assert forward == sum(products.values())
    # Backwards everything is a product twice; of single modules the counter loses track there.
    assert counter.get_total_flops() - every == 2 * every
    for name in products:
        assert found.operations["backward"][name].value == 2 * found.operations["forward"][name].value


def total_of(counter: FlopCounterMode, ending: str) -> int:
    """Return what was counted in modules whose names end so."""
    counts = counter.get_flop_counts()
    return sum(sum(found.values()) for name, found in counts.items() if name.endswith(ending) and "." in name)


def every_pair(found: Cost) -> dict[str, int]:
    """Return the operations of score and sum if no pair were closed."""
    sizes = [(each.count, found.case.pairs(each).every, each.attention) for each in found.case.groups]
    return {
        name: sum(2 * count * pairs * getattr(a, dim) for count, pairs, a in sizes if a is not None)
        for name, dim in (("score", "dim"), ("sum", "value_dim"))
    }


@pytest.mark.parametrize(("heads", "length", "keys", "dim", "value_dim"), [(2, 5, 7, 3, 3), (4, 8, 8, 6, 10)])
def test_a_kernel_that_holds_no_scores_has_the_operations_that_pytorch_counts(
    heads: int, length: int, keys: int, dim: int, value_dim: int
) -> None:
    """Two products forwards and five backwards, of which one makes the scores again."""
    request = Request(length=length, keys=keys, heads=heads, dim=dim, value_dim=value_dim, batch=3)
    found = Cost(case_of(request)[0]).operations
    query, key, value = (3, heads, length, dim), (3, heads, keys, dim), (3, heads, keys, value_dim)
    forward, backward = found["forward"], found["backward"]
    assert forward["score"].value + forward["sum"].value == sdpa_flop_count(query, key, value)
    five = sum(backward[name].value for name in ("score", "sum", "recompute"))
    assert five == sdpa_backward_flop_count((3, heads, length, value_dim), query, key, value)


@pytest.mark.filterwarnings("ignore")
def test_a_step_of_generation_has_the_operations_that_pytorch_counts(tmp_path: Path) -> None:
    """One token against a cache: the counter sees the whole of it."""
    model = built("llama", attn_implementation="eager")
    tokens = inputs("llama")["input_ids"]
    with torch.no_grad():
        past = model(tokens[:, :-1], use_cache=True).past_key_values
        counter = FlopCounterMode(display=False)
        name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
        with counter:
            model(tokens[:, -1:], use_cache=True, **{name: past})
    found = cost("llama", configuration(model, tmp_path)).operations["decode"]
    expected = sum(found[stage].value for stage in ("project", "score", "sum", "out"))
    assert total_of(counter, "self_attn") == expected
