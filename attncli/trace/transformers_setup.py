"""Import PyTorch and transformers when needed, offline and quiet."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attncli.errors import InputError

# The name under which transformers finds our attention function, see `attncli.trace.capture`.
ATTENTION = "attncli"
# The current listener is the last of these.
listeners: list[Callable[..., Any]] = []


def transformers() -> Any:
    """Import transformers, offline and quiet.

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
    """Register our attention function with transformers, before creating a model that uses it.

    A mask function must be registered under the same name: otherwise every mask arrives as None, and the model is
    silently not causal.
    """
    from transformers.masking_utils import AttentionMaskInterface, eager_mask

    package.AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, eager_mask)


def _attention(*given: Any, **more: Any) -> Any:
    return listeners[-1](*given, **more)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings that other packages address to programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def first_line(error: Exception) -> str:
    """Return the first line of an error message, without a full stop; the name of its type if it is empty."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300].rstrip(".")
