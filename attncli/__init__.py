"""Attention, step by step: score → softmax → weighted sum.

    from attncli import attention, steps, gradients, merge, score, softmax, weighted_sum

These are the functions that the ``attn`` command itself calls. NumPy is loaded on first use, and nothing else.
"""

# Importing typing would take milliseconds in which the program does not yet heed signals, see __main__.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from attncli.attend.api import Steps, attention, gradients, merge, score, softmax, steps, weighted_sum
    from attncli.errors import InputError

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "Steps",
    "__version__",
    "attention",
    "gradients",
    "merge",
    "score",
    "softmax",
    "steps",
    "weighted_sum",
]


def __getattr__(name: str) -> object:
    # `attn --help` and `attn --version` import this package too; importing NumPy would double their time.
    if name not in __all__:
        raise AttributeError(f"module 'attncli' has no attribute {name!r}")
    from attncli import errors
    from attncli.attend import api

    return getattr(errors if name == "InputError" else api, name)


def __dir__() -> list[str]:
    return __all__
