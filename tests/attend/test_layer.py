"""A whole layer, from x to its output: against plain NumPy, by hand, and against itself laid otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncli import attention, merge, steps
from attncli.attend.fast import stream
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.steps import results
from attncli.errors import InputError
from tests.support.arrays import normal

BATCH, LENGTH, KEYS, IN, HEADS, KEY_HEADS, E, EV, OUT = 2, 5, 7, 6, 4, 2, 4, 3, 5
MATRICES = {
    "w_q": (IN, HEADS * E),
    "w_k": (IN, KEY_HEADS * E),
    "w_v": (IN, KEY_HEADS * EV),
    "w_o": (HEADS * EV, OUT),
}


def matrices(biases: bool = True) -> dict[str, Any]:
    """Return the matrices of a layer, and its biases."""
    found = {name: normal(*shape, seed=at) for at, (name, shape) in enumerate(MATRICES.items())}
    if biases:
        found |= {f"b{name[1:]}": normal(shape[1], seed=9 + at) for at, (name, shape) in enumerate(MATRICES.items())}
    return found


def plain(x: Any, y: Any, w: dict[str, Any], norm: Any = None, gate: Any = None) -> Any:
    """Return the output of a layer, (batch, L, out), head by head in plain NumPy."""
    parts = {"q": x @ w["w_q"] + w["b_q"], "k": y @ w["w_k"] + w["b_k"], "v": y @ w["w_v"] + w["b_v"]}
    sums = []
    for head in range(HEADS):
        at = head // (HEADS // KEY_HEADS)
        q = parts["q"][..., head * E : (head + 1) * E]
        k, v = parts["k"][..., at * E : (at + 1) * E], parts["v"][..., at * EV : (at + 1) * EV]
        if norm is not None:
            q, k = norm(q, "q"), norm(k, "k")
        e = np.exp(q @ k.swapaxes(-1, -2) / 2)
        made = e / e.sum(-1, keepdims=True) @ v
        sums.append(made if gate is None else made * gate[..., head * EV : (head + 1) * EV])
    return np.concatenate(sums, axis=-1) @ w["w_o"] + w["b_o"]


def layer(**given: Any) -> Any:
    """Compute with the heads of these tests."""
    common: dict[str, Any] = {"heads": HEADS, "kv_heads": KEY_HEADS, "scale": "sqrt"}
    return steps(**(common | given))


def test_by_hand() -> None:
    """Two tokens, one head of one feature: every number can be checked in the head."""
    made = steps(hidden=[[1.0, 0.0], [0.0, 1.0]], w_q=[[0.0], [0.0]], w_k=[[1.0], [2.0]], w_v=[[2.0], [4.0]],
                 b_v=[1.0], w_o=[[10.0, -1.0]], b_o=[0.5, 0.0])  # fmt: skip
    assert made.projected_value is not None
    assert made.context is not None
    # The queries are 0, so both keys weigh the same: the mean of 3 and 5.
    assert made.projected_value.tolist() == [[[3.0], [5.0]]]
    assert made.weights.tolist() == [[[0.5, 0.5], [0.5, 0.5]]]
    assert made.context.tolist() == [[[4.0], [4.0]]]
    assert made.output.tolist() == [[40.5, -4.0], [40.5, -4.0]]


def test_self_attention_and_cross_attention() -> None:
    """hidden alone is what query, key and value are made of; query beside it takes the place of the first."""
    x, y, w = normal(BATCH, LENGTH, IN), normal(BATCH, KEYS, IN, seed=5), matrices()
    assert_allclose(layer(hidden=x, **w).output, plain(x, x, w), rtol=1e-12)
    assert_allclose(layer(query=x, hidden=y, **w).output, plain(x, y, w), rtol=1e-12)
    assert_allclose(layer(query=x, key=y, value=y, **w).output, plain(x, y, w), rtol=1e-12)
    assert_allclose(layer(hidden=x[0], **w).output, plain(x, x, w)[0], rtol=1e-12)


def test_matrices_that_lie_the_other_way_round() -> None:
    """out-in turns every one of them; Keras keeps an axis for the heads."""
    x, w = normal(BATCH, LENGTH, IN), matrices()
    right = layer(hidden=x, **w).output
    turned = {name: array.T if array.ndim == 2 else array for name, array in w.items()}
    assert_array_equal(layer(hidden=x, weights="out-in", **turned).output, right)
    apart = w | {
        "w_q": w["w_q"].reshape(IN, HEADS, E),
        "w_o": w["w_o"].reshape(HEADS, EV, OUT),
        "b_q": w["b_q"].reshape(HEADS, E),
    }
    assert_array_equal(layer(hidden=x, **apart).output, right)


@pytest.mark.parametrize("qkv", ["blocks", "heads"])
def test_three_matrices_in_one(qkv: str) -> None:
    """Side by side, or for each key head its queries, its key and its value."""
    x, w = normal(BATCH, LENGTH, IN), matrices()
    w |= {"w_v": normal(IN, KEY_HEADS * E, seed=20), "b_v": normal(KEY_HEADS * E, seed=21)}
    w |= {"w_o": normal(HEADS * E, OUT, seed=22)}
    right = layer(hidden=x, **w).output

    def fused(letter: str) -> Any:
        q, k, v = (w[f"{letter}_{each}"] for each in "qkv")
        if qkv == "blocks":
            return np.concatenate([q, k, v], axis=-1)
        group = HEADS // KEY_HEADS
        parts = []
        for head in range(KEY_HEADS):
            parts += [q[..., head * group * E : (head + 1) * group * E]]
            parts += [each[..., head * E : (head + 1) * E] for each in (k, v)]
        return np.concatenate(parts, axis=-1)

    rest: dict[str, Any] = {"w_o": w["w_o"], "b_o": w["b_o"], "w_qkv": fused("w"), "b_qkv": fused("b")}
    assert_allclose(layer(hidden=x, qkv=qkv, **rest).output, right, rtol=1e-12)


NORMS = {
    "rms": lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 0.01),
    "l2": lambda x: x / np.sqrt((x**2).sum(-1, keepdims=True) + 0.01),
    "layer": lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 0.01),
}


@pytest.mark.parametrize("kind", NORMS)
@pytest.mark.parametrize("plus", [0, 1])
def test_norms(kind: str, plus: int) -> None:
    """Each with weights for the features of a head, as they are or with 1 added."""
    x, w = normal(BATCH, LENGTH, IN), matrices()
    weights = {"q": normal(E, seed=30), "k": normal(E, seed=31)}
    right = plain(x, x, w, lambda state, letter: NORMS[kind](state) * (weights[letter] + plus))
    given = {f"{letter}_norm": each for letter, each in weights.items()}
    how = kind + ",plus-one" * plus
    assert_allclose(layer(hidden=x, qk_norm=how, norm_eps=0.01, **given, **w).output, right, rtol=1e-11)


def test_a_norm_over_all_heads_together() -> None:
    """Weights for all features of all heads mean that the mean goes over all of them."""
    x, w, weights = normal(BATCH, LENGTH, IN), matrices(), normal(HEADS * E, seed=30)
    made = layer(hidden=x, qk_norm="rms", norm_eps=0.01, q_norm=weights, **w)
    whole = NORMS["rms"](x @ w["w_q"] + w["b_q"]) * weights
    assert_allclose(made.normed_query, whole.reshape(BATCH, LENGTH, HEADS, E).swapaxes(1, 2), rtol=1e-12)


@pytest.mark.parametrize("how", ["layer", "layer,after-rope"])
def test_a_norm_with_weights_of_its_own_for_each_head(how: str) -> None:
    """Each head is normalised alone; a key head serves several query heads, and one of them may be asked for."""
    x, w = normal(BATCH, LENGTH, IN), matrices()
    weights: dict[str, Any] = {"q_norm": normal(HEADS, E, seed=30), "k_norm": normal(KEY_HEADS, E, seed=31)}
    options: dict[str, Any] = {"heads": HEADS, "kv_heads": KEY_HEADS, "qk_norm": how, "norm_eps": 0.01}
    o = prepare({"hidden": x} | w | weights, Options.parse(options))
    made = steps(hidden=x, **options, **weights, **w)
    for name, letter, heads in (("query", "q", HEADS), ("key", "k", KEY_HEADS)):
        states = x @ w[f"w_{letter}"] + w[f"b_{letter}"]
        pairs = zip(np.split(states, heads, -1), weights[f"{letter}_norm"], strict=True)
        right = [NORMS["layer"](part) * own for part, own in pairs]
        assert_allclose(getattr(made, f"normed_{name}"), np.stack(right, axis=1), rtol=1e-11)
    for head in range(HEADS):
        assert_allclose(results(o.select(head=head))["weights"], made.weights[:, [head]], rtol=1e-11)
    assert_allclose(attention(hidden=x, **options, **weights, **w), made.output)


def test_values_are_normalised_with_weights_only() -> None:
    """Not because queries and keys are."""
    x, w = normal(BATCH, LENGTH, IN), matrices()
    assert layer(hidden=x, qk_norm="rms", **w).normed_value is None
    made = layer(hidden=x, qk_norm="rms", norm_eps=0.01, v_norm=np.full(EV, 2.0), **w)
    value = (x @ w["w_v"] + w["b_v"]).reshape(BATCH, LENGTH, KEY_HEADS, EV).swapaxes(1, 2)
    assert_allclose(made.normed_value, 2 * NORMS["rms"](value), rtol=1e-12)


def test_gates() -> None:
    """Given for every feature or every head, or made of the query's x."""
    x, y, w = normal(BATCH, LENGTH, IN), normal(BATCH, KEYS, IN, seed=5), matrices()
    w_g, b_g = normal(IN, HEADS * EV, seed=40), normal(HEADS * EV, seed=41)
    sigma = 1 / (1 + np.exp(-(x @ w_g + b_g)))
    right = plain(x, y, w, gate=sigma)
    assert_allclose(layer(query=x, hidden=y, w_g=w_g, b_g=b_g, **w).output, right, rtol=1e-12)
    assert_allclose(layer(query=x, hidden=y, gate=x @ w_g + b_g, **w).output, right, rtol=1e-12)
    by_head = normal(BATCH, LENGTH, HEADS, seed=42)
    right = plain(x, y, w, gate=np.repeat(1 / (1 + np.exp(-by_head)), EV, axis=-1))
    assert_allclose(layer(query=x, hidden=y, gate=by_head, **w).output, right, rtol=1e-12)


