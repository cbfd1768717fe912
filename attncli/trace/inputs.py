"""What a model is given: tokens of texts, or features of pictures and sounds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncli.errors import InputError
from attncli.files.contents import Labels, Matrix
from attncli.files.formats import FORMATS, of_suffix
from attncli.files.open import STDIN, read, shown
from attncli.trace.features import FEATURES, IDS, feature_name, stand_in, taken
from attncli.trace.model import Model
from attncli.trace.tokens import tokens_of
from attncli.trace.transformers_setup import quiet

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Arrays are given in this format, which is numpy.save's; anything else is a text.
ARRAYS = FORMATS["npy"]
DECODER_IDS = "decoder_input_ids"
LONGEST_PATH = 255
MOST = 1 << 24  # bytes of text; a batch that long fits no memory anyway
DUMMY = "Who attends to whom?"


@dataclass
class Given:
    """What goes into a model.

    Attributes:
        arguments: of its forward function.
        source: labels of what an encoder, or a model of one part, reads; for each item of the batch.
        target: labels of what a decoder reads, likewise; None where the model has one part.
        said: what was given, in a few words.
        notices: what people should know about it.
    """

    arguments: dict[str, Any]
    source: list[Labels] | None = None
    target: list[Labels] | None = None
    said: str = ""
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What the command line says.

    Attributes:
        texts: up to two: a text or the path of an NPY file; a second text.
        lines: a text a line, two with a tab between them; None where there are none.
        generate: how many tokens are generated.
    """

    texts: Sequence[str] = ()
    lines: Sequence[str] | None = None
    generate: int = 0


def given(model: Model, wanted: Wanted) -> Given:
    """Make what the model is given.

    Raises:
        InputError: the model takes something else, or has no tokenizer.
    """
    first, second = (*wanted.texts, None, None)[:2]
    if second is not None and of_suffix(second) is ARRAYS:
        raise InputError("features and token ids come first; what stands second is a text", place=second)
    if first is not None and of_suffix(first) is ARRAYS:
        found = _of_array(model, first, _array(first))
        return _with_text(model, found, second, wanted)
    if model.network.main_input_name != IDS and (first is not None or wanted.lines is not None):
        hint = f"save its {model.network.main_input_name} with numpy.save, and give the {ARRAYS.suffix} file"
        raise InputError("this model reads no text but features", hint=hint)
    pairs = [line.split("\t") for line in wanted.lines] if wanted.lines is not None else [wanted.texts or [DUMMY]]
    nothing = not wanted.texts and wanted.lines is None
    if nothing and (model.network.main_input_name != IDS or model.tokenizer is None):
        found = Given(stand_in(model), said="a stand-in")
        return _with_target(model, found, None, 1)
    found = _of_texts(model, pairs, wanted.generate)
    return replace(found, notices=[f"no text was given: this is for {DUMMY!r}"]) if nothing else found


def read_lines(path: str) -> list[str]:
    """Read a batch of texts, a line each; empty lines are left out.

    Raises:
        InputError: the file cannot be read, or there is no text in it.
    """
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise InputError("is closed", place=shown(path))
            data = sys.stdin.buffer.read(MOST + 1)
        else:
            with Path(path).open("rb") as stream:
                data = stream.read(MOST + 1)
        lines = [line for line in data.decode("utf-8-sig").replace("\r\n", "\n").split("\n") if line.strip()]
    except OSError as error:
        raise InputError(error.strerror or str(error), place=path) from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", place=shown(path)) from None
    if not lines or len(data) > MOST:
        raise InputError("holds no text" if not lines else "is too long for a batch", place=shown(path))
    return lines


def _array(path: str) -> NDArray[Any]:
    contents = read(path)
    assert isinstance(contents, Matrix)  # the format holds nothing else
    return contents.array


def _of_array(model: Model, path: str, array: NDArray[Any]) -> Given:
    """Take token ids, or features of whichever kind the model reads."""
    import numpy as np
    import torch

    name = feature_name(model)
    if array.dtype.kind in "iu" and model.network.main_input_name == IDS:
        if array.ndim not in (1, 2):
            raise InputError(f"token ids have 1 axis, or 2 with the batch, not {array.ndim}", place=path)
        ids = torch.from_numpy(np.atleast_2d(np.array(array, dtype=np.int64)))
        _check_ids(model, ids, path)
        labels = [tokens_of(model, item) for item in ids.tolist()]
        return Given({IDS: ids}, labels, said=path)
    if name is None or array.dtype.kind != "f":
        wants = "token ids: whole numbers" if name is None else f"{name}: floating numbers"
        raise InputError(f"holds {array.dtype}, and this model reads {wants}", place=path)
    axes = FEATURES[name]
    if array.ndim < axes - 1:
        raise InputError(f"{name} have {axes} axes ({axes - 1} without the batch), not {array.ndim}", place=path)
    with np.errstate(over="ignore"):
        batch = np.array(array[None] if array.ndim == axes - 1 else array, dtype=np.float32)
    return Given({name: torch.from_numpy(batch).to(model.network.dtype)}, said=path)


def _with_text(model: Model, found: Given, text: str | None, wanted: Wanted) -> Given:
    """Add the text beside features: what a decoder has written so far, or what a picture is compared with."""
    two_parts = model.config.is_encoder_decoder or getattr(model.config, "decoder", None) is not None
    if text is not None and (DECODER_IDS if two_parts else IDS) not in taken(model) - found.arguments.keys():
        raise InputError(f"this model reads no text beside {found.said}", hint="leave it out")
    if two_parts:
        return _with_target(model, found, None if text is None else [text], wanted.generate)
    if text is not None:
        beside = _of_texts(model, [[text]], wanted.generate)
        return Given(beside.arguments | found.arguments, beside.source, said=f"{found.said}, {beside.said}")
    return found


