"""The rotary of a layer: as frequencies and positions where its configuration gives the same, or else as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attncli.attend.options import Options
from attncli.attend.rotary.making import rotation
from attncli.attend.rotary.scaling import PARTIAL
from attncli.errors import InputError
from attncli.said import Said
from attncli.trace.around import PLACES, TABLES
from attncli.trace.tensors import to_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Tables of the same frequencies differ by so much: those of models are float32, and their angles too.
NEAR = 1e-2


class Turned(NamedTuple):
    """One way in which query and key may be turned: options, and arrays beside them."""

    options: Mapping[str, object]
    arrays: Mapping[str, NDArray[Any]]


class Tables(NamedTuple):
    """Cosines and sines, (B or 1, L, pairs), and the pairings that they may be meant for."""

    cos: NDArray[Any]
    sin: NDArray[Any]
    pairings: tuple[str, ...]


def ways(arguments: Mapping[str, Any], config: Any, features: int, past: int) -> Iterator[Turned]:
    """Yield the ways in which query and key may be turned, the likeliest first.

    Args:
        arguments: those of the layer.
        config: of the model.
        features: of a query.
        past: how many keys of a cache come before the new ones.

    Raises:
        InputError: the layer is given cosines and sines of another kind.
    """
    if TABLES not in arguments:
        yield Turned({}, {})
        return
    tables = _tables(arguments[TABLES])
    turned = 2 * tables.cos.shape[-1]
    if turned > features:
        raise InputError(
            Said(
                "its cosines and sines are for {turned} features, and a query has {features}",
                turned=turned,
                features=features,
            )
        )
    part: dict[str, object] = {"rope_dim": turned} if turned < features else {}
    places = _places(arguments, tables, past)
    for pairing in tables.pairings:
        options = {"rope": pairing} | part
        for parameters in _parameters(config):
            said = _split(options | {"rope_scaling": dict(parameters)}) | part
            if _is_same(said, features, places, tables):
                yield Turned(said, _positions(places, past))
        yield Turned(options, {"cos": tables.cos, "sin": tables.sin})
    yield Turned({}, {})  # some layers leave them unused, as every fourth of SmolLM3


def _tables(given: Any) -> Tables:
    """Return the tables of a layer; every angle stands in them twice, or they are complex numbers."""
    if isinstance(given, tuple | list) and len(given) == 2:
        cos, sin = (to_numpy(each) for each in given)
    elif hasattr(given, "is_complex") and given.is_complex():
        return _all(to_numpy(given.real), to_numpy(given.imag), ("interleaved", "half"))
    else:
        raise InputError(Said("its position embeddings are not cosines and sines"))
    if not 2 <= cos.ndim <= 3 or cos.shape != sin.shape:
        raise InputError(Said("its cosines and sines are {shape} numbers", shape="×".join(map(str, cos.shape))))
    half = cos.shape[-1] // 2
    for first, second, pairings in (
        (np.s_[..., :half], np.s_[..., half:], ("half", "interleaved")),
        (np.s_[..., ::2], np.s_[..., 1::2], ("interleaved", "half")),
    ):
        if (
            2 * half == cos.shape[-1]
            and np.array_equal(cos[first], cos[second])
            and np.array_equal(sin[first], sin[second])
        ):
            return _all(cos[first], sin[first], pairings)
    return _all(cos, sin, ("half", "interleaved"))  # gpt-oss


def _all(cos: NDArray[Any], sin: NDArray[Any], pairings: tuple[str, ...]) -> Tables:
    """Return tables with a batch axis, of length 1 where all items have the same."""
    cos, sin = (each if each.ndim == 3 else each[None] for each in (cos, sin))
    if all(np.array_equal(each, np.broadcast_to(each[:1], each.shape)) for each in (cos, sin)):
        cos, sin = cos[:1], sin[:1]
    return Tables(np.ascontiguousarray(cos), np.ascontiguousarray(sin), pairings)


def _places(arguments: Mapping[str, Any], tables: Tables, past: int) -> NDArray[np.int64]:
    """Return where the tokens stand, (B or 1, L)."""
    length = tables.cos.shape[1]
    given = arguments.get(PLACES)
    if given is None or given.ndim != 2 or given.shape[-1] != length:
        return np.arange(past, past + length)[None]
    found = to_numpy(given).astype(np.int64)
    return found[:1] if (found == found[:1]).all() else found


def _positions(places: NDArray[np.int64], past: int) -> dict[str, NDArray[Any]]:
    if len(places) == 1 and np.array_equal(places[0], np.arange(past, past + places.shape[1])):
        return {}
    return {"positions": places[0] if len(places) == 1 else places}


def _parameters(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a configuration that say how rotary is done: one, or one for each kind of layer.

    How many features are turned is left out: tables say it.
    """
    for each in (config, getattr(config, "text_config", None)):
        found = getattr(each, "rope_parameters", None)
        if isinstance(found, Mapping):
            several = [value for value in found.values() if isinstance(value, Mapping)]
            for one in several or [found]:
                by_share = one.get("rope_type") == "proportional"
                yield {name: value for name, value in one.items() if by_share or name != PARTIAL}


def _split(options: Mapping[str, object]) -> dict[str, object]:
    """Return options of which each says one thing; none where the configuration has one that is not known."""
    try:
        changed = Options.parse(options).changed()
    except InputError:
        return {}
    return {name: changed[name] for name in changed if name.startswith("rope")}


def _is_same(options: Mapping[str, object], features: int, places: NDArray[np.int64], tables: Tables) -> bool:
    """Tell whether options give the cosines and sines of tables, as far as rounding lets it be seen."""
    if "rope" not in options:
        return False
    try:
        turning = rotation(Options.parse(options), features, int(places.max()) + 1)
    except InputError:
        return False
    made = turning.tables(places[None], np.dtype(np.float64))
    return turning.features == 2 * tables.cos.shape[-1] and all(
        np.allclose(ours, theirs.astype(np.float64), rtol=0, atol=NEAR)
        for ours, theirs in zip(made, (tables.cos, tables.sin), strict=True)
    )
