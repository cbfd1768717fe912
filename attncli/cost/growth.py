"""How cost grows with one size: the cases, the parts that are compared, and where one overtakes another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attncli.attend.options import as_flag
from attncli.cost.cache import last
from attncli.cost.cost import Cost
from attncli.cost.request import MOST, VARIED
from attncli.cost.voice import Voice
from attncli.errors import InputError
from attncli.problem.several import parted
from attncli.text import quoted

MOST_VALUES = 1000
DOTS = ("…", "...")
Make = Callable[[int], Cost]


@dataclass(frozen=True)
class Vary:
    """What varies.

    Attributes:
        name: the option, with underscores.
        values: in rising order.
    """

    name: str
    values: tuple[int, ...]

    @property
    def flag(self) -> str:
        """The option as flags spell it."""
        return as_flag(self.name)

    @classmethod
    def parse(cls, text: str) -> Vary:
        """Read ``NAME=A,B,C``, or ``NAME=A,B,…,Z``, which goes on as it begins: by steps, or by factors.

        Raises:
            InputError: nothing can vary under this name, or a value is no whole number from 1.

        Example:
            >>> Vary.parse("length=1024,2048,…,8192").values, Vary.parse("heads=1,3,...,7").values
            ((1024, 2048, 4096, 8192), (1, 3, 5, 7))
        """
        name, words = parted(text, VARIED, "length=1024,2048,4096", ",")
        given = as_flag(name)
        found: list[int] = []
        for word in words:
            if word in DOTS:
                found.append(0)
                continue
            if not word.isascii() or not word.isdigit() or len(word) > 12 or not 1 <= int(word) <= MOST:
                raise InputError(f"--vary {given}: {quoted(word)} is no whole number from 1 to {MOST}")
            found.append(int(word))
        values = _filled(found, given)
        if len(values) < 2:
            raise InputError(f"--vary {given} needs at least two values")
        return cls(name, tuple(sorted(set(values))))


def _filled(found: list[int], given: str) -> list[int]:
    """Return the values with those that dots stand for."""
    if 0 not in found:
        return found
    at = found.index(0)
    hint = f"as in --vary {given}=1024,2048,…,16384: two values, the dots, and the last one"
    if at < 2 or at + 2 != len(found):
        raise InputError(f"--vary {given}: the dots do not stand between two values and the last one", hint=hint)
    before, first, end = found[at - 2], found[at - 1], found[at + 1]
    factor, step = divmod(first, before) if before < first else (0, 1), first - before
    series = [] if factor[1] or factor[0] < 2 else _series(first, end, lambda value: value * factor[0])
    if not series or series[-1] != end:
        series = _series(first, end, lambda value: value + step) if step > 0 else []
    if not series or series[-1] != end:
        raise InputError(f"--vary {given}: going on from {before} and {first} never comes to {end}", hint=hint)
    return [*found[: at - 1], *series]


def _series(first: int, end: int, following: Callable[[int], int]) -> list[int]:
    values = [first]
    while values[-1] < end:
        values.append(following(values[-1]))
        if len(values) > MOST_VALUES:
            raise InputError(f"--vary: there are more than {MOST_VALUES} values")
    return values


@dataclass(frozen=True)
class Curve:
    """One part of the cost.

    Attributes:
        name: what it is called.
        of: its size in a case.
    """

    name: str
    of: Callable[[Cost], int]


@dataclass(frozen=True)
class Panel:
    """Parts that are drawn together.

    Attributes:
        title: what they are parts of.
        curves: the parts.
        points: their sizes, by the values of what varies.
        crossings: sentences about where one overtakes another.
    """

    title: str
    curves: Sequence[Curve]
    points: Sequence[Sequence[int]]
    crossings: Sequence[str]


@dataclass(frozen=True)
class Growth:
    """Cases that differ in one size.

    Attributes:
        vary: the size.
        costs: one for each of its values.
        make: makes one for any value.
    """

    vary: Vary
    costs: Sequence[Cost]
    make: Make

    @classmethod
    def of(cls, vary: Vary, make: Make) -> Growth:
        """Reckon all cases."""
        return cls(vary, [make(value) for value in vary.values], make)

    def panels(self, voice: Voice) -> list[Panel]:
        """Return what is drawn: operations, and bytes."""
        panels = [("panel_operations", _of_operations(voice)), ("panel_bytes", self._of_bytes(voice))]
        return [self._panel(voice(title), curves, voice) for title, curves in panels]

    def _panel(self, title: str, curves: Sequence[Curve], voice: Voice) -> Panel:
        points = {each.name: [each.of(cost) for cost in self.costs] for each in curves}
        some = [each for each in curves if any(points[each.name])]
        found = [text for one, other in itertools.combinations(some, 2) for text in self._crossings(one, other, voice)]
        return Panel(title, some, [points[each.name] for each in some], found)

    def _crossings(self, one: Curve, other: Curve, voice: Voice) -> list[str]:
        """Return where the larger of two parts becomes the smaller one."""

        def ahead(cost: Cost) -> int:
            sizes = one.of(cost), other.of(cost)
            return (sizes[0] > sizes[1]) - (sizes[0] < sizes[1])

        found, leads = [], 0
        for at, cost in enumerate(self.costs):
            leading = ahead(cost)
            if leads and leading == -leads:
                fits: Callable[[int], bool] = lambda value, was=leads: ahead(self.make(value)) != -was  # type: ignore[misc]  # noqa: E731
                value = last(fits, self.vary.values[at - 1], self.vary.values[at]) + 1
                names = (one.name, other.name) if leading > 0 else (other.name, one.name)
                found.append(voice.say("overtakes", one=names[0], other=names[1], name=self.vary.flag, value=value))
            leads = leading or leads
        return found

    def _of_bytes(self, voice: Voice) -> list[Curve]:
        kinds = dict.fromkeys(each.group.kind for cost in self.costs for each in cost.held)
        curves = [
            Curve(voice.say("part_cache", kind=voice(f"kind_{kind}")), lambda cost, kind=kind: _held(cost, kind))  # type: ignore[misc]
            for kind in kinds
        ]
        tensors = Curve(
            voice("part_tensors"), lambda cost: sum(cost.bytes[name].value for name in cost.bytes if name != "scores")
        )
        return [*curves, tensors, Curve(voice("part_held"), lambda cost: cost.bytes["scores"].value)]


def _held(cost: Cost, kind: str) -> int:
    return sum(each.bytes.value for each in cost.held if each.group.kind == kind)


def _of_operations(voice: Voice) -> list[Curve]:
    stages = {"part_linear": ("project", "out"), "part_scores": ("score", "sum"), "part_softmax": ("softmax",)}
    return [
        Curve(voice(key), lambda cost, names=names: sum(cost.operations["forward"][name].value for name in names))  # type: ignore[misc]
        for key, names in stages.items()
    ]
