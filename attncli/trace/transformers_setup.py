"""PyTorch and transformers: imported when they are needed, told to ask no network and to keep quiet."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attncli.errors import InputError

# The name under which transformers finds our function of attention, see `attncli.trace.capture`.
ATTENTION = "attncli"
# Who hears of attention just now: the last of them.
hearers: list[Callable[..., Any]] = []


def transformers() -> Any:
    """Import transformers, told to ask no network and to keep quiet.

    Raises:
        InputError: the extra is not installed.
    """
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    os.environ |= {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}
    try:
        with quiet():
            import torch  # noqa: F401
            import transformers as package
    except ImportError:
        hint = "pip install 'attncli[trace]' (for a small build without CUDA, install PyTorch's CPU build first)"
        raise InputError("tracing needs PyTorch and transformers", hint=hint) from None
    package.utils.logging.disable_progress_bar()
    _register(package)
    return package


def _register(package: Any) -> None:
    """Let transformers find our function of attention, before any model is made that is to use it.

    The mask is registered under the same name: without that, every mask arrives as None and the model is silently not
    causal.
    """
    from transformers.masking_utils import AttentionMaskInterface, eager_mask

    package.AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, eager_mask)


def _attention(*given: Any, **more: Any) -> Any:
    return hearers[-1](*given, **more)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings of other programs' programmers from people's eyes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, without a full stop; its name where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300].rstrip(".")
