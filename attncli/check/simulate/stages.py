"""The stages of a kernel whose type can be named, kernels that have a name, and how both are written.

What is not named is computed in float64 and is as good as exact. Kernels as they are:

- FlashAttention (Dao et al., 2022, algorithm 1; Dao, *FlashAttention-2*, 2023, algorithm 1): scores, softmax and the
  running sums are float32, weights are rounded to the type of the value before the second product;
- "eager" attention of transformers: each operation returns the type of the model, softmax is computed in float32;
- ``math``: PyTorch's scaled_dot_product_attention on a CPU and by its math backend, which computes half precision in
  float32 and rounds the output;
- the operator ``Attention`` of ONNX (opset 23 and later) computes all in the type of the query but for the softmax,
  whose type is its attribute ``softmax_precision``: ``eager=float16,softmax=float32``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from attncli.attend.stages.mask import additions
from attncli.check.simulate.types import TYPES, Type
from attncli.errors import InputError
from attncli.text import nearest, quoted

if TYPE_CHECKING:
    from attncli.attend.operands import ScoreOperands

# Keys in a tile, where nobody says how many: FlashAttention has 64 or 128, by head size.
TILE, MOST = 64, 1 << 20


@dataclass(frozen=True)
class Stage:
    """What a type can be named for.

    Attributes:
        name: of the stage.
        is_product: whether it is a product, which TF32 can be named for.
    """

    name: str
    is_product: bool = False


# In the order in which a kernel runs them.
STAGES = {
    each.name: each
    for each in (
        Stage("inputs"),  # query, key and value, projected and normalised, as they come to the kernel
        Stage("rotated"),  # query and key as they are scored
        Stage("scores", is_product=True),  # the product of query and key
        Stage("scaled"),  # times the scale
        Stage("logits"),  # capped, and after each addition of a mask, a bias or ALiBi
        Stage("softmax"),  # maximum, exponentials, their sum and the division
        Stage("weights"),  # as they enter the second product
        Stage("accumulate", is_product=True),  # the running sum of the second product
        Stage("output"),  # what is written
    )
}


def flash(kind: str) -> dict[str, str]:
    """Return the types of the stages of FlashAttention."""
    wide = dict.fromkeys(("scores", "scaled", "logits", "softmax", "accumulate"), "float32")
    return wide | dict.fromkeys(("inputs", "rotated", "weights", "output"), kind)


def eager(kind: str) -> dict[str, str]:
    """Return those of transformers' eager attention."""
    narrow = ("inputs", "rotated", "scores", "scaled", "logits", "weights", "output")
    return dict.fromkeys(narrow, kind) | {"softmax": "float32"}


def math(kind: str) -> dict[str, str]:
    """Return those of PyTorch's math backend."""
    wide = ("rotated", "scores", "scaled", "logits", "softmax", "weights")
    return dict.fromkeys(wide, "float32") | {"inputs": kind, "output": kind}


KERNELS = {"flash": flash, "eager": eager, "math": math}
NAMES = (*STAGES, "tile", *KERNELS)


@dataclass(frozen=True)
class Kernel:
    """A kernel of less precision.

    Attributes:
        types: by stage, in their order; a stage that is not there is exact.
        tile: keys that are summed up at a time by an online softmax, as FlashAttention does; None: softmax has all
            logits of a row at once, and weights are divided by their sum before the second product.
        implied: stages that were not named themselves but with a whole kernel.
    """

    types: Mapping[str, Type] = field(default_factory=dict)
    tile: int | None = None
    implied: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """How it is written with all of its parts."""
        parts = [f"{name}={kind.name}" for name, kind in self.types.items()]
        return ",".join([*parts, *[f"tile={self.tile}"] * (self.tile is not None)])

    def type_of(self, stage: str) -> Type:
        """Return the type of a stage."""
        return self.types.get(stage, TYPES["float64"])

    def fitting(self, o: ScoreOperands) -> Kernel:
        """Return it without the implied stages that do nothing in a problem."""
        idle = self.implied & _idle(o)
        return replace(self, types={name: kind for name, kind in self.types.items() if name not in idle})

    def only(self, *stages: str) -> Kernel:
        """Return it with all but some stages exact."""
        return Kernel({name: kind for name, kind in self.types.items() if name in stages}, self.tile)


def _idle(o: ScoreOperands) -> set[str]:
    """Return the stages that leave the numbers of a problem as they are, as long as their type does too."""
    does = {
        "rotated": o.options.rope is not None or o.norms_late,
        "scaled": o.factor != 1 or "query_scale" in o.inputs,
        "logits": o.options.softcap is not None or bool(additions(o)),
    }
    return {name for name, there in does.items() if not there}


def parse(text: str) -> Kernel:
    """Read ``STAGE=TYPE,…``; ``flash=TYPE`` and the like stand for several, and what comes later wins.

    A kernel is tiled where ``accumulate`` or ``tile`` is named.

    Raises:
        InputError: there is no such stage or type.

    Example:
        >>> parse("weights=float16,scores=bfloat16").text, parse("accumulate=float16,tile=32").text
        ('scores=bfloat16,weights=float16', 'accumulate=float16,tile=32')
    """
    found: dict[str, str] = {}
    named: set[str] = set()
    tile = None
    for part in text.split(","):
        name, equals, value = (each.strip() for each in part.partition("="))
        if name not in NAMES:
            raise InputError(f"--simulate: {quoted(name)} is no stage", hint=nearest(name, NAMES))
        if not equals:
            raise InputError(f"--simulate {name} needs a type", hint=f"such as {name}=float16")
        if name == "tile":
            tile = _tile(value)
        elif value not in TYPES:
            raise InputError(f"--simulate {name}: {quoted(value)} is no type", hint=nearest(value, TYPES))
        elif TYPES[value].in_products and not (name in STAGES and STAGES[name].is_product):
            those = " and ".join(each.name for each in STAGES.values() if each.is_product)
            raise InputError(f"--simulate {name}={value}: {value} is a type of products", hint=f"{those} can have it")
        else:
            found |= KERNELS[name](value) if name in KERNELS else {name: value}
            named.add(name)
    types = {name: TYPES[found[name]] for name in STAGES if name in found}
    tile = TILE if tile is None and "accumulate" in types else tile
    return Kernel(types, tile, frozenset(types) - named)


def _tile(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 9 and 1 <= int(value) <= MOST:
        return int(value)
    raise InputError(f"--simulate tile: {quoted(value)} is no number of keys from 1 to {MOST}", hint=f"tile={TILE}")
