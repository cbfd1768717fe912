"""Random problems of everything at once: a problem of the attention, and around it what a layer has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from tests.fuzz import forms
from tests.fuzz.layers import OPTIONS, fused
from tests.fuzz.problems import ROTARY, Array, Problem, Rng, draw
from tests.support.declared import WITHOUT_GRADIENT, Given

LETTERS = {"query": "q", "key": "k", "value": "v"}
# Offsets beyond it turn, and lower, by so much that few digits are left of what comes out.
FARTHEST = 50
TAME = ("normal", "normal", "normal", "whole", "equal", "tiny")


@dataclass(frozen=True)
class Whole:
    """A problem of everything.

    Attributes:
        problem: in the form of the reference; a state that is projected has one head there.
        around: the arrays that only layers have, as Python takes them.
        projected: the states that are projected.
        value_heads: how many heads a value has.
        options: those that only layers have.
    """

    problem: Problem
    around: Mapping[str, Array]
    projected: tuple[str, ...]
    value_heads: int
    options: Given = field(default_factory=dict)

    @property
    def given(self) -> Given:
        """Its arrays and options as Python takes them."""
        return forms.given(self.problem) | dict(self.around) | dict(self.options)

    @property
    def arrays(self) -> dict[str, Array]:
        """Its arrays alone."""
        return {name: each for name, each in self.given.items() if isinstance(each, np.ndarray)}

    def typed(self, dtype: Any) -> Whole:
        """Return it with all real numbers in one type."""

        return self.moved(lambda array: array.astype(dtype))

    def moved(self, by: Callable[[Array], Array]) -> Whole:
        """Return it with other real numbers, equal ones where two of its arrays are one."""
        made: dict[int, Array] = {}

        def other(name: str, array: Array) -> Array:
            if ARRAYS[name].is_whole or (name == "mask" and array.dtype == bool):
                return array
            return made.setdefault(id(array), by(array))

        arrays = {name: other(name, each) for name, each in self.problem.arrays.items()}
        around = {name: other(name, each) for name, each in self.around.items()}
        return replace(self, problem=replace(self.problem, arrays=arrays), around=around)


def whole(rng: Rng, flavours: tuple[str, ...] = TAME) -> Whole:
    """Return a small problem that is valid, with any of the arrays and options through which gradients go."""
    p = _near(draw(rng, flavours).without(*WITHOUT_GRADIENT), rng)
    return _Around(rng, p.without("dtype")).drawn().typed("f8")


def _near(p: Problem, rng: Rng) -> Problem:
    """Return a problem whose queries stand near the keys, with tables by the order of the states now and then."""
    offset = p.options.get("offset", 0)
    if offset != "end" and abs(offset) > FARTHEST:
        p = replace(p, options=dict(p.options) | {"offset": int(rng.integers(FARTHEST))})
    by_order = p.sizes.L == p.sizes.S and p.sizes.Ek == p.sizes.E and "rope" in p.options and rng.random() < 0.4
    if by_order:
        p = p.without("positions", "key_positions", "rope_sections")
        turned = int(p.options["rope_dim"][0]) if "rope_dim" in p.options else p.sizes.E
        shape = (p.sizes.of("B")[0] if rng.random() < 0.5 else 1, p.sizes.L, turned // 2)
        p = p.changed(cos=rng.uniform(-1, 1, shape), sin=rng.uniform(-1, 1, shape))
    return p if "rope" in p.options else p.without(*ROTARY[1:5], "cos", "sin")


class _Around:
    """What a layer has around its attention, while it is drawn."""

    def __init__(self, rng: Rng, p: Problem) -> None:
        self.rng, self.p, self.arrays = rng, p, dict[str, Array]()
        names = [name for name in LETTERS if not (p.layout.page and name != "query")]
        self.projected = tuple(name for name in names if self.chance(0.7)) if self.chance(0.6) else ()
        if p.layout.hidden == ("key", "value") and len({*self.projected} & {*p.layout.hidden}) == 1:
            self.projected = tuple(name for name in names if name not in p.layout.hidden or self.chance(2))
        drawn: Given = {name: option(rng) for name, option in OPTIONS.items()}
        if drawn["qk_norm"] and self.chance(0.4):
            kind, *marks = drawn["qk_norm"].split(",")
            drawn["qk_norm"] = ",".join([kind, "after-rope", *marks])
        self.options: Given = {name: value for name, value in drawn.items() if value is not None}
        self.has_out, self.value_heads = self.chance(0.5), p.sizes.K

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def numbers(self, *shape: int) -> Array:
        return self.rng.standard_normal(shape)

    def drawn(self) -> Whole:
        if self.projected:
            p, layout = self.p, self.p.layout
            options = dict(p.options) | {"heads": p.sizes.H} | {"kv_heads": p.sizes.K}
            self.p = replace(p, layout=replace(layout, packed=True), options=options)
        self.fewer_value_heads()
        self.project()
        self.norms()
        self.gate()
        self.out()
        if self.options.get("weights") == "out-in":
            self.arrays = {n: each.T if n.startswith("w_") else each for n, each in self.arrays.items()}
        return Whole(self.p, self.arrays, self.projected, self.value_heads, self.options)

    def fewer_value_heads(self) -> None:
        """Give the value fewer heads than the key has, where something says how many it has."""
        s, is_told = self.p.sizes, not self.p.layout.packed
        if "value" in self.projected:
            # The matrix behind the sums tells, by its rows; so many heads must be all that they can mean.
            is_told = self.has_out and "past_value" not in self.p.arrays
        if self.p.layout.hidden or not is_told or s.K == 1 or self.chance(0.5):
            return
        self.value_heads = 1
        arrays = {n: self.p.arrays[n][:, :1] for n in ("value", "past_value") if n in self.p.arrays}
        self.p = self.p.changed(**arrays)

    def heads(self, state: str) -> int:
        return {"query": self.p.sizes.H, "key": self.p.sizes.K}.get(state, self.value_heads)

    def features(self, state: str) -> int:
        return {"query": self.p.sizes.E, "key": self.p.sizes.Ek}.get(state, self.p.sizes.Ev)

    def project(self) -> None:
        """Put x in the place of states, and matrices beside them."""
        s, is_shared = self.p.sizes, self.p.layout.hidden == ("key", "value")
        fuses = self.projected == tuple(LETTERS) and s.E == s.Ek == s.Ev and self.value_heads == s.K
        fuses = fuses and self.chance(0.6)
        width = self.one(1, 3, 4)
        widths = {state: self.heads(state) * self.features(state) for state in self.projected}
        no_matrix = [state for state in self.projected if not (fuses or is_shared) and self.chance(0.15)]
        x: dict[str, Array] = {}
        for state in self.projected:
            array = self.p.arrays[state]
            x[state] = self.numbers(len(array), 1, array.shape[2], widths[state] if state in no_matrix else width)
        if is_shared and "key" in x:
            x["value"] = x["key"]
            if "query" in x and x["query"].shape[:3] == x["key"].shape[:3] and self.chance(0.6):
                x["query"] = x["key"]
                self.p = replace(self.p, layout=replace(self.p.layout, hidden=tuple(LETTERS)))
        self.p = self.p.changed(**x)
        has_biases = self.chance(0.5)
        w = {LETTERS[n]: self.numbers(width, widths[n]) for n in self.projected if n not in no_matrix}
        b = {LETTERS[n]: self.numbers(widths[n]) for n in self.projected if has_biases or n in no_matrix}
        if fuses:
            self.arrays |= fused(w, b, s.H, s.K, self.options["qkv"])
        else:
            self.arrays |= {f"w_{n}": each for n, each in w.items()} | {f"b_{n}": each for n, each in b.items()}

    def norms(self) -> None:
        how = self.options.get("qk_norm", "")
        for state, letter in LETTERS.items() if how else ():
            one, count = self.features(state), self.heads(state)
            together: list[tuple[int, ...]] = [(count * one,)] * ("after-rope" not in how)
            apart: list[tuple[int, ...]] = [(count, one)] * (one > 1)  # a column counts as a row
            if self.chance(0.6):
                self.arrays[f"{letter}_norm"] = self.numbers(*self.one((one,), *together, *apart))

    def gate(self) -> None:
        s, way = self.p.sizes, self.one("given", "made", None, None)
        width = self.one(s.H, s.H * s.Ev)
        if way == "made":
            self.arrays["w_g"] = self.numbers(
                self.p.arrays["query"].shape[3] * (1 if "query" in self.projected else s.H), width
            )
            self.arrays |= {"b_g": self.numbers(width)} if self.chance(0.5) else {}
        elif way == "given" and self.p.layout.packed:
            packed = replace(self.p, layout=replace(self.p.layout, columns=False))
            self.arrays["gate"] = forms.lie(packed, "gate", self.numbers(s.B, 1, s.L, width))
        elif way == "given":
            self.arrays["gate"] = forms.seen(self.p, "output", self.numbers(s.B, s.H, s.L, s.Ev))

    def out(self) -> None:
        width = self.p.sizes.H * self.p.sizes.Ev
        if self.has_out:
            self.arrays["w_o"] = self.numbers(width, self.one(2, 3, 7))
        if self.chance(0.4):
            self.arrays["b_o"] = self.numbers(self.arrays["w_o"].shape[1] if self.has_out else width)


def seen(w: Whole, output: Array) -> Array:
    """Return an output (B, H, L, Ev), or (B, 1, L, out) of a matrix, with the axes that the user gets."""
    p = w.problem
    if not has_out(w):
        return forms.seen(p, "output", output)
    letters = [each for each in ("BLE" if p.layout.packed else "BHLE")[-forms.axes(p) :] if each != "H"]
    order = [each for each in {"sbhd": "LBE"}.get(p.layout.order, "BLE") if each in letters]
    array = output[:, 0][tuple(slice(None) if each in letters else 0 for each in "BLE")]
    return array.transpose([letters.index(each) for each in order])


def has_out(w: Whole) -> bool:
    """Tell whether the output has no heads: a matrix or a bias behind the sums makes one row of all of them."""
    return bool({"w_o", "b_o"} & w.around.keys())
