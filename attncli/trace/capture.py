"""Listen to a model: route every attention that it performs through a function of ours.

transformers looks up the attention function by name in an open registry (`AttentionInterface`). Ours calls the eager
function of the model family, from the module that defines the layer, so that the model computes exactly what it would
have computed anyway, and keeps the input and the output.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from attncli.errors import InputError
from attncli.trace.around import Around, Surroundings
from attncli.trace.model import Model
from attncli.trace.transformers_setup import listeners

# Arguments that pass the states of another part of the model; with one of them, attention is cross-attention.
FROM_ELSEWHERE = ("key_value_states", "encoder_hidden_states", "cross_attention_states")
# Words in the names of classes that perform attention of any kind.
CLASS_NAMES = ("attention", "deltanet")
CROSS_NAMES = ("cross", "encoder_attn", "encdecattention")


@dataclass(frozen=True)
class Call:
    """One attention that was performed.

    Attributes:
        index: its index in the order of calls.
        module: the path of its layer in the model.
        layer: the index that the layer itself reports, if any.
        cross: whether its keys come from another part of the model.
        causal: whether the layer reports that it is causal.
        forward: the number of calls of the whole model so far, including the current one; 0 in an encoder that runs
            before the model is called.
        tensors: query, key, value, mask and output as they were, if they are kept.
        shapes: those of query, key and value.
        size: the bytes that query, key, value, mask and output take.
        arguments: the other arguments by name, such as scaling and softcap, if they are kept.
        around: what stands around it in its layer, if that is listened to.
    """

    index: int
    module: str
    layer: int | None
    cross: bool
    causal: bool
    forward: int
    shapes: dict[str, tuple[int, ...]]
    size: int
    tensors: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    around: Surroundings | None = None


class Listener:
    """Listens to the attention of one model while it runs.

    Args:
        model: the model.
        kept: takes the index of a call and returns whether to keep its tensors; None keeps none.
        around: listens to what stands around the attention.
    """

    def __init__(self, model: Model, kept: Callable[[int], bool] | None = None, around: Around | None = None) -> None:
        self.network = model.network
        self.kept = kept or (lambda index: False)
        self.around = around
        self.names = {id(module): name for name, module in self.network.named_modules()}
        self.calls: list[Call] = []
        self.bypassing: dict[str, None] = {}  # attention layers that never called us; an ordered set
        self.forward = 0
        self.cross: list[bool] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Route the model's attention calls through this listener."""
        with ExitStack() as hooks:
            listeners.append(self._attention)
            hooks.callback(listeners.pop)
            handle = self.network.register_forward_pre_hook(self._starts)
            hooks.callback(handle.remove)
            for each in self.around.hooks() if self.around else ():
                hooks.callback(each.remove)
            for module in self.network.modules():
                if any(word in type(module).__name__.lower() for word in CLASS_NAMES):
                    for hook in self._around(module):
                        hooks.callback(hook.remove)
            yield

    def _starts(self, *_: Any) -> None:
        self.forward += 1

    def _around(self, module: Any) -> tuple[Any, Any]:
        """Add hooks to a module named attention that find out whether it, or anything inside it, calls us."""
        counts: list[int] = []
        known = list(inspect.signature(module.forward).parameters)

        def before(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            counts.append(len(self.calls))
            arguments = dict(zip(known, given, strict=False)) | named
            self.cross.append(any(arguments.get(name) is not None for name in FROM_ELSEWHERE))

        def after(*_: Any) -> None:
            self.cross.pop()
            name = self.names[id(module)]
            # If one attention module contains another, report only the inner one.
            if counts.pop() == len(self.calls) and not any(each.startswith(f"{name}.") for each in self.bypassing):
                self.bypassing[f"{name} ({type(module).__name__})"] = None

        return module.register_forward_pre_hook(before, with_kwargs=True), module.register_forward_hook(after)

    def _attention(
        self, module: Any, query: Any, key: Any, value: Any, attention_mask: Any = None, *given: Any, **more: Any
    ) -> Any:
        made = eager(module)(module, query, key, value, attention_mask, *given, **more)
        name = self.names.get(id(module), "")
        index = len(self.calls)
        found = {"query": query, "key": key, "value": value, "mask": attention_mask, "output": made[0]}
        tensors = {name: tensor for name, tensor in found.items() if tensor is not None}
        own = {"scaling": getattr(module, "scaling", None), "window": getattr(module, "sliding_window", None)}
        kept = self.kept(index)
        self.calls.append(
            Call(
                index,
                name,
                getattr(module, "layer_idx", None),
                cross=_is_cross(name, module, self.cross),
                causal=bool(getattr(module, "is_causal", False)),
                forward=self.forward,
                shapes={name: tuple(found[name].shape) for name in ("query", "key", "value")},
                size=sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()),
                tensors={name: tensor.detach().clone() for name, tensor in tensors.items()} if kept else {},
                arguments=own | {name: each for name, each in more.items() if each is not None} if kept else {},
                around=self.around.performed(name) if kept and self.around else None,
            )
        )
        return made


def _is_cross(name: str, module: Any, handed: list[bool]) -> bool:
    if getattr(module, "is_cross_attention", False) or (handed and handed[-1]):
        return True
    return any(each in name.rpartition(".")[2].lower() for each in CROSS_NAMES)


def eager(module: Any) -> Callable[..., Any]:
    """Return the eager attention function of the layer's model family.

    It is the one that the code of the layer refers to, or else the only one in the module that defines the layer.

    Raises:
        InputError: there is none, or several.
    """
    source = sys.modules[type(module).__module__]
    code = getattr(inspect.unwrap(type(module).forward), "__code__", None)
    there = [name for name in vars(source) if name.endswith("eager_attention_forward")]
    named = [name for name in there if code is not None and name in code.co_names]
    names = named or there
    if len(names) != 1:  # guessing could record the wrong function
        message = f"{type(module).__name__} has {len(names) or 'no'} eager attention functions; exactly one is needed"
        raise InputError(message)
    return getattr(source, names[0])
