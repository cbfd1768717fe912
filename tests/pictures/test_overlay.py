"""A row of an image model over its picture: in files, and what is refused of pictures."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

from attncli.show import heat
from tests.pictures.test_figures import MAGIC
from tests.support.memory import taken_and_reckoned
from tests.support.places import SAMPLES
from tests.support.processes import attn

# A picture of one colour and four patches of it; the query looks at the second alone.
LOGITS = np.array([[-50.0, 0.0, -50.0, -50.0]])


def problem(folder: Path, logits: np.ndarray = LOGITS, name: str = "f.npz") -> Path:
    """Write a problem whose scores are these."""
    np.savez(folder / name, query=logits, key=np.eye(logits.shape[1]), value=np.eye(logits.shape[1]))
    return folder / name


def grey(folder: Path, level: int = 100, size: tuple[int, int] = (80, 80)) -> Path:
    """Write a picture of one grey."""
    Image.new("L", size, level).save(folder / "p.png")
    return folder / "p.png"


def mixed(share: float, level: int) -> tuple[int, ...]:
    """Return what the colour of a share and a grey below it give, by hand: six parts to four."""
    return tuple(round(0.6 * channel + 0.4 * level) for channel in heat.scale(share))


def colors(path: Path) -> dict[tuple[int, ...], int]:
    """Count the colours of a picture."""
    pixels = (matplotlib.image.imread(path)[..., :3] * 255).round().astype(int)
    found, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(color): count for color, count in zip(found.tolist(), counts.tolist(), strict=True)}


def test_each_patch_has_the_colour_of_its_weight(tmp_path: Path) -> None:
    """One of four is yellow, the others are violet, and the picture itself stands beside them."""
    problem(tmp_path)
    grey(tmp_path)
    attn("plot", "f.npz", "--image", "p.png", "-o", "o.png", cwd=tmp_path)
    found = colors(tmp_path / "o.png")
    yellow, violet, plain = (found[color] for color in (mixed(1, 100), mixed(0, 100), (100, 100, 100)))
    assert violet / yellow == pytest.approx(3, rel=0.03)
    assert plain / yellow == pytest.approx(4, rel=0.03)


def test_where_it_lies(tmp_path: Path) -> None:
    """The second patch is on the right, in the upper half."""
    problem(tmp_path)
    grey(tmp_path)
    attn("plot", "f.npz", "--image", "p.png", "-o", "o.png", cwd=tmp_path)
    pixels = (matplotlib.image.imread(tmp_path / "o.png")[..., :3] * 255).round().astype(int)
    places = {name: np.argwhere((pixels == mixed(share, 100)).all(axis=2)) for name, share in (("on", 1), ("off", 0))}
    assert places["on"].min(axis=0)[0] == places["off"].min(axis=0)[0]
    assert places["on"].max(axis=0)[1] == places["off"].max(axis=0)[1]


@pytest.mark.parametrize("kind", MAGIC)
def test_the_sample_in_each_format(tmp_path: Path, kind: str) -> None:
    """All heads side by side, with numbers; the same bytes each time."""
    for name in ("a", "b"):
        words = ["--image", "sample:image", "--all-heads", "--row", "r2c1▛", "--values"]
        attn("plot", "sample:image", *words, "-o", tmp_path / f"{name}.{kind}")
    data = (tmp_path / f"a.{kind}").read_bytes()
    assert data.startswith(MAGIC[kind])
    assert data == (tmp_path / f"b.{kind}").read_bytes()


def test_the_samples_picture_is_what_its_labels_say() -> None:
    """Each label draws the four pixels of its patch, inked where they are at least half black."""
    pixels = np.asarray(Image.open(SAMPLES / "image.png"))
    blocks = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
    for label in np.load(SAMPLES / "image.npz")["key_labels"][1:].tolist():
        row, column, block = int(label[1]), int(label[3]), blocks.index(label[4:] or " ")
        inked = pixels[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].ravel() < 128
        assert inked.tolist() == [bool(block >> at & 1) for at in range(4)]


@pytest.mark.parametrize(
    ("keys", "size", "words", "grid"),
    [
        (197, (640, 480), [], "14 × 14 patches"),
        (12, (40, 30), [], "3 × 4 patches"),
        (13, (30, 40), [], "4 × 3 patches"),
        (12, (40, 30), ["--patches", "2x5"], "2 × 5 patches"),
    ],
)
def test_how_patches_lie(tmp_path: Path, keys: int, size: tuple[int, int], words: list[str], grid: str) -> None:
    """As their number and the shape of the picture say, or a flag."""
    problem(tmp_path, np.zeros((1, keys)))
    grey(tmp_path, size=size)
    attn("plot", "f.npz", "--image", "p.png", *words, "-o", "o.svg", cwd=tmp_path)
    assert f"<!-- weights of query 0 on {grid} -->" in (tmp_path / "o.svg").read_text(encoding="utf-8")


def test_every_kind_of_pixels(tmp_path: Path) -> None:
    """Grey of 16 bits, a table of colours, transparency on white, and a picture that is to be turned."""
    problem(tmp_path)
    deep = Image.fromarray(np.full((80, 80), 100 * 257, dtype=np.uint16))
    table = Image.new("RGB", (80, 80), (100, 100, 100)).convert("P")
    clear = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    for name, image, level in (("d", deep, 100), ("t", table, 100), ("c", clear, 255)):
        image.save(tmp_path / f"{name}.png")
        attn("plot", "f.npz", "--image", f"{name}.png", "-o", f"o{name}.png", cwd=tmp_path)
        near = [color for color in colors(tmp_path / f"o{name}.png") if np.abs(np.subtract(color, level)).max() <= 2]
        assert near
    turned = Image.new("RGB", (90, 30), "white")
    turned.save(tmp_path / "turned.jpg", exif=_orientation(6))
    problem(tmp_path, np.zeros((1, 12)))
    attn("plot", "f.npz", "--image", "turned.jpg", "--patches", "6x2", "-o", "turned.png", cwd=tmp_path)
    height, width = matplotlib.image.imread(tmp_path / "turned.png").shape[:2]
    assert height > width


def _orientation(value: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = value
    return found


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claims(width: int, height: int) -> bytes:
    """Return a PNG file that claims to have so many pixels, and holds none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello", "attn: x.png: is no picture that is read\nhint: PNG, JPEG and WebP are\n"),
        (b"", "attn: x.png: is no picture that is read\nhint: PNG, JPEG and WebP are\n"),
        (b"GIF89a\x01\0\x01\0\0\0\0;", "attn: x.png: is no picture that is read\nhint: PNG, JPEG and WebP are\n"),
        (claims(40, 40), "attn: x.png: broken picture: "),
        (claims(60000, 60000), "attn: x.png: claims to have more pixels than can be drawn on\n"),
        (None, "attn: x.png: there is no such file\n"),
    ],
    ids=["text", "nothing", "gif", "no pixels", "bomb", "no file"],
)
def test_what_is_no_picture_is_told(tmp_path: Path, data: bytes | None, message: str) -> None:
    """In one line, and nothing is written."""
    problem(tmp_path)
    if data is not None:
        (tmp_path / "x.png").write_bytes(data)
    err = attn("plot", "f.npz", "--image", "x.png", "-o", "o.png", status=2, cwd=tmp_path).err
    assert err.startswith(message)
    assert not (tmp_path / "o.png").exists()


