"""Run a model twice: once to find its attentions, once to record the chosen ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from attncli.errors import InputError
from attncli.memory import available_memory
from attncli.said import Said
from attncli.text import a_few
from attncli.trace.around import Around
from attncli.trace.capture import Call, Listener
from attncli.trace.features import IDS, positions
from attncli.trace.inputs import DECODER_IDS, Given, check_length
from attncli.trace.model import FAMILIES_HINT, Model
from attncli.trace.passes import Choice, Place, chosen, places
from attncli.trace.record import Recorded, Tokens, record
from attncli.trace.tokens import tokens_of
from attncli.trace.transformers_setup import first_line, quiet, transformers

# A recording is held by PyTorch and by NumPy, and once more by the computation that checks it; of a whole layer there
# are the states that it is made of besides.
COPIES = 3
# The only generation settings of a folder that are used.
SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id")


@dataclass(frozen=True)
class Heard:
    """What one run of a model did.

    Attributes:
        calls: all attentions, in order.
        places: the place of each of them.
        tokens: labels for the positions.
        generated: the generated text, one per batch item.
        notices: messages about the run.
    """

    calls: Sequence[Call]
    places: Sequence[Place]
    tokens: Tokens
    generated: Sequence[str]
    notices: Sequence[str]

    def chosen(self, choice: Choice) -> list[tuple[Call, Place]]:
        """Return the chosen attentions.

        Raises:
            InputError: there are none.
        """
        return [(self.calls[index], self.places[index]) for index in chosen(self.places, choice)]


def hear(model: Model, given: Given, generate: int, choice: Choice) -> Heard:
    """Run a model and find out which attentions it performs, without recording them.

    Raises:
        InputError: the model cannot run on this input, or performs attention that cannot be recorded.
    """
    listener = Listener(model)
    sequences = _run(model, given, generate, listener)
    _check_heard(listener, choice)
    two_parts = model.config.is_encoder_decoder or any(call.cross for call in listener.calls)
    found = places(listener.calls, two_parts=two_parts, generates=generate > 0)
    tokens = _tokens(model, given, sequences)
    # The last token was generated but never read, so it is not in any query.
    generated = ["".join(each[tokens.prompt : -1]) for each in tokens.target or ()] if generate else []
    notices = [Said("the model wrote {text}", text=repr(text)) for text in generated]
    notices += [Said("cannot be recorded: {name}", name=name) for name in listener.bypassing]
    return Heard(listener.calls, found, tokens, generated, notices)


def keep(
    model: Model,
    given: Given,
    generate: int,
    heard: Heard,
    choice: Choice,
    heads: Sequence[range] | None,
    *,
    whole: bool = False,
) -> Iterator[Recorded]:
    """Run the model again and record the chosen attentions; the same calls come in the same order.

    Args:
        model: the model.
        given: its input.
        generate: how many tokens it writes.
        heard: the first run.
        choice: which attentions.
        heads: which query heads; None means all.
        whole: whether to record the layers around them too.

    Raises:
        InputError: nothing is chosen, it does not fit into memory, or it differs from what the model computes.
    """
    wanted = [call.index for call, _ in heard.chosen(choice)]
    around = Around(model.network, {heard.calls[index].module for index in wanted}) if whole else None
    size = (COPIES + whole) * (sum(heard.calls[index].size for index in wanted) + (around.size if around else 0))
    if size > available_memory():
        message = f"{len(wanted)} attentions take {size / 1e9:.1f} GB, more than the available memory"
        raise InputError(message, hint="choose some with --layer, --head and --pass")
    listener = Listener(model, set(wanted).__contains__, around)
    _run(model, given, generate, listener)
    description = f"recorded by attn trace from {model.description}, transformers {transformers().__version__}"
    which = "" if heads is None else f", head {', '.join(map(_range, heads))}"
    summary = given.summary + "".join(f" ⇒ {text}" for text in heard.generated)
    for index in wanted:
        call, place = listener.calls[index], heard.places[index]
        texts = {
            "title": _cut(f"{model.name}, {place.name}{which}: {summary}", 200),
            "source": _cut(f"{description}; {call.module}{which}, counted from 0; input: {summary}", 2000),
        }
        yield record(call, place, heard.tokens, heads, texts, layer=whole)
        listener.calls[call.index] = replace(call, tensors={}, around=None)  # free it once it is written


def _range(heads: range) -> str:
    return f"{heads.start}–{heads.stop - 1}" if len(heads) > 1 else str(heads.start)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _run(model: Model, given: Given, generate: int, listener: Listener) -> Any:
    """Run the model once; return all tokens if it generated any."""
    import torch

    torch.manual_seed(0)  # so that any random numbers are the same in both runs
    with quiet(), torch.no_grad(), listener.listening(), _one_line_errors():
        if not generate:
            model.network(**given.arguments)
            return None
        if not model.network.can_generate() or model.headless:
            raise InputError("this model does not generate text", hint="leave out --generate")
        read = given.arguments.get(DECODER_IDS, given.arguments.get(IDS))
        check_length(model, generate + (0 if read is None else read.shape[-1]))
        # The generic loop, not that of the family: Whisper's, for one, splits and repeats passes. And only the special
        # tokens from the generation config: another kind of cache, or a draft model, would change the passes.
        package = transformers()
        settings = model.network.generation_config
        kept = {name: getattr(settings, name, None) for name in SPECIAL}
        model.network.generation_config = package.GenerationConfig(**kept)
        sequences = package.GenerationMixin.generate(
            model.network,
            **given.arguments,
            max_new_tokens=generate + 1,  # the last one is generated but never read
            min_new_tokens=generate + 1,
            do_sample=False,
            num_beams=1,
            use_cache=True,
        )
        if listener.forward != generate + 1:
            raise InputError(f"this model took {listener.forward} passes to write {generate + 1} tokens")
        return sequences


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn any error that the model raises into one line."""
    try:
        yield
    except (InputError, MemoryError, KeyboardInterrupt):
        raise
    # The model is third-party code, which may raise any type of error.
    except Exception as error:
        raise InputError(f"the model cannot run on this input: {first_line(error)}") from None


def _check_heard(listener: Listener, choice: Choice) -> None:
    bypassing = a_few(listener.bypassing)
    if not listener.calls:
        what = f": {bypassing}" if bypassing else ""
        raise InputError(f"this model has no attention that can be recorded{what}", hint=FAMILIES_HINT)
    if bypassing and choice.everything:
        hint = "choose the rest with --layer or --pass"
        raise InputError(f"not all attention of this model can be recorded: {bypassing} cannot", hint=hint)


def _tokens(model: Model, given: Given, sequences: Any) -> Tokens:
    """Return labels for the positions, including generated tokens."""
    two_parts = given.target is not None
    target = given.target if two_parts else given.source
    prompt = len(target[0]) if target else 0
    if sequences is not None and target:
        target = [tokens_of(model, ids) for ids in sequences.tolist()]
    return Tokens(given.source, target, prompt, positions(model, given.arguments))
