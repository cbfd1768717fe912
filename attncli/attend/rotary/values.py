"""Check the values of the compound options of rotary embedding: text of a flag, what a file holds, Python objects.

Each takes the option's name, for the message, and the value; it returns what the option is kept as, which a file can
hold: a tuple, or an object of plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attncli.attend.checks import count, number, positive
from attncli.attend.rotary.scaling import TYPES, Scaling
from attncli.errors import InputError
from attncli.text import did_you_mean, listed, nearest, quoted

Dim = tuple[int] | tuple[int, Literal["last"]]
Sections = tuple[int, int, int] | tuple[int, int, int, Literal["interleaved"]]

# No name is longer.
LONGEST = 40
# Names that older models have for a type.
OLDER = {"mrope": "default", "su": "longrope"}


def dim(name: str, value: object) -> Dim:
    """Read N or N,last: how many features are turned, and whether they are the last of a head.

    >>> dim("rope_dim", "4,last"), dim("rope_dim", 4)
    ((4, 'last'), (4,))
    """
    first, *words = _parts(value)
    wanted = "N or N,last, an even number of features"
    found = _whole(name, first, wanted, value)
    if found % 2 or words not in ([], ["last"]):
        raise InputError(f"{name} must be {wanted}, not {quoted(value)}")
    return (found, "last") if words else (found,)


def sections(name: str, value: object) -> Sections:
    """Read A,B,C or A,B,C,interleaved: how many pairs of features turn by each of three positions.

    >>> sections("rope_sections", [2, 1, 1]), sections("rope_sections", "2,1,1,interleaved")
    ((2, 1, 1), (2, 1, 1, 'interleaved'))
    """
    parts = _parts(value)
    wanted = "A,B,C or A,B,C,interleaved, three whole numbers from 1"
    if len(parts) not in (3, 4) or parts[3:] not in ([], ["interleaved"]):
        raise InputError(f"{name} must be {wanted}, not {quoted(value)}")
    a, b, c = (_whole(name, part, wanted, value) for part in parts[:3])
    return (a, b, c, "interleaved") if parts[3:] else (a, b, c)


def scaling(name: str, value: object) -> Scaling:
    """Read TYPE[,NAME=X…], or the object that a config.json holds: a type and its parameters.

    >>> scaling("rope_scaling", "linear,factor=4"), scaling("rope_scaling", {"type": "linear", "factor": 4})
    ({'rope_type': 'linear', 'factor': 4.0}, {'rope_type': 'linear', 'factor': 4.0})
    """
    given = _object(name, value)
    kinds = [given.pop(each, None) for each in ("rope_type", "type")]
    kind = next((each for each in kinds if each is not None), "default" if given else value)
    if not isinstance(kind, str):
        raise InputError(f"{name} must be {listed(TYPES, 'or')}, not {quoted(kind)}")
    kind = OLDER.get(kind, kind)
    if kind not in TYPES:
        raise InputError(
            f"{name} must be {listed(TYPES, 'or')}, not {quoted(kind)}",
            hint=did_you_mean(kind[:LONGEST], TYPES),
        )
    found = {each: _parameter(name, each, given[each]) for each in PARAMETERS if given.get(each) is not None}
    unknown = next((each for each in given if each not in PARAMETERS and each not in SAID_ONLY), None)
    if unknown is not None:
        raise _unknown(name, str(kind), unknown, given[unknown])
    return _complete(name, {"rope_type": kind} | found)


def spoken_of(found: Scaling) -> tuple[Scaling | None, dict[str, object]]:
    """Split a scaling into itself and the other options that its object speaks of, with their values.

    >>> spoken_of({"rope_type": "default", "rope_theta": 500.0, "mrope_section": [2, 1, 1]})
    (None, {'rope_theta': 500.0, 'rope_sections': (2, 1, 1)})
    """
    rest = {name: each for name, each in found.items() if name not in ELSEWHERE}
    others: dict[str, object] = {}
    if "rope_theta" in found:
        others["rope_theta"] = found["rope_theta"]
    if "mrope_section" in found:
        interleaved = found.get("mrope_interleaved", found.get("interleaved", False))
        others["rope_sections"] = (*found["mrope_section"], *["interleaved"] * interleaved)
    return (None if rest == {"rope_type": "default"} else rest), others


def unused(found: Scaling) -> list[str]:
    """Return the parameters that the type does not use, by name: those of other types."""
    used = TYPES[found["rope_type"]].names
    # Every config.json may say them, and no type minds.
    plain = {"rope_type", "max_position_embeddings", "original_max_position_embeddings"}
    return [name for name in found if name not in {*used, *plain}]


def described(found: Scaling) -> str:
    """Write a scaling for people, long lists shortened.

    >>> described({"rope_type": "longrope", "short_factor": [1.0, 1.5, 2.0, 3.0, 4.0]})
    'longrope, short_factor 1:1.5:2:…'
    """
    parameters = (f"{name} {_text(each, 3)}" for name, each in found.items() if name != "rope_type")
    return ", ".join([found["rope_type"], *parameters])


def as_text(found: Scaling) -> str:
    """Write a scaling as a flag gives it, whole.

    >>> as_text({"rope_type": "longrope", "short_factor": [1.0, 1.5], "factor": 4.0})
    'longrope,short_factor=1:1.5,factor=4'
    """
    parameters = (f"{name}={_text(each, None)}" for name, each in found.items() if name != "rope_type")
    return ",".join([found["rope_type"], *parameters])


def _text(value: object, most: int | None) -> str:
    """Write the value of a parameter, of a list the first numbers."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ":".join([_text(each, None) for each in value[:most]] + ["…"] * (most is not None and len(value) > most))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _object(name: str, value: object) -> dict[str, Any]:
    """Return the object that a value is, or that a text or a list of texts writes; its names as they are given."""
    if isinstance(value, Mapping):
        return dict(value)
    found: dict[str, Any] = {}
    kind, *parameters = _parts(value)
    for each in parameters:
        parameter, equals, text = (each if isinstance(each, str) else quoted(each)).partition("=")
        if not equals:
            raise InputError(f"{name} must be TYPE,NAME=X,…, not {quoted(value)}")
        if parameter in found:
            raise InputError(f"{name} has {quoted(parameter)} twice")
        found[parameter] = text
    return {"rope_type": kind} | found