def test_fewer_heads_for_values_than_for_keys() -> None:
    """Seen where values are given by heads, and from the matrix behind them where they are projected."""
    query, key, value = normal(4, 5, 3), normal(2, 7, 3, seed=1), normal(1, 7, 6, seed=2)
    right = steps(query, key, np.repeat(value, 2, axis=0)).output
    assert_allclose(steps(query, key, value).output, right, rtol=1e-12)
    assert_allclose(attention(query, key, value), right, rtol=1e-12)
    x, w = normal(LENGTH, IN), matrices(biases=False)
    w |= {"w_v": w["w_v"][:, :EV]}
    doubled = w | {"w_v": np.concatenate([w["w_v"], w["w_v"]], axis=1)}
    assert_allclose(layer(hidden=x, **w).output, layer(hidden=x, **doubled).output, rtol=1e-12)


def test_a_cache_holds_what_is_projected_normalised_and_rotated() -> None:
    """The last tokens of a row, with the earlier ones in a cache, give the last outputs of the whole row."""
    x, w = normal(BATCH, LENGTH, IN), matrices()
    options: dict[str, Any] = {"causal": True, "rope": "half", "qk_norm": "rms"}
    whole = layer(hidden=x, **w, **options)
    past: dict[str, Any] = {"past_key": whole.rotated_key[:, :, :3], "past_value": whole.projected_value[:, :, :3]}
    made = layer(hidden=x[:, 3:], **past, **w, **options)
    assert_allclose(made.output, whole.output[:, 3:], rtol=1e-10)
    assert_allclose(attention(hidden=x[:, 3:], heads=HEADS, kv_heads=KEY_HEADS, scale="sqrt", **past, **w, **options),
                    whole.output[:, 3:], rtol=1e-10)  # fmt: skip


