"""The input of a model: tokens of texts, or features of pictures and sounds."""

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
from attncli.said import Said
from attncli.trace.features import FEATURES, IDS, feature_name, parameters, stand_in
from attncli.trace.model import Model
from attncli.trace.tokens import tokens_of
from attncli.trace.transformers_setup import quiet

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Arrays are given in this format, that of numpy.save; anything else is a text.
ARRAYS = FORMATS["npy"]
DECODER_IDS = "decoder_input_ids"
LONGEST_PATH = 255
MAX_BYTES = 1 << 24  # of text; a longer batch would not fit into memory anyway
DUMMY = "Who attends to whom?"


@dataclass
class Given:
    """The input of a model.

    Attributes:
        arguments: those of its forward function.
        source: labels of what the encoder, or a model without one, reads; one list per batch item.
        target: labels of what the decoder reads, likewise; None if the model is not an encoder-decoder.
        summary: a short description of the input.
        notices: messages about it.
    """

    arguments: dict[str, Any]
    source: list[Labels] | None = None
    target: list[Labels] | None = None
    summary: str = ""
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Request:
    """The input that the command line asks for.

    Attributes:
        texts: up to two: first a text or the path of an NPY file, then a second text.
        lines: each one text, or two separated by a tab; None if not given.
        generate: the number of tokens to generate.
    """

    texts: Sequence[str] = ()
    lines: Sequence[str] | None = None
    generate: int = 0


def given(model: Model, request: Request) -> Given:
    """Build the input of the model.

    Raises:
        InputError: the model reads something else, or has no tokenizer.
    """
    first, second = (*request.texts, None, None)[:2]
    if second is not None and of_suffix(second) is ARRAYS:
        raise InputError("features and token ids come first; the second argument must be a text", place=second)
    if first is not None and of_suffix(first) is ARRAYS:
        found = _of_array(model, first, _array(first))
        return _with_text(model, found, second, request)
    if model.network.main_input_name != IDS and (first is not None or request.lines is not None):
        hint = f"save its {model.network.main_input_name} with numpy.save and give the {ARRAYS.suffix} file"
        raise InputError("this model reads features, not text", hint=hint)
    pairs = [line.split("\t") for line in request.lines] if request.lines is not None else [request.texts or [DUMMY]]
    nothing = not request.texts and request.lines is None
    if nothing and (model.network.main_input_name != IDS or model.tokenizer is None):
        found = Given(stand_in(model), summary="a stand-in")
        return _with_target(model, found, None, 1)
    found = _of_texts(model, pairs, request.generate)
    return replace(found, notices=[Said("no text was given; using {text}", text=repr(DUMMY))]) if nothing else found


def read_lines(path: str) -> list[str]:
    """Read a batch of texts, one per line; empty lines are skipped.

    Raises:
        InputError: the file cannot be read, or holds no text.
    """
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise InputError("is closed", place=shown(path))
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        lines = [line for line in data.decode("utf-8-sig").replace("\r\n", "\n").split("\n") if line.strip()]
    except OSError as error:
        raise InputError(error.strerror or str(error), place=path) from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", place=shown(path)) from None
    if not lines or len(data) > MAX_BYTES:
        raise InputError("holds no text" if not lines else "is too long for a batch", place=shown(path))
    return lines


def _array(path: str) -> NDArray[Any]:
    contents = read(path)
    assert isinstance(contents, Matrix)  # the format holds nothing else
    return contents.array


def _of_array(model: Model, path: str, array: NDArray[Any]) -> Given:
    """Use an array as token ids, or as the features that the model reads."""
    import numpy as np
    import torch

    name = feature_name(model)
    if array.dtype.kind in "iu" and model.network.main_input_name == IDS:
        if array.ndim not in (1, 2):
            raise InputError(f"token ids must have 1 axis, or 2 with a batch, not {array.ndim}", place=path)
        ids = torch.from_numpy(np.atleast_2d(np.array(array, dtype=np.int64)))
        _check_ids(model, ids, path)
        labels = [tokens_of(model, item) for item in ids.tolist()]
        return Given({IDS: ids}, labels, summary=path)
    if name is None or array.dtype.kind != "f":
        wants = "token ids: whole numbers" if name is None else f"{name}: floating numbers"
        raise InputError(f"holds {array.dtype}, but this model reads {wants}", place=path)
    axes = FEATURES[name]
    if array.ndim < axes - 1:
        raise InputError(f"{name} must have {axes} axes ({axes - 1} without a batch), not {array.ndim}", place=path)
    with np.errstate(over="ignore"):
        batch = np.array(array[None] if array.ndim == axes - 1 else array, dtype=np.float32)
    return Given({name: torch.from_numpy(batch).to(model.network.dtype)}, summary=path)


def _with_text(model: Model, found: Given, text: str | None, request: Request) -> Given:
    """Add the text that goes with features: what a decoder has written so far, or a caption for a picture."""
    two_parts = model.config.is_encoder_decoder or getattr(model.config, "decoder", None) is not None
    if text is not None and (DECODER_IDS if two_parts else IDS) not in parameters(model) - found.arguments.keys():
        raise InputError(f"this model reads no text besides {found.summary}", hint="leave it out")
    if two_parts:
        return _with_target(model, found, None if text is None else [text], request.generate)
    if text is not None:
        added = _of_texts(model, [[text]], request.generate)
        return Given(added.arguments | found.arguments, added.source, summary=f"{found.summary}, {added.summary}")
    return found


