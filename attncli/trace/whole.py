"""Turn a recorded attention into the problem of its whole layer: from x to the output, proven by computing it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.stages.rotate import to_meet
from attncli.errors import InputError
from attncli.problem.layer import parts
from attncli.said import Said
from attncli.trace.around import MAKERS, NORMS, Surroundings
from attncli.trace.capture import Call
from attncli.trace.norms import options_of
from attncli.trace.rotary import Turned, ways
from attncli.trace.tensors import to_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.check.compare import Comparison

Arrays = Mapping[str, "NDArray[Any]"]
# An output may be off by this many times its tolerance: a rare row is, but a missing input is off by far more.
MAX_EXCESS = 30.0
TYPES = ("float64", "float32", "float16", "bfloat16")
UNSCALED = 1.0  # what no scale means
# What arrives at the attention may be off by so much of its largest number, in each precision.
CLOSE, CLOSE_HALF = 1e-3, 5e-2


@dataclass(frozen=True)
class Whole:
    """A layer from x to its output.

    Attributes:
        arrays: its states, weights and whatever else its attention has, and ``expected``; a batch of all.
        options: how they are to be computed.
        comparison: how our own output compares with the model's.
    """

    arrays: Arrays
    options: Mapping[str, object]
    comparison: Comparison


class NotWholeError(Exception):
    """Say why a layer cannot be recorded whole.

    Args:
        reason: as a notice says it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def whole(call: Call, arrays: Arrays, options: Mapping[str, object]) -> Whole:
    """Return the layer of an attention.

    Args:
        call: the attention, with its surroundings.
        arrays: query, key, value and whatever else arrives at it, with their batch and heads.
        options: those that give its output of them.

    Raises:
        NotWholeError: something is not known of the layer, or computing it gives another output than the model did.
    """
    around = call.around
    if around is None:
        raise NotWholeError(Said("the names of its weights are not known"))
    if around.output is None or around.output.ndim != 3:
        raise NotWholeError(Said("it has no output of its own that was seen"))
    try:
        weights = dict(_weights(around))
        given = _states(around) | weights | _beside(arrays)
        past = arrays["key"].shape[-2] - given["key" if "key" in given else "hidden"].shape[-2]
        given |= _cached(arrays, past)
        own = dict(options) | _layout(call, around) | _norms(around, weights)
        found = list(_candidates(call, own, past))
    except InputError as error:
        raise NotWholeError(error.message) from None
    return _proven(call, given, found, to_numpy(around.output))


def _weights(around: Surroundings) -> Iterator[tuple[str, NDArray[Any]]]:
    for ours, name in around.layer.names.items():
        kind = str(around.tensors[ours].dtype).removeprefix("torch.")
        if kind not in TYPES:
            raise InputError(Said("its weights are {kind}", kind=kind))
        yield from parts(ours, to_numpy(around.tensors[ours]), around.weights, name).items()


def _states(around: Surroundings) -> dict[str, NDArray[Any]]:
    """Return what query, key and value are made of.

    Raises:
        InputError: that is not known, or not in rows.
    """
    if around.inputs.keys() != MAKERS.keys():
        raise InputError(Said("what its matrices are multiplied with was not seen"))
    query, key, value = (around.inputs[state] for state in ("query", "key", "value"))
    if any(each.ndim != 3 for each in (query, key, value)):
        raise InputError(Said("what it is given has {count} axes, not (batch, length, features)", count=query.ndim))
    if key is not value:
        given = {"query": query, "key": key, "value": value}
    else:
        given = {"hidden": key} if key is query else {"query": query, "hidden": key}
    return {name: to_numpy(tensor) for name, tensor in given.items()}


