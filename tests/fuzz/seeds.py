"""Valid files of every format, small and all different, from which mutators start."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Mapping

import numpy as np

from attncli import steps
from attncli.files.archive import joined
from attncli.files.contents import Named
from attncli.files.formats import DATA, Format, Holds
from attncli.files.save import encoded
from tests.fuzz import forms
from tests.fuzz.problems import Array, Problem, draw

# What is in archives is shown by programs of all kinds, so it has numbers of all kinds.
WORDS = ("The", "␣cat", "sat", "##on", "未来", "é", "it's", "%", "−1", "x" * 30)


def valid(kind: Format, rng: random.Random, numbers: np.random.Generator) -> bytes:
    """Return a file of this format that every command can read and one of them computes with."""
    return BY_HOLDS[kind.holds](kind, rng, numbers)


def _matrix(kind: Format, rng: random.Random, numbers: np.random.Generator) -> bytes:
    rows, columns = rng.randint(1, 5), rng.randint(1, 5)
    labels = {}
    if rng.random() < 0.4:
        labels = {"query_labels": words(rng, rows), "key_labels": words(rng, columns)}
    return encoded(kind, Named({"logits": array(numbers, rows, columns)}, labels))


def array(numbers: np.random.Generator, *shape: int) -> Array:
    """Return numbers of one of the types that files have."""
    kind = ("f8", "f8", "f4", "f2", "i8", "u1", "?", ">f4")[numbers.integers(8)]
    return (3 * numbers.standard_normal(shape)).round(2).astype(kind)


def _array(kind: Format, rng: random.Random, numbers: np.random.Generator) -> bytes:
    made = array(numbers, *(rng.randint(1, 4) for _ in range(rng.randint(1, 4))))
    if rng.random() < 0.5:
        return encoded(kind, Named({"query": made}))
    file = io.BytesIO()  # as other programs write it
    np.save(file, np.asfortranarray(made))
    return file.getvalue()


def words(rng: random.Random, count: int) -> tuple[str, ...]:
    """Return labels."""
    return tuple(rng.choices(WORDS, k=count))


def problem(rng: random.Random, numbers: np.random.Generator, *, spoken: bool = False) -> Named:
    """Return a random problem with everything that a file may say about it; always with labels if it is spoken of."""
    p = draw(numbers, ("normal", "whole", "large"))
    made = steps(**forms.given(p))
    arrays = forms.arrays_of(p)
    for name in ("expected", "logits", "weights"):
        if rng.random() < 0.5:
            arrays[name] = np.asarray(getattr(made, "output" if name == "expected" else name))
    if "expected" in arrays and rng.random() < 0.4:
        arrays["expected"] = np.roll(arrays["expected"], 1, axis=-1) * 1.5
    return Named(
        arrays, labels(rng, p, spoken), {"title": " ".join(words(rng, 4)), "source": "here"}, forms.options_of(p)
    )


def labels(rng: random.Random, p: Problem, always: bool) -> dict[str, tuple[str, ...] | tuple[tuple[str, ...], ...]]:
    """Return labels of the queries and the keys, for all batch items or for each, if any."""
    if not always and rng.random() < 0.5:
        return {}
    counts = {"query_labels": p.sizes.L, "key_labels": p.sizes.keys}
    if rng.random() < 0.3:
        return {name: tuple(words(rng, count) for _ in range(p.sizes.B)) for name, count in counts.items()}
    return {name: words(rng, count) for name, count in counts.items()}


def _named(kind: Format, rng: random.Random, numbers: np.random.Generator) -> bytes:
    if kind.name == "json" and rng.random() < 0.2:
        return json.dumps(array(numbers, rng.randint(1, 4), rng.randint(1, 4)).tolist()).encode()
    if rng.random() < 0.12:  # larger than what readers take in at once
        return encoded(
            kind, Named({"query": numbers.standard_normal((1, 9)), "hidden": numbers.standard_normal((99, 9))})
        )
    several = kind.holds is Holds.PROBLEMS and rng.random() < 0.25
    names = rng.sample(["decoder.3", "encoder.10", "cross.0", "a b", "layer.9.step.2"], 2)
    return encoded(kind, joined({name: problem(rng, numbers) for name in names[: 2 if several else 1]}))


# What one file of a format holds decides what it can be made of.
BY_HOLDS: Mapping[Holds, Callable[[Format, random.Random, np.random.Generator], bytes]] = {
    Holds.MATRIX: _matrix,
    Holds.ARRAY: _array,
    Holds.NAMED: _named,
    Holds.PROBLEMS: _named,
}
WRITTEN = [each for each in DATA if each.holds in BY_HOLDS]
