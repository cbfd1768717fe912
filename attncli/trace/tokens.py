"""Readable tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from attncli.files.contents import Labels
from attncli.trace.model import Model

WORD_START = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's marker for a space, U+2581


def tokens_of(model: Model, ids: Sequence[int]) -> Labels:
    """Return tokens with their leading space, without the tokenizer's markers."""
    if model.tokenizer is None:
        return tuple(map(str, ids))
    return tuple(_readable(model.tokenizer, token) for token in model.tokenizer.convert_ids_to_tokens(list(ids)))


def _readable(tokenizer: Any, token: str | None) -> str:
    if token is None:
        return "?"
    if WORD_START in token:
        return token.replace(WORD_START, " ")
    if token in tokenizer.all_special_tokens or not _writes_bytes(tokenizer) or not set(token) <= set(byte_letters()):
        return token
    # Part of a character is not readable alone, so its bytes are escaped.
    return bytes(byte_letters()[letter] for letter in token).decode("utf-8", errors="backslashreplace")


def _writes_bytes(tokenizer: Any) -> bool:
    """Tell whether tokens encode bytes, as in GPT-2, where Ġ is a space."""
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    return "ByteLevel" in str(decoder)


@cache
def byte_letters() -> dict[str, int]:
    """Return the byte for each letter of GPT-2's tokens: printable bytes are themselves, others start at U+0100.

    Source: Radford et al. (2019), *Language Models are Unsupervised Multitask Learners*, and its encoder.

    >>> byte_letters()["A"], byte_letters()["Ġ"]
    (65, 32)
    """
    themselves = [byte for byte in range(256) if chr(byte).isprintable() and not chr(byte).isspace()]
    others = [byte for byte in range(256) if byte not in themselves]
    return {chr(byte): byte for byte in themselves} | {chr(256 + at): byte for at, byte in enumerate(others)}
