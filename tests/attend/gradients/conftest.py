"""Gradients are found in two ways: small problems by the stages in reverse, others without a matrix of scores."""

from __future__ import annotations

import pytest

from attncli.attend import backpropagation


@pytest.fixture(params=["stages", "stream"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have all gradients of a test found in one of the ways, whatever its size."""
    if request.param == "stream":
        if not hasattr(backpropagation, "FEW_SCORES"):
            pytest.skip("there is one way only")
        monkeypatch.setattr(backpropagation, "FEW_SCORES", 0)
    return str(request.param)
