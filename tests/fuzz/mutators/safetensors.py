"""Safetensors broken by their header."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.fuzz import hostile
from tests.fuzz.mutators import bytes_, json_

TYPES = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "I64",
    "I8",
    "U8",
    "BOOL",
    "F8_E4M3",
    "F8_E5M2",
    "F8_E8M0",
    "F4",
    "C64",
    "X",
    "",
    "f32",
)


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return the header and the numbers."""
    length = int.from_bytes(data[:8], "little")
    return data[8 : 8 + length], data[8 + length :]


def put(header: bytes, numbers: bytes, *, lie: int = 0) -> bytes:
    """Return a file with this header, whose length is off by as much as it lies."""
    return (max(0, len(header) + lie) % 2**64).to_bytes(8, "little") + header + numbers


def of_header(change: Callable[[random.Random, bytes], bytes]) -> Callable[[random.Random, bytes], bytes]:
    """Return what changes only the header."""

    def mutate(rng: random.Random, data: bytes) -> bytes:
        header, numbers = split(data)
        return put(change(rng, header), numbers)

    mutate.__name__ = f"header_{change.__name__}"
    return mutate


def _of_tensor(
    change: Callable[[random.Random, dict[str, Any], bytes], None],
) -> Callable[[random.Random, bytes], bytes]:
    def mutate(rng: random.Random, data: bytes) -> bytes:
        header, numbers = split(data)
        try:
            found = json.loads(header)
            names = [name for name in found if name != "__metadata__"]
            change(rng, found[rng.choice(names)], numbers)
        except Exception:  # broken by another mutator before
            return data
        return put(json_.text(found).encode("utf-8", "surrogatepass"), numbers)

    mutate.__name__ = change.__name__
    return mutate


@_of_tensor
def other_type(rng: random.Random, tensor: dict[str, Any], numbers: bytes) -> None:
    """Say that the numbers are of another type, maybe with a shape that fits it."""
    tensor["dtype"] = rng.choice(TYPES)
    if rng.random() < 0.5:
        begin, end = tensor["data_offsets"]
        tensor["shape"] = [(end - begin) // rng.choice((1, 2, 4, 8))]


@_of_tensor
def other_shape(rng: random.Random, tensor: dict[str, Any], numbers: bytes) -> None:
    """Say that there are other axes."""
    shape = tensor["shape"]
    tensor["shape"] = rng.choice(
        (shape[::-1], [], [0], [*shape, 1], [1] * 6 + shape, [*shape, 0], [-1], [2**63, 2], [2**32] * 4, "x", None,
         [0.5], [shape])
    )  # fmt: skip


@_of_tensor
def other_offsets(rng: random.Random, tensor: dict[str, Any], numbers: bytes) -> None:
    """Say that the numbers lie elsewhere."""
    begin, end = tensor["data_offsets"]
    size = len(numbers)
    tensor["data_offsets"] = rng.choice(
        ([0, size], [end, begin], [begin + 1, end + 1], [begin, end + 8], [size, size + end], [-1, 1],
         [2**63, 2**64], [0], [], None)
    )  # fmt: skip


def other_texts(rng: random.Random, data: bytes) -> bytes:
    """Say something hostile in texts of the metadata; labels, which are JSON there, stay as many as they were."""
    header, numbers = split(data)
    try:
        found = json.loads(header)
        said = found["__metadata__"]
        for name in said:
            if name.endswith("labels"):
                said[name] = json.dumps(json_.respelt(rng, json.loads(said[name])))
            elif name.endswith(("title", "source")):
                said[name] = json_.respelt(rng, said[name])
    except Exception:  # broken by another mutator before
        return data
    return put(json_.text(found).encode("utf-8", "surrogatepass"), numbers)


def metadata(rng: random.Random, data: bytes) -> bytes:
    """Say something hostile in the metadata."""
    header, numbers = split(data)
    try:
        found = json.loads(header)
    except ValueError:
        return data
    name = rng.choice(("title", "options", "labels", "query_labels", "key_labels", "source", "format", "dtype"))
    text = rng.choice((hostile.either(rng), json_.text(json_.value(rng)), '{"heads": 1000000000000}', "[1, 2]", "{}"))
    found["__metadata__"] = {name: text} if rng.random() < 0.9 else json_.value(rng)
    return put(json_.text(found).encode("utf-8", "surrogatepass"), numbers)


def other_length(rng: random.Random, data: bytes) -> bytes:
    """Claim another length of the header."""
    header, numbers = split(data)
    return put(header, numbers, lie=rng.choice((-8, -1, 1, 8, 1000, 2**31, 2**40, 2**63)))


MUTATORS = (
    other_type,
    other_shape,
    other_offsets,
    metadata,
    metadata,
    other_texts,
    other_texts,
    other_length,
    of_header(json_.replaced),
    of_header(json_.renamed),
    of_header(json_.removed),
    of_header(json_.twice),
    of_header(bytes_.character),
)
