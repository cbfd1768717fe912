"""Notices: what is computed as asked and is rarely meant."""

from __future__ import annotations

from tests.support.processes import called


def test_what_a_mask_of_one_key_means_is_told() -> None:
    """It closes all others, as in ONNX, which is rarely meant."""
    ran = called("compute", "-", "-f", "csv", stdin=b'{"query": [1], "hidden": [[1], [2], [3]], "mask": [true]}')
    assert ran.err == "attn: notice: mask covers only the first key; the other 2 are closed\n"
