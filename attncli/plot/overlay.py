"""A row of an image model laid over the picture that it read: which patches a query looks at."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.attend.parts import Selection
from attncli.files.pictures import Photo, as_png
from attncli.languages import DEFAULT
from attncli.plot.layout import DPI, MOST_TITLE, TYPE, wrapped
from attncli.plot.maps import MARK, add_legend, colors, write_values
from attncli.plot.names import counted, key_of, name_of, query_of
from attncli.plot.patches import Patches
from attncli.plot.picture import CLOSED, Panel, Picture
from attncli.problem import estimate
from attncli.problem.attention import ScoreComputation
from attncli.said import Said
from attncli.show.grid import balanced
from attncli.show.numbers import label, number
from attncli.text import joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

# The longest side of the picture, in pixels: alone beside one map, among several, and in a page.
SIDE, SMALL_SIDE, PAGE_SIDE = 1024, 384, 512
# In inches: the longest side of the picture as it is drawn.
WIDTH = 2.8
# How much of the picture is seen through the map; in grey, so that only the map has colours.
THROUGH = 0.4
# Pixels that a patch has at least, so that its edges are where they should be.
PATCH = 8


@dataclass(frozen=True)
class Look:
    """How maps of patches look.

    Attributes:
        kind: which result they show.
        values: whether each patch has its number written on it.
        lang: the language of what is written beside them.
    """

    kind: str
    values: bool = False
    lang: str = DEFAULT


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is drawn.

    Attributes:
        picture: the maps of patches, a panel for each head, with what is said of them.
        photo: the colours of the picture, (height, width, 3).
        query: the name of the query.
        place: its row and column if it is a patch itself.
        beside: for each head, what the row has for keys that are no patches.
    """

    picture: Picture
    photo: NDArray[np.uint8]
    query: str
    place: tuple[int, int] | None
    beside: Sequence[str]


def lay(
    computation: ScoreComputation,
    look: Look,
    places: Sequence[tuple[int, int]],
    photo: Photo,
    patches: Patches,
    row: int,
) -> Overlay:
    """Read the picture, and compute one row for each head.

    Args:
        computation: score and softmax of the problem.
        look: which result, and how.
        places: batch items and heads.
        photo: the picture.
        patches: which keys are patches of it.
        row: the query.

    Raises:
        InputError: there is not enough memory.
    """
    side = SIDE if len(places) == 1 else SMALL_SIDE
    memory.require(photo.bytes, f"{photo.name} has {photo.width} × {photo.height} pixels", "make it smaller")
    area = (len(places) + 1) * ((WIDTH + 1) * DPI) ** 2
    part = Selection(None, None, np.array([row]))
    computation.require(computation.needs(Selection(*places[0]), rows=1) + estimate.canvas(round(area)), part)
    rows = [computation.compute(replace(part, batch=batch, head=head)) for batch, head in places]
    found = [_numbers(made.everything, look.kind) for made in rows]
    labels = computation.problem.labels_of(places[0][0])
    named = labels.get("query_labels")
    panels = [
        Panel(name_of(place, computation.shape, alone=len(places) == 1), patches.grid(numbers))
        for place, numbers in zip(places, found, strict=True)
    ]
    query = query_of(row, named)
    caption = Said(
        "{kind} of {query} on {down} × {across} patches",
        kind=look.kind,
        query=query,
        down=patches.down,
        across=patches.across,
    )
    picture = Picture(
        title=computation.problem.texts.get("title", ""),
        kind=look.kind,
        panels=panels,
        shape=(patches.down, patches.across),
        row_labels=None,
        column_labels=None,
        caption=counted(caption, computation.shape) if len(places) > 1 else caption,
        values=look.values,
        lang=look.lang,
    )
    return Overlay(
        picture,
        photo.pixels(side),
        query,
        patches.place(row, computation.shape[2]),
        [_beside(numbers, patches, labels.get("key_labels")) for numbers in found],
    )


def _numbers(made: Any, kind: str) -> NDArray[np.float64]:
    numbers = np.asarray(made[kind][0, 0, 0], dtype=np.float64)
    return numbers if kind == "scores" else np.where(made["logits"][0, 0, 0] == -np.inf, CLOSED, numbers)


def _beside(numbers: NDArray[Any], patches: Patches, labels: Any) -> str:
    """Say what the keys have that are no patches, one by one where they are few."""
    others = [at for at in range(patches.keys) if at not in range(*patches.part.indices(patches.keys))]
    if not others or len(others) > 4:
        return ""
    told = [_told(key_of(at, None) if labels is None else label(labels[at]), float(numbers[at])) for at in others]
    return Said("beside the patches: {keys}", keys=joined(told))


