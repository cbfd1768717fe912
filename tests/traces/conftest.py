"""Tiny models, their features, and attn trace in this process, which has PyTorch loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.commands.app import main
from attncli.files.contents import Cases, Named
from attncli.files.open import read


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the folder of a family's tiny model, built once."""
    from tests.traces.families import save  # which needs PyTorch, as plain runs of the tests do not

    folder = tmp_path_factory.mktemp("models")
    built: dict[Any, Path] = {}

    def build(family: str, **more: Any) -> Path:
        key = (family, *sorted(more.items(), key=str))
        if key not in built:
            built[key] = save(folder / str(len(built)), family, **more)
        return built[key]

    return build


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return an .npy file of features that a family reads."""
    folder = tmp_path_factory.mktemp("features")
    shapes = {"whisper": (8, 40), "vit": (3, 12, 12), "siglip": (3, 12, 12)}

    def make(family: str) -> Path:
        path = folder / f"{family}.npy"
        np.save(path, np.random.default_rng(0).standard_normal(shapes[family]).astype(np.float32))
        return path

    return make


@pytest.fixture
def trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Named]]:
    """Run attn trace in this process, which has PyTorch loaded, and return the problems that it wrote."""

    def run(*arguments: object, kind: str = "npz") -> dict[str, Named]:
        path = tmp_path / f"traced.{kind}"
        status = main([*map(str, ["trace", *arguments]), "-o", str(path), "--force", "-f", "json"])
        said = capsys.readouterr()
        assert status == 0, said.err
        contents = read(str(path))
        names = [each["problem"] for each in json.loads(said.out)]
        if isinstance(contents, Named):
            return {names[0]: contents}
        assert isinstance(contents, Cases)
        assert list(contents.named) == names  # in the order in which they were told
        return dict(contents.named)

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command in this process that is to end with status 2, and return what it said."""

    def run(*arguments: object) -> str:
        status = main(list(map(str, arguments)))
        said = capsys.readouterr()
        assert (status, said.out) == (2, "")
        return said.err

    return run
