"""What a whole layer is taught with: names of what is in its files, and of what its stages make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.arrays import normal
from tests.support.processes import called


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Two query heads of 2 that share a key head, and a last matrix."""
    path = tmp_path / "case.npz"
    weights: dict[str, Any] = {"w_qkv": normal(3, 8), "w_o": normal(4, 3)}
    weights |= {"q_norm": normal(2, 2), "k_norm": normal(2, seed=1)}
    np.savez(path, hidden=normal(5, 3), **weights)
    return path


def taught(case: Path, *words: object) -> str:
    """Return a lesson in one line."""
    options = ["--heads", 2, "--kv-heads", 1, "--qkv", "heads", "--qk-norm", "layer", "--head", 1]
    return " ".join(called("explain", case, *options, *words).out.split())


def test_a_fused_matrix_is_told_from_its_parts(case: Path) -> None:
    """The columns that are named are those of the part, which has another shape than what is in the file."""
    said = taught(case, "--step", "project")
    assert "The query is made by W_q, all its columns of w_qkv put together (3×4), from 3 features" in said
    assert "of these the columns 2 to 3 belong to this head" in said


def test_weights_of_each_head_are_told_from_those_of_all(case: Path) -> None:
    """In both languages."""
    said = taught(case, "--step", "norm")
    assert "multiplied by q_norm, in which each head has weights of its own." in said
    assert "multiplied by k_norm, the same for every head." in said
    assert "每个头各有一组权重" in taught(case, "--step", "norm", "--lang", "zh")


def test_sums_are_called_what_the_tables_call_them(case: Path) -> None:
    """They are the output only where nothing comes after them."""
    said = taught(case, "--step", "sum")
    assert "context = weights · V" in said
    assert "output" not in said.partition("Weighted sum: mix")[2]


@pytest.mark.parametrize(
    ("column", "words"),
    [(4, "key 4 is number 1 of page 5, which block_table names at place 1"), (8, None)],
)
def test_pages_are_told_with_the_place_of_the_key(column: int, words: str | None, tmp_path: Path) -> None:
    """Behind the length of an item there is none, whatever the table holds there."""
    table: dict[str, Any] = {"block_table": np.array([[0, 1, 2], [3, 5, 99]]), "key_lengths": np.array([9, 6])}
    query, pool = normal(2, 1, 2, 4), normal(6, 3, 1, 4)
    np.savez(tmp_path / "pages.npz", query=query, key=pool, value=pool, **table)
    options = ["--batch", 1, "--row", 0, "--col", column, "--step", "score"]
    said = " ".join(called("explain", tmp_path / "pages.npz", *options).out.split())
    assert "Keys and values lie in pages of 3 keys" in said
    assert words in said if words else "of page" not in said
