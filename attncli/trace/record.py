"""Turn a recorded attention into a problem that can be written to a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.errors import InputError
from attncli.files.contents import AnyLabels, Labels, Named
from attncli.memory import size
from attncli.said import Said
from attncli.text import a_few
from attncli.trace.capture import Call
from attncli.trace.masks import rules
from attncli.trace.passes import DECODER, ENCODER, Place
from attncli.trace.tensors import to_numpy
from attncli.trace.whole import MAX_EXCESS, NotWholeError, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.check.compare import Comparison

HEAD_AXIS = 1
MOST_EXTRA = 8
# Arguments of layers that are recorded, or do not affect the result.
KNOWN = {
    *("scaling", "softcap", "sliding_window", "window", "s_aux", "sinks", "position_bias", "dropout", "is_causal"),
    *("position_ids", "use_cache", "output_attentions", "output_router_logits", "encoder_hidden_states", "training"),
}


@dataclass(frozen=True)
class Tokens:
    """Labels for the positions of a model, one list per batch item; None if not known.

    Attributes:
        source: what the encoder reads.
        target: what the decoder reads, including generated tokens.
        prompt: the number of target tokens before generation.
        features: patches of a picture or frames of a sound.
    """

    source: Sequence[Labels] | None
    target: Sequence[Labels] | None
    prompt: int
    features: Sequence[Labels] | None = None

    def read(self, module: str, count: int) -> Sequence[Labels] | None:
        """Return what the part of the model with this layer reads, if that has ``count`` positions."""
        sees = any(part in module for part in ("vision", "visual", "image", "audio"))
        lists = self.features if self.source is None or sees else self.source
        if lists is not None and lists is self.features:
            # Tokens for the whole picture may come before the patches.
            extra = ("CLS", *(f"extra {at}" for at in range(1, MOST_EXTRA)))
            lists = [(*extra[: max(0, min(MOST_EXTRA, count - len(each)))], *each) for each in lists]
        return lists if lists and all(len(each) == count for each in lists) else None


@dataclass(frozen=True)
class Recorded:
    """One attention, recorded.

    Attributes:
        place: which attention it is.
        module: the path of its layer.
        named: the problem, with the model's own output as ``expected``.
        comparison: how our own output compares with the model's.
        reason: why its layer is not recorded whole, if that was asked for.
    """

    place: Place
    module: str
    named: Named
    comparison: Comparison
    reason: str = ""

    @property
    def warning(self) -> str:
        """A warning if the model's output is further off than rounding usually explains; otherwise empty."""
        c = self.comparison
        if c.agrees:
            return ""
        return Said(
            "{place}: the model's own output is off by {error}; rounding usually explains up to {tolerance}; attn "
            "check shows more",
            place=self.place.name,
            error=f"{c.error:.1e}",
            tolerance=f"{c.tolerance:.1e}",
        )


def record(
    call: Call,
    place: Place,
    tokens: Tokens,
    heads: Sequence[range] | None,
    texts: dict[str, str],
    *,
    layer: bool = False,
) -> Recorded:
    """Turn a call into a problem, and check that our own output for it agrees with the model's.

    Args:
        call: the call, with its tensors.
        place: which attention it is.
        tokens: labels for the positions.
        heads: query heads to keep; None means all.
        texts: ``title`` and ``source``.
        layer: whether to record its whole layer, if that can be computed.

    Raises:
        InputError: the model does something that was not recorded.
    """
    arrays, options = _attention(call, place)
    labels = _labels(call.module, place, tokens, arrays["query"].shape, arrays["key"].shape[-2])
    reason = ""
    if layer:
        try:
            found = whole(call, arrays, options)
        except NotWholeError as error:
            reason = error.reason
        else:
            named = Named(_without_batch(found.arrays, len(arrays["query"])), labels, texts, found.options)
            return Recorded(place, call.module, named, found.comparison)
    kept = _without_batch(arrays if heads is None else of_heads(arrays, heads), len(arrays["query"]))
    compared = _compared(kept, options, place, call.arguments)
    return Recorded(place, call.module, Named(kept, labels, texts, options), compared, reason)


def of_layers(recorded: Sequence[Recorded]) -> list[str]:
    """Return notices: what the weights of whole layers take, and which layers are not recorded whole, and why."""
    weights = {
        (each.module, name): array.nbytes
        for each in recorded
        for name, array in each.named.arrays.items()
        if name.startswith(("w_", "b_"))
    }
    layers = len({module for module, _ in weights})
    taken = size(sum(weights.values()))
    one = Said("the weights of 1 layer take {size}", size=taken)
    several = Said("the weights of {count} layers take {size}", count=layers, size=taken)
    notices: list[str] = [one if layers == 1 else several] if weights else []
    reasons: dict[str, list[str]] = {}
    for each in recorded:
        if each.reason:
            reasons.setdefault(each.reason, []).append(each.place.name)
    notices += [
        Said("{names}: recorded from query, key and value on, not whole: {reason}", names=a_few(names), reason=reason)
        for reason, names in reasons.items()
    ]
    return notices


