"""What is timed: attn, libraries and plain NumPy, which all make the same output from the same arrays.

A library takes part if it is installed, and gets as many threads as attn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast import backward as backward_stream
from attncli.attend.fast import stream
from attncli.attend.fast.blas import one_thread
from attncli.attend.operands import Operands
from attncli.attend.rules import Rules, are_in_force, go_by_ids
from attncli.attend.stages.mask import openings
from attncli.bench.before import Before, nodes_before
from attncli.bench.problem import has_before, plain
from attncli.errors import InputError
from attncli.memory import available_memory
from attncli.said import Said
from attncli.text import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run = Callable[[], "NDArray[Any] | tuple[NDArray[Any], ...]"]
# Beyond this many bytes of scores, holding all of them at once is not tried.
MOST_SCORES = 1 << 31
# What everybody has: plain NumPy, which takes part whatever it is compared with.
NUMPY = "numpy"
MODULES = {"torch": ["torch"], "onnxruntime": ["onnxruntime", "onnx"], "jax": ["jax"], "flex": ["torch"]}
# What compiles C++ first. It takes long for that, and shows what it can do where a mask has blocks, or where there is
# something to compile beside the attention.
COMPILED = "flex"
# What refuses numbers in float64, or computes with fewer digits.
SINGLE = ("onnxruntime", "jax", "flex")


@dataclass(frozen=True)
class Contestant:
    """One way to compute the output.

    Attributes:
        name: what it is called.
        run: returns the output, (batch, heads, L, Ev), or gradients, always of the same arrays.
        is_plain: whether it leaves norm and rotation out, and so makes another output than all others.
    """

    name: str
    run: Run
    is_plain: bool = False


def contestants(o: Operands, threads: int, against: list[str]) -> list[Contestant]:
    """Return attn, then the libraries that are asked for, then plain NumPy if the scores fit into memory.

    Right behind attn stands what it takes without norm and rotation, if there are any: what they add is small, and
    shows best in runs that follow each other.

    Raises:
        InputError: a library is asked for by name and is unknown or not installed, or NumPy is and would take too much.
    """
    for name in against:
        if name not in (*MODULES, NUMPY):
            raise InputError(f"--against {name}: there is no such library here", hint=nearest(name, [*MODULES, NUMPY]))
        if name != NUMPY and not is_installed(name):
            compiler = " and a C++ compiler" * (name == COMPILED)
            raise InputError(f"{name} is not installed", hint=f"pip install {' '.join(MODULES[name])}{compiler}")
        if name in SINGLE and o.dtype != np.float32:
            raise InputError(f"{name} computes attention to the precision of float32", hint="leave out --dtype")
    found = [Contestant("attn", lambda: stream.run(o, threads=threads).output)]
    if has_before(o):
        plainly = plain(o)
        found.append(Contestant(Said("plain attn"), lambda: stream.run(plainly, threads=threads).output, is_plain=True))
    others = [name for name in MODULES if is_installed(name) and _suits(name, o)]
    for name in dict.fromkeys(against or others):
        if name != NUMPY:
            found.append(Contestant(name, MAKERS[name](o, threads)))
    size = o.sizes.batch * o.sizes.heads * o.sizes.queries * o.sizes.keys * o.dtype.itemsize
    if size <= MOST_SCORES:
        found.append(Contestant(NUMPY, lambda: whole(o)))
    elif NUMPY in against:
        hint = "choose a smaller --length, or fewer --heads"
        raise InputError(f"plain NumPy would hold {size / 1e9:.1f} GB of scores at once", hint=hint)
    return found


def states(o: Operands) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return query, key and value; the problem of a benchmark has all of them."""
    return o.query, o.key, o.value


def needs_mask(o: Operands) -> bool:
    """Tell whether there is a rule for which most libraries have no option."""
    return o.options.window is not None or go_by_ids(o)


def _suits(name: str, o: Operands) -> bool:
    """Tell whether a library takes part unasked."""
    if name == COMPILED and not (go_by_ids(o) or has_before(o)):
        return False
    return name not in SINGLE or o.dtype == np.float32


def is_installed(name: str) -> bool:
    """Tell whether a library is there, with all it needs."""
    if name == COMPILED and not any(map(which, ("c++", "g++", "clang++"))):
        return False
    return all(find_spec(module) for module in MODULES[name])


def whole(o: Operands) -> NDArray[Any]:
    """Compute as most scripts do: all scores at once, with the threads that BLAS chooses."""
    query, key, value = states(o)
    before_query, before_key = Before.both(o, np, np.asarray)
    key, value = (np.repeat(each, o.sizes.group, axis=1) for each in (before_key(key), value))
    scores = before_query(query) @ key.swapaxes(-1, -2) * o.dtype.type(o.factor)
    for rule in openings(o).values():
        scores = np.where(rule, scores, -np.inf)
    highest = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - np.where(highest == -np.inf, 0, highest))
    total = weights.sum(axis=-1, keepdims=True)
    return (weights / np.where(total == 0, 1, total)) @ value


def of_torch(o: Operands, threads: int) -> Run:
    """Call ``scaled_dot_product_attention``."""
    arrays, attend = attention_of_torch(o, threads)
    return lambda: attend(*arrays).numpy()


def attention_of_torch(o: Operands, threads: int) -> tuple[list[Any], Callable[..., Any]]:
    """Return tensors of query, key and value, and what makes the output of them.

    There is a mask for what PyTorch has no option for; before attention comes the usual code.
    """
    import torch

    torch.set_num_threads(threads)
    arrays = [torch.from_numpy(np.ascontiguousarray(each)) for each in states(o)]
    options: dict[str, Any] = {"scale": o.factor, "enable_gqa": o.sizes.group > 1}
    if needs_mask(o):
        options["attn_mask"] = torch.from_numpy(all_open(o))
    else:
        options["is_causal"] = o.options.causal
    before_query, before_key = Before.both(o, torch, torch.from_numpy)
    attend = torch.nn.functional.scaled_dot_product_attention
    return arrays, lambda query, key, value: attend(before_query(query), before_key(key), value, **options)