def _told(name: str, value: float) -> str:
    if value == CLOSED:
        return Said("{name} closed", name=name)
    return Said("{name} {number}", name=name, number=number(value, 2, narrow=True))


def blended(photo: NDArray[np.uint8], map_colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture in grey with the colours of its patches over it.

    Args:
        photo: (height, width, 3)
        map_colors: (down, across, 3)

    >>> blended(np.full((2, 2, 3), 200, np.uint8), np.full((1, 1, 3), 100, np.uint8)).shape
    (8, 8, 3)
    """
    down, across = map_colors.shape[:2]
    times = max(1, -(-down * PATCH // photo.shape[0]), -(-across * PATCH // photo.shape[1]))
    height, width = photo.shape[0] * times, photo.shape[1] * times
    over = map_colors[np.arange(height)[:, None] * down // height, np.arange(width) * across // width]
    # Luminance as in ITU-R BT.709.
    grey = (photo.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)).astype(np.uint8)
    grey = grey.repeat(times, axis=0).repeat(times, axis=1)
    return np.rint(THROUGH * grey[..., None].astype(np.float32) + (1 - THROUGH) * over).astype(np.uint8)


def draw(found: Overlay, make: type[Figure]) -> Figure:
    """Draw the picture, and for each head the map over it."""
    picture, count = found.picture, len(found.picture.panels) + 1
    down, across = balanced(count)
    shape = found.photo.shape[0] / found.photo.shape[1]
    width, height = WIDTH / max(1.0, shape), WIDTH * min(1.0, shape)
    figure = make(figsize=(across * (width + 0.4) + 1.2, down * (height + 0.5) + 1.0), layout="constrained")
    grid = list(figure.subplots(down, across, squeeze=False).flat)
    for at, axes in enumerate(grid):
        axes.set_xticks([])
        axes.set_yticks([])
        if at >= count:
            axes.set_axis_off()
            continue
        panel = picture.panels[at - 1] if at else None
        _one(axes, found, panel, found.beside[at - 1] if at else "")
        axes.set_title(picture.say(panel.name if panel else found.query), fontsize=TYPE)
    add_legend(figure, picture, grid)
    figure.supxlabel(wrapped(picture.say(picture.caption), round(figure.get_figwidth() * 13)), fontsize=TYPE)
    if picture.title:
        figure.suptitle(wrapped(picture.title[:MOST_TITLE], round(figure.get_figwidth() * 11)), fontsize=TYPE + 2)
    return figure


def _one(axes: Axes, found: Overlay, panel: Panel | None, beside: str) -> None:
    """Draw the picture alone, or with the map of one head over it; a query that is a patch has a frame."""
    from matplotlib.patches import Rectangle

    down, across = found.picture.shape
    extent = (-0.5, across - 0.5, down - 0.5, -0.5)
    drawn = found.photo if panel is None else blended(found.photo, colors(panel.numbers, found.picture.range))
    smooth = "nearest" if min(drawn.shape[:2]) < 64 else "antialiased"
    axes.imshow(drawn, extent=extent, aspect="auto", interpolation=smooth)
    if found.place is not None:
        corner = (found.place[1] - 0.5, found.place[0] - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=MARK, linewidth=2)).set_clip_on(False)
    if panel is not None and found.picture.values:
        write_values(axes, panel.numbers)
    axes.set_xlabel(wrapped(found.picture.say(beside), 40), fontsize=TYPE - 1)


def of_page(photo: Photo, patches: Patches, queries: int) -> dict[str, Any]:
    """Return what a page draws of the picture.

    Raises:
        InputError: there is not enough memory.
    """
    memory.require(photo.bytes, f"{photo.name} has {photo.width} × {photo.height} pixels", "make it smaller")
    pixels = photo.pixels(PAGE_SIDE)
    return {
        "source": "data:image/png;base64," + base64.b64encode(as_png(pixels)).decode("ascii"),
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "down": patches.down,
        "across": patches.across,
        "before": patches.before,
        "asks": queries == patches.keys,
    }


def default_row(patches: Patches, queries: int) -> int:
    """Return the query that is shown unless one is asked for: what stands before the patches, or the middle one."""
    if patches.before and queries == patches.keys:
        return 0
    if queries != patches.keys:
        return queries - 1
    return patches.before + patches.down // 2 * patches.across + patches.across // 2
