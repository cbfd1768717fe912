"""How files are broken: by bytes, whatever they are, and by what their format is made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from tests.fuzz.mutators import bytes_, csv_tsv, json_, npy, npz, safetensors

Mutator = Callable[[random.Random, bytes], bytes]

# Those of each format that is read. A format that is declared and missing here fails a test.
MUTATORS: Mapping[str, Sequence[Mutator]] = {
    "json": (*json_.MUTATORS, *bytes_.TEXT, *bytes_.MUTATORS),
    "csv": (*csv_tsv.MUTATORS, *bytes_.TEXT, *bytes_.MUTATORS),
    "tsv": (*csv_tsv.MUTATORS, *bytes_.TEXT, *bytes_.MUTATORS),
    "npy": (*npy.MUTATORS, *bytes_.MUTATORS),
    "npz": (*npz.MUTATORS, *bytes_.MUTATORS),
    "safetensors": (*safetensors.MUTATORS, *bytes_.MUTATORS),
}


def mutated(name: str, data: bytes, rng: random.Random) -> bytes:
    """Return a file of a format, broken in a few ways or none; by what it is made of more often than by bytes."""
    every = MUTATORS[name]
    own = len(every) - len(bytes_.MUTATORS)
    for _ in range(rng.choice((0, 1, 1, 1, 1, 1, 1, 2, 2, 3))):
        data = rng.choices(every, [3] * own + [1] * (len(every) - own))[0](rng, data)
    return data
