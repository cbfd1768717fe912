"""What the public functions are given by name, and how it becomes arrays and options."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, TypeVar

from attncli.attend.arrays import BEFORE, canonical
from attncli.attend.checks import Offset, Scale, Window
from attncli.attend.elsewhere import right_word
from attncli.attend.layouts import Name as Layout
from attncli.attend.options import Options
from attncli.attend.rotary.scaling import Scaling
from attncli.attend.rotary.values import Dim, Sections
from attncli.errors import InputError
from attncli.text import quoted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Keywords(TypedDict, total=False):
    """Everything that can be given besides query, key and value; see `steps`."""

    hidden: ArrayLike | None
    mask: ArrayLike | None
    bias: ArrayLike | None
    past_key: ArrayLike | None
    past_value: ArrayLike | None
    positions: ArrayLike | None
    key_positions: ArrayLike | None
    cos: ArrayLike | None
    sin: ArrayLike | None
    block_table: ArrayLike | None
    key_lengths: ArrayLike | None
    segments: ArrayLike | None
    query_segments: ArrayLike | None
    cu_seqlens: ArrayLike | None
    blocks: ArrayLike | None
    indices: ArrayLike | None
    sinks: ArrayLike | None
    query_scale: ArrayLike | None
    w_q: ArrayLike | None
    w_k: ArrayLike | None
    w_v: ArrayLike | None
    b_q: ArrayLike | None
    b_k: ArrayLike | None
    b_v: ArrayLike | None
    w_qkv: ArrayLike | None
    b_qkv: ArrayLike | None
    q_norm: ArrayLike | None
    k_norm: ArrayLike | None
    v_norm: ArrayLike | None
    gate: ArrayLike | None
    w_g: ArrayLike | None
    b_g: ArrayLike | None
    w_o: ArrayLike | None
    b_o: ArrayLike | None
    w_a: ArrayLike | None
    u_a: ArrayLike | None
    v_a: ArrayLike | None
    score: str
    scale: Scale
    states: Literal["rows", "columns"]
    layout: Layout
    heads: int | None
    kv_heads: int | None
    weights: Literal["in-out", "out-in"]
    qkv: Literal["blocks", "heads"]
    qk_norm: str | None
    norm_eps: float
    causal: bool
    offset: Offset | None
    window: int | Window | None
    prefix: int | None
    chunk: int | None
    softcap: float | None
    alibi: bool
    rope: Literal["half", "interleaved"] | None
    rope_theta: float
    rope_dim: int | Dim | None
    rope_scaling: str | Scaling | None
    rope_sections: Sections | None
    cache: str | None
    dtype: Literal["float32", "float64"] | None


class Noticed(Protocol):
    """What was made of arrays, with what was decided about them."""

    @property
    def notices(self) -> tuple[str, ...]: ...  # noqa: D102


Prepared = TypeVar("Prepared", bound=Noticed)
OPTION_KEYWORDS = tuple(field.name for field in fields(Options))


def split(query: Any, key: Any, value: Any, keywords: Any) -> tuple[dict[str, Any], Options]:
    """Return the arrays and the options of a call; what stands in the place of the key is both if there is no value."""
    options = {name: keywords.pop(name) for name in OPTION_KEYWORDS if name in keywords}
    known = ("key", *Keywords.__annotations__)
    unknown = next((name for name in keywords if name not in known and name not in BEFORE), None)
    if unknown is not None:
        raise InputError(f"unknown keyword {quoted(unknown)}", hint=right_word(unknown, ("query", "value", *known)))
    arrays = {name: array for name, array in keywords.items() if array is not None}
    arrays = {meant: arrays[name] for name, meant in canonical(arrays).items()}
    if value is None and "hidden" not in arrays:
        key, arrays = None, arrays | {"hidden": key}
    return {"query": query, "key": key, "value": value} | arrays, Options.parse(options)


def told(prepared: Prepared) -> Prepared:
    """Warn the caller of a public function of what was decided about its arrays."""
    for notice in prepared.notices:
        warnings.warn(str(notice), UserWarning, stacklevel=3)
    return prepared
