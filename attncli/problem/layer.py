"""An attention layer out of a checkpoint: the tensors under a prefix, by the names in use, become our arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.shapes import show
from attncli.errors import InputError
from attncli.files.archive import counted
from attncli.files.checkpoint import tensors
from attncli.files.contents import Entry, Named, Tensors
from attncli.files.open import naming, shown, split_name
from attncli.problem.families import ADVICE, FAMILIES, FIRST_OF_HEADS, WITHOUT_EFFECT, Family
from attncli.said import Said
from attncli.text import a_few, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANY = "*"  # what makes a prefix a pattern
OFFERED = 3
PLAIN = ("weight", "bias")  # what a module holds whose numbers are the weights themselves
MOST_COMPARED, LONGEST_COMPARED = 2000, 200


@dataclass(frozen=True)
class Layer:
    """A layer that has been found, none of whose numbers have been read.

    Attributes:
        prefix: what stands before the names of its tensors.
        family: how they are named.
        names: the whole name of the tensor that holds each of our arrays; several arrays of one are parts of it.
    """

    prefix: str
    family: Family
    names: Mapping[str, str]

    @property
    def options(self) -> dict[str, object]:
        """The options that the names decide."""
        decided = {"weights": self.family.weights, "qkv": self.family.qkv}
        return {name: value for name, value in decided.items() if value}


@dataclass(frozen=True)
class Weights:
    """What was read of a layer.

    Attributes:
        named: our arrays, and the options that their names decide.
        place: the file and the prefix, for messages.
        unused: what else belongs to the layer and has no part in what is computed.
    """

    named: Named
    place: str
    unused: tuple[Entry, ...]

    def notices(self, given: Collection[str]) -> list[str]:
        """Return what has to be said of the tensors that are not used.

        Args:
            given: the arrays and options that are given otherwise.
        """
        said, todo = [], dict[str, None]()
        for entry in self.unused:
            found = next((each for each in ADVICE if entry.name.endswith(each.ends)), None)
            if found is None or not set(found.given) & set(given):
                said.append(entry.name if entry.shape is None else f"{entry.name} {show(entry.shape)}")
                todo |= {} if found is None else {found.words: None}
        names = a_few(said)
        for words in todo:
            names = Said("{before}; {after}", before=names, after=words)
        return [Said("{place}: not used: {names}", place=self.place, names=names)] if said else []


def read(given: str) -> Weights:
    """Read a layer.

    Args:
        given: ``FILE:PREFIX``, or ``FILE`` for what lies at the top level.

    Raises:
        InputError: with the file; nothing of that prefix is an attention layer (the nearest ones are offered), a matrix
            is missing, or two ways of naming fit.
    """
    path, prefix = split_name(given)
    prefix = (prefix or "").rstrip(".")
    opened = tensors(path)
    with naming(path):
        layer = _as_shapes_say(one(opened.names, prefix), opened)
        _check_plain(layer, opened)
        arrays: dict[str, NDArray[Any]] = {}
        for ours, name in layer.names.items():
            array = _of_heads(opened, name) if name.endswith(FIRST_OF_HEADS) else opened.array(name)
            arrays |= parts(ours, array, layer.family.weights, name)
        start = f"{layer.prefix}." if layer.prefix else ""
        odd = [opened.entry(name) for name in sorted(_unused(layer, opened.names), key=counted)]
        unused = tuple(replace(each, name=each.name.removeprefix(start)) for each in odd)
    place = f"{shown(path)}:{layer.prefix}" if layer.prefix else shown(path)
    return Weights(Named(arrays, options=layer.options), place, unused)


def layers(names: Collection[str]) -> dict[str, list[Layer]]:
    """Find the attention layers among the names of tensors: by prefix, in the order in which people count.

    Returns:
        For each prefix the layer, or several if its tensors can be understood in several ways.
    """
    anchors = {family.anchor: family for family in FAMILIES}
    found: dict[str, list[Layer]] = {}
    for name in names:
        for anchor, family in anchors.items():
            if name == anchor or name.endswith(f".{anchor}"):
                layer = _understood(names, name.removesuffix(anchor), family)
                if layer is not None:
                    found.setdefault(layer.prefix, []).append(layer)
    return {prefix: _widest(found[prefix]) for prefix in sorted(found, key=counted)}


def _understood(names: Collection[str], start: str, family: Family) -> Layer | None:
    """Return the layer of the tensors whose names begin so, if it has all that one of this family needs."""
    has = family.found(lambda name: start + name in names)
    if any(ours not in has for ours, _ in family.needed()):
        return None
    return Layer(start.removesuffix("."), family, {ours: start + name for ours, name in has.items()})


def matching(given: str) -> list[tuple[Layer, dict[str, Entry]]]:
    """Return the layers that a pattern means, each with what the headers say of its tensors.

    Args:
        given: ``FILE:PATTERN``, in which ``*`` stands for anything.

    Raises:
        InputError: no layer is meant (the nearest ones are offered).
    """
    from fnmatch import fnmatchcase

    path, pattern = split_name(given)
    opened = tensors(path)
    with naming(path):
        found = layers(opened.names)
        meant = [fits[0] for prefix, fits in found.items() if fnmatchcase(prefix, pattern or ANY)]
        meant = [_as_shapes_say(each, opened) for each in meant]
        if not meant:
            raise InputError(f"no attention layer matches {pattern!r}", hint=_offer(pattern or "", found))
        return [(each, {ours: opened.entry(name) for ours, name in each.names.items()}) for each in meant]


def is_pattern(given: str) -> bool:
    """Tell whether several layers may be meant."""
    return ANY in (split_name(given)[1] or "")


def one(names: Collection[str], prefix: str) -> Layer:
    """Return the layer of this prefix, or the only one below it.

    Raises:
        InputError: there is none, or there are several.
    """
    found = layers(names)
    below = [each for each in found if not prefix or each.startswith(f"{prefix}.")]
    meant = [prefix] if prefix in found else below
    if not meant:
        raise _none(names, prefix, found)
    if len(meant) > 1:
        where = prefix or "the top level"
        raise InputError(f"{where} is no attention layer; {len(below)} lie below it", hint=_offer(prefix, below))
    fits = found[meant[0]]
    if len(fits) > 1:
        titles = listed(each.family.title for each in fits)
        hint = "give the matrices one by one, with --w-q FILE:NAME and so on"
        raise InputError(f"{meant[0] or 'the top level'} can be read in {len(fits)} ways: by {titles}", hint=hint)
    return fits[0]


def _as_shapes_say(layer: Layer, opened: Tensors) -> Layer:
    """Return the layer with its matrices lying as their shapes say, where its names leave that open."""
    if not layer.family.linear:
        return layer
    fused, out = (opened.entry(layer.names[name]).shape or () for name in ("w_qkv", "w_o"))
    return replace(layer, family=layer.family.as_shapes_say(fused, out))


def _widest(fits: list[Layer]) -> list[Layer]:
    """Leave out ways of reading that see only part of what another sees."""
    used = [set(each.names.values()) for each in fits]
    return [each for each, own in zip(fits, used, strict=True) if not any(own < other for other in used)]


def _none(names: Collection[str], prefix: str, found: Collection[str]) -> InputError:
    start = f"{prefix}." if prefix else ""
    under = [name.removeprefix(start) for name in names if name.startswith(start)]
    where = prefix or "the top level"
    if ANY in prefix:
        hint = "attn inspect lists the layers that a pattern means"
        return InputError(f"{prefix!r} is a pattern, but one layer is wanted", hint=hint)
    if not under:
        return InputError(f"holds nothing under {prefix!r}", hint=_offer(prefix, found))
    partly = [(family.found(set(under).__contains__), family) for family in FAMILIES]
    has, family = max(partly, key=lambda each: len([ours for ours in each[0] if ours.startswith("w_")]))
    if any(ours.startswith("w_") for ours in has):
        missing = [" or ".join(theirs[:OFFERED]) for ours, theirs in family.needed() if ours not in has]
        seen = listed(name for ours, name in has.items() if ours.startswith("w_"))
        return InputError(f"{where} has {seen}, but no {listed(missing)}", hint=_offer(prefix, found))
    return InputError(f"{where} holds no attention that is known: it has {a_few(under)}", hint=_offer(prefix, found))


def _offer(prefix: str, found: Iterable[str]) -> str:
    """Return a hint with the layers whose prefixes are nearest, the nearest first."""
    from difflib import get_close_matches

    every = list(found)
    if not every:
        return "no attention layer is found in it by its names; --w-q FILE:NAME takes a matrix by any name"
    # Comparing takes time that grows with the square of their lengths.
    some = [each for each in every[:MOST_COMPARED] if len(each) <= LONGEST_COMPARED]
    close = get_close_matches(prefix[:LONGEST_COMPARED], some, OFFERED, 0.5) or every[:OFFERED]
    more = len(every) - len(close)
    return f"there is {listed(close, 'or')}" + (f", and {more} more" if more else "")


def _check_plain(layer: Layer, opened: Tensors) -> None:
    """Refuse matrices whose numbers are not the weights themselves."""
    for ours, name in layer.names.items():
        stem = f"{name.removesuffix('weight')}"
        if not ours.startswith("w_") or not stem.endswith("."):
            continue
        odd = next((each for each in opened.names if each.startswith(stem) and each[len(stem) :] not in PLAIN), None)
        if odd is not None:
            message = f"{odd} lies beside {name}: a matrix that is quantised or adapted is not put together"
            raise InputError(message, hint="save the layer dequantised or merged")


def parts(ours: str, array: NDArray[Any], weights: str, name: str) -> dict[str, NDArray[Any]]:
    """Return our arrays that lie in a tensor."""
    several = ours.split()
    if len(several) == 1:
        return {ours: array}
    axis = 0 if array.ndim == 1 or weights == "out-in" else -1
    if array.ndim == 0 or array.shape[axis] % len(several):
        raise InputError(f"{name} {show(array.shape)} is not {len(several)} parts of one size")
    return dict(zip(several, np.split(array, len(several), axis=axis), strict=True))


def _of_heads(opened: Tensors, first: str) -> NDArray[Any]:
    """Return the weights of a norm of which each head has a tensor of its own, (heads, E)."""
    start = first.removesuffix("0.weight")
    count = next(at for at in range(1, len(opened.names) + 1) if f"{start}{at}.weight" not in opened.names)
    found = [opened.array(f"{start}{at}.weight") for at in range(count)]
    if any(each.shape != found[0].shape for each in found):
        raise InputError(f"{start}*.weight are not of one shape")
    return np.stack(found)


def _unused(layer: Layer, names: Iterable[str]) -> list[str]:
    """Return what else lies under the prefix and might be part of the attention."""
    start = f"{layer.prefix}." if layer.prefix else ""
    used = set(layer.names.values())
    apart = tuple(name.removesuffix("0.weight") for name in used if name.endswith(FIRST_OF_HEADS))
    used |= {name for name in names if name.startswith(apart) and name.endswith(".weight")}
    found = [name for name in names if name.startswith(start) and name not in used]
    if not start:  # the whole model may lie there, whose other parts have longer names
        modules = {name.partition(".")[0] for name in used}
        found = [name for name in found if name.count(".") < 2 or name.partition(".")[0] in modules]
    return [name for name in found if not _is_known(name.removeprefix(start))]


def _is_known(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in WITHOUT_EFFECT)