def _parts(value: object) -> list[Any]:
    if isinstance(value, str):
        return value.split(",")
    return list(value) or [None] if isinstance(value, list | tuple) else [value]


def _whole(name: str, part: object, wanted: str, value: object) -> int:
    try:
        return count(name, part)
    except InputError:
        raise InputError(f"{name} must be {wanted}, not {quoted(value)}") from None


def _numbers(name: str, value: object) -> list[float]:
    parts = value.split(":") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not parts:
        raise InputError(f"{name} must be a list of numbers above 0 (a:b:c), not {quoted(value)}")
    return [positive(name, each) for each in parts]


def _counts(name: str, value: object) -> list[int]:
    parts = value.split(":") if isinstance(value, str) else value
    return list(sections(name, parts)[:3])


def _not_negative(name: str, value: object) -> float:
    found = number(name, value, "a number from 0")
    if found < 0:
        raise InputError(f"{name} must be a number from 0, not {quoted(value)}")
    return found


def _share(name: str, value: object) -> float:
    found = positive(name, value)
    if found > 1:
        raise InputError(f"{name} must be a number above 0, up to 1, not {quoted(value)}")
    return found


def _truth(name: str, value: object) -> bool:
    found = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise InputError(f"{name} must be true or false, not {quoted(value)}")
    return found


# Every parameter that an object may hold, by its name in transformers, and its check.
PARAMETERS: dict[str, Callable[[str, object], object]] = {
    "factor": positive,
    "original_max_position_embeddings": count,
    "max_position_embeddings": count,
    "attention_factor": positive,
    "beta_fast": positive,
    "beta_slow": positive,
    "mscale": _not_negative,
    "mscale_all_dim": _not_negative,
    "truncate": _truth,
    "short_factor": _numbers,
    "long_factor": _numbers,
    "low_freq_factor": positive,
    "high_freq_factor": positive,
    "partial_rotary_factor": _share,
    "rope_theta": positive,
    "mrope_section": _counts,
    "mrope_interleaved": _truth,
    "interleaved": _truth,
}
# Those that are options of their own here.
ELSEWHERE = ("rope_theta", "mrope_section", "mrope_interleaved", "interleaved")
# What some models say and nothing is computed from.
SAID_ONLY = ("finetuned",)


def _parameter(name: str, parameter: str, value: object) -> object:
    return PARAMETERS[parameter](f"{parameter} of {name}", value)


def _unknown(name: str, kind: str, unknown: str, value: object) -> InputError:
    if isinstance(value, Mapping):
        hint = f"give the object of one kind of layer, such as the one under {quoted(unknown)}"
        return InputError(f"{name} holds several objects, one under {quoted(unknown)}", hint=hint)
    return InputError(
        f"{name} {kind} has no parameter {quoted(unknown)}",
        hint=nearest(quoted(unknown)[:LONGEST], PARAMETERS),
    )


def _complete(name: str, found: dict[str, object]) -> Scaling:
    """Return a scaling that has what its type needs."""
    kind = str(found["rope_type"])
    for either in TYPES[kind].needs:
        if not found.keys() & set(either):
            hint = "in config.json it stands beside the object" if "max_position_embeddings" in either else ""
            raise InputError(f"{name} {kind} needs {listed(either, 'or')}", hint=hint or f"{kind},{either[0]}=…")
    if kind == "llama3" and not found["high_freq_factor"] > found["low_freq_factor"]:  # type: ignore[operator]
        raise InputError(f"{name} llama3 needs a high_freq_factor above its low_freq_factor")
    return found
