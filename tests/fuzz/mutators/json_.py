"""JSON broken by its structure."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.fuzz import hostile

NAMES = (
    "query", "q", "key", "value", "hidden", "mask", "bias", "options", "title", "labels", "query_labels", "dtype",
    "s", "x",
    "expected", "past_key", "key_lengths", "sinks", "w_a", "scores", "logits", "weights", "output", "",
    "a.query", "quary",
)  # fmt: skip
OPTIONS = (
    "heads", "kv_heads", "kv-heads", "offset", "window", "scale", "softcap", "rope", "rope_theta", "score",
    "states", "causal",
    "alibi", "dtype", "x",
)  # fmt: skip
TEXTS = ("title", "source", "query_labels", "key_labels", "query_labels", "key_labels")
DEEP = "[" * 3000 + "]" * 3000


class Raw:
    """A value that is written as it stands, which no strict writer would do."""

    def __init__(self, text: str) -> None:
        self.text = text


def value(rng: random.Random) -> Any:
    """Return something that does not belong anywhere."""
    return rng.choice(
        (
            None, True, False, 0, -1, 0.5, [], {}, [[]], [None], "", "NaN", "Infinity", "-Infinity", [1, [2]],
            {"a": 1}, [1, "2"],
            [[1, 2], [3]], [[[[[1]]]]], [[1, 2], 3], [True, 1], [True, None], Raw(rng.choice(hostile.NUMBERS)),
            Raw(rng.choice(hostile.NUMBERS)), hostile.either(rng), [hostile.either(rng)] * 3, Raw(DEEP), Raw("NaN"),
        )
    )  # fmt: skip


def places(data: Any) -> list[tuple[Any, Any]]:
    """Return every place in it, as what holds it and the name or index there."""
    found: list[tuple[Any, Any]] = []
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for at, each in inner:
        found += [(data, at), *places(each)]
    return found


def text(data: Any) -> str:
    """Write it, with what is written as it stands."""
    raw: list[str] = []

    def default(each: Raw) -> str:
        raw.append(each.text)
        return f"\ue000{len(raw) - 1}\ue001"

    found = json.dumps(data, default=default, ensure_ascii=False)
    for at, each in enumerate(raw):
        found = found.replace(f'"\ue000{at}\ue001"', each)
    return found


def _of_structure(change: Callable[[random.Random, Any], Any]) -> Callable[[random.Random, bytes], bytes]:
    def mutate(rng: random.Random, data: bytes) -> bytes:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):  # broken by another mutator before
            return data
        return text(change(rng, found)).encode("utf-8", "surrogatepass")

    mutate.__name__ = change.__name__
    return mutate


def chosen(rng: random.Random, data: Any) -> tuple[Any, Any]:
    """Return a place: of those near the top as likely as of all others."""
    every = places(data)
    near = [each for each in every if each[0] is data]
    return rng.choice(near if rng.random() < 0.5 else every) if every else ([None], 0)


@_of_structure
def replaced(rng: random.Random, data: Any) -> Any:
    """Put something else in a place."""
    holder, at = chosen(rng, data)
    holder[at] = value(rng)
    return data


@_of_structure
def removed(rng: random.Random, data: Any) -> Any:
    """Leave something out: a name, a row or a number."""
    holder, at = chosen(rng, data)
    holder.pop(at)
    return data


@_of_structure
def renamed(rng: random.Random, data: Any) -> Any:
    """Give something another name, or move it."""
    if not isinstance(data, dict) or not data:
        return [data, data]
    name = rng.choice(list(data))
    other = rng.choice(NAMES) if rng.random() < 0.7 else hostile.either(rng)[:300]
    return {other if each == name else each: held for each, held in data.items()}


@_of_structure
def swapped(rng: random.Random, data: Any) -> Any:
    """Put the same in two places."""
    (one, at), (other, there) = chosen(rng, data), chosen(rng, data)
    one[at] = json.loads(json.dumps(other[there]))
    return data


@_of_structure
def other_options(rng: random.Random, data: Any) -> Any:
    """Set an option to something hostile."""
    if isinstance(data, dict):
        held = data.setdefault("options", {})
        (held if isinstance(held, dict) else data)[rng.choice(OPTIONS)] = value(rng)
    return data


@_of_structure
def other_texts(rng: random.Random, data: Any) -> Any:
    """Say something hostile where a text may stand: labels stay as many as they were."""
    if isinstance(data, dict):
        name = rng.choice(TEXTS)
        data[name] = respelt(rng, data.get(name, "a text"))
    return data


def respelt(rng: random.Random, held: Any) -> Any:
    """Return texts, or lists of them, of which some are hostile."""
    if isinstance(held, list):
        return [respelt(rng, each) for each in held]
    return rng.choice(hostile.TEXTS) if rng.random() < 0.7 else held


@_of_structure
def added(rng: random.Random, data: Any) -> Any:
    """Add a name with something under it."""
    if isinstance(data, dict):
        data[rng.choice(NAMES)] = value(rng)
    return data


@_of_structure
def other_type(rng: random.Random, data: Any) -> Any:
    """Say that numbers are of another type."""
    if isinstance(data, dict):
        data["dtype"] = rng.choice(("float16", "float32", "float64", "bfloat16", "int8", "object", "", 1, None))
    return data


def twice(rng: random.Random, data: bytes) -> bytes:
    """Give a name twice."""
    name = f'"{rng.choice(NAMES)}": {rng.choice(hostile.NUMBERS)},'.encode()
    return data.replace(b"{", b"{" + name + (name if rng.random() < 0.5 else b""), 1)


MUTATORS = (replaced, replaced, other_texts, removed, renamed, swapped, other_options, added, other_type, twice)
