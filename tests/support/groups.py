"""Problems in the groups of a file or store, and what reading them has to give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from attncli.files.contents import Cases, Matrix
from attncli.files.open import read

Array = NDArray[Any]


def states(seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(2, 3, 5)).astype("f4") for name in ("query", "key", "value")}


def layers() -> dict[str, Array]:
    """Return the states of two problems, whose groups a reader that sorts by letters would exchange."""
    return {f"decoder/{layer}/{name}": array for layer in (9, 10) for name, array in states(layer).items()}


def holds_layers(found: Any) -> None:
    """Hold what was read to `layers`: groups are parts of names, in the order in which people count."""
    assert isinstance(found, Cases)
    assert list(found.named) == ["decoder.9", "decoder.10"]
    for layer in (9, 10):
        arrays = found.named[f"decoder.{layer}"].arrays
        for name, array in states(layer).items():
            assert_array_equal(arrays[name], array)


def picks_an_array(path: Path) -> None:
    """Hold a file of `layers` to giving one array by its name, with dots or slashes."""
    for name in ("decoder.9.key", "decoder/9/key"):
        one = read(f"{path}:{name}")
        assert isinstance(one, Matrix)
        assert_array_equal(one.array, states(9)["key"])
