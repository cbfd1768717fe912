"""The picture that is asked for, as a figure of matplotlib draws it: maps, a row over a picture, or features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from attncli.errors import InputError
from attncli.files import pictures
from attncli.plot import bars, features, figure, overlay
from attncli.plot.asked import MOST_VALUES, Asked
from attncli.plot.patches import Patches
from attncli.plot.patches import find as find_patches
from attncli.plot.picture import FEATURES, Picture, draw
from attncli.problem.attention import ScoreComputation
from attncli.show.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from attncli.files.pictures import Photo


@dataclass(frozen=True)
class Painting:
    """A picture whose numbers are computed.

    Attributes:
        make: draws it, on a figure of the class that it is given.
        texts: what is written there, for which fonts are looked for.
    """

    make: Callable[[type[Figure]], Figure]
    texts: Sequence[str]


def paint(computation: ScoreComputation, asked: Asked, progress: Progress | None = None) -> Painting:
    """Compute what a picture shows.

    Args:
        computation: score and softmax of the problem.
        asked: what to draw.
        progress: called with the share that is done.

    Raises:
        InputError: the problem does not have what is asked for, or there is not enough memory.
    """
    if asked.what == FEATURES:
        found = score(computation, asked)
        return Painting(partial(bars.draw, found, asked.lang), [found.title, *bars.written(found, asked.lang)])
    if asked.image is not None:
        laid_over = over_picture(computation, asked)
        seen = laid_over.picture
        texts = [seen.title, *figure.written(seen), *map(seen.say, [laid_over.query, *laid_over.beside])]
        return Painting(partial(overlay.draw, laid_over), texts)
    picture = maps(computation, asked, progress)
    return Painting(partial(figure.draw, picture), figure.texts(picture))


def score(computation: ScoreComputation, asked: Asked) -> features.Features:
    """Return what one score is made of."""
    place = asked.place(computation)
    return features.look(computation, place, *asked.element(computation, place[0]))


def maps(computation: ScoreComputation, asked: Asked, progress: Progress | None = None) -> Picture:
    """Return the maps that are asked for."""
    places = asked.places(computation)
    row, _ = asked.element(computation, places[0][0])
    asked.check_values(computation, len(places))
    needs = partial(figure.needs, values=asked.values)
    drawn = draw(computation, asked.what, places, (figure.MOST, figure.MOST), progress, needs, row)
    return replace(drawn, values=asked.values, lang=asked.lang)


def laid(computation: ScoreComputation, asked: Asked, batch: int) -> tuple[Photo, Patches]:
    """Return the picture that a row is laid over, and where the keys lie on it."""
    assert asked.image is not None
    photo, keys = pictures.look(asked.image), computation.operands.sizes.keys
    labels = computation.problem.labels_of(batch).get("key_labels")
    return photo, find_patches(labels, keys, (photo.width, photo.height), asked.patches)


def over_picture(computation: ScoreComputation, asked: Asked) -> overlay.Overlay:
    """Return a row laid over a picture."""
    places = asked.places(computation)
    photo, patches = laid(computation, asked, places[0][0])
    row, _ = asked.element(computation, places[0][0])
    row = overlay.default_row(patches, computation.shape[2]) if row is None else row
    if asked.values and max(patches.down, patches.across) > MOST_VALUES:
        raise InputError(f"--values is for few patches, not for {patches.down} × {patches.across}", hint="leave it out")
    look = overlay.Look(asked.what, values=asked.values, lang=asked.lang)
    return overlay.lay(computation, look, places, photo, patches, row)
