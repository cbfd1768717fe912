"""Masks as pictures and pages: the share of each square that is open, drawn as `attncli.plot` draws weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.languages import catalogue
from attncli.mask.opening import Plane
from attncli.mask.survey import Survey, survey
from attncli.plot.page import SIDE, document, names_of, packed
from attncli.plot.picture import CLOSED, Panel, Picture
from attncli.problem import estimate
from attncli.show.progress import Progress, part_of
from attncli.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels


@dataclass(frozen=True, eq=False)
class About:
    """What is said of masks besides their cells.

    Attributes:
        labels: names of queries and keys, if there are any.
        texts: a title and a source, likewise.
    """

    labels: Mapping[str, Labels]
    texts: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Layer:
    """One plane to draw.

    Attributes:
        name: what it is called; empty if it is the only one.
        plane: the cells.
        closes: whether a cell that is false is closed; otherwise it is only no different.
    """

    name: str
    plane: Plane
    closes: bool = True


def picture(
    about: About,
    layers: Sequence[Layer],
    lang: str,
    most: tuple[int, int],
    progress: Progress | None = None,
) -> Picture:
    """Return what matplotlib draws: a map for each layer.

    Args:
        about: the labels and texts that it has.
        layers: all of one shape.
        lang: the language of the caption.
        most: the rows and columns that there is room for.
        progress: called with the share that is done.

    Raises:
        InputError: there is not enough memory.
    """
    words = catalogue(lang).MASK
    found = _surveyed(layers, most, progress)
    first, labels = found[0], about.labels
    mean = words["mean"].format(down=first.run[0], across=first.run[1])
    return Picture(
        title=about.texts.get("title", ""),
        kind=words["open"],
        panels=[Panel(layer.name, _numbers(layer, each)) for layer, each in zip(layers, found, strict=True)],
        shape=first.shape,
        row_labels=labels.get("query_labels") if first.run[0] == 1 else None,
        column_labels=labels.get("key_labels") if first.run[1] == 1 else None,
        caption=_count(words, first) if first.exact else f"{_count(words, first)}; {mean}",
        bounds=(0.0, 1.0),
        lang=lang,
    )


def page(
    about: About, groups: Sequence[Sequence[Layer]], names: Sequence[str], lang: str, progress: Progress | None
) -> str:
    """Return a page to look around in.

    Args:
        about: the labels and texts that it has.
        groups: for each head, the layers to choose from.
        names: what these are called.
        lang: the language of the page.
        progress: called with the share that is done.

    Raises:
        InputError: there is not enough memory.
    """
    words, own = catalogue(lang).PAGE, catalogue(lang).MASK
    found = [_surveyed(each, (SIDE, SIDE), part_of(progress, done, len(groups))) for done, each in enumerate(groups)]
    first, labels = found[0][0], about.labels
    steps = [f"layer{at}" for at in range(len(names))]
    counts = " · ".join(f"{name} {each.count}" for name, each in zip(names, found[0], strict=True))
    count = "" if len(groups) > 1 else _count(own, first) if len(names) == 1 else counts
    mean = "" if first.exact else own["mean"].format(down=first.run[0], across=first.run[1])
    data: dict[str, Any] = {
        "queries": names_of(labels.get("query_labels"), first.shape[0], first.run[0]),
        "keys": names_of(labels.get("key_labels"), first.shape[1], first.run[1]),
        "run": first.run,
        "item": [0, 1],
        "steps": steps,
        "names": list(names),
        "head": 0,
        "exact": True,
        "heads": [
            {
                step: packed(_numbers(*each), True)
                for step, each in zip(steps, zip(layers, heads, strict=True), strict=True)
            }
            for layers, heads in zip(groups, found, strict=True)
        ],
        "lengths": [],
        "title": visible(about.texts.get("title") or own["title"]),
        "notes": [visible(each) for each in (about.texts.get("source", ""), count, mean) if each],
        "words": words,
        "first": {"step": steps[-1]},
    }
    return document(data, words, lang)


def _surveyed(layers: Sequence[Layer], most: tuple[int, int], progress: Progress | None) -> list[Survey]:
    queries, keys = layers[0].plane.shape
    cells = len(layers) * min(queries, most[0]) * min(keys, most[1])
    hint = "choose one with --head N and --batch N" if len(layers) > 1 else ""
    memory.require(estimate.maps(cells), f"{len(layers)} maps are drawn", hint)
    return [
        survey(each.plane, most, part_of(progress, done, len(layers)), reaching=False)
        for done, each in enumerate(layers)
    ]


def _numbers(layer: Layer, found: Survey) -> NDArray[np.float64]:
    return np.where((found.shares > 0) | (not layer.closes), found.shares, CLOSED)


def _count(words: Any, found: Survey) -> str:
    queries, keys = found.shape
    text: str = words["count"].format(queries=queries, keys=keys, open=found.count, all=queries * keys)
    return text
