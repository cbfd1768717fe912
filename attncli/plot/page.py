"""A page to look around in: one HTML file that asks for nothing from anywhere."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.plot.picture import Progress, averaged, part_of
from attncli.problem.computation import AttentionComputation

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows and columns of a map, and numbers in all maps of a page, beyond which a browser would no longer be quick.
SIDE = 512
MOST = 12 * SIDE * SIDE * 4
# Numbers up to which all digits of float32 are kept; of more, three digits are.
EXACT = 1 << 20


def to_html(
    computation: AttentionComputation,
    batch: int,
    head: int,
    notices: list[str],
    *,
    lesson: str = "",
    lang: str = "en",
    first: Mapping[str, object] | None = None,
    progress: Progress | None = None,
) -> str:
    """Return the page of one batch item with all its heads.

    Args:
        computation: all steps of the problem.
        batch: which item.
        head: the one that is shown first.
        notices: what should be known, such as that matrices were averaged down, is added.
        lesson: HTML that goes before the maps.
        lang: of the lesson and of the controls.
        first: what is chosen when the page opens: ``"step"``, ``"row"`` and ``"column"``.
        progress: told the share that is done.
    """
    data = collect(computation, batch, head, notices, progress) | {"first": dict(first or {}), "lang": lang}
    folder = files("attncli.plot")
    title = computation.problem.texts.get("title", "Attention")
    text = (folder / "page.html").read_text(encoding="utf-8")
    parts = {
        "LANG": lang,
        "TITLE": html.escape(title),
        "STYLE": (folder / "page.css").read_text(encoding="utf-8"),
        "LESSON": lesson,
        # In a script element, text ends at the first "<" that could close it.
        "DATA": json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
        "SCRIPT": (folder / "page.js").read_text(encoding="utf-8"),
    }
    # In one pass: what is put in is not looked at again.
    pieces = text.split("%%")
    return "".join(parts.get(piece, piece) if at % 2 else piece for at, piece in enumerate(pieces))


def collect(
    computation: AttentionComputation, batch: int, head: int, notices: list[str], progress: Progress | None = None
) -> dict[str, Any]:
    """Return what the page's script draws."""
    o = computation.operands
    sizes, labels = o.sizes, computation.problem.labels_of(batch)
    kinds = ["scores", *(["capped"] if o.options.softcap is not None else []), "logits", "weights"]
    side = min(SIDE, max(16, math.isqrt(MOST // (sizes.heads * len(kinds)))))
    run = (math.ceil(sizes.queries / side), math.ceil(sizes.keys / side))
    heads = []
    for each in range(sizes.heads):
        heads.append(averaged(computation, kinds, batch, each, run, notices, part_of(progress, each, sizes.heads)))
    exact = len(heads) * len(kinds) * heads[0]["weights"].size <= EXACT
    if run != (1, 1):
        told = f"the page shows means of {run[0]} × {run[1]}, of {sizes.queries} queries and {sizes.keys} keys"
        notices.append(told)
    return {
        "title": computation.problem.texts.get("title", ""),
        "source": computation.problem.texts.get("source", ""),
        "queries": _names(labels.get("query_labels"), sizes.queries, run[0]),
        "keys": _names(labels.get("key_labels"), sizes.keys, run[1]),
        "run": run,
        "item": [batch, sizes.batch],
        "kinds": kinds,
        "head": head,
        "exact": exact,
        "heads": [{kind: _packed(numbers, exact) for kind, numbers in each.items()} for each in heads],
        "lengths": [_packed(_lengths(o, batch, each, run[1]), True) for each in range(sizes.heads)],
    }


def _names(labels: Any, count: int, run: int) -> list[str]:
    if labels is not None and run == 1:
        return list(labels)
    return [str(at) if run == 1 else f"{at}–{min(at + run, count) - 1}" for at in range(0, count, run)]


def _packed(numbers: NDArray[Any], exact: bool) -> str:
    """Return numbers as text: little-endian floats of 4 or 2 bytes, in base 64; a closed key is −∞."""
    with np.errstate(over="ignore"):
        return base64.b64encode(numbers.astype("<f4" if exact else "<f2").tobytes()).decode("ascii")


def _lengths(o: Any, batch: int, head: int, run: int) -> NDArray[Any]:
    """Return the length of each value, the mean of so many."""
    one = o.select(batch=batch, head=head)
    value = np.asarray(one.value[0, 0], dtype=np.float64)
    lengths = np.sqrt((value * value).sum(axis=-1))
    starts = np.arange(0, len(lengths), run)
    return np.add.reduceat(lengths, starts) / np.diff([*starts, len(lengths)])
