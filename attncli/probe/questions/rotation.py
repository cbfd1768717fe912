"""How query and key are rotated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.rotation import THETAS, rope
from attncli.check.recipe import Recipe
from attncli.probe.question import Answer, Phrase, Question, among
from attncli.text import plain

FORMS = {
    "left out": "missing",
    "backwards": "backwards",
    "query only": "query-only",
    "key only": "key-only",
    "1/2 of the features": "half-of-features",
    "query from position 0": "query-first",
    "query one position too far": "query-ahead",
    "query one position short": "query-behind",
    "query as the last positions": "query-last",
    "key twice": "key-twice",
}


def _asked(o: Operands) -> Phrase:
    return Phrase(o.options.rope or "missing", {"theta": plain(o.options.rope_theta, 6)} if o.options.rope else {})


def _others(o: Operands) -> Iterator[Answer]:
    options = o.options
    if options.rope is None:
        return
    other = "interleaved" if options.rope == "half" else "half"
    bases = dict.fromkeys([options.rope_theta, *THETAS])
    for theta in bases if o.cos is None else ():
        for pairing in (options.rope, other):
            if (pairing, theta) != (options.rope, options.rope_theta):
                said = Phrase(pairing, {"theta": plain(theta, 6)})
                yield Answer("rotary", said, partial(_rotated, pairing=pairing, theta=theta), pieces.ROTATION.order)
    yield from among("rotary", rope, {(pieces.ROTATION.name, form): id_ for form, id_ in FORMS.items()})(o)


def _rotated(recipe: Recipe, *, pairing: str, theta: float) -> Recipe:
    options = replace(recipe.operands.options, rope=pairing, rope_theta=theta)  # type: ignore[arg-type]
    return recipe.with_operands(options=options)


ROTARY = Question("rotary", _asked, _others)