def test_what_is_closed_does_not_leak() -> None:
    """NaN in the x of a token that nobody may see stays with that token."""
    x, w = normal(LENGTH, IN), matrices()
    broken, mask = x.copy(), np.ones((LENGTH, LENGTH), dtype=bool)
    broken[2] = np.nan
    mask[:, 2] = False
    rows = np.array([0, 1, 3, 4])
    right = layer(hidden=x, mask=mask, **w).output[rows]
    assert_allclose(layer(hidden=broken, mask=mask, **w).output[rows], right, rtol=1e-12)
    made = attention(hidden=broken, mask=mask, heads=HEADS, kv_heads=KEY_HEADS, scale="sqrt", **w)
    assert_allclose(made[rows], right, rtol=1e-12)


def test_a_query_that_sees_nothing_has_the_output_of_a_sum_of_zero() -> None:
    """Before w_o its sum is 0, so that the bias is all there is."""
    x, w = normal(LENGTH, IN), matrices()
    made = layer(hidden=x, mask=np.zeros((LENGTH, LENGTH), dtype=bool), **w)
    assert_array_equal(made.output, np.broadcast_to(w["b_o"], (LENGTH, OUT)))


def test_the_same_bits_whatever_the_number_of_threads() -> None:
    """In a problem of several pieces."""
    w = {name: array.astype("f4") for name, array in matrices().items()}
    arrays: dict[str, Any] = {"hidden": normal(2, 300, IN).astype("f4")} | w
    o = prepare(arrays, Options.parse({"heads": HEADS, "kv_heads": KEY_HEADS}))
    one, two = (stream.run(prepare(arrays, o.options), threads=count).output for count in (1, 2))
    assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("changes", "told", "hint"),
    [
        ({"w_q": normal(5, 16)}, "hidden with 6 features and w_q for 5 do not fit", ""),
        ({"w_q": normal(16, 6)}, "hidden with 6 features and w_q for 16 do not fit", "with --weights out-in they fit"),
        ({"w_q": normal(6, 15), "b_q": None}, "w_q makes 15 features, not divisible by --heads 4", ""),
        ({"w_k": normal(6, 9), "b_k": None}, "w_k makes 9 features, not divisible by --kv-heads 2", ""),
        ({"w_k": normal(6, 16), "b_k": None, "w_v": normal(6, 12), "b_v": None},
         "projected_query 5×16 and projected_key 5×16 do not fit: each query has 4 "
         "features, each key 8", "with --kv-heads 4 they fit"),
        ({"w_v": normal(6, 7), "b_v": None}, "w_v makes 7 features, not divisible by the 2 heads of key and value",
         "--kv-heads says how many there are"),
        ({"b_q": normal(3)}, "b_q has 3 numbers for 16 features", ""),
        ({"w_o": normal(7, 5)}, "the weighted sum with 12 features and w_o for 7 do not fit", ""),
        ({"w_o": normal(5, 12)}, "the weighted sum with 12 features and w_o for 5 do not fit",
         "with --weights out-in they fit"),
        ({"w_q": normal(6)}, "w_q 6 must be a matrix, in-out", ""),
        ({"w_qkv": normal(6, 32)}, "w_q and w_qkv contradict each other", "give one of them"),
        ({"w_qkv": normal(32, 7), **dict.fromkeys(("w_q", "w_k", "w_v", "b_q", "b_k", "b_v"))},
         "w_qkv makes 7 features, which are not 4 + 2·2 heads of equal size",
         "--heads and --kv-heads say how many there are"),
        ({"w_qkv": normal(32, 6), **dict.fromkeys(("w_q", "w_k", "w_v", "b_q", "b_k", "b_v"))},
         "w_qkv makes 6 features, which are not 4 + 2·2 heads of equal size", "with --weights out-in they are"),
        ({"qk_norm": "rms", "q_norm": normal(5)},
         "q_norm has 5 numbers; it must have 4 (one for each feature of a head), 4×4 (for each head its own) or 16 (of "
         "all heads together)", ""),
        ({"qk_norm": "rms", "k_norm": normal(3, 4)},
         "k_norm is 3×4; it must have 4 (one for each feature of a head), 2×4 (for each head its own) or 8 (of all "
         "heads together)", ""),
        ({"qk_norm": "rms,after-rope", "q_norm": normal(16)},
         "q_norm has 16 numbers; it must have 4 (one for each feature of a head) or 4×4 (for each head its own)", ""),
        ({"b_g": normal(12)}, "b_g is given without w_g", "give the matrix that makes the gate too"),
        ({"w_g": normal(6, 5)}, "w_g makes 5 numbers; it must make 4 (one for each head) or 12 (of all heads)", ""),
        ({"gate": normal(5, 7)}, "gate 5×7 must be (…, 5, 12), or (…, 5, 4) with one number for each head", ""),
        ({"hidden": normal(2, 3, 5, 6)}, "hidden 2×3×5×6 has 4 axes; what is projected has 2 or 3",
         "(length, features), or (batch, length, features)"),
        ({"qk_norm": "rmss"},
         "qk_norm must be rms or l2 or layer, with after-rope or plus-one behind commas, not 'rmss'",
         'did you mean "rms"?'),
        ({"qk_norm": "rms,plus-one,plus-one"}, "qk_norm must be rms or l2 or layer, with after-rope or plus-one behind "
         "commas, not 'rms,plus-one,plus-one'", ""),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_a_line(changes: dict[str, Any], told: str, hint: str) -> None:
    """With the names and numbers, and the option that would help."""
    with pytest.raises(InputError) as caught:
        layer(**({"hidden": normal(LENGTH, IN)} | matrices() | changes))
    assert (caught.value.message, caught.value.hint) == (told, hint)


def parts_of(arrays: dict[str, Any], cuts: list[int], **options: Any) -> list[Any]:
    """Return output and lse over parts of the keys."""
    query, key, value = arrays["query"], arrays["key"], arrays["value"]
    pieces = zip(np.split(key, cuts, axis=-2), np.split(value, cuts, axis=-2), strict=True)
    return [attention(query, k, v, return_lse=True, **options) for k, v in pieces]


@pytest.mark.parametrize("cuts", [[3], [1, 2, 6]])
def test_parts_of_the_keys_merge_to_the_whole(cuts: list[int]) -> None:
    """The output, and the logarithm, which is log Σ exp of the scores; in a tree as well."""
    arrays: dict[str, Any] = {
        "query": normal(2, 5, 4),
        "key": normal(2, 7, 4, seed=1),
        "value": normal(2, 7, 3, seed=2),
    }
    whole = steps(**arrays)
    outputs, lses = zip(*parts_of(arrays, cuts), strict=True)
    made, lse = merge(outputs, lses, return_lse=True)
    assert_allclose(made, whole.output, rtol=1e-12)
    assert_allclose(lse, np.log(np.exp(whole.scores).sum(-1)), rtol=1e-12)
    assert_allclose(merge(outputs, lses), whole.output, rtol=1e-12)
    first = merge(outputs[:1], lses[:1], return_lse=True)
    rest = merge(outputs[1:], lses[1:], return_lse=True)
    assert_allclose(merge(*zip(first, rest, strict=True)), whole.output, rtol=1e-12)


def test_packed_heads_merge_too() -> None:
    """Their logarithms have an axis for the heads, the output has not."""
    arrays: dict[str, Any] = {
        "query": normal(2, 5, 8),
        "key": normal(2, 7, 8, seed=1),
        "value": normal(2, 7, 6, seed=2),
    }
    outputs, lses = zip(*parts_of(arrays, [3], heads=2), strict=True)
    assert (outputs[0].shape, lses[0].shape) == ((2, 5, 6), (2, 2, 5))
    assert_allclose(merge(outputs, lses), attention(**arrays, heads=2), rtol=1e-12)


def test_a_part_without_weight_says_nothing() -> None:
    """Its logarithm is −∞, and what its output holds may be NaN; where no part has any, the output is 0."""
    nothing = -np.inf
    made, lse = merge([[[1.0], [2.0]], [[np.nan], [3.0]]], [[0.5, nothing], [nothing, nothing]], return_lse=True)
    assert made.tolist() == [[1.0], [0.0]]
    assert lse.tolist() == [0.5, nothing]


def test_large_logarithms_do_not_overflow() -> None:
    """Only their differences count."""
    made, lse = merge([[[1.0]], [[3.0]]], [[1e4], [1e4]], return_lse=True)
    assert made.tolist() == [[2.0]]
    assert_allclose(lse, [1e4 + np.log(2)])


@pytest.mark.parametrize(
    ("outputs", "lses", "told"),
    [
        ([], [], "0 outputs and 0 lses: there must be one of each for every part"),
        ([[[1.0]]], [], "1 outputs and 0 lses: there must be one of each for every part"),
        ([[[1.0]], [[1.0, 2.0]]], [[0.0], [0.0]], "parts of the keys must give outputs of one shape, not 1×1 and 1×2"),
        ([[[1.0]]], [[0.0, 1.0]], "lse 2 does not fit output 1×1: it must be 1"),
    ],
)
def test_parts_that_do_not_fit_are_told(outputs: Any, lses: Any, told: str) -> None:
    """In a line with the shapes."""
    with pytest.raises(InputError) as caught:
        merge(outputs, lses)
    assert caught.value.message == told


def test_lse_counts_sinks_and_closed_keys() -> None:
    """A sink is one more key; of a query that sees nothing it is −∞."""
    query, key, value = normal(3, 2), normal(4, 2, seed=1), normal(4, 1, seed=2)
    mask = np.array([[True] * 4, [True, False, True, False], [False] * 4])
    scores = np.where(mask, query @ key.T, -np.inf)
    _, lse = attention(query, key, value, mask=mask, return_lse=True)
    with np.errstate(divide="ignore"):
        assert_allclose(lse, np.log(np.exp(scores).sum(-1)), rtol=1e-12)
    _, lse = attention(query, key, value, mask=mask, sinks=[0.5], return_lse=True)
    assert_allclose(lse, np.log(np.exp(scores).sum(-1) + np.exp(0.5)), rtol=1e-12)


@pytest.mark.parametrize(("text", "scale"), [("1/8", 0.125), ("3/-4", -0.75), ("1e1/4", 2.5)])
def test_a_scale_may_be_a_fraction(text: str, scale: float) -> None:
    """Of two numbers."""
    assert Options.parse({"scale": text}).scale == scale
    for wrong in ("1/0", "1/", "1/2/3", "a/b", "inf/2"):
        with pytest.raises(InputError, match="scale must be none, sqrt or a number"):
            Options.parse({"scale": wrong})
