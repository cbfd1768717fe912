"""The public functions: what ``import attncli`` offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import numpy as np

from attncli.attend.backpropagation import Backpropagation
from attncli.attend.computations import AttentionSteps
from attncli.attend.given import numbers
from attncli.attend.keywords import Keywords, split, told
from attncli.attend.layouts import Name as Layout
from attncli.attend.merging import merged
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.single import score, softmax, weighted_sum
from attncli.attend.steps import STEPS, Steps

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Steps", "attention", "gradients", "merge", "score", "softmax", "steps", "weighted_sum"]


def steps(
    query: ArrayLike | None = None,
    key: ArrayLike | None = None,
    value: ArrayLike | None = None,
    **keywords: Unpack[Keywords],
) -> Steps:
    """Run project → norm → rotate → score → softmax → weighted sum → out and keep the result of every step.

    Args:
        query: (…, L, E), 1 to 4 axes: 3 are (heads, L, E), 4 are (batch, heads, L, E). 1-D in, 1-D out.
        key: (…, S, E); its heads divide the query's, each serving a block of consecutive query heads. Without a value
            it is ``hidden``: ``steps(query, hidden)``.
        value: (…, S, Ev), as many heads as the key.
        **keywords: arrays by name; an array is anything that NumPy takes, or a tensor of PyTorch, of any type.
            ``hidden`` is used as both key and value.
            ``mask`` broadcasts from the right to (batch, heads, L, S): boolean, true = may attend, or numbers, added to
            the scores after softcap; if it is shorter than the keys, the rest are closed. Integers that are all 0 or 1
            are boolean (also if all are 0, which closes everything), with a warning; floating ones are added, with a
            warning. ``bias``: numbers, likewise, always added.
            ``past_key`` and ``past_value`` are put before key and value, as from a cache.
            ``positions``, ``key_positions``: (L) or (batch, L), (S) or (batch, S) without past keys: where queries and
            keys stand for ``rope`` and ``alibi``; with ``rope_sections`` (3, L) or (3, batch, L). Keys without any
            stand where the queries do, if there are as many, or else at past + 0, 1, …; rules go by order all the same.
            ``cos``, ``sin``: (positions, D/2) or (batch, L, D/2): tables in place of ``rope_theta``.
            ``key_lengths``: (batch,) the number of keys of each batch item.
            ``block_table``: (batch, blocks) which pages hold the keys of each batch item; key and value are then pools
            (pages, page size, key heads, features) in any layout. Only pages up to ``key_lengths`` are looked at
            (default: all).
            ``segments``: (S) or (batch, S) the document of each key, any whole numbers: queries see only keys of their
            own. ``query_segments``: (L) or (batch, L) those of the queries (default: that of the key at the position of
            the query). ``cu_seqlens`` says instead where documents begin: numbers that rise from 0 to S.
            ``blocks``: (S) or (batch, S), tokens with the same id ≥ 0 see each other whatever ``causal`` says; −1 is
            none. ``indices``: up to (batch, heads, L, k), only these keys are open; −1 is none.
            ``sinks``: (heads,) the logit of one extra key per head, whose value is zero.
            ``query_scale``: up to (batch, heads, L), a factor for each query beside ``scale``.
            ``w_q``, ``w_k``, ``w_v``, ``w_o`` (in, out) and ``b_q``, ``b_k``, ``b_v``, ``b_o`` (out): the matrices and
            biases of a layer, x·W + b; states are then (L, in) or (batch, L, in), and ``hidden`` alone is the query
            too. ``w_qkv``, ``b_qkv``: the first three in one. ``q_norm``, ``k_norm``, ``v_norm``: weights of
            ``qk_norm``, (E), (heads, E) for each head its own, or (heads·E) for all heads normalised together; values
            are normalised only with ``v_norm``.
            ``gate`` (…, L, heads·Ev) or (…, L, heads), or ``w_g``, ``b_g`` that make it of the query's x: the weighted
            sum is multiplied by σ(gate).
            ``w_a`` (E, Ek) of the score ``"general"``; ``w_a`` (E, A), ``u_a`` (Ek, A), ``v_a`` (A) of
            ``"additive"``: learned parameters; a missing one is the identity (``v_a``: ones).

            And options.
            ``score``: ``"dot"`` (default), ``"cosine"``, ``"general"`` q·W_a·k or ``"additive"``
            v_a·tanh(q·W_a + k·U_a).
            ``scale``: ``"none"`` (default), ``"sqrt"`` (1/√E), a number or a fraction, ``"1/8"``.
            ``states``: ``"rows"`` (default) or ``"columns"``.
            ``layout``: the order of the axes of all states and the gate: ``"bhsd"`` (batch, heads, length, features;
            default), ``"bshd"`` (batch, length, heads, features), ``"sbhd"`` (length, batch, heads, features) or
            ``"thd"`` (tokens, heads, features). The output lies likewise; other results and arrays do not change.
            ``heads``, ``kv_heads``: split a packed last axis, (L, heads·E) or (batch, L, heads·E), into contiguous
            blocks; the output is packed too (default: not packed; ``kv_heads`` as ``heads``).
            ``weights``: ``"in-out"`` (default) or ``"out-in"``, as nn.Linear of PyTorch has its matrices.
            ``qkv``: ``"blocks"`` (default), ``w_qkv`` is [q|k|v], or ``"heads"``, [its queries|k|v] for each key head.
            ``qk_norm``: normalise queries and keys before they are rotated, ``"rms"``, ``"l2"`` or ``"layer"``, behind
            it ``,after-rope`` or ``,plus-one`` (1 + the weights); ``norm_eps`` is ε (default 1e-6).
            ``causal``: a query at position p sees keys ≤ p (default: all).
            ``offset``: position of the first query, ``"end"`` for keys − queries (default: the length of ``past_key``,
            or ``key_lengths`` − queries, or 0).
            ``window``: LEFT or (LEFT, RIGHT): a query at p sees keys p − LEFT … p + RIGHT; −1, or no RIGHT, is no
            bound. Positions and windows go up to 2^53 − 1, and with ``rope`` up to 2^32.
            ``prefix``: N, keys before N are open to all under ``causal`` (default: none).
            ``chunk``: N, queries see keys of their own N positions only, counted anew in each document (default: all).
            ``softcap``: X in X·tanh(score/X). ``alibi``: add −slope·|p − j|.
            ``rope``: ``"half"`` or ``"interleaved"``: rotate query and key (not past keys) by their positions, with
            base ``rope_theta`` (default 10000); ``rope_dim``: only the first N features, or ``(N, "last")``;
            ``rope_scaling``: how the frequencies are scaled, the object of a config.json (``{"rope_type": "yarn",
            "factor": 4.0, …}``) or the text of the flag; ``rope_sections``: (A, B, C), or (A, B, C, "interleaved"): how
            many pairs turn by each of three positions.
            ``cache``: round keys, after norm and rotation, and values, past ones too, as a cache of fewer bits gives
            them back, ``"int8"``, ``"key=int8:channel,value=int4:group32"``: a type ``int8``, ``int4``, ``e4m3`` or
            ``e5m2``, and what has a scale, ``tensor``, ``head``, ``channel``, ``token``, ``groupN`` or ``unscaled``.
            ``dtype``: ``"float32"`` or ``"float64"`` (default: that of the arrays, at least float32; integers count as
            float64; the output for half-precision arrays is half precision).

    Returns:
        A frozen record of ``scores``, ``logits``, ``weights``, ``lse`` and ``output``, and of what else the stages
        make; a result whose stage does nothing is None. See `Steps`. A query that may not attend to any key has
        weights 0 and output 0 (before ``w_o``).

    Raises:
        InputError: a ValueError that names the shapes that do not fit, with the option that would make them fit, or
            the option and array that contradict each other.

    Warns:
        UserWarning: a mask of 0 and 1, which may be meant the other way.

    Source: Vaswani et al., *Attention Is All You Need*, 2017, equation 1; masks, past keys, key lengths, windows and
    softcap as in the ONNX operator ``Attention``, opset 25.

    Example:
        >>> made = steps([1, 0], hidden=[[0, 2], [0, 4], [0, 6]])
        >>> made.weights.round(3).tolist(), made.output.tolist()
        ([0.333, 0.333, 0.333], [0.0, 4.0])
    """
    computation = AttentionSteps(told(prepare(*split(query, key, value, keywords))), last=STEPS[-1])
    names = [field.name for field in fields(Steps)]
    made = computation.results()
    shown: dict[str, Any] = {name: computation.restored(name, made[name]) if name in made else None for name in names}
    return Steps(**shown)


@overload
def attention(
    query: ArrayLike | None = None,
    key: ArrayLike | None = None,
    value: ArrayLike | None = None,
    *,
    return_lse: Literal[False] = False,
    **keywords: Unpack[Keywords],
) -> NDArray[Any]: ...
@overload
def attention(
    query: ArrayLike | None = None,
    key: ArrayLike | None = None,
    value: ArrayLike | None = None,
    *,
    return_lse: Literal[True],
    **keywords: Unpack[Keywords],
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def attention(
    query: ArrayLike | None = None,
    key: ArrayLike | None = None,
    value: ArrayLike | None = None,
    *,
    return_lse: bool = False,
    **keywords: Unpack[Keywords],
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]:
    """Return only the output of attention, (…, L, Ev), computed tile by tile without ever holding a score matrix.

    Arguments, defaults and errors are those of `steps`; so are the numbers, up to rounding. It uses OMP_NUM_THREADS
    threads, or as many as this process may use CPUs; the result does not depend on the number.

    With ``return_lse`` it returns a pair: the output, and ``lse`` (…, L), the natural logarithm of each row's sum of
    exponentials, for `merge`.

    Example:
        >>> attention([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[2.0], [4.0]], scale=0.0).tolist()
        [[3.0]]
    """
    from attncli.attend.fast import stream

    operands = told(prepare(*split(query, key, value, keywords)))
    computation = AttentionSteps(operands, last=STEPS[-1])
    form = computation.form("output")
    output = np.empty(form.shape(operands.sizes.output_shape), operands.output_dtype)
    made = stream.run(operands, form.taken(output), with_lse=return_lse)
    return output if made.lse is None else (output, computation.restored("lse", made.lse))


def gradients(
    query: ArrayLike | None = None,
    key: ArrayLike | None = None,
    value: ArrayLike | None = None,
    *,
    d_output: ArrayLike | None = None,
    **keywords: Unpack[Keywords],
) -> dict[str, NDArray[Any]]:
    """Return the gradient of every array that takes part in attention, by its name with ``d_`` before it.

    Args:
        query: as in `steps`, as are all arguments but one.
        key: as there.
        value: as there.
        d_output: the gradient of the loss with respect to the output, of its shape; None: ones, so that the loss is
            the sum of the output.
        **keywords: as in `steps`.

    Returns:
        ``d_query``, ``d_key``, ``d_value``, … for each array of real numbers that was given and takes part: in its own
        shape and layout, and in its own type (that of ``dtype`` if given; for integers float64, for bfloat16 and
        narrower types float32). ``hidden`` alone has one ``d_hidden``, all its parts added. Behind masks all is 0.

    Raises:
        InputError: as in `steps`; or ``d_output`` is not of the shape of the output; or ``cache`` is given, since
            rounding has no gradient.

    Warns:
        UserWarning: as in `steps`; and if whole numbers are differentiated.

    Source: Dao, *FlashAttention-2*, 2023, section 2.3.2.

    Example:
        >>> found = gradients([[1.0]], [[0.0], [0.0]], [[2.0], [4.0]], d_output=[[1.0]])
        >>> {name: each.ravel().tolist() for name, each in found.items()}
        {'d_value': [0.5, 0.5], 'd_key': [-0.5, 0.5], 'd_query': [0.0]}
    """
    arrays, options = split(query, key, value, keywords)
    return told(Backpropagation.of(numbers(arrays | {"d_output": d_output}), options)).of_arrays()


@overload
def merge(
    outputs: Sequence[ArrayLike],
    lses: Sequence[ArrayLike],
    *,
    layout: Layout = "bhsd",
    return_lse: Literal[False] = False,
) -> NDArray[Any]: ...
@overload
def merge(
    outputs: Sequence[ArrayLike], lses: Sequence[ArrayLike], *, layout: Layout = "bhsd", return_lse: Literal[True]
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def merge(
    outputs: Sequence[ArrayLike], lses: Sequence[ArrayLike], *, layout: Layout = "bhsd", return_lse: bool = False
) -> NDArray[Any] | tuple[NDArray[Any], NDArray[Any]]:
    """Return the output over all keys of outputs over parts of them, Σ e^(lse_i − lse) · output_i.

    Sinks count in every part that has them: give them to one part only. What comes after the weighted sum, a gate or a
    matrix, belongs behind the merge.

    Args:
        outputs: one (…, L, Ev) for each part of the keys, all of one shape.
        lses: the logarithm of each row's sum that belongs to it, (…, L); with packed heads (…, heads, L).
        layout: the order of the axes of the outputs, see `steps`; each ``lse`` is (batch, heads, L) in all.
        return_lse: return a pair, with the logarithm over all keys; so parts can be merged in a tree.

    Raises:
        InputError: not one ``lse`` for each output, or shapes that do not fit.

    Source: Dao et al., *FlashAttention*, 2022, section 3.1.

    Example:
        >>> query, key, value = [[1.0]], [[0.0], [1.0], [2.0]], [[3.0], [6.0], [9.0]]
        >>> parts = [attention(query, key[a:b], value[a:b], return_lse=True) for a, b in ((0, 1), (1, 3))]
        >>> merge(*zip(*parts)).round(9) == attention(query, key, value).round(9)
        array([[ True]])
    """
    output, lse = merged(list(outputs), list(lses), Options.parse({"layout": layout}).layout)
    return (output, lse) if return_lse else output