def _of_texts(model: Model, pairs: Sequence[Sequence[str]], generate: int) -> Given:
    """Make tokens, padded to one length where there are several texts."""
    tokenizer = _tokenizer(model)
    if not pairs or any(not 1 <= len(pair) <= 2 for pair in pairs) or len({len(pair) for pair in pairs}) > 1:
        raise InputError("every line is one text, or every line is two with a tab between them")
    two_parts = model.config.is_encoder_decoder
    # New tokens follow the last real one only where the padding stands before them.
    tokenizer.padding_side = "left" if generate and not two_parts else "right"
    first = [pair[0] for pair in pairs]
    second = [pair[1] for pair in pairs] if len(pairs[0]) == 2 else None
    with quiet():
        made = tokenizer(first, None if two_parts else second, return_tensors="pt", padding=len(pairs) > 1)
    arguments = {name: tensor for name, tensor in made.items() if name in (IDS, "attention_mask", "token_type_ids")}
    _check_ids(model, arguments[IDS])
    labels = [tokens_of(model, item) for item in arguments[IDS].tolist()]
    said = [(" → " if two_parts else " / ").join(pair) for pair in pairs]
    found = Given(arguments, labels, said=said[0] if len(said) == 1 else f"{len(said)} texts: " + " · ".join(said))
    if len(pairs) == 1:
        found.notices += _of_files(pairs[0])
    return _with_target(model, found, second, generate) if two_parts else found


def _of_files(texts: Sequence[str]) -> list[str]:
    """Tell of texts that are names of files."""
    files = [text for text in texts if len(text) < LONGEST_PATH and "\0" not in text and Path(text).is_file()]
    return [f"{text} is read as a text; --lines {text} reads what is in the file" for text in files]


def _check_ids(model: Model, ids: Any, place: str = "") -> None:
    """Refuse what the model has no embedding for, before it fails somewhere within."""
    if ids.numel() == 0:
        raise InputError("there are no tokens in it" if place else "there are no tokens in the text", place=place)
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if isinstance(most, int) and ids.shape[-1] > most > 0:
        raise InputError(f"{ids.shape[-1]} tokens are too many: the model reads up to {most}", place=place)
    try:
        count = getattr(model.network.get_input_embeddings(), "num_embeddings", None)
    except NotImplementedError:  # a model of several parts has several tables
        return
    if count is not None and not 0 <= int(ids.min()) <= int(ids.max()) < count:
        message = f"token ids from {int(ids.min())} to {int(ids.max())}, and the model has 0 to {count - 1}"
        raise InputError(message, place=place)


def _with_target(model: Model, found: Given, texts: Sequence[str] | None, generate: int) -> Given:
    """Add what the decoder reads: the target, moved by one, or just what it starts with."""
    import torch

    if DECODER_IDS not in taken(model):  # such as DETR, whose decoder reads no tokens
        return found
    start = _start_token(model)
    if texts is None:
        batch = next(iter(found.arguments.values())).shape[0]
        ids = torch.full((batch, 1), start)
        if not generate:
            told = "the decoder reads only its start token: give the target as a second text, or --generate N"
            found.notices.append(told)
    else:
        ids, mask = _moved(model, texts, start)
        found.arguments |= {} if mask.all() else {"decoder_attention_mask": mask}
    found.arguments[DECODER_IDS] = ids
    found.target = [tokens_of(model, item) for item in ids.tolist()]
    return found


def _start_token(model: Model) -> int:
    """Return the token with which the decoder starts.

    Raises:
        InputError: the model does not say.
    """
    config = model.network.generation_config if model.network.can_generate() else model.config
    places = [(config, "decoder_start_token_id"), (model.config, "decoder_start_token_id"), (config, "bos_token_id")]
    start = next((each for place, name in places if (each := getattr(place, name, None)) is not None), None)
    if start is None:
        raise InputError("the model does not say which token its decoder starts with")
    return int(start)


def _moved(model: Model, texts: Sequence[str], start: int) -> tuple[Any, Any]:
    """Return what a decoder reads while it writes these texts, and where that is no padding.

    It is what it writes, moved by one: the start comes in, the end falls out.
    """
    import torch

    tokenizer = _tokenizer(model)
    tokenizer.padding_side = "right"
    with quiet():
        made = tokenizer(text_target=list(texts), return_tensors="pt", padding=len(texts) > 1)
    ids, mask = made[IDS], made.get("attention_mask", torch.ones_like(made[IDS]))
    if not (ids[:, 0] == start).all():
        first = torch.full((len(texts), 1), start)
        ids, mask = torch.cat([first, ids], dim=1), torch.cat([torch.ones_like(first), mask], dim=1)
    return (ids[:, :-1], mask[:, :-1]) if ids.shape[1] > 1 else (ids, mask)


def _tokenizer(model: Model) -> Any:
    """Return the tokenizer, able to pad.

    Raises:
        InputError: there is none.
    """
    if model.tokenizer is None:
        hint = f"give token ids, an {ARRAYS.suffix} file of whole numbers, and no text"
        raise InputError("the folder holds no tokenizer that can be read", hint=hint)
    if model.tokenizer.pad_token is None:  # which one it is does not matter: the mask closes it
        known = model.tokenizer.eos_token or model.tokenizer.unk_token
        model.tokenizer.pad_token = known or model.tokenizer.convert_ids_to_tokens(0)
    return model.tokenizer
