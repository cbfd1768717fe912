"""The weights of a layer beside what else is given: parts of them that are replaced, and what cannot be left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fitting import fit_lengths
from attncli.attend.layer import LETTERS, fused
from attncli.attend.options import Options
from attncli.attend.shapes import Sizes, show
from attncli.errors import InputError
from attncli.said import Said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

# What nn.MultiheadAttention adds to keys and values: one of each, whatever is projected.
ONE_MORE = ("past_key", "past_value")
# What names each of the keys that are given.
BY_KEY = ("segments", "cu_seqlens", "blocks", "indices", "block_table")
PARTS = {f"{kind}_{letter}": f"{kind}_qkv" for letter in LETTERS.values() for kind in ("w", "b")}


def fitted(arrays: Arrays, own: Collection[str], options: Mapping[str, object]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a problem, of which what the layer holds gives way to what is given beside it.

    Args:
        arrays: all of them.
        own: the names of those that are the layer's.
        options: that are given.

    Raises:
        InputError: a matrix in which three are put together cannot be cut.
    """
    others = arrays.keys() - set(own)
    made = {name: array for name, array in arrays.items() if name not in own or PARTS.get(name) not in others}
    if others & PARTS.keys() and {"w_qkv"} & set(own):
        whole = {name: made.pop(name) for name in ("w_qkv", "b_qkv") if name in own}
        made = _apart(whole, Options.parse(options)) | made
    return _one_more(made, set(own), Options.parse(options))


def _apart(whole: Arrays, options: Options) -> dict[str, NDArray[Any]]:
    """Return the parts of a matrix and a bias in which three are put together."""
    made: dict[str, NDArray[Any]] = {}
    for state, part in fused(whole, options).items():
        if part.weight is not None:
            made[f"w_{LETTERS[state]}"] = part.weight.T if options.weights == "out-in" else part.weight
        if part.bias is not None:
            made[f"b_{LETTERS[state]}"] = part.bias
    return made


def _one_more(arrays: dict[str, NDArray[Any]], own: Collection[str], options: Options) -> dict[str, NDArray[Any]]:
    """Return all arrays, with the one key and value more as a cache of one token that is open to every query.

    What closes keys has no place for it: masks get a column, and lengths become a mask, as PyTorch does it.

    Raises:
        InputError: something names keys in a way that leaves no place for one more.
    """
    states = next((arrays[name] for name in ("key", "hidden", "query") if name in arrays), None)
    given = [name for name in ONE_MORE if name in own and name in arrays]
    if not given or states is None or states.ndim < 2:
        return arrays
    odd = next((name for name in BY_KEY if name in arrays), None)
    if odd is not None:
        hint = "--mask FILE can say the same of the other keys; every query sees the one more"
        raise InputError(f"{odd} does not go with bias_k and bias_v, a key and a value more", hint=hint)
    batch, keys = _counts(states, options)
    made = dict(arrays)
    for name in given:
        one = arrays[name].reshape(1, -1)
        one = one.T if options.states == "columns" else one
        more = np.broadcast_to(one, (batch, *one.shape)) if states.ndim > 2 else one
        made[name] = more.swapaxes(0, 1) if options.layout == "sbhd" and states.ndim > 2 else more
    if "key_lengths" in made:
        lengths = fit_lengths(made.pop("key_lengths"), Sizes(batch, 1, 1, 1, keys, 1, 1), {})
        made["mask"] = _within(lengths, keys, made.get("mask"))
    for name in {"mask", "bias"} & made.keys():
        array = made[name]
        # A mask may be shorter than the keys.
        if array.ndim and (array.shape[-1] == keys or (name == "mask" and 0 < array.shape[-1] < keys)):
            opened = np.full((*array.shape[:-1], 1), array.dtype.kind == "b" or _is_rule(array), array.dtype)
            made[name] = np.concatenate([opened, array], axis=-1)
    return made


def _counts(states: NDArray[Any], options: Options) -> tuple[int, int]:
    """Return the number of batch items and of keys of states that are to be projected."""
    *batch, length = (*states.shape[:-2], states.shape[-1]) if options.states == "columns" else states.shape[:-1]
    if options.layout == "sbhd" and batch:
        batch, length = [length], batch[0]
    return batch[0] if batch else 1, length


def _within(lengths: NDArray[np.int64], keys: int, mask: NDArray[Any] | None) -> NDArray[Any]:
    """Return a mask that closes what lies behind the length of each batch item, and what another mask closes."""
    inside = np.arange(keys) < lengths[:, None, None, None]  # (batch or 1, 1, 1, S)
    if mask is None or mask.ndim == 0:
        return inside
    inside = inside[..., : mask.shape[-1]]  # what a shorter mask has no number for is closed
    try:
        if mask.dtype.kind == "b" or _is_rule(mask):
            return inside & (mask != 0)
        return np.where(inside, mask, np.array(-np.inf, mask.dtype if mask.dtype.kind == "f" else float))
    except ValueError:
        fact = f"mask {show(mask.shape)} does not fit {keys} keys and key_lengths of {len(lengths)} batch items"
        raise InputError(fact, arrays=["mask"]) from None


def _is_rule(array: NDArray[Any]) -> bool:
    """Tell whether whole numbers say who may attend to what, as booleans do."""
    return array.dtype.kind in "iu" and bool(np.isin(array, (0, 1)).all())


def lacking(arrays: Arrays, options: Mapping[str, object]) -> str:
    """Return a hint on what has to be given beside a layer, and is not; empty if nothing is known to be."""
    if not {"query", "hidden", "key"} & arrays.keys():
        return Said("--hidden FILE gives the states that the layer is computed on")
    if "heads" in options:
        return ""
    found = _as_shapes_say(arrays, options)
    if not found:
        return Said("--heads says how many heads there are: num_attention_heads in config.json")
    return Said("--heads says how many heads there are ({found}): num_attention_heads in config.json", found=found)


def _as_shapes_say(arrays: Arrays, options: Mapping[str, object]) -> str:
    """Return the numbers of heads, where a weight for each feature of one head, or for each head, tells them."""
    axis = 0 if options.get("weights") == "out-in" else -1
    wide = {letter: arrays[f"w_{letter}"].shape[axis] for letter in "qk" if np.ndim(arrays.get(f"w_{letter}", 0)) == 2}
    weights = np.squeeze(arrays.get("q_norm", np.array(0)))
    norm = weights.shape[-1] if weights.ndim else 0
    if norm and len(wide) == 2 and norm < wide["q"] and not any(each % norm for each in wide.values()):
        heads, key_heads = (each // norm for each in wide.values())
        flags = f"--heads {heads}" + f" --kv-heads {key_heads}" * (heads != key_heads)
        return Said("{flags} by the size of q_norm", flags=flags)
    return Said("--heads {count} by the sinks", count=arrays["sinks"].size) if "sinks" in arrays else ""
