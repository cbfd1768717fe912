"""The palette: even steps to the eye, for all colours and for the few of a terminal of 256."""

from __future__ import annotations

import numpy as np
import pytest
from rich.color import Color

from attncli.show import heat

# Björn Ottosson, A perceptual color space for image processing, 2020: linear sRGB to cones, and these to OKLab.
CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
LAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]


def lab(colors: object) -> np.ndarray:
    """Return colours in OKLab, (…, 3)."""
    share = np.asarray(colors) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ np.transpose(CONES)) @ np.transpose(LAB)


def test_equal_steps_look_equal() -> None:
    """From each sixteenth of the palette to the next it is about as far as on average, and lighter."""
    found = lab(heat.PALETTE[::17])
    apart = np.linalg.norm(np.diff(found, axis=0), axis=1)
    assert len(heat.PALETTE) == 256
    assert (np.diff(found[:, 0]) > 0.03).all()
    assert (abs(apart / apart.mean() - 1) < 0.2).all()


def test_the_few_colours_of_a_terminal_rise_evenly_too() -> None:
    """The nearest colours of the cube do not: they would be darker again in between."""
    few = lab([heat.fixed(number) for number in heat.FEW])
    assert (np.diff(few[:, 0]) > 0.05).all()
    assert (np.diff(few[:, 0]) < 0.1).all()


@pytest.mark.parametrize("number", heat.FEW)
def test_the_cube_is_that_of_terminals(number: int) -> None:
    """As Rich knows it."""
    assert heat.fixed(number) == tuple(Color.from_ansi(number).get_truecolor())


def test_what_is_no_number_has_no_colour_of_the_palette() -> None:
    """Closed keys and NaN are far from each of them, and from each other."""
    others = lab([heat.CLOSED, heat.NOTHING])
    far = np.linalg.norm(lab(heat.PALETTE)[:, None] - others, axis=-1)
    assert far.min() > 0.1
    assert np.linalg.norm(others[0] - others[1]) > 0.3
