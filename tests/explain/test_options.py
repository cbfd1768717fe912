"""What is taught of options and score functions."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import score
from tests.support.everything import everything
from tests.support.processes import called


def test_explain_teaches_what_is_added(tmp_path: Path) -> None:
    """Rotation, softcap, bias, ALiBi, sink, group and the rule that closes a key, each with its numbers."""
    path = everything(tmp_path)
    english = " ".join(called("explain", path, "--batch", "1", "--head", "3", "--row", "1", "--col", "3").out.split())
    for words in (
        "Query head 3 reads key head 1",
        "the query at position 4 is turned by 4 rad (229.2°), the key at position 3 by 3 rad (171.9°)",
        "capped = 2 · tanh(",
        "+ bias:",
        "ALiBi = −slope·|p − j| = −0.003906·|4 − 3| = -0.003906",
        "This head has a sink",
        "and the sink's: exp(",
        "The sink takes",
    ):
        assert words in english, words
    chinese = called("explain", path, "--batch", "1", "--head", "3", "--lang", "zh").out
    for words in ("旋转位置编码", "tanh", "偏置", "ALiBi", "sink"):
        assert words in chinese, words


QUERY, HIDDEN = np.ones((3, 2)), np.ones((5, 2))
BOOLEAN = np.array([[True, False, True]] * 3)
NUMBERS = np.array([[0.5, -np.inf, 0, 0, 0]] * 3)


@pytest.mark.parametrize(
    ("given", "column", "words"),
    [
        ({"causal": True}, 1, "a query at position p sees the keys 0 to p, here 0 to 2. Key 1 is among them: open."),
        (
            {"causal": True},
            3,
            "a query at position p sees the keys 0 to p, here 0 to 2. Key 3 is not among them: closed.",
        ),
        ({"window": [1, 0]}, 1, "sees the keys p − 1 to p, here 1 to 2. Key 1 is among them: open."),
        ({"window": [-1, 1]}, 4, "sees the keys 0 to p + 1, here 0 to 3. Key 4 is not among them: closed."),
        ({"window": [0, -1]}, 1, "sees the keys p to the last, here 2 to 4. Key 1 is not among them: closed."),
        ({"window": [0, 0], "offset": 9}, 4, "sees the keys p to p, here none. Key 4 is not among them: closed."),
        (
            {"causal": True, "offset": 1},
            3,
            "query 2 stands at position 1 + 2 = 3, since the first query is at 1 (--offset)",
        ),
        ({"causal": True, "offset": 1}, 3, "here 0 to 3. Key 3 is among them: open."),
        ({"causal": True, "offset": "end"}, 4, "the first query is at keys − queries = 5 − 3 = 2 (--offset end)"),
        ({"causal": True, "past": 2}, 4, "query 2 stands at position 2 + 2 = 4, since 2 keys in the cache come before"),
        (
            {"causal": True, "key_lengths": [4]},
            0,
            "2 = 3, since the 3 queries are the last of 4 keys, and the first is at 4 − 3",
        ),
        ({"key_lengths": [4]}, 3, "this batch item has 4 keys, and all after them is padding. 3 < 4: open."),
        ({"key_lengths": [4]}, 4, "this batch item has 4 keys, and all after them is padding. 4 ≥ 4: closed."),
        ({"mask": BOOLEAN}, 2, "Mask: true where a query may attend. Here it is true: open."),
        ({"mask": BOOLEAN}, 1, "Mask: true where a query may attend. Here it is false: closed."),
        ({"mask": BOOLEAN}, 3, "Mask: it covers the first 3 keys and closes those beyond. 3 ≥ 3: closed."),
        (
            {"mask": NUMBERS},
            0,
            "The mask holds numbers to be added, and −∞ closes. Here it is 0.5: open. + mask: 2 + 0.5 = 2.5",
        ),
        (
            {"mask": NUMBERS},
            1,
            "The mask holds numbers to be added, and −∞ closes. Here it is −∞: closed. A key that one rule",
        ),
        ({"bias": NUMBERS}, 1, "The bias holds numbers to be added, and −∞ closes. Here it is −∞: closed."),
    ],
)
def test_each_rule_is_stated_with_the_numbers_of_the_element(
    tmp_path: Path, given: dict[str, Any], column: int, words: str
) -> None:
    """Why the key that is worked out is open or closed to its query, the last of three; and every rule, not one."""
    names = {"mask", "bias", "key_lengths"}
    arrays = {name: np.array(value) for name, value in given.items() if name in names}
    options = {name: value for name, value in given.items() if name not in names | {"past"}}
    past = given.get("past", 0)
    if past:
        arrays |= {"past_key": HIDDEN[:past], "past_value": HIDDEN[:past]}
    states = {"query": QUERY, "key": HIDDEN[past:], "value": HIDDEN[past:]}
    np.savez(tmp_path / "p.npz", **states, **arrays, options=np.array(json.dumps(options)))  # type: ignore[arg-type]
    asked = ["explain", tmp_path / "p.npz", "--row", "2", "--col", column, "--step", "score"]
    assert words in " ".join(called(*asked).out.split())
    chinese = called(*asked, "--lang", "zh").out
    verdict = "可见" if "open" in words else "屏蔽" if "closed" in words else "位置是"
    assert verdict in chinese


# Which query and key are worked out if none is asked for: the last query, and another key than its own.
ELEMENTS: list[tuple[dict[str, Any], tuple[int, int] | None]] = [
    ({"rope": "half"}, (4, 0)),
    ({"rope": "half", "causal": True}, (4, 0)),
    ({"alibi": True, "causal": True}, (4, 3)),
    ({"alibi": True, "window": [1, 0]}, (4, 3)),
    ({"alibi": True, "window": [0, 1]}, (3, 4)),
    ({"alibi": True, "mask": np.tri(5, k=-1).T.astype(bool) | np.eye(5, dtype=bool)}, (3, 4)),
    ({"rope": "half", "window": [0, 0]}, (4, 4)),
    ({"rope": "half", "offset": 9, "causal": True}, (4, 0)),
    ({"causal": True}, (4, 0)),
    ({}, (0, 0)),
]


@pytest.mark.parametrize(("given", "element"), ELEMENTS)
def test_what_distances_do_is_shown_where_there_is_a_distance(
    tmp_path: Path, given: dict[str, Any], element: tuple[int, int]
) -> None:
    """With all states zero, the first of the largest weights is worked out; what is asked for has the last word."""
    arrays = {name: value for name, value in given.items() if name == "mask"}
    options = {name: value for name, value in given.items() if name != "mask"}
    zeros = np.zeros((5, 2))
    np.savez(tmp_path / "p.npz", query=zeros, hidden=zeros, **arrays, options=np.array(json.dumps(options)))
    out = called("explain", tmp_path / "p.npz").out
    # Of the score, of softmax, and of the rotation where there is one.
    assert out.count(f"Worked out for query {element[0]} and key {element[1]}:") == 2 + ("rope" in options)
    asked = called("explain", tmp_path / "p.npz", "--row", "1", "--col", "1", "--step", "score").out
    assert "Worked out for query 1 and key 1:" in asked


def test_rotation_and_alibi_are_worked_out_by_hand() -> None:
    """Of the samples, without any flag: neither distance is 0."""
    rotary = " ".join(called("explain", "samples/rotary.json", "--step", "rotate").out.split())
    assert "the query at position 2 is turned by 2 rad (114.6°), the key at position 1 by 1 rad (57.3°)" in rotary
    assert "what counts is the distance, 2 − 1 = 1" in rotary
    a, b = 2.3 * math.cos(2) - 1.1 * math.sin(2), 2.3 * math.sin(2) + 1.1 * math.cos(2)
    assert f"query features 0 and 2: (2.3, 1.1) become ({a:.4g}, {b:.4g})" in rotary
    alibi = called("explain", "samples/alibi.json", "--step", "score").out
    assert "ALiBi = −slope·|p − j| = −0.25·|4 − 3| = -0.25" in alibi
    assert "+ ALiBi: 1 + (-0.25) = 0.75" in alibi


@pytest.mark.parametrize("function", ["cosine", "general", "additive"])
def test_explain_works_out_every_score_function(tmp_path: Path, function: str) -> None:
    """The worked score is the one in the table."""
    rng = np.random.default_rng(2)
    path = tmp_path / "p.npz"
    extra = {
        "general": {"w_a": rng.random((3, 2))},
        "additive": {"w_a": rng.random((3, 4)), "u_a": rng.random((2, 4))},
    }
    key = rng.random((5, 3 if function == "cosine" else 2))
    arrays: dict[str, Any] = {"query": rng.random((2, 3)), "hidden": key, **extra.get(function, {})}
    np.savez(path, **arrays, options=np.array(json.dumps({"score": function})))
    expected = score(**arrays, score=function)[1, 4]
    words = ["--row", "1", "--col", "4", "--step", "score", "--digits", "6"]
    for lang in ("en", "zh"):
        out = called("explain", path, *words, "--lang", lang).out
        assert f"= {expected:.6g}" in " ".join(out.split())


HALF: dict[str, Any] = {"rope": "half", "rope_theta": 100.0}
# Of a query and two keys with four features, what is said of them at given positions.
ROTATIONS: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ({"positions": [5], "key_positions": [3, 9]}, {}, ("query 0 stands at position 5, key 0 at 3, as the arrays say",)),
    # At position 0 the query stays as it is: the key shows it. (1, 2) turned by 3 radians.
    ({"positions": [0], "key_positions": [3, 9]}, {}, ("key features 0 and 2: (1, 2) become (-1.272, -1.839)",)),
    (
        {"positions": [2], "key_positions": [0, 9]},
        {"rope_dim": [2, "last"]},
        ("Only the last 2 of 4 features are turned", "query features 2 and 3: (2, 1) become (-1.742, 1.402)"),
    ),
    (
        {"positions": [2], "key_positions": [0, 9]},
        {"rope_scaling": "linear,factor=2"},
        ("Scaling (linear): every frequency is divided by 2", "position 2 is turned by 1 rad (57.3°)"),
    ),
    (
        {"positions": [31], "key_positions": [0, 9]},
        {"rope_scaling": "dynamic,factor=2,max_position_embeddings=16"},
        # 2·32/16 − 1 = 3, squared, times 100
        ("the positions reach to 32, beyond the 16 that the model learned from, so the base grows to 900",),
    ),
    (
        {"positions": [3], "key_positions": [0, 2]},
        {"rope_scaling": "dynamic,factor=2,max_position_embeddings=16"},
        ("the positions reach to 4, within the 16 that the model learned from, so nothing is scaled",),
    ),
    (
        {"positions": [2], "key_positions": [0, 9]},
        {"rope_scaling": "yarn,factor=4,original_max_position_embeddings=64,attention_factor=2"},
        ("the model learned from 64 positions", "cosine and sine are multiplied by 2", "the factor 2 included"),
    ),
    (
        {"positions": [31], "key_positions": [0, 9]},
        {
            "rope_scaling": "longrope,short_factor=1:1,long_factor=2:4,original_max_position_embeddings=16,"
            "attention_factor=1"
        },
        ("beyond 16: the long factors", "position 31 is turned by 15.5 rad"),
    ),
    (
        {"positions": [2], "key_positions": [0, 9]},
        {"rope_scaling": "llama3,factor=4,low_freq_factor=1,high_freq_factor=4,original_max_position_embeddings=64"},
        ("pairs that come round within 16 positions stay as they are", "more than 64 are divided by 4"),
    ),
    (
        {"positions": [2], "key_positions": [0, 9]},
        {"rope_scaling": "proportional,partial_rotary_factor=0.5"},
        ("the first 1 of 2 pairs turn",),
    ),
    (
        {"cos": [[1, 1], [0, 1], [1, 1]], "sin": [[0, 0], [1, 0], [0, 0]], "positions": [1], "key_positions": [0, 2]},
        {},
        (
            "pair 0, query, row 1 of the tables: cos = 0, sin = 1",
            "pair 0, key, row 0 of the tables: cos = 1, sin = 0",
            "query features 0 and 2: (3, 2) become (-2, 3)",
        ),
    ),
]


@pytest.mark.parametrize(("arrays", "options", "said"), ROTATIONS)
def test_rotations_of_every_kind_are_taught(
    tmp_path: Path, arrays: dict[str, Any], options: dict[str, Any], said: tuple[str, ...]
) -> None:
    """Which features turn, what scaling does, what tables say, and a pair worked out by hand; in Chinese too."""
    states = {"query": [[3, 4, 2, 1]], "key": [[1, 0, 2, 0], [1, 1, 1, 1]], "value": [[1], [2]]}
    path = tmp_path / "p.json"
    path.write_text(json.dumps(states | arrays | {"options": HALF | options}))
    asked = ["explain", path, "--step", "rotate", "--row", "0", "--col", "0"]
    text = " ".join(called(*asked).out.split())
    assert [each for each in said if each not in text] == []
    assert "旋转" in called(*asked, "--lang", "zh").out


def test_three_positions_are_taught(tmp_path: Path) -> None:
    """The pair that turns by the position that differs: of six features the second, (2, 5) by 4/100^(1/3) radians."""
    states: dict[str, Any] = {"query": [[1, 2, 3, 4, 5, 6]], "key": [[1, 1, 1, 1, 1, 1]], "value": [[1]]}
    places: dict[str, Any] = {"positions": [[7], [4], [7]], "key_positions": [[7], [0], [7]]}
    path = tmp_path / "p.json"
    path.write_text(json.dumps(states | places | {"options": HALF | {"rope_sections": [1, 1, 1]}}))
    text = " ".join(called("explain", path, "--step", "rotate").out.split())
    assert "query 0 stands at position (7, 4, 7), key 0 at (7, 0, 7), as the arrays say" in text
    assert "pair 1: the query at position 4 is turned by 0.8618 rad" in text
    angle = 4 / 100 ** (1 / 3)
    x, y = 2 * math.cos(angle) - 5 * math.sin(angle), 2 * math.sin(angle) + 5 * math.cos(angle)
    assert f"query features 1 and 4: (2, 5) become ({x:.4g}, {y:.4g})" in text