def _beside(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return what takes part whatever query and key are made of."""
    return {name: arrays[name] for name in ("mask", "bias", "sinks") if name in arrays}


def _cached(arrays: Arrays, past: int) -> dict[str, NDArray[Any]]:
    """Return the keys and values that come from a cache, with their heads side by side, (B, past, K·E)."""
    if past < 0:
        raise InputError(Said("{count} of its keys do not arrive at its attention", count=-past))
    if not past:
        return {}
    some = {name: arrays[name][:, :, :past].swapaxes(1, 2) for name in ("key", "value")}
    return {f"past_{name}": array.reshape(*array.shape[:2], -1) for name, array in some.items()}


def _layout(call: Call, around: Surroundings) -> dict[str, object]:
    heads, key_heads = (call.shapes[name][1] for name in ("query", "key"))
    found: dict[str, object] = {"heads": heads, "weights": around.weights}
    return found | ({"kv_heads": key_heads} if key_heads != heads else {})


def _norms(around: Surroundings, weights: Arrays) -> dict[str, object]:
    """Return what its norms amount to.

    Raises:
        InputError: one of them is of no kind that is known.
    """
    found: list[dict[str, object]] = []
    for name in NORMS:
        if name in weights:
            made = options_of(around.norms[name], weights[name]) if name in around.norms else None
            if made is None:
                called = around.layer.names[name].removesuffix(".weight").rpartition(".")[2]
                raise InputError(Said("its {name} is none of the norms that are known", name=called))
            found.append(made)
    if any(each != found[0] for each in found):
        raise InputError(Said("its norms are of different kinds"))
    return found[0] if found else {}


def _candidates(call: Call, options: dict[str, object], past: int) -> Iterator[tuple[Arrays, dict[str, object]]]:
    """Yield what the layer may do where its names and arguments leave it open, the likeliest first."""
    assert call.around is not None
    around = call.around
    turned: list[Turned] = list(ways(around.arguments, around.config, call.shapes["query"][-1], past))
    scales = [options.get("scale", UNSCALED)]
    if isinstance(around.scaling, float) and around.scaling != scales[0]:
        scales.append(around.scaling)  # of the query, before it arrives at the attention
    qkv = [around.layer.family.qkv or "blocks"]
    qkv += [each for each in ("blocks", "heads") if each not in qkv] if "w_qkv" in around.layer.names else []
    norm = options.get("qk_norm")
    norms = [norm] if norm is None or not turned[0].options else [norm, f"{norm},after-rope"]
    for fused, scale, each, how in product(qkv, scales, norms, turned):
        chosen = options | {"qkv": fused, "scale": scale, "qk_norm": each} | dict(how.options)
        said = Options.parse(chosen).changed().keys() - ({"scale"} if scale == UNSCALED else set())
        yield how.arrays, {name: value for name, value in chosen.items() if name in said}


def _proven(call: Call, given: Arrays, found: list[tuple[Arrays, dict[str, object]]], expected: NDArray[Any]) -> Whole:
    """Return the first way of computing the layer that gives what the model made; or else the nearest.

    Raises:
        NotWholeError: none is near.
    """
    made: list[Whole] = []
    reasons: list[str] = []
    for more, options in found:
        arrays = {**given, **more}
        try:
            operands = prepare(arrays, Options.parse(options))
        except InputError as error:
            reasons.append(Said("its weights do not fit: {reason}", reason=error.message))
            continue
        try:
            comparison = _compared(call, operands, expected)
        except InputError as error:
            reasons.append(error.message)
            continue
        made.append(Whole(arrays | {"expected": expected}, options, comparison))
        if comparison.agrees:
            return made[-1]
    nearest = min(made, key=lambda each: float(each.comparison.excess.max()), default=None)
    if nearest is None:
        raise NotWholeError(reasons[0])
    if nearest.comparison.excess.max() > MAX_EXCESS:
        raise NotWholeError(Said("its output is made of the weighted sum in another way"))
    return nearest


def _compared(call: Call, operands: Operands, expected: NDArray[Any]) -> Comparison:
    """Compare the output of a layer.

    Raises:
        InputError: what arrives at its attention is not what was recorded there: where there are few keys, the output
            alone would prove little.
    """
    from attncli.check.diagnosis import Wanted, check

    core = operands.core
    query, key = to_meet(core)
    # The model may have scaled the query before its attention.
    scale = core.factor / float(call.arguments.get("scaling") or core.factor)
    for name, ours in {"query": query * scale, "key": key, "value": core.value}.items():
        theirs = to_numpy(call.tensors[name]).astype(np.float64)
        near = CLOSE if call.tensors[name].element_size() >= 4 else CLOSE_HALF
        if ours.shape != theirs.shape or not np.abs(ours - theirs).max() <= near * np.abs(theirs).max():
            raise InputError(f"the {name} that arrives at its attention is made in another way")
    return check(operands, expected, Wanted(diagnose=False)).comparison
