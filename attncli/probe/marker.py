"""What a probe's file says of it: the questions of each problem, as the text ``probe``."""

from __future__ import annotations

from collections.abc import Mapping

from attncli.errors import InputError
from attncli.probe.registry import IDS
from attncli.text import nearest, quoted

# The entry of a problem that has the text, and what it may say behind a question: what is asked for where no option
# can say it.
ENTRY = "probe"
GAP, IS = ", ", "="


def written(questions: Mapping[str, str]) -> str:
    """Write questions, each with what is asked for, if anything.

    >>> written({"scale": "", "precision": "bfloat16"})
    'scale, precision=bfloat16'
    """
    return GAP.join(name + (IS + wanted) * bool(wanted) for name, wanted in questions.items())


def parsed(text: str) -> dict[str, str]:
    """Read questions.

    Raises:
        InputError: nobody knows one of them.

    >>> parsed("scale, precision=bfloat16")
    {'scale': '', 'precision': 'bfloat16'}
    """
    found = {}
    for each in text.split(GAP.strip()):
        name, _, wanted = each.strip().partition(IS)
        if name not in IDS:
            hint = nearest(name, IDS) or "attn probe writes it"
            raise InputError(f"{ENTRY} asks for {quoted(name)}, which is no question", hint=hint)
        found[name] = wanted
    return found
