"""A page to look around in: one HTML file that loads nothing else."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.cache import held
from attncli.errors import InputError
from attncli.files.formats import FORMATS
from attncli.languages import DEFAULT, catalogue
from attncli.plot.picture import averaged, require
from attncli.problem.attention import AttentionComputation, ScoreComputation
from attncli.said import Said
from attncli.show import heat, html
from attncli.show.progress import Progress, part_of
from attncli.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Most rows or columns of a map, and most numbers in all maps of a page; with more a browser would be slow.
SIDE = 512
MOST = 12 * SIDE * SIDE * 4
PICTURE = FORMATS["png"].suffix
# Up to this many numbers keep all digits of float32; more keep three digits.
EXACT = 1 << 20
# What the page draws besides the results: the weight of a value times its length.
WEIGHTED = "weighted"
# The parts of the script, in their order; the last one draws.
SCRIPTS = ("numbers", "map", "tokens", "scale", "photo", "variants", "controls")
# What the script reads of every page: no scale to change, no numbers in cells, no picture, and heads in place of
# variants, unless they are given.
PLAIN: Mapping[str, Any] = {
    "colors": heat.PALETTE,
    "nothing": heat.NOTHING,
    "scale": None,
    "softcap": None,
    "sinks": None,
    "values": False,
    "picture": None,
    "variants": None,
}
STEPS = ("scores", "capped", "logits", "weights", WEIGHTED)


def to_html(
    computation: AttentionComputation,
    batch: int,
    head: int,
    *,
    lesson: str = "",
    lang: str = DEFAULT,
    first: Mapping[str, object] | None = None,
    values: bool = False,
    picture: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> str:
    """Return the page of one batch item with all its heads.

    Args:
        computation: all steps of the problem.
        batch: which item.
        head: the head that is shown first.
        lesson: HTML that goes before the maps.
        lang: the language of the lesson and of the page.
        first: what is chosen when the page opens: ``"step"``, ``"row"`` and ``"column"``.
        values: whether cells have their numbers in them.
        picture: one that an image model read, as `attncli.plot.overlay.of_page` returns it.
        progress: called with the share that is done.

    Raises:
        InputError: there is not enough memory; or a picture has more patches than the page has cells.
    """
    if picture is not None and run_of(computation) != (1, 1):
        raise InputError("the page would show means of patches", hint=f"-o FILE{PICTURE} draws the picture")
    words = catalogue(lang).PAGE
    title = visible(computation.problem.texts.get("title") or words["title"])
    data = collect(computation, batch, head, progress)
    data |= {"title": title, "notes": notes_of(computation, data, words), "words": words}
    data |= {"first": dict(first or {}), "values": values, "picture": picture} | rescaling(computation, data["run"])
    data["names"] = [words[f"step_{step}"] for step in data["steps"]]
    return document(data, words, lang, lesson)


def document(data: Mapping[str, Any], words: Mapping[str, str], lang: str, lesson: str = "") -> str:
    """Return the page that draws these numbers.

    Args:
        data: what the script reads, as `collect` returns it, with a title, notes, names of steps and words.
        words: what the page itself says.
        lang: their language.
        lesson: HTML that goes before the maps.
    """
    folder = files("attncli.plot")
    text = (folder / "page.html").read_text(encoding="utf-8")
    shown = {**words, "help": words["help"].format(steps=len(data["steps"]))}
    parts = {name: html.text(word) for name, word in shown.items()} | {
        "LANG": lang,
        "TITLE": html.text(data["title"]),
        "STYLE": (folder / "page.css").read_text(encoding="utf-8"),
        "LESSON": lesson,
        "DATA": html.script_data({**PLAIN, **data}),
        "SCRIPT": "\n".join((folder / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS),
    }
    return html.filled(text, parts)


def collect(
    computation: AttentionComputation, batch: int, head: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Return the numbers that the page's script draws, and the names of their rows, columns and steps."""
    o = computation.operands
    sizes = o.sizes
    kinds = kinds_of(computation)
    run = run_of(computation)
    cells = math.ceil(sizes.queries / run[0]) * math.ceil(sizes.keys / run[1])
    require(computation, (batch, head), sizes.heads * len(kinds) * cells)
    heads = []
    for each in range(sizes.heads):
        heads.append(averaged(computation, kinds, batch, each, run, part_of(progress, each, sizes.heads)))
    exact = len(heads) * len(kinds) * heads[0]["weights"].size <= EXACT
    if run != (1, 1):
        means = Said(
            "the page shows means of {down} × {across}, of {queries} queries and {keys} keys",
            down=run[0],
            across=run[1],
            queries=sizes.queries,
            keys=sizes.keys,
        )
        computation.notices.add([means])
    lengths = [packed(lengths_of(o, batch, each, run[1]), True) for each in range(sizes.heads)]
    return of_maps(computation, batch, run, heads, exact=exact) | {"head": head, "lengths": lengths}


