"""The files of a model, looked at before any library opens them.

Libraries read whatever they find, to its end, and make as much of everything as a configuration says.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attncli.errors import InputError
from attncli.memory import available_memory
from attncli.trace import gguf

CONFIG = "config.json"
SAFETENSORS = "*.safetensors"
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
GGUF = "*.gguf"
# Bytes of what is read as text, by the end of its name: the tokens of many languages take some tens of megabytes.
MOST_TEXT = {CONFIG: 1 << 24, "json": 1 << 27, "txt": 1 << 27, "model": 1 << 27, "jinja": 1 << 20}
# Numbers in a configuration that say how many of something are made one by one, by the last words of their names.
COUNTS = re.compile(r"(^|_)(layers?|depths?|blocks?|stages?|groups?|experts?|types|labels|(block|expert)_count)$")
# So many are always allowed: layers may share their weights, and a head may be left out of the file.
FEW = 1000


@dataclass(frozen=True)
class Weights:
    """What the files of weights say of themselves.

    Attributes:
        tensors: how many there are.
        longest: the longest axis among them.
        size: how many bytes the files take.
        arguments: those that make transformers read these files.
    """

    tensors: int
    longest: int
    size: int
    arguments: dict[str, str]


def check(folder: Path, given: str) -> Weights:
    """Check the files of a model before any of them is used.

    Args:
        folder: where they are.
        given: what the user called it.

    Raises:
        InputError: there are no weights, or they are pickled, broken or too large for memory; another file is too long,
            or no regular file; or the configuration names more than the weights can hold.
    """
    safe, quantized = sorted(folder.glob(SAFETENSORS)), sorted(folder.glob(GGUF))
    if not safe and not quantized:
        if any(file for pattern in PICKLED for file in folder.glob(pattern)):
            hint = "if you trust them, convert them: AutoModel.from_pretrained(…).save_pretrained(…)"
            raise InputError("its weights are pickled, and attn never unpickles", place=given, hint=hint)
        raise InputError("holds no weights (*.safetensors)", place=given)
    _check_files(folder)
    if not safe and len(quantized) > 1:
        hint = "keep only one of them in the folder"
        raise InputError(f"holds {len(quantized)} GGUF files", place=given, hint=hint)
    files = safe or quantized
    for file in files:
        if not os.access(file, os.R_OK):
            raise InputError("permission denied", place=str(file))
    _check_index(folder, {file.name for file in safe})
    size = sum(file.stat().st_size for file in files)
    if size > available_memory():
        message = f"its weights take {size / 1e9:.1f} GB, more than the available memory"
        raise InputError(message, place=given)
    if safe:
        weights = Weights(*_sizes(safe), size, {})
        _check_config(config(folder), weights, folder / CONFIG)
    else:
        held = gguf.read(quantized[0])
        weights = Weights(*held.sizes, size, {"gguf_file": quantized[0].name})
        _check_config(held.numbers, weights, quantized[0])
    return weights


def config(folder: Path) -> dict[str, Any]:
    """Return the configuration of a model, as far as it can be read: what is wrong with it is told by transformers."""
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_files(folder: Path) -> None:
    """Refuse what has no end, such as a link to a device, or is too long to be read as text."""
    for path in sorted([*folder.iterdir(), *folder.glob("*/*.jinja")]):
        try:
            found = path.stat()
        except OSError:  # a link to nowhere is none of the model's files
            continue
        if stat.S_ISDIR(found.st_mode):
            continue
        if not stat.S_ISREG(found.st_mode):
            raise InputError("is not a regular file", place=str(path))
        most = next((most for end, most in MOST_TEXT.items() if path.name.endswith(end)), None)
        if most is not None and found.st_size > most:
            raise InputError(f"takes {found.st_size} bytes; at most {most} are read", place=str(path))


def _check_index(folder: Path, files: set[str]) -> None:
    """Refuse an index that names anything but safetensors in this folder: transformers would unpickle it."""
    for index in folder.glob("*.index.json"):
        try:
            named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
            raise InputError("is not an index of weights", place=str(index)) from None
        if any(name not in files for name in named):
            raise InputError("names weight files that are not safetensors in this folder", place=str(index))


def _sizes(files: Sequence[Path]) -> tuple[int, int]:
    """Return the number of tensors in safetensors files, and the longest axis among them."""
    from safetensors import SafetensorError, safe_open

    tensors = longest = 0
    for file in files:
        try:
            with safe_open(file, framework="np") as opened:
                shapes = [opened.get_slice(name).get_shape() for name in opened.keys()]  # noqa: SIM118  # no mapping
        except SafetensorError as error:
            raise InputError(f"broken safetensors file: {error}", place=str(file)) from None
        tensors += len(shapes)
        longest = max(longest, *(length for shape in shapes for length in shape), 0)
    return tensors, longest


def _check_config(said: Any, weights: Weights, place: Path) -> None:
    """Refuse numbers of layers, experts and labels that the weights cannot be of."""
    for name, number in _numbers(said):
        if COUNTS.search(name) and number > max(weights.tensors, weights.longest, FEW):
            tensors = f"{weights.tensors} tensor{'s' * (weights.tensors != 1)}"
            held = f"the weights are {tensors}, whose longest axis is {weights.longest}"
            raise InputError(f"{name} is {number}, but {held}", place=str(place))


def _numbers(said: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Return the whole numbers in a configuration, by the last name that leads to them; those of a list are added.

    >>> list(_numbers({"text_config": {"num_layers": 2}, "depths": [3, 4]}))
    [('num_layers', 2), ('depths', 7)]
    """
    if isinstance(said, dict):
        for each, value in said.items():
            yield from _numbers(value, each)
    elif isinstance(said, list):
        yield name, sum(each for each in said if isinstance(each, int))
        for value in said:
            yield from _numbers(value, name) if isinstance(value, dict | list) else ()
    elif isinstance(said, int):
        yield name, said
