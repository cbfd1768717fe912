"""Pictures that are drawn on: PNG, JPEG and WebP, read by Pillow. What a file claims is looked at before it is read."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attncli.errors import InputError
from attncli.files.samples import PREFIX, folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pillow knows a great many kinds, of which some start other programs.
KINDS = ("PNG", "JPEG", "WEBP")
# Bytes that a pixel takes while it is read: as it is stored, with its transparency, and on white paper.
PIXEL = 16
# No picture that a model reads has more pixels.
MOST_PIXELS = 1 << 28


class Photo(NamedTuple):
    """A picture of which no more than its header has been read.

    Attributes:
        path: of its file.
        name: what messages call it.
        width: in pixels.
        height: likewise.
    """

    path: Path
    name: str
    width: int
    height: int

    @property
    def bytes(self) -> int:
        """How much memory it takes to read it."""
        return self.width * self.height * PIXEL

    def pixels(self, most: int) -> NDArray[np.uint8]:
        """Read it; return its colours, (height, width, 3), made smaller so that no side is longer than this.

        Args:
            most: pixels.

        Raises:
            InputError: it is broken.
        """
        with _opened(self.path, self.name) as (image, made):
            image.draft("RGB", (most, most))  # JPEG can be read smaller than it is
            plain = _eight_bits(made.ImageOps.exif_transpose(image), made)
            return np.asarray(_on_paper(_shrunk(plain, most), made), dtype=np.uint8)


def look(given: str) -> Photo:
    """Read the header of a picture.

    Args:
        given: a path, or ``sample:NAME``.

    Raises:
        InputError: there is none, it is of another kind, or it claims to be larger than any picture.
    """
    path = _sample(given) if given.startswith(PREFIX) else Path(given)
    with _opened(path, given) as (image, _):
        photo = Photo(path, given, *image.size)
    if photo.width * photo.height > MOST_PIXELS:
        raise InputError(f"{photo.width} × {photo.height} pixels are too many to draw on", place=given)
    return photo


def _sample(given: str) -> Path:
    known = {path.stem: path for path in folder().glob("*.png")}
    if given.removeprefix(PREFIX) not in known:
        names = ", ".join(PREFIX + name for name in sorted(known))
        raise InputError("there is no such picture", place=given, hint=f"there is {names}")
    return known[given.removeprefix(PREFIX)]


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return colours (height, width, 3) as the bytes of a PNG file."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", optimize=True)
    return data.getvalue()


class _Made(NamedTuple):
    """The parts of Pillow that are used."""

    Image: Any
    ImageOps: Any


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[Any, _Made]]:
    """Open a picture, and turn whatever is raised on a broken one into one error."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise InputError("--image needs Pillow", hint="pip install 'attncli[plot]'") from None
    if not path.is_file():
        raise InputError("is no file" if path.exists() else "there is no such file", place=name)
    try:
        # Pillow only warns of sizes of which attn itself asks whether there is memory for them.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=KINDS) as image:
                yield image, _Made(Image, ImageOps)
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise InputError("claims to have more pixels than can be drawn on", place=name) from None
    except Image.UnidentifiedImageError:
        raise InputError("is no picture that is read", place=name, hint="PNG, JPEG and WebP are") from None
    # Its decoders raise anything on hostile bytes; whatever it is, the picture is broken.
    except Exception as error:
        raise InputError(f"broken picture: {str(error) or 'it ends too early'}", place=name) from None


def _eight_bits(image: Any, made: _Made) -> Any:
    """Return a picture of which grey has 8 bits; Pillow would cut 16 off at the first 255 steps."""
    if not image.mode.startswith("I"):
        return image
    grey = np.asarray(image).astype(np.float32) / 257
    return made.Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def _shrunk(image: Any, most: int) -> Any:
    if max(image.size) > most:
        if image.mode in ("P", "1"):  # colours of a table have no mean
            image = image.convert("RGBA")
        image.thumbnail((most, most))
    return image


def _on_paper(image: Any, made: _Made) -> Any:
    """Return a picture in red, green and blue; what is transparent is white."""
    whole = image.convert("RGBA")
    paper = made.Image.new("RGBA", whole.size, "white")
    paper.alpha_composite(whole)
    return paper.convert("RGB")
