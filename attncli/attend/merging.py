"""Results over parts of the keys, put together to the result over all of them.

    output = Σ e^(lse_i − lse) · output_i,  lse = log Σ e^lse_i

Source: Dao et al., *FlashAttention*, 2022, section 3.1, where the parts are tiles of keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.given import numbers
from attncli.attend.layouts import Form, Name, most_axes
from attncli.attend.shapes import show
from attncli.attend.types import own
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def merged(outputs: Sequence[Any], lses: Sequence[Any], layout: Name) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the output (…, L, Ev) and the logarithm of the sums (…, L) over all keys; see `attncli.merge`."""
    if not len(outputs) or len(outputs) != len(lses):
        raise InputError(f"{len(outputs)} outputs and {len(lses)} lses: there must be one of each for every part")
    parts = [numbers({"output": output, "lse": lse}) for output, lse in zip(outputs, lses, strict=True)]
    first = parts[0]
    for each in parts:
        for name in ("output", "lse"):
            if each[name].shape != first[name].shape:
                fact = f"{show(first[name].shape)} and {show(each[name].shape)}"
                raise InputError(f"parts of the keys must give {name}s of one shape, not {fact}", arrays=[name])
    spread = _spread(first["output"].shape, first["lse"].shape, layout)
    precision = np.result_type(np.float32, *(own(each[name].dtype) for each in parts for name in ("output", "lse")))
    logs = np.stack([each["lse"].astype(precision) for each in parts])
    with np.errstate(all="ignore"):
        peak = logs.max(axis=0)
        safe = np.where(peak == -np.inf, 0, peak)
        shares = np.exp(logs - safe)
        total = shares.sum(axis=0)
        lse = safe + np.log(total)
        shares = shares / np.where(total == 0, 1, total)
        # What has no share may be anything, NaN included.
        outputs = [each["output"].astype(precision) for each in parts]
        weighted = [
            np.where((share := spread(each)) == 0, 0, share * output)
            for each, output in zip(shares, outputs, strict=True)
        ]
        made = np.add.reduce(weighted)
    wide = np.result_type(*(own(each["output"].dtype) for each in parts))
    return made.astype(wide, copy=False), lse


def _spread(output: tuple[int, ...], lse: tuple[int, ...], layout: Name) -> Any:
    """Return a function that lays one number for each query, or for each head and query, over the output.

    Raises:
        InputError: the shapes do not fit.
    """
    if layout == "bhsd" and output[:-1] == lse:
        return lambda share: share[..., None]
    count = len(output)
    if not 1 <= count <= most_axes(layout):
        raise InputError(f"output {show(output)} must have 1 to {most_axes(layout)} axes", arrays=["output"])
    apart = Form.of_state(count, layout)
    wanted = apart.lengths(output)[4 - count : 3]  # as the stages have it, without the features
    if wanted == lse:
        return lambda share: apart.given(share.reshape((1,) * (4 - count) + share.shape + (1,)))
    # Heads side by side on the last axis of the output: (…, L, heads·Ev) beside (…, heads, L).
    if count == len(lse) and 2 <= count <= most_axes(layout, packed=True) and output[-1] % lse[-2] == 0:
        packed = Form.of_state(count, layout, lse[-2])
        batch, heads, length, each = packed.lengths(output)
        if lse == (batch, heads, length)[3 - count :]:
            return lambda share: packed.given(np.repeat(share.reshape(batch, heads, length, 1), each, axis=-1))
    hint = "layout says in which order the axes of the output lie"
    fact = f"lse {show(lse)} does not fit output {show(output)}: it must be {show(wanted)}"
    raise InputError(fact, hint=hint, arrays=["lse"])
