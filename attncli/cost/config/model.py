"""A whole configuration: which part of it has the attention, whether it is causal, how long its texts are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attncli.cost.band import Rule
from attncli.cost.config.attention import HIDDEN, KEY_HEADS, LAYERS, heads_of, layers_of
from attncli.cost.config.fields import Fields
from attncli.cost.layers import Attention, Group
from attncli.cost.sizes import DTYPES
from attncli.errors import InputError
from attncli.files.formats import CONFIGURATION, FORMATS, of_suffix
from attncli.files.json import decode
from attncli.files.open import naming
from attncli.said import Said
from attncli.text import listed

MOST_BYTES = 1 << 24
# The part of a configuration of several models that writes text, and a part of that.
TEXT = ("text_config", "llm_config", "language_config", "thinker_config", "text_model_config")
OTHER = ("vision", "audio", "speech", "image", "video", "vit", "talker", "encoder_config", "projector")
LENGTHS = ("max_position_embeddings", "n_positions", "max_target_positions", "n_ctx", "seq_length", "max_seq_len")
SOURCES = ("max_source_positions", *LENGTHS)
LENGTH = 4096
# By these a file is known to be a configuration.
MARKS = ("model_type", "architectures", *TEXT, *HIDDEN)
# Names of classes of models that write one token after the other, and fields that only encoders have.
WRITES = ("ForCausalLM", "LMHead", "ForConditionalGeneration", "DoubleHeads", "Decoder")
READS = ("MaskedLM", "ForPreTraining", "EncoderModel", "ForImageClassification")
OF_ENCODERS = ("type_vocab_size", "patch_size", "position_biased_input")


@dataclass(frozen=True)
class Model:
    """What a configuration says.

    Attributes:
        groups: its layers.
        length: the longest text that it is made for; None: it does not say.
        source: the same of its encoder; None: there is none, or it does not say.
        has_source: whether the decoder looks at something that is not its own text.
        causal: whether tokens see only those before.
        dtype: of its weights; empty: it does not say.
        notices: what was not understood, and what was left out.
    """

    groups: Sequence[Group]
    length: int | None
    source: int | None
    has_source: bool
    causal: bool
    dtype: str
    notices: tuple[str, ...]


def is_configuration(data: object) -> bool:
    """Tell whether what stands in a file is a configuration."""
    return isinstance(data, dict) and any(mark in data for mark in MARKS) and "query" not in data


def begins(head: bytes) -> bool:
    """Tell whether a text that begins so is likely to be a configuration."""
    return head.lstrip().startswith(b"{") and any(f'"{mark}"'.encode() in head for mark in MARKS)


def parsed(text: bytes) -> Mapping[str, Any] | None:
    """Return the configuration that a text is; None if it is none."""
    if not begins(text):
        return None
    try:
        data = decode(text.decode("utf-8-sig"))
    except (UnicodeDecodeError, InputError):
        return None
    return data if is_configuration(data) else None


def read(path: str) -> Mapping[str, Any] | None:
    """Return the configuration in a file, or in the folder of a model; None if the file is none.

    Raises:
        InputError: the folder has no configuration, or what it has is not JSON.
    """
    file, is_folder = Path(path), Path(path).is_dir()
    if is_folder:
        file = file / CONFIGURATION
    elif of_suffix(file.name) is not FORMATS["json"] or not file.is_file():
        return None
    with naming(str(file)):
        if file.stat().st_size > MOST_BYTES:
            return None
        text = file.read_bytes()
        found = parsed(text)
        if is_folder and found is None:
            json.loads(text)
            raise InputError("is no configuration of a model")
        return found


def model(data: Mapping[str, Any], causal: bool | None = None) -> Model:
    """Read a configuration.

    Args:
        data: as the file has it.
        causal: whether tokens see only those before; None: as the configuration says.

    Raises:
        InputError: a field is missing, or says what is not understood.
    """
    whole = data
    data, left_out = _text_part(data)
    halves = [whole.get(name) for name in ("encoder", "decoder")]
    if all(isinstance(each, dict) for each in halves):
        return _of_two(whole, Fields(halves[0] or {}), Fields(halves[1] or {}), left_out)
    fields = Fields(data)
    writes = _is_causal(whole, fields) if causal is None else causal
    if fields.flag("is_encoder_decoder"):
        return _of_two(whole, Fields(_half(data, "encoder")), Fields(_half(data, "decoder")), left_out)
    groups = layers_of(fields, causal=writes)
    source = any(each.side == "cross" for each in groups)
    return _made(whole, groups, [fields], left_out, length=fields.whole(*LENGTHS), has_source=source, causal=writes)


def _text_part(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the part that writes text, and the names of the others."""
    left_out: list[str] = []
    while (name := next((each for each in TEXT if isinstance(data.get(each), dict)), None)) is not None:
        left_out += [each for each, value in data.items() if isinstance(value, dict) and each.startswith(OTHER)]
        outer = {each: data[each] for each in ("torch_dtype", "dtype") if each in data}
        data = {**outer, **data[name]}
    return data, tuple(left_out)


