"""Whatever is valid is computed, and right: random problems against the reference."""

from __future__ import annotations

from dataclasses import fields

from attncli import Steps, attention, steps
from tests.fuzz import forms
from tests.fuzz.campaign import Case
from tests.fuzz.compare import Truth
from tests.fuzz.problems import draw


def right(case: Case) -> None:
    """Every result of the steps, and the output of the stream, of one random problem."""
    p = draw(case.numbers)
    case.about = forms.words(p)
    truth, given = Truth(p), forms.given(p)
    made = steps(**given)
    found = {each.name: getattr(made, each.name) for each in fields(Steps)}
    # Rotated states are held by what is made of them.
    truth.hold({name: array for name, array in found.items() if array is not None and name in truth.right}, "steps")
    output, lse = attention(**given, return_lse=True)
    truth.hold({"output": output, "lse": lse}, "attention")
    case.tried["results"] += len(found) + 1
