"""Which problem of one dump is which of the other: by name, or by the numbers and words in it, or by order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from attncli.errors import InputError
from attncli.text import nearest, quoted

# The parts of a model, by what names of its layers have in them; what stands first counts.
KINDS = {
    "cross": re.compile(r"cross|enc_?dec|encoder_attn"),
    "encoder": re.compile(r"(?<![a-z])enc(oder)?(?![a-z])"),
    "decoder": re.compile(r"(?<![a-z])dec(oder)?(?![a-z])"),
}
TOWERS = re.compile(r"(?<![a-z])(vision|visual|text|audio)(?![a-z])")
SHOWN = 4


@dataclass(frozen=True)
class Pair:
    """One problem in both dumps.

    Attributes:
        mine: its name in the first.
        theirs: its name in the second.
        by: what paired them: ``map``, ``name``, ``number`` or ``order``.
    """

    mine: str
    theirs: str
    by: str


@dataclass(frozen=True)
class Pairing:
    """All pairs in the order in which data flows through the model, and the names that have no counterpart."""

    pairs: tuple[Pair, ...]
    only_mine: tuple[str, ...] = ()
    only_theirs: tuple[str, ...] = ()


def kind(name: str) -> tuple[str, str]:
    """Return the part of a model that a layer belongs to, and the tower; empty where its name does not say.

    >>> kind("model.layers.3.self_attn"), kind("model.decoder.layers.3.encoder_attn"), kind("enc.blk.0.attn")
    (('', ''), ('cross', ''), ('encoder', ''))
    """
    low = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    tower = TOWERS.search(low)
    return next((part for part, words in KINDS.items() if words.search(low)), ""), tower[1] if tower else ""


def numbers(name: str) -> tuple[int, ...]:
    """Return the numbers of a name, in order.

    >>> numbers("model.block.3.layer.0.SelfAttention"), numbers("blk.12.attn"), numbers("layer7")
    ((3, 0), (12,), (7,))
    """
    return tuple(map(int, re.findall(r"\d{1,9}", name)))


def varying(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the numbers of names without those that all names of their kind have, where they have others.

    >>> varying(["enc.block.0.layer.0", "enc.block.1.layer.0", "x.1"])
    {'enc.block.0.layer.0': (0,), 'enc.block.1.layer.0': (1,), 'x.1': (1,)}
    """
    groups: dict[object, list[str]] = {}
    for name in names:
        groups.setdefault((kind(name), len(numbers(name))), []).append(name)
    found = {}
    for group in groups.values():
        columns = list(zip(*map(numbers, group), strict=True))
        kept = [at for at, column in enumerate(columns) if len(set(column)) > 1]
        for name in group:
            own = numbers(name)
            found[name] = tuple(own[at] for at in kept) if kept else own
    return found


def flow(name: str) -> tuple[object, ...]:
    """Return what sorts names as data flows: the encoder first, then step by step, layer by layer, cross last.

    >>> sorted(["cross.0", "decoder.1", "decoder.0", "encoder.1"], key=flow)
    ['encoder.1', 'decoder.0', 'cross.0', 'decoder.1']
    """
    part, tower = kind(name)
    step = re.search(r"step\.(\d{1,9})", name)
    return part != "encoder", tower, int(step[1]) if step else -1, numbers(name), part == "cross", name


def paired(mine: Sequence[str], theirs: Sequence[str], mapped: Mapping[str, str]) -> Pairing:
    """Pair the problems of two dumps.

    Args:
        mine: the names in the first dump.
        theirs: those in the second.
        mapped: pairs that are given.

    Raises:
        InputError: a given name is not there, a name has several counterparts, or none has any.
    """
    pairs = [Pair(one, other, "map") for one, other in _known(mine, theirs, mapped).items()]
    for by, keys in (("name", _by_name), ("number", _by_number)):
        left = [each for each in mine if each not in {pair.mine for pair in pairs}]
        right = [each for each in theirs if each not in {pair.theirs for pair in pairs}]
        pairs += [Pair(one, other, by) for one, other in keys(left, right)]
    if not pairs:
        if len(mine) != len(theirs):
            fact = f"no problem has a counterpart: {_some(mine)} here, {_some(theirs)} there"
            is_one = 1 in (len(mine), len(theirs))
            hint = "FILE:NAME picks one of several" if is_one else "--map MINE=THEIRS says which is which"
            raise InputError(fact, hint=hint)
        in_order = zip(sorted(mine, key=flow), sorted(theirs, key=flow), strict=True)
        pairs = [Pair(one, other, "order") for one, other in in_order]
    pairs.sort(key=lambda pair: flow(pair.mine))
    return Pairing(
        tuple(pairs),
        tuple(each for each in mine if each not in {pair.mine for pair in pairs}),
        tuple(each for each in theirs if each not in {pair.theirs for pair in pairs}),
    )


def _known(mine: Sequence[str], theirs: Sequence[str], mapped: Mapping[str, str]) -> Mapping[str, str]:
    for names, given in ((mine, mapped.keys()), (theirs, mapped.values())):
        for each in given:
            if each not in names:
                raise InputError(f"--map: there is no problem {quoted(each)}", hint=nearest(each, names))
    twice = [each for each in mapped.values() if list(mapped.values()).count(each) > 1]
    if twice:
        raise InputError(f"--map gives {quoted(twice[0])} to two problems")
    return mapped


def _by_name(mine: Sequence[str], theirs: Sequence[str]) -> list[tuple[str, str]]:
    return [(each, each) for each in mine if each in theirs]


def _by_number(mine: Sequence[str], theirs: Sequence[str]) -> list[tuple[str, str]]:
    """Pair names that have the same numbers, of the same part of a model where both say which.

    Raises:
        InputError: a name has several counterparts.
    """
    found: list[tuple[str, str]] = []
    own, other = varying(mine), varying(theirs)
    for name in mine:
        alike = [each for each in theirs if other[each] and other[each] == own[name] and _fits(name, each)]
        exact = [each for each in alike if kind(each) == kind(name)] or alike
        if len(exact) > 1:
            hint = f"--map {name}={exact[0]} says which"
            raise InputError(f"{quoted(name)} may be {_some(exact, ' or ')} of the other dump", hint=hint)
        found += [(name, each) for each in exact]
    for each in dict.fromkeys(pair[1] for pair in found):
        several = [name for name, there in found if there == each]
        best = [name for name in several if kind(name) == kind(each)]
        if len(several) > 1 and len(best) != 1:
            hint = f"--map {several[0]}={each} says which"
            raise InputError(f"{quoted(each)} of the other dump may be {_some(several, ' or ')} of this one", hint=hint)
        found = [pair for pair in found if pair[1] != each or len(several) == 1 or pair[0] == best[0]]
    return found


def _fits(one: str, other: str) -> bool:
    """Tell whether two names may be of the same part of a model."""
    return all(not a or not b or a == b for a, b in zip(kind(one), kind(other), strict=True))


def _some(names: Sequence[str], between: str = ", ") -> str:
    shown = [quoted(each) if each else "one without a name" for each in names[:SHOWN]]
    return between.join(shown) + (" …" if len(names) > SHOWN else "")
