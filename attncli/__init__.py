"""Attention, step by step: score → softmax → weighted sum.

    from attncli import attention, steps, gradients, merge, score, softmax, weighted_sum, load

These are the functions that the ``attn`` command itself calls. NumPy is loaded on first use, and nothing else; `load`
and what a notebook shows load what they need when they are used.
"""

# Importing typing would take milliseconds in which the program does not yet heed signals, see __main__.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from attncli.attend.api import Steps, attention, gradients, merge, score, softmax, steps, weighted_sum
    from attncli.errors import InputError
    from attncli.notebook.load import load
    from attncli.notebook.problem import Problem

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "Problem",
    "Steps",
    "__version__",
    "attention",
    "gradients",
    "load",
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
    if name == "InputError":
        from attncli import errors

        return errors.InputError
    if name in ("Problem", "load"):
        from attncli.notebook import load

        return getattr(load, name)
    from attncli.attend import api

    api.Steps._as_html = _as_html
    return getattr(api, name)


def _as_html(made: "Steps") -> str:
    """Return what a notebook shows of steps."""
    from attncli.notebook.steps import as_html

    return as_html(made)


def __dir__() -> list[str]:
    return __all__
