"""Gradients of layers out of checkpoints, and of PyTorch's own modules, against what autograd finds in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from attncli import gradients
from attncli.problem.layer import Weights, read
from tests.oracles.test_layers import CASES, Case, asked, loosened
from tests.support.arrays import normal

sdpa = torch.nn.functional.scaled_dot_product_attention
Array = np.ndarray[Any, Any]


def heard(model: Any, case: Case) -> dict[str, Any]:
    """Run a model, and return what goes into the layer and what comes out of it; gradients can be asked for."""
    found: dict[str, Any] = {}

    def enter(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        states = args[0] if args else given["hidden_states"]
        crossed = next((n for n in ("encoder_hidden_states", "key_value_states") if given.get(n) is not None), None)
        # Copies, so that what else they are used for in the model has no part in their gradients.
        found["hidden" if crossed is None else "query"] = own = states.detach().clone().requires_grad_()
        if crossed is not None:
            found["hidden"] = given[crossed].detach().clone().requires_grad_()
            given = given | {crossed: found["hidden"]}
        return ((own, *args[1:]), given) if args else (args, given | {"hidden_states": own})

    def leave(module: Any, args: Any, output: Any) -> None:
        found["made"] = output

    def leave_last(module: Any, args: Any, output: Any) -> None:
        found["output"] = output if isinstance(output, torch.Tensor) else output[0]

    name = case.module or case.prefix
    model.get_submodule(name).register_forward_pre_hook(enter, with_kwargs=True)
    model.get_submodule(name).register_forward_hook(leave)
    model.get_submodule(case.output or name).register_forward_hook(leave_last)
    model(**asked(model))
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_layer_of_transformers(name: str, tmp_path: Path) -> None:
    """Every matrix, bias, norm and sink, and what goes in: of the module within its model."""
    case = CASES[name]
    model = case.model()
    model.set_attn_implementation("eager")
    loosened(model).save_pretrained(tmp_path / "model")
    found = heard(model, case)
    wants = {each: found[each] for each in found if each in ("query", "hidden")}
    given = read(f"{tmp_path / 'model'}:{case.prefix}")
    more: dict[str, Array] = {}
    if name.startswith("t5"):
        bias = found["made"][1]  # those of the decoder's crossing are zeros that nobody learned
        more = {"bias": bias.detach().numpy()}
        wants |= {"bias": bias} if bias.requires_grad else {}
    compare(given, model, found["output"], wants, case, more, tmp_path)


def compare(
    given: Weights, model: Any, output: Any, wants: dict[str, Any], case: Case, more: dict[str, Array], folder: Path
) -> None:
    """Hold all gradients to autograd's within 1e-4 of the largest number of each.

    The file of the model is written again with gradients in the place of its parameters: read as a layer, they have our
    names and lie as our arrays do.
    """
    parameters = {name: each for name, each in model.named_parameters() if each.requires_grad}
    loss = torch.from_numpy(normal(*output.shape, seed=5).astype("f4"))
    every = torch.autograd.grad(output, [*parameters.values(), *wants.values()], loss, materialize_grads=True)
    of_parameters = dict(zip(parameters, every, strict=False))
    model.load_state_dict(of_parameters, strict=False)
    if isinstance(model, torch.nn.MultiheadAttention):
        save_file(model.state_dict(), folder / "gradients.safetensors")
        right = dict(read(str(folder / "gradients.safetensors")).named.arrays)
    else:
        model.save_pretrained(folder / "gradients")
        right = dict(read(f"{folder / 'gradients'}:{case.prefix}").named.arrays)
    right |= {name: each.numpy() for name, each in zip(wants, every[len(parameters) :], strict=True)}
    states = {name: each.detach().numpy() for name, each in wants.items()}
    options: dict[str, Any] = dict(given.named.options) | case.options
    found = gradients(**{**given.named.arrays, **states, **more}, **options, d_output=loss.numpy())
    assert found.keys() == {f"d_{name}" for name in (*right, *more)}
    for name, gradient in right.items():
        mine = found[f"d_{name}"]
        assert mine.shape == gradient.shape, name
        # What moves all keys alike moves no weight, unless keys are turned: of its gradient rounding is all there is.
        beside = right.get("w_k", gradient) if name == "b_k" else gradient
        assert np.abs(mine - gradient).max() <= 1e-4 * max(np.abs(gradient).max(), 0.1 * np.abs(beside).max()), name


@pytest.mark.parametrize("more", [{}, {"bias": False}, {"kdim": 5, "vdim": 6}], ids=lambda m: ",".join(m) or "plain")
def test_a_layer_of_torch(more: dict[str, Any], tmp_path: Path) -> None:
    """nn.MultiheadAttention: what goes in, and what it learns."""
    module = loosened(torch.nn.MultiheadAttention(12, 3, batch_first=True, **more))
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    shapes = {"query": (2, 4, 12), "key": (2, 5, module.kdim), "value": (2, 5, module.vdim)}
    wants = {
        name: torch.from_numpy(normal(*shape, seed=i).astype("f4")).requires_grad_()
        for i, (name, shape) in enumerate(shapes.items())
    }
    output = module(*wants.values(), need_weights=False)[0]
    case = Case(lambda: module, "", {"heads": 3, "scale": "sqrt"})
    compare(read(str(tmp_path / "m.safetensors")), module, output, wants, case, {}, tmp_path)


KEEP = normal(2, 6, 5, 7) > -0.5
KEEP[..., 1, :] = False  # a row without any key


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({}, {}),
        ({"causal": True}, {"is_causal": True}),
        ({"scale": 0.37}, {"scale": 0.37}),
        ({"mask": KEEP}, {"attn_mask": torch.from_numpy(KEEP)}),
        ({"mask": normal(1, 6, 5, 7)}, {"attn_mask": torch.from_numpy(normal(1, 6, 5, 7)).requires_grad_()}),
        ({"mask": normal(5, 7)}, {"attn_mask": torch.from_numpy(normal(5, 7)).requires_grad_()}),
    ],
)
def test_scaled_dot_product_attention(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Grouped heads throughout; an added mask has a gradient too, and a row without any key gives none."""
    query, key, value, loss = normal(2, 6, 5, 8), normal(2, 3, 7, 8), normal(2, 3, 7, 4), normal(2, 6, 5, 4, seed=1)
    given = {
        n: torch.from_numpy(each).requires_grad_() for n, each in (("query", query), ("key", key), ("value", value))
    }
    output = sdpa(*given.values(), enable_gqa=True, **theirs)
    wants = given | ({"mask": theirs["attn_mask"]} if getattr(theirs.get("attn_mask"), "requires_grad", False) else {})
    right = dict(zip(wants, torch.autograd.grad(output, [*wants.values()], torch.from_numpy(loss)), strict=True))
    found = gradients(query, key, value, **({"scale": "sqrt"} | mine), d_output=loss)
    assert found.keys() == {f"d_{name}" for name in right}
    for name, gradient in right.items():
        np.testing.assert_allclose(found[f"d_{name}"], gradient.numpy(), rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(("layout", "order"), [("bshd", (0, 2, 1, 3)), ("sbhd", (2, 0, 1, 3))])
def test_layouts_are_transposed_views(layout: Any, order: tuple[int, ...]) -> None:
    """The gradients of what a model turns for PyTorch lie as it has them."""
    every = [normal(2, 6, 5, 8), normal(2, 3, 7, 8), normal(2, 3, 7, 4), normal(2, 6, 5, 4, seed=1)]
    *states, loss = (np.ascontiguousarray(each.transpose(order)) for each in every)
    given = [torch.from_numpy(each).requires_grad_() for each in states]
    output = sdpa(*(each.permute(*np.argsort(order)) for each in given), is_causal=True, enable_gqa=True)
    right = torch.autograd.grad(output.permute(*order), given, torch.from_numpy(loss))
    found = gradients(*states, layout=layout, scale="sqrt", causal=True, d_output=loss)
    for name, gradient in zip(("query", "key", "value"), right, strict=True):
        np.testing.assert_allclose(found[f"d_{name}"], gradient.numpy(), rtol=1e-11, atol=1e-13, err_msg=name)