def test_no_memory_is_taken_for_what_a_file_claims(tmp_path: Path) -> None:
    """A header of 16 000 × 11 000 pixels is reckoned with before any is read."""
    problem(tmp_path)
    (tmp_path / "x.png").write_bytes(claims(16_000, 11_000))
    taken, reckoned = taken_and_reckoned("plot", "f.npz", "--image", "x.png", "-o", "o.png", cwd=tmp_path, status=2)
    assert reckoned > 16_000 * 11_000
    small, _ = taken_and_reckoned("plot", "f.npz", "-o", "s.png", cwd=tmp_path)
    assert taken < small + 50_000_000


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16", "P", "RGBA"])
def test_what_is_reckoned_is_enough(tmp_path: Path, mode: str) -> None:
    """For a large picture of every kind of pixels."""
    problem(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.new(mode, (5000, 4000)).save(tmp_path / "x.png")
    taken, reckoned = taken_and_reckoned("plot", "f.npz", "--image", "x.png", "-o", "o.png", cwd=tmp_path)
    small, _ = taken_and_reckoned("plot", "f.npz", "--image", str(grey(tmp_path)), "-o", "s.png", cwd=tmp_path)
    assert taken - small <= reckoned


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--image draws into a file\nhint: give -o FILE.png or -o FILE.html\n"),
        (["-o", "o.svg", "--terminal"], "--image draws into a file\nhint: give -o FILE.png or -o FILE.html\n"),
        (["-o", "o.png", "--patches", "3x3"], "--patches 3x3: that is 9 patches, and there are 4 keys\n"),
        (["-o", "o.png", "--patches", "a"], "--patches is ROWSxCOLS, such as 14x14, not 'a'\n"),
        (["-o", "o.png", "--row", "7"], "--row 7: there is no such query (0 to 0)\n"),
    ],
)
def test_what_does_not_go_with_it(tmp_path: Path, words: list[str], message: str) -> None:
    """One line each."""
    problem(tmp_path)
    grey(tmp_path)
    assert attn("plot", "f.npz", "--image", "p.png", *words, status=2, cwd=tmp_path).err == f"attn: {message}"


def test_keys_that_are_no_grid(tmp_path: Path) -> None:
    """The error says how to say it."""
    problem(tmp_path, np.zeros((1, 3)))
    grey(tmp_path)
    err = attn("plot", "f.npz", "--image", "p.png", "-o", "o.png", status=2, cwd=tmp_path).err
    assert err == (
        "attn: 3 keys are no grid of patches that a picture of 80 × 80 pixels could have\n"
        "hint: --patches ROWSxCOLS says how many there are\n"
    )


def test_metadata_of_a_picture_does_not_reach_a_page(tmp_path: Path) -> None:
    """It is drawn anew: what else a file holds stays there."""
    problem(tmp_path)
    image, data = Image.new("RGB", (8, 8)), io.BytesIO()
    image.save(data, "JPEG", comment=b"<script>secret</script>")
    (tmp_path / "x.jpg").write_bytes(data.getvalue())
    attn("plot", "f.npz", "--image", "x.jpg", "-o", "o.html", cwd=tmp_path)
    page = (tmp_path / "o.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert "data:image/png;base64," in page