def _half(data: Mapping[str, Any], side: str) -> dict[str, Any]:
    """Return the fields of one side, under the names that they have where there is only one."""
    other = "decoder" if side == "encoder" else "encoder"
    found = {name: value for name, value in data.items() if not name.startswith((f"{other}_", f"num_{other}_"))}
    own = {
        "num_hidden_layers": (f"{side}_layers", f"num_{side}_layers"),
        "num_attention_heads": (f"{side}_attention_heads",),
    }
    for name, names in own.items():
        value = next((found.pop(each) for each in names if found.get(each) is not None), None)
        found |= {} if value is None else {name: value}
    # Of BART and its like, num_hidden_layers is that of the encoder, whichever side is meant.
    return {name: value for name, value in found.items() if not name.startswith((f"{side}_ffn", f"{side}_layerdrop"))}


def _of_two(whole: Mapping[str, Any], encoder: Fields, decoder: Fields, left_out: tuple[str, ...]) -> Model:
    """Return a model of an encoder and a decoder that looks at what it makes."""
    read = [replace(each, side="encoder", cached=False) for each in layers_of(encoder, causal=False)]
    written = layers_of(decoder, causal=True)
    hidden, count = decoder.needed(*HIDDEN), decoder.needed(*LAYERS)
    source = encoder.needed(*HIDDEN)
    plain: Attention = heads_of(decoder, hidden)
    cross = Group(count, "cross", replace(plain, rule=Rule(), source=source), side="cross")
    for each in (encoder, decoder):
        each.get(*KEY_HEADS, "is_decoder", "add_cross_attention", "cross_attention_hidden_size")
    found = encoder.whole(*SOURCES), decoder.whole("max_target_positions", *LENGTHS)
    made = _made(
        whole, [*read, *written, cross], [encoder, decoder], left_out, length=found[1], has_source=True, causal=True
    )
    return replace(made, source=found[0])


def _made(
    whole: Mapping[str, Any], groups: list[Group], parts: Sequence[Fields], left_out: tuple[str, ...], **more: Any
) -> Model:
    dtype = next((value for each in (*(part.data for part in parts), whole) for value in (_dtype(each),) if value), "")
    unknown = dict.fromkeys(text for part in parts for text in _not_understood(part))
    notices = [Said("{text} is not understood, and may change what attention costs", text=text) for text in unknown]
    if len(left_out) == 1:
        notices.append(Said("{name} is not counted, only what writes text", name=left_out[0]))
    elif left_out:
        notices.append(Said("{names} are not counted, only what writes text", names=listed(left_out)))
    return Model(groups, source=None, dtype=dtype, notices=tuple(notices), **more)


def _not_understood(fields: Fields) -> list[str]:
    fields.get("is_decoder", "is_encoder_decoder", *SOURCES, "torch_dtype", "dtype")
    return list(fields.not_understood())


def _dtype(data: Mapping[str, Any]) -> str:
    """Return the type of numbers that a configuration says."""
    found = str(data.get("dtype", data.get("torch_dtype", ""))).removeprefix("torch.")
    return found if found in DTYPES else ""


def _is_causal(whole: Mapping[str, Any], fields: Fields) -> bool:
    """Tell whether tokens see only those before, by the fields and the names of classes."""
    if fields.flag("is_decoder"):
        return True
    both_ways = fields.get("use_bidirectional_attention")
    if both_ways is True or both_ways == "all":
        return False
    names = " ".join(map(str, whole.get("architectures") or fields.data.get("architectures") or []))
    if any(each in names for each in WRITES):
        return True
    encodes = any(name in fields.data for name in OF_ENCODERS) or any(each in names for each in READS)
    fields.get(*OF_ENCODERS)
    return not encodes
