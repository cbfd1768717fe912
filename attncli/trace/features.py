"""Pictures and sounds: which features a model reads, a sample of them, and labels for their positions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from attncli.attend.shapes import show
from attncli.errors import InputError
from attncli.files.contents import Labels
from attncli.memory import available_memory
from attncli.trace.model import Model

# Features of pictures, spectra and waveforms, with the number of axes of a batch.
FEATURES = {"pixel_values": 4, "input_features": 3, "input_values": 2}
IDS = "input_ids"
FRAME = 0.02  # seconds per position of Whisper's encoder: two frames of 10 ms


def parameters(model: Model) -> set[str]:
    """Return the names of the inputs that the model accepts."""
    return set(inspect.signature(model.network.forward).parameters)


def feature_name(model: Model) -> str | None:
    """Return the argument that takes features, if any; preferably the main input of the model."""
    there = parameters(model) & FEATURES.keys()
    return next((name for name in (model.network.main_input_name, *FEATURES) if name in there), None)


def stand_in(model: Model) -> dict[str, Any]:
    """Return an input of the right shape, to find out which attentions a model performs.

    Raises:
        InputError: the shape of its input is not known, or memory does not hold it.
    """
    import torch

    name, config = model.network.main_input_name, model.config
    shapes: dict[str, Callable[[], tuple[int, ...]]] = {
        IDS: lambda: (1, min(8, config.get_text_config().vocab_size)),
        "pixel_values": lambda: (1, config.num_channels, *_square(config.image_size)),
        "input_features": lambda: (1, config.num_mel_bins, 2 * config.max_source_positions),
        "input_values": lambda: (1, 16000),
    }
    try:
        shape = shapes[name]()
        size = math.prod(shape) * 4
    except (KeyError, AttributeError, TypeError):
        raise InputError(
            f"this model reads {name}, whose shape is not known here", hint="give an example in a file"
        ) from None
    if not 0 < size <= available_memory():
        raise InputError(f"this model reads {name} of {show(shape)}", hint="give an example in a file")
    if name == IDS:
        return {name: torch.arange(shape[-1])[None]}
    return {name: torch.zeros(shape, dtype=model.network.dtype)}


def positions(model: Model, arguments: Mapping[str, Any]) -> list[Labels] | None:
    """Return labels for the positions of a picture or a sound: patches by row and column, frames by seconds.

    Args:
        model: it has the patch size.
        arguments: the input of the model.
    """
    if "pixel_values" in arguments:
        pixels = arguments["pixel_values"].shape
        config = getattr(model.config, "vision_config", None) or getattr(model.config, "encoder", model.config)
        patch = getattr(config, "patch_size", None)
        if not patch:
            return None
        down, across = (int(size) // step for size, step in zip(pixels[-2:], _square(patch), strict=True))
        names = tuple(f"r{row}c{column}" for row in range(down) for column in range(across))
        return [names] * pixels[0]
    if "input_features" in arguments:
        batch, _, frames = arguments["input_features"].shape
        return [tuple(f"{at * FRAME:.2f}s" for at in range(frames // 2))] * batch
    return None


def _square(size: Any) -> tuple[int, int]:
    return (int(size[0]), int(size[1])) if isinstance(size, list | tuple) else (int(size), int(size))
