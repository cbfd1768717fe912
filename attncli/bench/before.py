"""What comes before attention, as scripts write it in any library: queries and keys normalised and rotated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


@dataclass(frozen=True, eq=False)
class Before:
    """Norm and rotation of the states of one side, in a library whose functions are named as NumPy's are.

    Attributes:
        library: NumPy, PyTorch or ``jax.numpy``.
        eps: ε of the norm x/√(mean x² + ε); None: there is none.
        pairing: as ``--rope`` has it; None: nothing is rotated.
        cos: (L, D), the cosine of each feature's angle, in an array of the library.
        sin: likewise.
    """

    library: Any
    eps: float | None
    pairing: str | None
    cos: Any
    sin: Any

    @classmethod
    def both(cls, o: Operands, library: Any, convert: Callable[[NDArray[Any]], Any]) -> tuple[Before, Before]:
        """Return what comes before attention for queries and for keys; both stand at 0, 1 and so on.

        Args:
            o: the problem.
            library: the library.
            convert: makes an array of the library.
        """
        eps = None if o.options.qk_norm is None else o.options.norm_eps
        found = []
        for states in (o.query, o.key):
            made = tables(states.shape[2], states.shape[3], o.options.rope_theta, o.options.rope)
            found.append(cls(library, eps, o.options.rope, *(convert(each.astype(o.dtype)) for each in made)))
        return found[0], found[1]

    def __call__(self, states: Any) -> Any:
        """Return states (batch, heads, L, D) normalised and rotated."""
        if self.eps is not None:
            states = states / self.library.sqrt((states * states).mean(-1)[..., None] + self.eps)
        return states if self.pairing is None else states * self.cos + self.partners(states) * self.sin

    def partners(self, states: Any) -> Any:
        """Return what each feature's sine is for: (a, b) → (−b, a)."""
        half = states.shape[-1] // 2
        if self.pairing == "half":
            return self.library.concatenate((-states[..., half:], states[..., :half]), -1)
        return self.library.stack((-states[..., 1::2], states[..., ::2]), -1).reshape(states.shape)


def tables(length: int, features: int, theta: float, pairing: str | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return cosine and sine of the angle of every feature at every position, (L, D)."""
    angles = np.arange(length)[:, None] * theta ** (-np.arange(0, features - features % 2, 2) / features)
    angles = np.concatenate([angles, angles], axis=1) if pairing == "half" else np.repeat(angles, 2, axis=1)
    return np.cos(angles), np.sin(angles)


def nodes_before(o: Operands, arrays: dict[str, NDArray[Any]]) -> tuple[list[Any], list[str]]:
    """Return the same as nodes of ONNX, opset 23, and the names of what they make of query, key and value.

    Args:
        o: the problem.
        arrays: query, key and value by their names in the graph; what else the nodes need is put beside them.
    """
    from onnx import helper

    nodes: list[Any] = []
    names = list(arrays)
    for at, (name, states) in enumerate(zip(names[:2], (o.query, o.key), strict=True)):
        length, features = states.shape[2:]
        if o.options.qk_norm is not None:
            arrays["ones"] = np.ones(features, dtype=o.dtype)
            eps = o.options.norm_eps
            nodes.append(helper.make_node("RMSNormalization", [names[at], "ones"], [f"{name}_normed"], epsilon=eps))
            names[at] = f"{name}_normed"
        if o.options.rope is not None:
            one_each = slice(features // 2) if o.options.rope == "half" else slice(None, None, 2)
            cos, sin = tables(length, features, o.options.rope_theta, o.options.rope)
            more = {f"{name}_cos": cos, f"{name}_sin": sin}
            arrays |= {label: table[None, :, one_each].astype(o.dtype) for label, table in more.items()}
            interleaved = int(o.options.rope == "interleaved")
            given = [names[at], *more]
            nodes.append(helper.make_node("RotaryEmbedding", given, [f"{name}_turned"], interleaved=interleaved))
            names[at] = f"{name}_turned"
    return nodes, names
