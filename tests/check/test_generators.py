"""What generators read off an output: each wrong program is written here as such programs are, in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, check
from attncli.check.explanation import Explanation
from attncli.check.mistakes.general import GENERAL
from attncli.check.voice import IN_ENGLISH, voice
from tests.support.checking import PATIENT
from tests.support.chinese import BESIDE, is_english

Array: TypeAlias = NDArray[Any]
BATCH, HEADS, KEY_HEADS, LENGTH, FEATURES = 2, 4, 2, 40, 16
SCALE = FEATURES**-0.5
LATER = np.triu(np.ones((LENGTH, LENGTH), bool), 1)


def states() -> dict[str, Array]:
    """Return query, key and value, with two key heads for four heads."""
    rng = np.random.default_rng(3)
    shapes = {"query": HEADS, "key": KEY_HEADS, "value": KEY_HEADS}
    made = {name: rng.standard_normal((BATCH, heads, LENGTH, FEATURES)) for name, heads in shapes.items()}
    return made | {"query": 3 * made["query"]}


def logits(query: Array, key: Array) -> Array:
    """Return the logits of heads that have a key head each, closed behind the diagonal."""
    return np.where(LATER, -np.inf, SCALE * query @ key.swapaxes(2, 3))


def softmax(made: Array) -> Array:
    """Return the weights."""
    powers = np.exp(made - made.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def served(array: Array) -> Array:
    """Give each query head its key head."""
    return array.repeat(HEADS // KEY_HEADS, axis=1)


def attended(query: Array, key: Array, value: Array) -> Array:
    """Return what is right."""
    return np.asarray(softmax(logits(query, served(key))) @ served(value))


def weighed(weights: Callable[[Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """Return a program with something else in place of softmax."""
    return lambda query, key, value: weights(logits(query, served(key))) @ served(value)


def with_keys(change: Callable[[Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """Return a program that does something to the weights, and normalises them again."""

    def program(query: Array, key: Array, value: Array) -> Array:
        weights = change(softmax(logits(query, served(key))))
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True) @ served(value))

    return program


def online(query: Array, key: Array, value: Array, *, size: int, output: bool, total: bool) -> Array:
    """Go over tiles of keys with a running maximum; output and sum are rescaled, or not."""
    made, values = logits(query, served(key)), served(value)
    top = np.full((BATCH, HEADS, LENGTH, 1), -1e300)
    summed, weighed = np.zeros_like(top), np.zeros((*made.shape[:3], FEATURES))
    for start in range(0, LENGTH, size):
        tile = made[..., start : start + size]
        larger = np.maximum(top, tile.max(axis=-1, keepdims=True))
        powers, less = np.exp(tile - larger), np.exp(top - larger)
        summed = summed * (less if total else 1) + powers.sum(axis=-1, keepdims=True)
        weighed = weighed * (less if output else 1) + powers @ values[:, :, start : start + size]
        top = larger
    return np.asarray(weighed / summed)


def averaged(query: Array, key: Array, value: Array) -> Array:
    """Average the two halves of the keys, each normalised by itself."""
    made, values = SCALE * query @ served(key).swapaxes(2, 3), served(value)
    halves = [slice(0, LENGTH // 2), slice(LENGTH // 2, LENGTH)]
    return np.asarray(sum(softmax(made[..., half]) @ values[:, :, half] for half in halves) / 2)


def times(keys: Any, factor: float) -> Callable[[Array], Array]:
    """Return what multiplies the weights of some keys."""

    def change(weights: Array) -> Array:
        changed = weights.copy()
        changed[..., keys] *= factor
        return changed

    return change


def late(query: Array, key: Array, value: Array) -> Array:
    """Read each value one step late."""
    return attended(query, key, np.concatenate([value[:, :, :1], value[:, :, :-1]], axis=2))


def peeking(query: Array, key: Array, value: Array) -> Array:
    """See key 30 from every query."""
    scores = SCALE * query @ served(key).swapaxes(2, 3)
    closed = LATER.copy()
    closed[:, 30] = False
    return np.asarray(softmax(np.where(closed, -np.inf, scores)) @ served(value))


def in_part(program: Callable[[Array, Array, Array], Array], part: Any) -> Callable[[Array, Array, Array], Array]:
    """Return a program that is wrong in a part alone."""

    def mixed(query: Array, key: Array, value: Array) -> Array:
        output = attended(query, key, value)
        output[part] = program(query, key, value)[part]
        return output

    return mixed


Program: TypeAlias = Callable[[Array, Array, Array], Array]
EVERYWHERE: dict[str, list[int]] = {}
PROGRAMS: dict[str, tuple[Program, str, str]] = {
    "key heads reversed": (
        lambda q, k, v: attended(q, k[:, ::-1], v[:, ::-1]),
        "heads-mixed",
        "the key and value of another head were read: in reverse order",
    ),
    "one value head for all": (
        lambda q, k, v: attended(q, k, v[:, [0, 0]]),
        "heads-mixed",
        "the value of another head was read: number 0 for all",
    ),
    "heads of the output rolled": (
        lambda q, k, v: np.roll(attended(q, k, v), -1, axis=1),
        "heads-mixed",
        "heads of the output stand in the place of others: for each the next one, for the last the first",
    ),
    "the other item's cache": (
        lambda q, k, v: attended(q, k[::-1], v[::-1]),
        "items-mixed",
        "the key and value of another batch item were read: in reverse order",
    ),
    "a row too far down": (
        lambda q, k, v: np.roll(attended(q, k, v), 1, axis=2),
        "rows-mixed",
        "query rows of the output stand in the place of others: for each the one before, for the first the last",
    ),
    "two columns swapped": (
        lambda q, k, v: attended(q, k, v)[..., [0, 2, 1, *range(3, FEATURES)]],
        "columns-mixed",
        "columns of the output stand in the place of others: number 2 for 1, 1 for 2",
    ),
    "the last four columns cut off": (
        lambda q, k, v: np.where(np.arange(FEATURES) < 12, attended(q, k, v), 0),
        "not-written",
        "columns 12–15 of the output are 0: they were not written",
    ),
    "a tile lost": (
        with_keys(times(slice(16, 32), 0.0)),
        "keys-lost",
        "keys 16 to 31, a tile of 16, were left out",
    ),
    "keys twice": (with_keys(times(slice(3, 9), 2.0)), "keys-doubled", "keys 3 to 8 were counted twice"),
    "a closed key seen": (peeking, "keys-opened", "key 30 was seen though closed"),
    "values late": (late, "keys-stale", "all keys were seen with the value of the one before"),
    "output not rescaled": (
        lambda q, k, v: online(q, k, v, size=8, output=False, total=True),
        "accumulator",
        "the running output was not rescaled when a larger logit came (tiles of 8)",
    ),
    "sum not rescaled": (
        lambda q, k, v: online(q, k, v, size=16, output=True, total=False),
        "accumulator",
        "the running sum was not rescaled when a larger logit came (tiles of 16)",
    ),
    "softmax of softmax": (
        weighed(lambda made: softmax(np.where(LATER, -np.inf, softmax(made)))),
        "softmax-replaced",
        "softmax was applied twice",
    ),
}
PARTS: dict[str, tuple[Any, dict[str, list[int]]]] = {
    "one head": (np.s_[:, 2], {"heads": [2]}),
    "the second half of the heads": (np.s_[:, 2:], {"heads": [2, 3]}),
    "one item": (np.s_[1], {"batch_items": [1]}),
    "from a row on": (np.s_[:, :, 32:], {"rows": list(range(32, LENGTH))}),
}


def found(program: Program, *, causal: bool = True, **rules: Array) -> Finding:
    """Check what a program makes, where arrays with rules for keys are given, too."""
    given = {name: array.astype(np.float32) for name, array in states().items()}
    output = program(*(array.astype(float) for array in given.values())).astype(np.float32)
    return check(prepare(given | rules, Options.parse({"scale": "sqrt", "causal": causal})), output, PATIENT)


@cache
def first_of(name: str) -> Explanation:
    """Return the first explanation of what a wrong program makes."""
    return found(PROGRAMS[name][0]).explanations[0]


def words(explanation: Explanation) -> list[str]:
    """Return what an explanation says went wrong."""
    return list(map(IN_ENGLISH.say, explanation.descriptions))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_wrong_program_is_named_and_described(name: str) -> None:
    """By its id and in words, everywhere, and exactly."""
    _, mistake, said = PROGRAMS[name]
    first = first_of(name)
    assert (first.mistakes, words(first), first.part) == ((mistake,), [said], None)
    assert first.residual < 1e-5


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_wrong_program_is_described_in_chinese_throughout(name: str) -> None:
    """What went wrong, and what to change."""
    first = first_of(name)
    texts = [voice("zh").say(each) for each in (*first.descriptions, *first.fixes)]
    assert [text for text in texts if is_english(text) or BESIDE.search(text)] == []


def under(closed: Array) -> Program:
    """Return a program with a rule of its own, (batch, 1, 1 or L, S) true where a key is closed."""

    def program(query: Array, key: Array, value: Array) -> Array:
        scores = SCALE * query @ served(key).swapaxes(2, 3)
        return np.asarray(softmax(np.where(closed, -np.inf, scores)) @ served(value))

    return program


def test_a_mask_of_the_other_item_is_named() -> None:
    """Each batch item has its own."""
    mask = np.stack([np.arange(LENGTH) < 30, np.arange(LENGTH) % 5 < 4])[:, None, None]
    first = found(under(LATER | ~mask[::-1]), mask=mask).explanations[0]
    assert first.mistakes == ("rules-mixed",)
    assert words(first) == ["the mask was that of another batch item: in reverse order"]


def test_a_border_of_documents_that_lies_late_is_named() -> None:
    """By a token."""
    late = np.arange(LENGTH) >= 18
    closed = LATER | (late != late[:, None])
    segments = np.tile((np.arange(LENGTH) >= 17).astype(np.int64), (BATCH, 1))
    first = found(under(closed), segments=segments).explanations[0]
    assert first.mistakes == ("borders",)
    assert words(first) == ["the borders of documents lay one token late"]


@pytest.mark.parametrize("causal", [True, False])
def test_values_with_a_bias_are_named(causal: bool) -> None:
    """Under a causal rule too, where late keys have weight in few rows."""
    program = under(LATER & causal)
    first = found(lambda q, k, v: program(q, k, v + np.arange(FEATURES)), causal=causal).explanations[0]
    assert first.mistakes == ("values-changed",)
    assert words(first) == ["a constant vector was added to every value"]


def test_values_of_some_keys_that_are_others_are_named() -> None:
    """Which they are is solved for, where the weights are right."""
    some = (np.arange(LENGTH) < 5)[:, None]
    program = under(np.zeros(1, bool))
    first = found(lambda q, k, v: program(q, k, v * (1 + some)), causal=False).explanations[0]
    assert first.mistakes == ("values-changed",)
    assert words(first) == ["the weights are right, but the values of keys 0–4 are not"]


def test_parts_that_were_averaged_are_named() -> None:
    """Without a causal rule, under which some rows see the first half alone."""
    first = found(averaged, causal=False).explanations[0]
    assert first.mistakes == ("parts-merged",)
    assert words(first) == ["parts of the keys were averaged (2 parts)"]


def test_every_mistake_of_generators_is_tried() -> None:
    """None is declared that no test makes: each id stands in a module of tests."""
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    assert [name for name in GENERAL if not any(f'"{name}"' in text for text in texts)] == []


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("scale", ["another scale", "sum not rescaled"])
def test_what_was_done_in_a_part_alone_is_named_with_the_part(name: str, scale: str) -> None:
    """What is right elsewhere is not searched, whatever the mistake."""
    part, axes = PARTS[name]
    wrong = PROGRAMS["sum not rescaled"][0] if scale == "sum not rescaled" else lambda q, k, v: attended(2 * q, k, v)
    first = found(in_part(wrong, part)).explanations[0]
    assert first.mistakes == (("accumulator",) if scale == "sum not rescaled" else ("scale",))
    assert first.part is not None
    assert first.part.axes() == axes


@pytest.mark.parametrize(("number", "said"), [(0.0, "0"), (np.nan, "NaN"), (0.5, "one number")])
def test_rows_that_were_not_written_are_named_before_anything_is_made_to_fit_them(number: float, said: str) -> None:
    """Zero heads are not dropout, and no rule that closes every key is looked for."""
    first = found(in_part(lambda q, k, v: np.full_like(q, number), np.s_[:, 1])).explanations[0]
    assert first.mistakes == ("not-written",)
    assert words(first) == [f"the output is {said} throughout: it was not written, or no key was open"]
    assert first.part is not None
    assert first.part.axes() == {"heads": [1]}
