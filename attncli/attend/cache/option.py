"""How the option says what becomes of keys and values in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from attncli.attend.cache.types import NAMES, TYPES, Type
from attncli.errors import InputError
from attncli.said import Said
from attncli.text import did_you_mean, quoted

STATES = ("key", "value")
GROUP = "group"
# What has a scale of its own; in "unscaled" nothing has one, and numbers are rounded as they are.
SCALES = ("tensor", "head", "channel", "token", "unscaled")
METAVAR = "[key=|value=]TYPE[:SCALES][,...]"


class Kept(NamedTuple):
    """How keys, or values, are kept.

    Attributes:
        type: that of their codes.
        scales: what has a scale of its own, one of `SCALES`, or ``group`` and a number of features.
    """

    type: Type
    scales: str

    @property
    def group(self) -> int | None:
        """How many features share a scale; None: those of a group do not."""
        return int(self.scales.removeprefix(GROUP)) if self.scales.startswith(GROUP) else None

    def __str__(self) -> str:
        return f"{self.type.name}:{self.scales}"


def kept_as(text: str) -> dict[str, Kept]:
    """Return how keys and values are kept, by the checked text of the option.

    >>> {state: str(each) for state, each in kept_as("key=int8:channel").items()}
    {'key': 'int8:channel'}
    """
    found = {}
    for part in text.split(","):
        state, _, how = part.partition("=")
        kind, _, scales = how.partition(":")
        found[state] = Kept(TYPES[kind], scales)
    return found


def cache(name: str, value: object) -> str | None:
    """Read what a cache keeps, as text or as a list of its parts; none means that it keeps all as it is.

    >>> cache("cache", "fp8"), cache("cache", ["value=int4", "key=int8:channel"])
    ('key=e4m3:tensor,value=e4m3:tensor', 'key=int8:channel,value=int4:group32')
    """
    parts = value.split(",") if isinstance(value, str) else value
    wanted = f"TYPE[:SCALES], of key= and value= or both, TYPE {', '.join(TYPES)}"
    fault = f"{name} must be {wanted}, not {quoted(value)}"
    if not isinstance(parts, list | tuple) or not parts or not all(isinstance(each, str) for each in parts):
        raise InputError(fault)
    if [each.strip() for each in parts] == ["none"]:
        return None
    found: dict[str, Kept] = {}
    for part in parts:
        state, equals, how = part.strip().rpartition("=")
        states = (state,) if equals else STATES
        if not set(states) <= set(STATES):
            raise InputError(fault, hint=did_you_mean(state, STATES))
        if found.keys() & set(states):
            raise InputError(fault, hint="give each of key and value once")
        found |= dict.fromkeys(states, _kept(how, fault))
    return ",".join(f"{state}={found[state]}" for state in STATES if state in found)


def _kept(text: str, fault: str) -> Kept:
    named, colon, scales = text.partition(":")
    kind = NAMES.get(named)
    if kind is None:
        raise InputError(fault, hint=did_you_mean(named, NAMES))
    scales = scales if colon else kind.scales
    size = scales.removeprefix(GROUP)
    is_group = scales.startswith(GROUP) and size.isascii() and size.isdigit() and 0 < len(size) < 10 and int(size) > 0
    if scales not in SCALES and not is_group:
        hint = did_you_mean(scales, SCALES) or f"SCALES is {', '.join(SCALES)} or {GROUP}N, such as {GROUP}32"
        raise InputError(fault, hint=hint)
    if scales == "unscaled" and not kind.is_floating:
        raise InputError(fault, hint=f"{kind.name} without a scale would keep whole numbers only")
    return Kept(kind, f"{GROUP}{int(size)}" if is_group else scales)


def words(text: str | None) -> str:
    """Describe the option for tables.

    >>> words("key=int8:channel,value=int4:group32"), words(None)
    ('cache key int8:channel, value int4:group32', '')
    """
    return "" if text is None else Said("cache {kept}", kept=text.replace("=", " ").replace(",", ", "))


def as_mapping(text: str) -> Mapping[str, str]:
    """Return the option by state, for records.

    >>> as_mapping("key=int8:channel")
    {'key': 'int8:channel'}
    """
    return {state: str(each) for state, each in kept_as(text).items()}
