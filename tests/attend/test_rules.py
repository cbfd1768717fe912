"""Masks by rule: the reference against the one formula, the stream against the reference, and what closed keys hold."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncli import InputError, attention, score, steps
from attncli.attend import steps as stepwise
from attncli.attend.fast import stream, tiles
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.stages.mask import openings
from tests.support.processes import called
from tests.support.rules import is_open

Drawn = tuple[dict[str, Any], dict[str, Any]]


def ids(data: Any, rng: np.random.Generator, batch: int, length: int, least: int, most: int) -> Any:
    """Draw ids in order, from the last one on, or in any order; for all batch items or for each."""
    shape = data.draw(st.sampled_from([(length,), (1, length), (batch, length)]))
    found = rng.integers(least, most, shape)
    order = data.draw(st.sampled_from(["rising", "falling", "any"]))
    return {"rising": np.sort(found), "falling": -np.sort(-found), "any": found}[order]


def drawn(data: Any, lengths: list[int], *, chance: int = 2) -> Drawn:
    """Draw arrays and options in which some of the rules are in force.

    Args:
        data: of hypothesis.
        lengths: how many queries and keys there may be.
        chance: one of so many problems has each rule.
    """
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    batch, key_heads, group = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    queries, keys = draw(st.sampled_from(lengths)), draw(st.sampled_from(lengths))
    heads, normal = key_heads * group, rng.standard_normal
    arrays: dict[str, Any] = {
        "query": normal((batch, heads, queries, 4)),
        "key": normal((batch, key_heads, keys, 4)),
        "value": normal((batch, key_heads, keys, 3)),
    }
    options: dict[str, Any] = {"causal": draw(st.booleans())}

    def some() -> bool:
        return draw(st.integers(1, chance)) == 1

    total = keys
    if some():
        arrays |= {"past_key": normal((batch, key_heads, 2, 4)), "past_value": normal((batch, key_heads, 2, 3))}
        total += 2
    elif some():
        arrays["key_lengths"] = rng.integers(0, keys + 1, batch)
    documents = draw(st.sampled_from(["none", "segments", "bounds"]))
    if documents == "segments":
        arrays["segments"] = ids(data, rng, batch, total, -1, draw(st.sampled_from([1, 3, 40])))
    if documents == "bounds":
        between = np.sort(rng.integers(0, total + 1, draw(st.integers(0, 3))))
        arrays["cu_seqlens"] = np.array([0, *between, total])
    if documents != "none":
        arrays["query_segments"] = ids(data, rng, batch, queries, -1, 4)
    if some():
        options["prefix"] = draw(st.integers(1, total + 1))
    if some():
        options["chunk"] = draw(st.integers(1, total + 1))
    if some():
        options["window"] = (draw(st.integers(-1, total)), draw(st.integers(-1, total)))
    if some():
        options["offset"] = draw(st.sampled_from(["end", -3, 2, total]))
    if some():
        arrays["blocks"] = ids(data, rng, batch, total, -1, 5)
    if some():
        shape = tuple(n if draw(st.booleans()) else 1 for n in (batch, heads, queries))[draw(st.integers(0, 3)) :]
        arrays["indices"] = rng.integers(-1, total, (*shape, draw(st.sampled_from([1, 2, 9]))))
    return arrays, options


@given(st.data())
def test_the_reference_opens_what_the_formula_opens(data: Any) -> None:
    """Each key to each query, in each batch item and head."""
    arrays, options = drawn(data, [1, 2, 5, 7])
    o = prepare(arrays, Options.parse(options))
    logits = score(**{name: each for name, each in arrays.items() if name not in ("value", "past_value")}, **options)
    opened = np.ones(logits.shape, dtype=bool)
    for rule in openings(o).values():
        opened &= rule
    assert_array_equal(logits > -np.inf, opened)
    for place in np.ndindex(opened.shape):
        batch, _, row, _ = place
        position = int(o.positions[batch % len(o.positions), row])
        assert opened[place] == is_open(arrays, options, place, position, o.sizes.keys), place


@given(st.data())
def test_the_stream_is_the_reference(data: Any) -> None:
    """In tiles, in pieces of documents, where keys are gathered; with all that there is beside rules, and with NaN."""
    edges = [1, tiles.FEW_ROWS, tiles.TOGETHER + 1, tiles.KEYS + 1, 600]
    arrays, options = drawn(data, edges, chance=4)
    rng, draw = np.random.default_rng(7), data.draw
    o = prepare(arrays, Options.parse(options))
    queries, keys, heads = o.sizes.queries, o.sizes.keys, o.sizes.heads
    if draw(st.integers(0, 3)) == 0:
        arrays["bias"] = rng.standard_normal((heads, 1, keys))
    if draw(st.integers(0, 3)) == 0:
        arrays["mask"] = rng.random((queries, max(1, keys - 1))) > 0.3
    if draw(st.integers(0, 3)) == 0:
        arrays["sinks"] = rng.standard_normal(heads)
    options |= {"alibi": draw(st.booleans()), "score": draw(st.sampled_from(["dot", "dot", "cosine", "additive"]))}
    if draw(st.integers(0, 3)) == 0:
        options["softcap"] = 1.5
    if draw(st.integers(0, 3)) == 0:
        arrays[draw(st.sampled_from(["key", "value"]))][0, 0, 0] = draw(st.sampled_from([np.nan, np.inf]))
    o = prepare(arrays, Options.parse(options))
    with np.errstate(all="ignore"):
        made, right = stream.run(o, threads=2), stepwise.run(o)
    assert_allclose(made.output, right.output, rtol=1e-9, atol=1e-11)
    if "sinks" not in arrays:
        empty = np.flatnonzero((right.logits == -np.inf).all(axis=-1).any(axis=(0, 1)))
        assert made.empty == empty.tolist()


def states(length: int, seed: int = 0) -> dict[str, Any]:
    """Return query, key and value of one head."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((length, 4)) for name in ("query", "key", "value")}


