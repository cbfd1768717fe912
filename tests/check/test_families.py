"""What families of mistakes yield: each has a key of its own, and is put into words in every language."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.case import Case
from attncli.check.compare import compare
from attncli.check.families import FAMILIES, GENERATORS
from attncli.check.mistakes.variant import Generator, Unknown, Variant
from attncli.check.precision import Reference
from attncli.check.rounding import FLOAT32, Level
from attncli.check.search import Search
from attncli.check.voice import voice
from attncli.languages import LANGUAGES
from tests.check.programs import AT, BATCH, FEATURES, HEADS, KEY_HEADS, LENGTH, Array, states
from tests.support.chinese import BESIDE, is_english

WIDTH, NARROW = HEADS * FEATURES, KEY_HEADS * FEATURES
PAST = {f"past_{name}": (BATCH, KEY_HEADS, 8, FEATURES) for name in ("key", "value")}
LAYER = {
    "hidden": (BATCH, LENGTH, WIDTH),
    **{f"w_{name}": (WIDTH, WIDTH) for name in "qo"},
    **{f"w_{name}": (WIDTH, NARROW) for name in "kv"},
    **{f"b_{name}": (WIDTH,) for name in "qo"},
    **{f"b_{name}": (NARROW,) for name in "kv"},
    "q_norm": (FEATURES,),
    "k_norm": (FEATURES,),
    "gate": (BATCH, LENGTH, WIDTH),
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 16, "beta_slow": 2}
# The same from distance 7 on, so that each of T5's buckets holds one number.
DISTANCE = np.minimum(np.abs(AT - AT[:, None]), 7).astype(float)
NAMES = """
    frequencies features standing rotated_before rotation norms gates projections residual latent
    temperature caps biases additions penalties
"""


def layer() -> dict[str, Array]:
    """Return a layer without its own query, key and value."""
    made = states(**LAYER)
    return {name: made[name] for name in LAYER}


# Between them these have what the families of rotations, of layers and of additions go by.
PROBLEMS: dict[str, tuple[dict[str, Array], dict[str, Any]]] = {
    "layer": (layer(), {"heads": HEADS, "kv_heads": KEY_HEADS, "rope": "half", "qk_norm": "rms", "causal": True}),
    "norm unasked": (states(), {"rope": "half"}),
    "scaled": (
        states() | {"positions": np.stack([AT, 300 + 2 * AT])},
        {"rope": "interleaved", "rope_scaling": YARN, "rope_dim": (8,), "scale": "sqrt"},
    ),
    "sections": (
        states() | {"positions": np.stack([AT, AT // 4, AT % 4])},
        {"rope": "half", "rope_sections": (2, 3, 3)},
    ),
    "cache": (states(**PAST), {"rope": "half", "alibi": True, "causal": True}),
    "added": (
        states() | {"bias": DISTANCE[None, None], "query_scale": (1.0 + AT)[None, None]},
        {"softcap": 2.0, "scale": "sqrt"},
    ),
    "documents": (states() | {"segments": AT // 9}, {"rope": "half"}),
}


@cache
def variants(name: str) -> tuple[tuple[str, Variant], ...]:
    """Return every mistake that a family yields for an output of random numbers, after the family's name."""
    arrays, options = PROBLEMS[name]
    reference = Reference.of(prepare(arrays, Options.parse(options)))
    expected = np.random.default_rng(1).standard_normal(reference.output.shape)
    comparison = compare(expected, reference.output, reference.tolerance(FLOAT32), Level(FLOAT32))
    search = Search.of(Case(reference, expected, FLOAT32), comparison)
    return tuple(_variants(search))


def _variants(search: Search) -> Iterator[tuple[str, Variant]]:
    o = search.right.operands
    for family in (*FAMILIES, *GENERATORS):
        for each in family(o):
            is_read = isinstance(each, Generator) and (each.in_layers or not o.has_after)
            for one in each.make(search.observed) if isinstance(each, Generator) and is_read else (each,):
                if isinstance(one, Unknown):
                    yield f"{family.__module__} {one.piece.name}", one.of(2.0)
                elif isinstance(one, Variant):
                    yield family.__module__, one


@pytest.mark.parametrize("name", PROBLEMS)
def test_two_mistakes_that_are_said_otherwise_have_two_keys(name: str) -> None:
    """By its key a mistake is found again in the whole problem, and tried once."""
    said: dict[tuple[str, str], object] = {}
    for _, each in variants(name):
        if each.number is None:
            assert said.setdefault(each.key, each.description) == each.description


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_what_a_family_yields_is_put_into_words(name: str, lang: str) -> None:
    """All fields are filled; and what is said in Chinese has names, formulas and flags in it but no English."""
    texts = [voice(lang).say(what) for _, each in variants(name) for what in (each.description, each.fix)]
    assert [text for text in texts if "{" in text or "}" in text] == []
    if lang == "zh":
        assert [text for text in texts if is_english(text) or BESIDE.search(text)] == []


def test_every_family_yields_something() -> None:
    """For one of these problems at least, of those that go by rotations, by what is around, and by what is added."""
    seen = {family for name in PROBLEMS for family, _ in variants(name)}
    assert {f"attncli.check.mistakes.{name}" for name in NAMES.split()} <= seen
