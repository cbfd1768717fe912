"""From what is asked for to the layers and tokens that are reckoned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.cache.option import words
from attncli.attend.given import numbers
from attncli.attend.operands import Operands, ScoreOperands
from attncli.attend.options import Options, as_flag, records
from attncli.attend.prepare import prepare_scores
from attncli.attend.types import own
from attncli.attend.words.array import Role
from attncli.cost.band import Rule
from attncli.cost.case import Case
from attncli.cost.config.model import LENGTH, model
from attncli.cost.layers import Attention, Group, Kind
from attncli.cost.request import BY_MODELS, MOST, OF_MODELS, SIZES, Request
from attncli.cost.sizes import DTYPES
from attncli.errors import InputError
from attncli.said import Said

if TYPE_CHECKING:
    from attncli.problem.problem import Problem

STAGE = "mask"
# With arrays there are as many numbers for each query and key; without them there are none.
MOST_OF_ARRAYS = 1 << 27
DTYPE = "float16"


def case_of(request: Request) -> tuple[Case, tuple[str, ...]]:
    """Return what is reckoned, and notices.

    Raises:
        InputError: sizes contradict each other, or a file does not say what is needed.
    """
    for name in SIZES:
        if (getattr(request, name) or 0) > MOST:
            raise InputError(
                f"--{as_flag(name)} {getattr(request, name)} is too large", hint=f"up to {MOST} are counted"
            )
    if request.config is not None:
        return _of_model(request, request.config)
    has_states = request.problem is not None and any(ARRAYS[name].role is Role.STATE for name in request.problem.arrays)
    return _of_problem(request) if has_states else _of_shape(request)


def _of_shape(request: Request) -> tuple[Case, tuple[str, ...]]:
    heads, dim = request.usual("heads"), request.usual("dim")
    key_heads = request.kv_heads or heads
    if heads % key_heads:
        raise InputError(f"{heads} query heads cannot share {key_heads} key heads evenly")
    length, options = request.usual("length"), request.parsed()
    keys, hidden = request.keys or length, request.hidden_size or 0
    sizes = heads, key_heads, dim, request.value_dim or dim
    rule = Rule.of(options, length, keys)
    attention = Attention(*sizes, replace(rule, offset=0), hidden, hidden, out=hidden)
    group = Group(request.usual("layers"), _kind(rule), attention)
    dtype = request.dtype or DTYPE
    arrays = {} if request.problem is None else request.problem.arrays
    masked = _masked(request, arrays, options, (request.usual("batch"), heads, length, keys)) if arrays else None
    case = Case(
        [group],
        length,
        keys,
        request.usual("batch"),
        DTYPES[dtype],
        dtype,
        options,
        tile=request.tile,
        masked=masked,
    )
    return case, _notices_of_offset(options, length, keys, masked is not None)


def _masked(request: Request, arrays: Mapping[str, Any], options: Options, sizes: tuple[int, ...]) -> ScoreOperands:
    """Return the input of the stage mask; its query and key hold no numbers."""
    assert request.problem is not None
    batch, heads, length, keys = sizes
    if max(length, keys) > MOST_OF_ARRAYS or batch * heads > MOST_OF_ARRAYS:
        hint = f"with arrays, up to {MOST_OF_ARRAYS} of each are counted"
        raise InputError(f"{batch * heads} heads of {length} queries and {keys} keys are too many", hint=hint)
    own_options = {name: getattr(options, name) for name, each in records().items() if each.stage == STAGE}
    query, key = (np.broadcast_to(np.float32(0), (batch, of, count, 1)) for of, count in ((heads, length), (1, keys)))
    with request.problem.naming_files():
        return prepare_scores({"query": query, "key": key, **numbers(arrays)}, Options(**own_options))


def _of_problem(request: Request) -> tuple[Case, tuple[str, ...]]:
    problem = request.problem
    assert problem is not None
    request.refuse(("length", "keys", "batch", "dim", "value_dim", "hidden_size"), f"{problem.place} has it")
    given = problem.score_operands()
    o, layer, options = given.outline, given.layer, problem.options
    sizes = o.sizes
    made = {name: each.weight for name, each in layer.projections.items() if each.weight is not None}
    hidden, source = (0 if name not in made else len(made[name]) for name in ("query", "key"))
    rule = Rule.of(options, sizes.queries, sizes.keys)
    attention = Attention(
        sizes.heads,
        sizes.key_heads,
        sizes.features,
        sizes.value_features if isinstance(o, Operands) else sizes.features,
        rule,
        hidden,
        source,
        gated=layer.gate is not None,
        out=sizes.out_features if layer.out is not None else 0,
    )
    by_arrays = o.mask is not None or o.bias is not None or o.key_lengths is not None
    by_arrays = by_arrays or any(ARRAYS[name].stage == STAGE for name in o.inputs)
    by_arrays = by_arrays or len(np.unique(o.positions[:, 0])) > 1
    attention = replace(attention, rule=replace(rule, offset=0))
    dtype, itemsize = _dtype(problem, request.dtype)
    case = Case(
        [Group(request.usual("layers"), _kind(rule), attention)],
        sizes.queries,
        sizes.keys,
        sizes.batch,
        itemsize,
        dtype,
        replace(options, offset=int(o.positions[0, 0])),
        tile=request.tile,
        masked=o if by_arrays else None,
    )
    return case, (*problem.notices, *_notices_of_cache(options, dtype))


def _dtype(problem: Problem, asked: str | None) -> tuple[str, int]:
    """Return the type of the keys as they are stored, and its bytes; what is no float counts as float64."""
    if asked is not None:
        return asked, DTYPES[asked]
    array = next(problem.arrays[name] for name in ("key", "hidden", "query") if name in problem.arrays)
    name, kind = str(array.dtype), own(array.dtype)
    return (name, array.dtype.itemsize) if kind.kind == "f" else ("float64", 8)


def _of_model(request: Request, config: Mapping[str, Any]) -> tuple[Case, tuple[str, ...]]:
    request.refuse((*OF_MODELS, *BY_MODELS), "the configuration has it")
    if request.problem is not None and request.problem.arrays:
        name = next(iter(request.problem.arrays))
        raise InputError(f"--{as_flag(name)} has no effect beside a configuration", hint="leave it out")
    causal = request.options.get("causal")
    try:
        found = model(config, causal if isinstance(causal, bool) else None)
    except InputError as error:
        error.place = error.place or request.place
        raise
    length = request.length or found.length or LENGTH
    keys = request.keys or (found.source if found.has_source else None) or length
    if max(length, keys) > MOST:
        raise InputError(f"{max(length, keys)} tokens are too many", hint=f"up to {MOST} are counted")
    dtype = request.dtype or found.dtype or DTYPE
    given = {name: value for name, value in request.options.items() if name == "offset" and value is not None}
    past = {"offset": "end"} if found.causal and not found.has_source else {}  # the queries are the last tokens
    case = Case(
        found.groups,
        length,
        keys,
        request.usual("batch"),
        DTYPES[dtype],
        dtype,
        Options.parse({**past, **given}),
        found.has_source,
        keys_are_past=not found.has_source and keys > length,
        tile=request.tile,
    )
    unsaid = found.has_source and request.keys is None and found.source is None
    fact = Said(
        "nothing says how many tokens there are to look at; {keys} are taken, and --keys gives another number",
        keys=keys,
    )
    said = (*found.notices, *[fact] * unsaid)
    return case, tuple(Said("{place}: {text}", place=request.place, text=each) for each in said)


def _kind(rule: Rule) -> Kind:
    return "chunk" if rule.chunk is not None else "window" if rule.window is not None else "full"


def _notices_of_cache(options: Options, dtype: str) -> tuple[str, ...]:
    if options.cache is None:
        return ()
    said = Said(
        "{cache}: bytes are counted as {dtype} all the same; what a cache of fewer bits takes is said beside it",
        cache=words(options.cache),
        dtype=dtype,
    )
    return (said,)


def _notices_of_offset(options: Options, length: int, keys: int, by_arrays: bool) -> tuple[str, ...]:
    if not options.causal or options.offset is not None or keys <= length or by_arrays:
        return ()
    said = Said(
        "the first query stands at position 0, so that keys from {length} on are closed to all; --offset end puts the "
        "queries at the end",
        length=length,
    )
    return (said,)