def of_maps(
    computation: AttentionComputation,
    batch: int,
    run: tuple[int, int],
    maps: Sequence[Mapping[str, NDArray[Any]]],
    *,
    exact: bool,
) -> dict[str, Any]:
    """Return maps as the page's script reads them, with the names of their rows, columns and steps.

    Args:
        computation: what the maps are of.
        batch: the batch item.
        run: how many rows and columns a cell stands for.
        maps: by step, all with the same steps.
        exact: whether all digits are kept.
    """
    sizes, labels = computation.operands.sizes, computation.problem.labels_of(batch)
    return {
        "queries": names_of(labels.get("query_labels"), sizes.queries, run[0]),
        "keys": names_of(labels.get("key_labels"), sizes.keys, run[1]),
        "run": run,
        "item": [batch, sizes.batch],
        "steps": [*maps[0], WEIGHTED],
        "exact": exact,
        "heads": [{kind: packed(numbers, exact) for kind, numbers in each.items()} for each in maps],
    }


def run_of(computation: AttentionComputation, maps: int | None = None) -> tuple[int, int]:
    """Return how many queries and keys a cell of the page is the mean of.

    Args:
        computation: of what it shows.
        maps: how many maps it has; None: those of all heads.
    """
    sizes = computation.operands.sizes
    side = min(SIDE, max(16, math.isqrt(MOST // (maps or sizes.heads * len(kinds_of(computation))))))
    return math.ceil(sizes.queries / side), math.ceil(sizes.keys / side)


def kinds_of(computation: AttentionComputation) -> list[str]:
    """Return the results that the page shows."""
    capped = computation.operands.options.softcap is not None
    return [step for step in STEPS[:-1] if step != "capped" or capped]


def rescaling(computation: AttentionComputation, run: tuple[int, int]) -> dict[str, Any]:
    """Return what the script needs to compute weights at another scale; nothing where it shows means of weights."""
    o = computation.operands
    if run != (1, 1):
        return {}
    sinks = None if o.sinks is None else np.asarray(o.sinks, dtype=np.float64).ravel()
    return {
        "scale": float(o.factor),
        "softcap": o.options.softcap,
        "sinks": None if sinks is None else [each if np.isfinite(each) else None for each in sinks.tolist()],
    }


def notes_of(computation: ScoreComputation, data: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    """Return the sentences under the title: the source, which item it is, and how the numbers were made smaller."""
    (item, items), (down, across) = data["item"], data["run"]
    notes = [computation.problem.texts.get("source", "")]
    notes += [words["item"].format(item=item, items=items)] * (items > 1)
    notes += [words["mean"].format(down=down, across=across)] * (down * across > 1)
    notes += [words["digits"]] * (not data["exact"])
    return [visible(note) for note in notes if note]


def names_of(labels: Any, count: int, run: int) -> list[str]:
    """Return the names of the rows or columns of a map, of which each stands for so many queries or keys."""
    if labels is not None and run == 1:
        return list(map(visible, labels))
    return [str(at) if run == 1 else f"{at}–{min(at + run, count) - 1}" for at in range(0, count, run)]


def packed(numbers: NDArray[Any], exact: bool) -> str:
    """Return numbers as text: little-endian floats of 4 bytes, or 2 if not exact, in base 64; a closed key is −∞."""
    with np.errstate(over="ignore"):
        return base64.b64encode(numbers.astype("<f4" if exact else "<f2").tobytes()).decode("ascii")


def lengths_of(o: Any, batch: int, head: int, run: int) -> NDArray[Any]:
    """Return the lengths of the values, (S / run): the mean of every ``run`` consecutive ones."""
    one = o.select(batch=batch, head=head)
    with np.errstate(all="ignore"):
        value = np.asarray(held(one, "value", one.value)[0, 0], dtype=np.float64)
        # Divided by the largest number first, so that its square does not overflow.
        largest = abs(value).max(axis=-1)
        unit = np.where(np.isfinite(largest) & (largest > 0), largest, 1)
        lengths = unit * np.sqrt(((value / unit[:, None]) ** 2).sum(axis=-1))
        starts = np.arange(0, len(lengths), run)
        return np.add.reduceat(lengths, starts) / np.diff([*starts, len(lengths)])
