"""Run a model twice: once to see what attentions there are, once to keep those that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from attncli.errors import InputError
from attncli.problem.memory import available_memory
from attncli.text import a_few
from attncli.trace.capture import Call, Listener
from attncli.trace.features import positions
from attncli.trace.inputs import Given
from attncli.trace.model import NOT_HEARD, Model
from attncli.trace.passes import Choice, Place, chosen, places
from attncli.trace.record import Recorded, Tokens, record
from attncli.trace.tokens import tokens_of
from attncli.trace.transformers_setup import first_line, quiet, transformers

# What is recorded is held by PyTorch and by NumPy, and computed anew to see that it is right.
COPIES = 3
# All that counts of what a folder says of generation.
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id")


@dataclass(frozen=True)
class Heard:
    """What one run of a model was heard to do.

    Attributes:
        calls: all attentions, in their order.
        places: which each of them is.
        tokens: what its positions stand for.
        wrote: what it generated, of a batch for each item.
        notices: what people should know.
    """

    calls: Sequence[Call]
    places: Sequence[Place]
    tokens: Tokens
    wrote: Sequence[str]
    notices: Sequence[str]

    def chosen(self, choice: Choice) -> list[tuple[Call, Place]]:
        """Return what is asked for.

        Raises:
            InputError: there is nothing of the kind.
        """
        return [(self.calls[index], self.places[index]) for index in chosen(self.places, choice)]


def hear(model: Model, given: Given, generate: int, choice: Choice) -> Heard:
    """Run a model and see what attentions it performs, without keeping anything of them.

    Raises:
        InputError: the model cannot run on this, or performs attention that cannot be heard.
    """
    listener = Listener(model)
    sequences = _run(model, given, generate, listener)
    _check_heard(listener, choice)
    two_parts = model.config.is_encoder_decoder or any(call.cross for call in listener.calls)
    found = places(listener.calls, two_parts=two_parts, generates=generate > 0)
    tokens = _tokens(model, given, sequences)
    # What the last of the tokens would be followed by has been written, and was not read.
    wrote = ["".join(each[tokens.prompt : -1]) for each in tokens.target or ()] if generate else []
    notices = [f"the model wrote {text!r}" for text in wrote]
    notices += [f"not recorded, since it cannot be: {name}" for name in listener.bypassing]
    return Heard(listener.calls, found, tokens, wrote, notices)


def keep(
    model: Model, given: Given, generate: int, heard: Heard, choice: Choice, heads: Sequence[range] | None
) -> Iterator[Recorded]:
    """Run the model again and record what is asked for; the same calls come in the same order.

    Raises:
        InputError: nothing is asked for that there is, it is more than fits, or it is not what the model computes.
    """
    wanted = [call.index for call, _ in heard.chosen(choice)]
    size = COPIES * sum(heard.calls[index].size for index in wanted)
    if size > available_memory():
        message = f"{len(wanted)} attentions take {size / 1e9:.1f} GB, more than the memory that is free"
        raise InputError(message, hint="choose some with --layer, --head and --pass")
    listener = Listener(model, set(wanted).__contains__)
    _run(model, given, generate, listener)
    described = f"recorded by attn trace from {model.described}, transformers {transformers().__version__}"
    which = "" if heads is None else f", head {', '.join(map(_range, heads))}"
    said = given.said + "".join(f" ⇒ {text}" for text in heard.wrote)
    for index in wanted:
        call, place = listener.calls[index], heard.places[index]
        texts = {
            "title": _cut(f"{model.name}, {place.name}{which}: {said}", 200),
            "source": _cut(f"{described}; {call.module}{which}, counted from 0; input: {said}", 2000),
        }
        yield record(call, place, heard.tokens, heads, texts)
        listener.calls[call.index] = replace(call, tensors={})  # no longer held once it is written


def _range(heads: range) -> str:
    return f"{heads.start}–{heads.stop - 1}" if len(heads) > 1 else str(heads.start)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _run(model: Model, given: Given, generate: int, listener: Listener) -> Any:
    """Run the model once; return the tokens it went through, where it generated some."""
    import torch

    torch.manual_seed(0)  # what a model draws by chance is to be the same in both runs
    with quiet(), torch.no_grad(), listener.listening(), _said():
        if not generate:
            model.network(**given.arguments)
            return None
        if not model.network.can_generate() or model.headless:
            raise InputError("this model does not generate", hint="leave out --generate")
        # The plain loop, not the family's own: that of Whisper, for one, cuts and repeats as it likes. And nothing of
        # what the folder says of generation but its tokens: a cache of another kind, or a draft model, counts passes.
        package = transformers()
        told = model.network.generation_config
        kept = {name: getattr(told, name, None) for name in SPECIAL}
        model.network.generation_config = package.GenerationConfig(**kept)
        sequences = package.GenerationMixin.generate(
            model.network,
            **given.arguments,
            max_new_tokens=generate + 1,  # the last one is written, and has not been read yet
            min_new_tokens=generate + 1,
            do_sample=False,
            num_beams=1,
            use_cache=True,
        )
        if listener.forward != generate + 1:
            raise InputError(f"this model took {listener.forward} passes to write {generate + 1} tokens")
        return sequences


@contextmanager
def _said() -> Iterator[None]:
    """Turn whatever a model raises on what it is given into one line."""
    try:
        yield
    except (InputError, MemoryError, KeyboardInterrupt):
        raise
    # The model is somebody else's program; what it raises has no common type.
    except Exception as error:
        raise InputError(f"the model cannot run on this: {first_line(error)}") from None


def _check_heard(listener: Listener, choice: Choice) -> None:
    bypassing = a_few(listener.bypassing)
    if not listener.calls:
        what = f": {bypassing}" if bypassing else ""
        raise InputError(f"this model has no attention that can be recorded{what}", hint=NOT_HEARD)
    if bypassing and choice.everything:
        hint = "--layer or --pass records the rest all the same"
        raise InputError(f"not all attention of this model can be recorded: {bypassing} cannot", hint=hint)


def _tokens(model: Model, given: Given, sequences: Any) -> Tokens:
    """Return what the positions stand for, with what was generated."""
    two_parts = given.target is not None
    target = given.target if two_parts else given.source
    prompt = len(target[0]) if target else 0
    if sequences is not None and target:
        target = [tokens_of(model, ids) for ids in sequences.tolist()]
    return Tokens(given.source, target, prompt, positions(model, given.arguments))
