"""From options and tables to a `Rotation`, with every check of what does not fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.rotary.rotation import Rotation, axes_of
from attncli.attend.rotary.scaling import PARTIAL, scaled
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.options import Options

Tables = tuple["NDArray[Any]", "NDArray[Any]"]

# An angle of 2^32 radians is off by half a millionth of one in float64; of larger ones less and less is left.
MOST_TURNED = 32


def rotation(
    options: Options, features: int, length: int, tables: Tables | None = None, name: str = "a state"
) -> Rotation:
    """Return how states of so many features are turned.

    Args:
        options: ``rope`` is in force.
        features: of a state.
        length: the largest position + 1.
        tables: cosines and sines, instead of frequencies.
        name: what is turned, for messages.

    Raises:
        InputError: an odd or too large number of features is to be turned, or sections, parameters of the scaling or
            tables do not fit it.
    """
    assert options.rope is not None
    turned = turned_features(options, features, name)
    last = options.rope_dim is not None and "last" in options.rope_dim
    made: dict[str, Any] = {
        "pairing": options.rope,
        "first": features - turned if last else 0,
        "axes": None if options.rope_sections is None else _axes(options.rope_sections, turned),
    }
    if tables is not None:
        _check_columns(tables, turned, options.rope)
        return Rotation(frequencies=np.zeros(turned // 2), table=tables, **made)
    frequencies, attention = scaled(options.rope_scaling, turned, options.rope_theta, length)
    return Rotation(frequencies=frequencies, attention=attention, **made)


def turned_features(options: Options, features: int, name: str) -> int:
    """Return how many features of a state are turned: an even number, at most all of them.

    Raises:
        InputError: it is odd, or too large.
    """
    scaling = options.rope_scaling or {}
    if options.rope_dim is not None:
        turned = options.rope_dim[0]
        if turned > features:
            raise InputError(f"rope_dim {turned} is more than the {features} features that {name} has")
        return turned
    if PARTIAL in scaling and scaling["rope_type"] != "proportional":
        share = scaling[PARTIAL]
        turned = int(features * share)
        if turned % 2 or not turned:
            fact = (
                f"{PARTIAL} {share:g} of the {features} features that {name} has is {turned}, not an even number from 2"
            )
            raise InputError(fact, hint="--rope-dim says how many")
        return turned
    if features % 2:
        fact = f"rope {options.rope} needs an even number of features, and {name} has {features}"
        raise InputError(fact, hint="--rope-dim N turns only the first N")
    return features


def check_places(rotation: Rotation, positions: NDArray[np.int64], theta: float, what: str) -> None:
    """Check that every state stands within the tables, or is turned by an angle of which float64 keeps enough digits.

    Args:
        rotation: how they are turned.
        positions: where they stand, of any shape; or which rows of a table.
        theta: the base, for the message.
        what: what stands there, for the message.

    Raises:
        InputError: one does not.
    """
    least, most = int(positions.min()), int(positions.max())
    if rotation.table is not None:
        rows = rotation.table[0].shape[1]
        if least < 0 or most >= rows:
            place = least if least < 0 else most
            fact = f"cos and sin have {rows} row{'s' * (rows != 1)}, and a {what} stands at position {place}"
            raise InputError(fact, arrays=["cos", "sin"])
        return
    far = max(least, most, key=abs)
    fastest = float(np.abs(rotation.frequencies).max())
    # Whole numbers of Python go beyond 64 bits; written so that NaN is refused too.
    if not (math.isfinite(fastest) and abs(far) * fastest <= 2**MOST_TURNED):
        turned = f"at position {far} rope with theta {theta:g} turns by more than 2^{MOST_TURNED} radians"
        raise InputError(f"{turned}, of which float64 keeps too few digits")


def _axes(sections: tuple[int | str, ...], turned: int) -> NDArray[np.int64]:
    counts = [each for each in sections if isinstance(each, int)]
    said = f"rope_sections {','.join(map(str, sections))}"
    if sum(counts) != turned // 2:
        fact = f"add up to {sum(counts)}, and {turned} features are turned in {turned // 2} pairs"
        raise InputError(f"{said} {fact}")
    found = axes_of(sections)
    if len(counts) < len(sections) and [int((found == axis).sum()) for axis in range(3)] != counts:
        fact = "do not interleave: of every three pairs one turns by each position, so that none may have many more"
        raise InputError(f"{said} {fact}", hint="without interleaved they are blocks")
    return found


def _check_columns(tables: Tables, turned: int, pairing: str) -> None:
    columns = tables[0].shape[-1]
    if columns == turned // 2:
        return
    hint = f"--rope-dim {2 * columns} turns so many features"
    if columns == turned:
        part = f"[..., :{columns // 2}]" if pairing == "half" else "[..., ::2]"
        hint = f"where each angle stands in them twice, give cos{part} and sin{part}"
    fact = f"cos and sin have {columns} column{'s' * (columns != 1)}, and {turned} features are turned in {turned // 2}"
    raise InputError(f"{fact} pair{'s' * (turned != 2)}", hint=hint, arrays=["cos"])