def _of_texts(model: Model, pairs: Sequence[Sequence[str]], generate: int) -> Given:
    """Tokenize texts; several are padded to the same length."""
    tokenizer = _tokenizer(model)
    if not pairs or any(not 1 <= len(pair) <= 2 for pair in pairs) or len({len(pair) for pair in pairs}) > 1:
        raise InputError("either every line is one text, or every line is two separated by a tab")
    two_parts = model.config.is_encoder_decoder
    # New tokens follow the last real one only if the padding is on the left.
    tokenizer.padding_side = "left" if generate and not two_parts else "right"
    first = [pair[0] for pair in pairs]
    second = [pair[1] for pair in pairs] if len(pairs[0]) == 2 else None
    with quiet():
        made = tokenizer(first, None if two_parts else second, return_tensors="pt", padding=len(pairs) > 1)
    arguments = {name: tensor for name, tensor in made.items() if name in (IDS, "attention_mask", "token_type_ids")}
    _check_ids(model, arguments[IDS])
    labels = [tokens_of(model, item) for item in arguments[IDS].tolist()]
    summaries = [(" → " if two_parts else " / ").join(pair) for pair in pairs]
    summary = summaries[0] if len(pairs) == 1 else f"{len(pairs)} texts: " + " · ".join(summaries)
    found = Given(arguments, labels, summary=summary)
    if len(pairs) == 1:
        found.notices += _of_files(pairs[0])
    return _with_target(model, found, second, generate) if two_parts else found


def _of_files(texts: Sequence[str]) -> list[str]:
    """Report texts that are the names of files."""
    files = [text for text in texts if len(text) < LONGEST_PATH and "\0" not in text and Path(text).is_file()]
    return [Said("{text} is read as a text; --lines {text} reads the file", text=text) for text in files]


def _check_ids(model: Model, ids: Any, place: str = "") -> None:
    """Refuse ids without an embedding here, before the model fails on them somewhere inside."""
    if ids.numel() == 0:
        raise InputError("holds no tokens" if place else "the text has no tokens", place=place)
    check_length(model, ids.shape[-1], place)
    try:
        count = getattr(model.network.get_input_embeddings(), "num_embeddings", None)
    except NotImplementedError:  # a model of several parts has several embeddings
        return
    if count is not None and not 0 <= int(ids.min()) <= int(ids.max()) < count:
        message = f"token ids run from {int(ids.min())} to {int(ids.max())}, but the model has 0 to {count - 1}"
        raise InputError(message, place=place)


def check_length(model: Model, tokens: int, place: str = "") -> None:
    """Refuse more tokens than the model has positions for.

    Raises:
        InputError: there are more.
    """
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if isinstance(limit, int) and tokens > limit > 0:
        raise InputError(f"{tokens} tokens are too many; the model reads at most {limit}", place=place)


def _with_target(model: Model, found: Given, texts: Sequence[str] | None, generate: int) -> Given:
    """Add what the decoder reads: the target, shifted by one, or just the start token."""
    import torch

    if DECODER_IDS not in parameters(model):  # such as DETR, whose decoder reads no tokens
        return found
    start = _start_token(model)
    if texts is None:
        batch = next(iter(found.arguments.values())).shape[0]
        ids = torch.full((batch, 1), start)
        if not generate:
            found.notices.append(
                Said("the decoder reads only its start token; give the target as a second text, or --generate N")
            )
    else:
        ids, mask = _shifted(model, texts, start)
        found.arguments |= {} if mask.all() else {"decoder_attention_mask": mask}
    found.arguments[DECODER_IDS] = ids
    found.target = [tokens_of(model, item) for item in ids.tolist()]
    return found


def _start_token(model: Model) -> int:
    """Return the token that the decoder starts with.

    Raises:
        InputError: the model does not specify it.
    """
    config = model.network.generation_config if model.network.can_generate() else model.config
    places = [(config, "decoder_start_token_id"), (model.config, "decoder_start_token_id"), (config, "bos_token_id")]
    start = next((each for place, name in places if (each := getattr(place, name, None)) is not None), None)
    if start is None:
        raise InputError("the model does not specify the start token of its decoder")
    return int(start)


def _shifted(model: Model, texts: Sequence[str], start: int) -> tuple[Any, Any]:
    """Return what a decoder reads while it writes these texts, and a mask that is 0 at padding.

    It reads what it writes, shifted by one: the start token is added, the last token is dropped.
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
        InputError: the model has none.
    """
    if model.tokenizer is None:
        hint = f"give token ids (an {ARRAYS.suffix} file of whole numbers) instead of a text"
        raise InputError("the folder holds no readable tokenizer", hint=hint)
    if model.tokenizer.pad_token is None:  # any token will do, since the mask closes it
        known = model.tokenizer.eos_token or model.tokenizer.unk_token
        model.tokenizer.pad_token = known or model.tokenizer.convert_ids_to_tokens(0)
    return model.tokenizer
