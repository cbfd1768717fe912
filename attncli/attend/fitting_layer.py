"""Check that what a layer has around its attention fits the states, and find the sizes that it makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from attncli.attend.layer import LETTERS, Layer, Projection, axis_of_features
from attncli.attend.layouts import most_axes
from attncli.attend.norms import Norm
from attncli.attend.options import Options
from attncli.attend.shapes import Shape, Sizes, show
from attncli.errors import InputError
from attncli.text import listed

# The axes of what is projected, by layout.
_AXES = dict.fromkeys(("bhsd", "bshd"), "(length, features), or (batch, length, features)")
_AXES |= {"sbhd": "(length, features), or (length, batch, features)", "thd": "(tokens, features)"}


def projected_shapes(
    shapes: Mapping[str, Shape], layer: Layer, options: Options, called: Mapping[str, str]
) -> dict[str, Shape]:
    """Return the shapes of the states after their projection.

    Raises:
        InputError: a matrix does not fit; the hint names the option with which it would.
    """
    found = dict(shapes)
    for state, each in layer.projections.items():
        if state not in shapes:
            continue
        name, shape = called.get(state, state), shapes[state]
        if not 2 <= len(shape) <= most_axes(options.layout, packed=True):
            wanted = "what is projected has 2 or 3"
            wanted = "with --layout thd what is projected has 2" if options.layout == "thd" else wanted
            fact = f"{name} {show(shape)} has {len(shape)} axes; {wanted}"
            raise InputError(fact, hint=_AXES[options.layout], arrays=[name])
        axis = axis_of_features(options)
        features = _hinting(each, name, shape[axis], options)
        flag, heads = ("heads", options.heads) if state == "query" else ("kv-heads", options.kv_heads or options.heads)
        if state != "value" and features % (heads or 1):
            fact = f"{each.given[0]} makes {features} features, not divisible by --{flag} {heads}"
            raise InputError(fact, arrays=[each.given[0]])
        found[state] = (*shape[:axis], features, shape[-1]) if axis == -2 else (*shape[:-1], features)
    return found


def _hinting(each: Projection, called: str, features: int, options: Options) -> int:
    """Return the features that come out; where they do not fit, say with which ``--weights`` they would."""
    try:
        return each.features(called, features)
    except InputError as error:
        if each.weight is not None and each.weight.shape[1] == features != each.weight.shape[0]:
            other = "in-out" if options.weights == "out-in" else "out-in"
            error.hint = f"with --weights {other} they fit"
        raise


def value_heads(layer: Layer, shape: Shape, options: Options) -> int | None:
    """Return how many heads a projected value has where they are fewer than the key's; None: as many.

    Only the matrix after the attention tells: it takes so many features from each query head.
    """
    heads = options.heads or 1
    key_heads = options.kv_heads or heads
    if layer.out is None or layer.out.weight is None or "value" not in layer.projections:
        return None
    features = shape[axis_of_features(options)]
    each, rest = divmod(layer.out.weight.shape[0], heads)
    if rest or not each or features % each:
        return None
    found = features // each
    return found if found < key_heads and key_heads % found == 0 else None


def check_value(layer: Layer, shape: Shape, options: Options) -> None:
    """Check that a projected value can be cut into its heads.

    Raises:
        InputError: its features cannot be shared out evenly.
    """
    by, heads = layer.projections.get("value"), options.kv_heads or options.heads or 1
    if by is None:
        return
    features = shape[axis_of_features(options)]
    if features % heads:
        fact = f"{by.given[0]} makes {features} features, not divisible by the {heads} heads of key and value"
        raise InputError(fact, hint="--kv-heads says how many there are", arrays=[by.given[0]])


def check_norms(layer: Layer, states: Mapping[str, tuple[int, int]], options: Options) -> None:
    """Check that the weights of norms fit.

    Args:
        layer: what is given of a layer.
        states: the heads of each state, and the features of one.
        options: they say which norm.

    Raises:
        InputError: there are weights neither for one head, nor for each of them, nor for all of them together.
    """
    late = options.qk_norm is not None and Norm.of(options.qk_norm).after_rope
    for state, weights in layer.norms.items():
        if weights is None or state not in states:
            continue
        heads, features = states[state]
        if weights.shape not in ((features,), (heads, features), *([] if late else [(heads * features,)])):
            name = f"{LETTERS[state]}_norm"
            has = f"has {len(weights)} numbers" if weights.ndim == 1 else f"is {show(weights.shape)}"
            wanted = [f"{features} (one for each feature of a head)"]
            wanted += [f"{heads}×{features} (for each head its own)"] * (heads > 1)
            wanted += [f"{heads * features} (of all heads together)"] * (heads > 1 and not late)
            raise InputError(f"{name} {has}; it must have {listed(wanted, 'or')}", arrays=[name])


def out_features(layer: Layer, sizes: Sizes, options: Options, query: tuple[str, int]) -> int:
    """Return how many features a matrix after the attention makes of all heads; 0: there is none.

    Args:
        layer: what is given of a layer.
        sizes: those of the attention.
        options: how matrices lie.
        query: the user's name for what the query is made of, and its features.

    Raises:
        InputError: the matrix does not fit, or that of the gate.
    """
    width = sizes.heads * sizes.value_features
    made = sizes.heads if layer.gate is None else _hinting(layer.gate, *query, options)
    if layer.gate is not None and made not in (sizes.heads, width):
        wanted = f"{sizes.heads} (one for each head) or {width} (of all heads)"
        raise InputError(f"{layer.gate.given[0]} makes {made} numbers; it must make {wanted}", arrays=["w_g"])
    return 0 if layer.out is None else _hinting(layer.out, "the weighted sum", width, options)


def as_packed(options: Options) -> Options:
    """Return the options for states that are projected: their heads lie side by side, even if there is one."""
    return replace(options, heads=options.heads or 1)