def of_jax(o: Operands, threads: int) -> Run:
    """Call ``dot_product_attention``, compiled; it takes its arrays as (batch, length, heads, features)."""
    import jax

    jax.config.update("jax_enable_x64", True)
    arrays = [jax.numpy.asarray(np.ascontiguousarray(each.swapaxes(1, 2))) for each in states(o)]
    window = o.options.window
    sides = None if window is None else tuple(o.sizes.keys if side < 0 else side for side in window)
    mask = jax.numpy.asarray(all_open(o)[None, None]) if go_by_ids(o) else None
    before = Before.both(o, jax.numpy, jax.numpy.asarray)

    def attend(*states: Any) -> Any:
        query, key = (each(state.swapaxes(1, 2)).swapaxes(1, 2) for each, state in zip(before, states, strict=False))
        return jax.nn.dot_product_attention(
            query, key, states[2], mask=mask, scale=o.factor, is_causal=o.options.causal, local_window_size=sides
        )

    call = jax.jit(attend)
    return lambda: np.swapaxes(np.asarray(call(*arrays)), 1, 2)


def of_onnxruntime(o: Operands, threads: int) -> Run:
    """Run the operator ``Attention`` of opset 23, with a mask for what it has no attribute for.

    Norm and rotation are operators of the same set.
    """
    import onnxruntime
    from onnx import TensorProto, helper

    kind = helper.np_dtype_to_tensor_dtype(o.dtype)
    arrays = dict(zip("qkv", states(o), strict=True))
    nodes, met = nodes_before(o, arrays)
    if needs_mask(o):
        arrays["m"] = all_open(o)
        met.append("m")
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.BOOL if name == "m" else kind, array.shape)
        for name, array in arrays.items()
    ]
    causal = int(o.options.causal and not needs_mask(o))
    nodes.append(helper.make_node("Attention", met, ["y"], scale=o.factor, is_causal=causal))
    output = helper.make_tensor_value_info("y", kind, None)
    graph = helper.make_graph(nodes, "attention", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    given = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return lambda: session.run(None, given)[0]


def of_flex(o: Operands, threads: int) -> Run:
    """Call ``flex_attention``, compiled, with a mask in blocks of which it skips those that are closed.

    What comes before it is compiled with it.
    """
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    torch.set_num_threads(threads)
    arrays = [torch.from_numpy(np.ascontiguousarray(each)) for each in states(o)]
    rules = Rules.of(o).one(0)
    query, key = (
        {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in vars(each).items() if array is not None}
        for each in (rules.query, rules.key)
    )
    left, right = o.options.window or (-1, -1)

    def is_open(batch: Any, head: Any, row: Any, column: Any) -> Any:
        """Say whether a query may see a key, by their indices: tensors of PyTorch."""
        place, at = query["at"][row], key["at"][column]
        found = at >= 0
        found = found & (at <= place) if o.options.causal else found
        found = found & (at >= place - left) if left >= 0 else found
        found = found & (at <= place + right) if right >= 0 else found
        for name in ("segment", "chunk"):
            found = found & (query[name][row] == key[name][column]) if name in query else found
        return found

    blocks = None
    if are_in_force(o):
        blocks = create_block_mask(is_open, None, None, o.sizes.queries, o.sizes.keys, device="cpu")
    options = {"block_mask": blocks, "scale": o.factor, "enable_gqa": o.sizes.group > 1}
    before_query, before_key = Before.both(o, torch, torch.from_numpy)

    def attend(query: Any, key: Any, value: Any, **options: Any) -> Any:
        return flex_attention(before_query(query), before_key(key), value, **options)

    call = torch.compile(attend)
    with torch.no_grad():
        call(*arrays, **options)  # compiles it

    def run() -> NDArray[Any]:
        with torch.no_grad():
            found: NDArray[Any] = call(*arrays, **options).numpy()
        return found

    return run


MAKERS: dict[str, Callable[[Operands, int], Run]] = {
    "torch": of_torch,
    "onnxruntime": of_onnxruntime,
    "jax": of_jax,
    "flex": of_flex,
}


def all_open(o: Operands) -> NDArray[np.bool_]:
    """Return which keys are open to which queries under all rules, (L, S).

    Raises:
        InputError: memory does not hold that.
    """
    size = o.sizes.queries * o.sizes.keys
    if size > available_memory():
        message = f"a mask for other libraries would take {size / 1e9:.3g} GB, more than the available memory"
        raise InputError(message, hint="leave out --window, --documents and --chunk, or give a smaller --length")
    opened = np.ones((1, 1, o.sizes.queries, o.sizes.keys), dtype=bool)
    for rule in openings(o).values():
        opened &= rule
    return opened[0, 0]


def limit(o: Operands, threads: int, *, backward: bool = False) -> Callable[[], None]:
    """Return the matrix products alone, on the tiles of the stream: nothing can be faster than this.

    Args:
        o: the problem.
        threads: how many threads.
        backward: whether the five of the backward pass follow the two of the forward pass.
    """
    o = plain(o)
    products_of_tiles = (backward_stream if backward else stream).products(o, threads)
    products = o.sizes.queries * o.sizes.keys * o.sizes.features

    def run() -> None:
        with one_thread(products):
            products_of_tiles()

    return run