def test_documents_in_a_row_are_documents_alone() -> None:
    """With a causal rule, a window and chunks, which are counted in each; bounds and ids say the same."""
    arrays, bounds = states(900), [0, 200, 200, 217, 900]
    options: dict[str, Any] = {"causal": True, "window": 70, "chunk": 100, "scale": "sqrt"}
    segments = np.repeat([5, 9, -2], [200, 17, 683])
    whole = attention(**arrays, cu_seqlens=bounds, **options)
    assert_array_equal(attention(**arrays, segments=segments, **options), whole)
    for start, stop in pairwise(bounds):
        if start < stop:
            alone = attention(**{name: each[start:stop] for name, each in arrays.items()}, **options)
            assert_allclose(whole[start:stop], alone, rtol=1e-12, atol=1e-14)


def test_chunks_are_rows_alone() -> None:
    """The last one is shorter."""
    arrays = states(1000)
    whole = attention(**arrays, chunk=300)
    for start in range(0, 1000, 300):
        alone = attention(**{name: each[start : start + 300] for name, each in arrays.items()})
        assert_allclose(whole[start : start + 300], alone, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"causal": True, "prefix": 2}, ["■■··", "■■··", "■■■·", "■■■■"]),
        ({"causal": True, "blocks": [-1, 5, 5, -1]}, ["■···", "■■■·", "■■■·", "■■■■"]),
        ({"causal": True, "blocks": [3, -1, 3, -1]}, ["■·■·", "■■··", "■■■·", "■■■■"]),
        ({"blocks": [0, 0, -1, -1]}, ["■■■■"] * 4),
        ({"causal": True, "prefix": 3, "window": 1}, ["■■■·", "■■■·", "·■■·", "··■■"]),
        ({"segments": [7, 7, -1, -1]}, ["■■··", "■■··", "··■■", "··■■"]),
        ({"segments": [1, 2, 1, 2], "causal": True}, ["■···", "·■··", "■·■·", "·■·■"]),
        ({"chunk": 3}, ["■■■·", "■■■·", "■■■·", "···■"]),
        ({"chunk": 2, "segments": [0, 1, 1, 1]}, ["■···", "·■■·", "·■■·", "···■"]),
        ({"cu_seqlens": [0, 1, 4], "causal": True}, ["■···", "·■··", "·■■·", "·■■■"]),
        ({"indices": [[0, 0], [3, -1], [-1, -1], [1, 2]]}, ["■···", "···■", "····", "·■■·"]),
        ({"indices": [[1, 3]], "causal": True}, ["····", "·■··", "·■··", "·■·■"]),
        ({"segments": [0, 0, 1, 1], "query_segments": [1, 1, 2, 0]}, ["··■■", "··■■", "····", "■■··"]),
    ],
    ids=str,
)
def test_rules_by_hand(given: dict[str, Any], rows: list[str]) -> None:
    """Four queries and four keys, drawn as the lesson draws them."""
    logits = score(np.ones((4, 1)), np.ones((4, 1)), **given)
    assert ["".join("■" if each == 1 else "·" for each in row) for row in logits] == rows


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize(
    "given",
    [
        {"segments": np.repeat([0, 1], 350)},
        {"chunk": 350},
        {"causal": True, "prefix": 100, "segments": np.repeat([0, 1], 350)},
        {"causal": True, "blocks": np.repeat([-1, 4, -1], [200, 100, 400])},
        {"indices": np.arange(700)[:, None] % 350},
        {"indices": np.broadcast_to(np.arange(300), (700, 300))},
        {"indices": np.arange(0, 350, 9)},
    ],
    ids=["segments", "chunk", "prefix", "blocks", "few indices", "many indices", "shared indices"],
)
def test_what_is_closed_does_not_leak(given: dict[str, Any], poison: float) -> None:
    """Keys and values that the first half of the queries does not see hold NaN or ∞, and their outputs are the same."""
    arrays = states(700)
    clean = attention(**arrays, **given)[:300]
    arrays["key"][350:], arrays["value"][350:] = poison, poison
    with np.errstate(all="ignore"):
        assert_allclose(attention(**arrays, **given)[:300], clean, rtol=1e-12)
        assert_allclose(steps(**arrays, **given).output[:300], clean, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"cu_seqlens": [1, 4]}, "cu_seqlens must begin with 0, not 1", ""),
        ({"cu_seqlens": [0, 3]}, "cu_seqlens must end with 4, the number of keys, not 3", ""),
        (
            {"cu_seqlens": [0, 3, 1, 4]},
            "cu_seqlens must not fall, but number 2 is 1 after 3 (counted from 0)",
            "",
        ),
        (
            {"cu_seqlens": [[0, 4]]},
            "cu_seqlens 1×2 must be one row of at least 2 numbers: where each document begins, and the end",
            "",
        ),
        (
            {"cu_seqlens": [0, 4], "segments": [0, 0, 0, 0]},
            "cu_seqlens and segments contradict each other",
            "give only one: cu_seqlens says where documents begin, segments which one each key is in",
        ),
        ({"segments": [0, 0, 1]}, "segments 3 does not fit (B, S): 3 is not the number of keys, 4", ""),
        (
            {"query_segments": [0, 0, 1]},
            "query_segments is given without segments",
            "give segments too, or cu_seqlens: which documents the keys are in",
        ),
        (
            {"segments": [0, 0, 1, 1], "offset": 2, "causal": True},
            "query 2 stands at position 4, where there is no key whose document it could share (4 keys)",
            "give query_segments, the document of each query, or an --offset",
        ),
        ({"segments": [0, 0.5, 1, 1]}, "segments must hold whole numbers up to 2^53 - 1, not 0.5", ""),
        ({"indices": [[0], [1], [4]]}, "indices must be keys from 0 to 3, or -1 for none, not 4 (at 0, 0, 2, 0)", ""),
        ({"indices": [[0], [1], [-2]]}, "indices must be keys from 0 to 3, or -1 for none, not -2 (at 0, 0, 2, 0)", ""),
        ({"chunk": 0}, "chunk must be a whole number from 1, not 0", ""),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_one_line(given: dict[str, Any], message: str, hint: str) -> None:
    """With the place, and the fix where one is known."""
    with pytest.raises(InputError) as caught:
        attention(np.ones((3, 1)), np.ones((4, 1)), np.ones((4, 1)), **given)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_numbers_between_commas_stand_for_an_array() -> None:
    """Negative ones too; what a flag says wins over nothing but itself, and the notices are those of a file."""
    words = ["compute", "[[1],[1],[1],[1]]", "--step", "score", "-f", "csv"]
    rows = called(*words, "--causal", "--segments", "0,0,-1,-1", "--blocks=-1,-1,4,4").out
    assert rows.split() == ["1.0,-inf,-inf,-inf", "1.0,1.0,-inf,-inf"] + 2 * ["-inf,-inf,1.0,1.0"]
    assert called(*words, "--cu-seqlens", "0,1,4").out == called(*words, "--segments", "5,2,2,2").out
    wrong = called(*words, "--cu-seqlens", "0,3,1,4", status=2).err
    assert wrong == "attn: 0,3,1,4: cu_seqlens must not fall, but number 2 is 1 after 3 (counted from 0)\n"
    idle = called(*words, "--prefix", "2", "--blocks", "0,0,1,1").err
    assert idle == (
        "attn: notice: blocks has no effect without --causal\nattn: notice: prefix has no effect without --causal\n"
    )


@pytest.mark.parametrize("queries", [300, 5000])
def test_only_the_keys_that_are_named_are_gathered(queries: int) -> None:
    """And all keys are computed where so many are named that it takes no longer."""
    few, many = np.zeros((queries, 10), dtype=int), np.zeros((queries, 600), dtype=int)
    arrays = {"query": np.ones((queries, 2)), "hidden": np.ones((5000, 2))}
    assert tiles.plan(prepare(arrays | {"indices": few}, Options())).gathers
    assert not tiles.plan(prepare(arrays | {"indices": many}, Options())).gathers
