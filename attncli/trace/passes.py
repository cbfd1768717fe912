"""Names for the attentions of a model, and the choice of which to record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from attncli.errors import InputError
from attncli.files.archive import counted
from attncli.trace.capture import Call

ENCODER, DECODER, CROSS = STACKS = ("encoder", "decoder", "cross")
PREFILL, STEP = "prefill", "step"


@dataclass(frozen=True)
class Place:
    """One attention of a model, identified by its place.

    Attributes:
        stack: ``encoder``, ``decoder`` (its attention to itself) or ``cross`` (its attention to the encoder).
        layer: its index in the stack, from 0.
        step: None without generation; 0 is the prefill, N the pass in which the Nth new token is the query.
    """

    stack: str
    layer: int
    step: int | None = None

    @property
    def name(self) -> str:
        """Its name in files.

        >>> Place("decoder", 3).name, Place("cross", 0, 0).name, Place("decoder", 3, 2).name
        ('decoder.3', 'cross.0.prefill', 'decoder.3.step.2')
        """
        time = {None: [], 0: [PREFILL]}.get(self.step, [STEP, str(self.step)])
        return ".".join([self.stack, str(self.layer), *time])


def places(calls: Sequence[Call], *, two_parts: bool, generates: bool) -> list[Place]:
    """Identify the attentions.

    Layers have the index that they report, if all layers of a stack report different ones. A module that serves as all
    layers (as in ALBERT) reports a single index or none; then the order of the calls counts.

    Args:
        calls: those of one run, in order.
        two_parts: whether the model is an encoder and a decoder.
        generates: whether tokens were generated.
    """
    groups: dict[tuple[str, int], list[Call]] = {}
    for call in calls:
        stack = _stack(call, two_parts)
        forward = 0 if stack == ENCODER else call.forward
        groups.setdefault((stack, forward), []).append(call)
    found: dict[int, Place] = {}
    for (stack, forward), together in groups.items():
        reported = [call.layer for call in together]
        known = all(isinstance(layer, int) and layer >= 0 for layer in reported) and len(set(reported)) == len(reported)
        step = forward - 1 if generates and stack != ENCODER else None
        for count, call in enumerate(together):
            found[call.index] = Place(stack, int(call.layer or 0) if known else count, step)
    return [found[call.index] for call in calls]


def _stack(call: Call, two_parts: bool) -> str:
    if call.cross:
        return CROSS
    if two_parts:  # a decoder may call its layers an encoder, as that of BERT does, so the outermost name counts
        named = (each for part in call.module.split(".") for each in (ENCODER, DECODER) if each in part)
        return next(named, DECODER if call.causal else ENCODER)
    return DECODER if call.causal else ENCODER


@dataclass(frozen=True)
class Choice:
    """The attentions to record; None means all.

    Attributes:
        layers: ranges of layer indices.
        stacks: some of `STACKS`.
        steps: ranges of steps, where 0 is the prefill.
    """

    layers: Sequence[range] | None = None
    stacks: Sequence[str] | None = None
    steps: Sequence[range] | None = None

    @classmethod
    def parse(cls, layers: str | None, passes: Iterable[str]) -> Choice:
        """Read ``--layer`` and ``--pass``.

        Raises:
            InputError: an invalid word or range.

        Example:
            >>> Choice.parse("0-2,5", ["cross,prefill", "step.3"])
            Choice(layers=[range(0, 3), range(5, 6)], stacks=['cross'], steps=[range(0, 1), range(3, 4)])
        """
        words = [word.strip() for each in passes for word in each.split(",")]
        stacks = [word for word in words if word in STACKS]
        steps = [_steps(word) for word in words if word not in STACKS]
        return cls(None if layers is None else ranges("layer", layers), stacks or None, steps or None)

    def takes(self, place: Place) -> bool:
        """Tell whether an attention is chosen."""
        return (
            (self.layers is None or any(place.layer in each for each in self.layers))
            and (self.stacks is None or place.stack in self.stacks)
            and (self.steps is None or any((place.step or 0) in each for each in self.steps) or self._once(place))
        )

    def _once(self, place: Place) -> bool:
        """Tell whether it is in an encoder that is chosen by name: that runs once, whichever steps are chosen."""
        return place.stack == ENCODER and self.stacks is not None and ENCODER in self.stacks

    @property
    def everything(self) -> bool:
        """Whether everything is chosen."""
        return self.layers is None and self.stacks is None and self.steps is None


def _steps(word: str) -> range:
    if word == PREFILL:
        return range(1)
    kind, dot, numbers = word.partition(".")
    if kind != STEP or (dot and not numbers):
        hint = f"use {', '.join(STACKS)}, {PREFILL}, {STEP} (all of them), {STEP}.N or {STEP}.N-M"
        raise InputError(f"--pass {word[:40]}: no such pass", hint=hint)
    found = ranges("pass", numbers, word)[0] if numbers else range(1, 1 << 62)
    if found.start < 1:
        raise InputError(f"--pass {word[:40]}: steps count from 1", hint=f"the pass before them is {PREFILL}")
    return found


def ranges(flag: str, text: str, typed: str | None = None) -> list[range]:
    """Read numbers and ranges, both ends inclusive.

    Args:
        flag: the name of the option.
        text: the text to read.
        typed: what the user typed, if that is longer.

    Raises:
        InputError: the text is something else.

    Example:
        >>> ranges("head", "0-2,5")
        [range(0, 3), range(5, 6)]
    """
    found = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [first, last] if dash else [first, first]
        if not all(end.isascii() and end.isdigit() and len(end) < 10 for end in ends) or int(ends[0]) > int(ends[1]):
            wanted = "numbers and ranges, from low to high, such as 0-3,5"
            raise InputError(f"--{flag} {(typed or text)[:40]}: expected {wanted}")
        found.append(range(int(ends[0]), int(ends[1]) + 1))
    return found


def chosen(there: Sequence[Place], choice: Choice) -> list[int]:
    """Return the indices of the chosen attentions.

    Raises:
        InputError: there are none; the message says what there is.
    """
    layers = {place.layer for place in there}
    for each in choice.layers or ():
        if not layers.intersection(each):
            raise InputError(f"--layer {each.start}: there are layers {min(layers)} to {max(layers)}")
    found = [index for index, place in enumerate(there) if choice.takes(place)]
    if not found and choice.steps is not None and all(place.step is None for place in there):
        raise InputError("there are no steps without --generate N", hint="--generate 3 gives step.1 to step.3")
    if not found:
        stacks = ", ".join(dict.fromkeys(place.stack for place in there))
        raise InputError("nothing in this run matches --layer and --pass", hint=f"it has {stacks}; see --list")
    return sorted(found, key=lambda index: counted(there[index].name))