def _attention(call: Call, place: Place) -> tuple[dict[str, NDArray[Any]], dict[str, object]]:
    """Return what arrives at an attention and what comes out of it, and the options that give the one of the other."""
    arrays = {name: to_numpy(tensor) for name, tensor in call.tensors.items()}
    arrays["expected"] = arrays.pop("output").swapaxes(1, 2)  # the model has (batch, L, heads, Ev)
    options = _options(call.arguments)
    queries, keys = arrays["query"].shape[-2], arrays["key"].shape[-2]
    found = rules(
        arrays.pop("mask", None),
        (queries, keys),
        causal=place.stack == DECODER,
        first=keys - queries if place.stack == DECODER else 0,
        window=_window(call.arguments),
    )
    options |= found.options
    arrays |= {} if found.mask is None else {"mask": found.mask}
    arrays |= _sinks_and_bias(call.arguments)
    return arrays, options


def _options(arguments: dict[str, Any]) -> dict[str, object]:
    """Return scale and softcap; without a scale, eager functions use 1/√d."""
    scaling = arguments.get("scaling")
    scale = "sqrt" if scaling is None else float(scaling)
    options: dict[str, object] = {} if scale == 1 else {"scale": scale}
    return options | ({"softcap": float(arguments["softcap"])} if arguments.get("softcap") else {})


def _window(arguments: dict[str, Any]) -> int | None:
    found = arguments.get("sliding_window", arguments.get("window"))
    return found if isinstance(found, int) and found > 0 else None


def _sinks_and_bias(arguments: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return sinks and bias, if the layer has them; not a bias of zeros."""
    found = {}
    sinks = arguments.get("s_aux", arguments.get("sinks"))
    if sinks is not None:
        found["sinks"] = to_numpy(sinks).ravel()
    bias = arguments.get("position_bias")
    if bias is not None and bool((bias != 0).any()):
        found["bias"] = to_numpy(bias)
    return found


def of_heads(arrays: dict[str, NDArray[Any]], ranges: Sequence[range]) -> dict[str, NDArray[Any]]:
    """Return these query heads, with the key heads that serve them.

    Raises:
        InputError: there is no such head.
    """
    count = arrays["query"].shape[HEAD_AXIS]
    for each in ranges:
        if each.stop > count:
            raise InputError(f"--head {each.stop - 1}: the heads are 0 to {count - 1}")
    heads = list(dict.fromkeys(head for each in ranges for head in each))
    found = {}
    for name, array in arrays.items():
        if name == "sinks":
            found[name] = array[heads]
            continue
        has = array.shape[HEAD_AXIS]
        found[name] = array if has == 1 < count else array[:, _serving(heads, count, has)]
    return found


def _serving(heads: Sequence[int], count: int, has: int) -> list[int]:
    """Return the key heads for these query heads: each once if they share evenly, otherwise one per query head."""
    serving = [head * has // count for head in heads]
    once = list(dict.fromkeys(serving))
    group = len(serving) // len(once)
    return once if serving == [head for head in once for _ in range(group)] else serving


def _without_batch(arrays: Mapping[str, NDArray[Any]], batch: int) -> dict[str, NDArray[Any]]:
    """Drop the batch axis if there is only one item; only three of a table's axes say that it has a row a state."""
    if batch > 1:
        return dict(arrays)
    return {
        name: array[0] if array.ndim > 2 and name not in ("cos", "sin") else array for name, array in arrays.items()
    }


def _labels(module: str, place: Place, tokens: Tokens, shape: Sequence[int], keys: int) -> dict[str, AnyLabels]:
    """Return the labels of queries and keys, if all of them are known."""
    batch, _, queries, _ = shape
    end = tokens.prompt + (place.step or 0)
    written = None if tokens.target is None else [each[:end] for each in tokens.target]
    found = {
        "query_labels": tokens.read(module, queries) if place.stack == ENCODER else _last(written, queries),
        "key_labels": _last(written, keys) if place.stack == DECODER else tokens.read(module, keys),
    }
    known = {name: lists for name, lists in found.items() if lists is not None and len(lists) == batch}
    return {name: lists[0] if batch == 1 else tuple(lists) for name, lists in known.items()}


def _last(lists: Sequence[Labels] | None, count: int) -> Sequence[Labels] | None:
    """Return the last labels: a step of generation has one query, and a windowed cache has only the last keys."""
    if lists is None or any(len(each) < count for each in lists):
        return None
    return [each[len(each) - count :] for each in lists]


def _compared(
    arrays: dict[str, NDArray[Any]], options: dict[str, object], place: Place, arguments: dict[str, Any]
) -> Comparison:
    from attncli.check.diagnosis import Wanted, check

    inputs = {name: array for name, array in arrays.items() if name != "expected"}
    finding = check(prepare(inputs, Options.parse(options)), arrays["expected"], Wanted(diagnose=False))
    if finding.comparison.excess.max() > MAX_EXCESS:
        unknown = ", ".join(sorted(set(arguments) - KNOWN))
        message = f"{place.name}: the recorded input does not give the model's own output"
        reason = f" (differs by {finding.comparison.error:.2g}; the layer was also given {unknown or 'nothing else'})"
        raise InputError(message + reason, hint="leave it out with --layer and --pass")
    return finding.comparison
