"""Listen to a model: every attention that it performs passes through one function of ours.

transformers looks the function of attention up by its name, in a table that is open (`AttentionInterface`). Ours calls
the family's own eager function, which lies in the module that the layer was defined in, so that the model goes on with
exactly what it would have computed, and keeps what went in and what came out.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from attncli.errors import InputError
from attncli.trace.model import Model
from attncli.trace.transformers_setup import hearers

# Where modules are handed the states of another part of the model, which makes their attention a cross-attention.
FROM_ELSEWHERE = ("key_value_states", "encoder_hidden_states", "cross_attention_states")
# How classes are called that perform attention, of whatever kind.
CALLED = ("attention", "deltanet")
CROSS_NAMES = ("cross", "encoder_attn", "encdecattention")


@dataclass(frozen=True)
class Call:
    """One attention that was performed.

    Attributes:
        index: its number in the order of calls.
        module: the path of its layer in the model.
        layer: the number that the layer itself says it has, if it does.
        cross: whether its keys come from another part of the model.
        causal: whether the layer says that it is causal.
        forward: how many times the whole model had been called, this time included; 0 in an encoder that is called
            before it.
        tensors: query, key, value, mask and output as they came, if they were to be kept.
        shapes: of query, key and value.
        size: how many bytes query, key, value, mask and output take.
        more: the arguments by name, such as scaling and softcap.
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
    more: dict[str, Any] = field(default_factory=dict)


class Listener:
    """Hears the attention of one model while it runs.

    Args:
        model: which.
        kept: tells by its number whether the tensors of a call are kept; None keeps none.
    """

    def __init__(self, model: Model, kept: Callable[[int], bool] | None = None) -> None:
        self.network = model.network
        self.kept = kept or (lambda index: False)
        self.names = {id(module): name for name, module in self.network.named_modules()}
        self.calls: list[Call] = []
        self.bypassing: dict[str, None] = {}  # layers of attention that never called us; a set that keeps its order
        self.forward = 0
        self.cross: list[bool] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Be called by the model's attention."""
        with ExitStack() as hooks:
            hearers.append(self._attention)
            hooks.callback(hearers.pop)
            handle = self.network.register_forward_pre_hook(self._starts)
            hooks.callback(handle.remove)
            for module in self.network.modules():
                if any(word in type(module).__name__.lower() for word in CALLED):
                    for hook in self._around(module):
                        hooks.callback(hook.remove)
            yield

    def _starts(self, *_: Any) -> None:
        self.forward += 1

    def _around(self, module: Any) -> tuple[Any, Any]:
        """Watch a module that calls itself attention: does it, or anything in it, call us?"""
        counts: list[int] = []
        known = list(inspect.signature(module.forward).parameters)

        def before(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            counts.append(len(self.calls))
            arguments = dict(zip(known, given, strict=False)) | named
            self.cross.append(any(arguments.get(name) is not None for name in FROM_ELSEWHERE))

        def after(*_: Any) -> None:
            self.cross.pop()
            name = self.names[id(module)]
            # Of one attention within another, the inner one is meant.
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
                more=own | {name: each for name, each in more.items() if each is not None} if kept else {},
            )
        )
        return made


def _is_cross(name: str, module: Any, handed: list[bool]) -> bool:
    if getattr(module, "is_cross_attention", False) or (handed and handed[-1]):
        return True
    return any(each in name.rpartition(".")[2].lower() for each in CROSS_NAMES)


def eager(module: Any) -> Callable[..., Any]:
    """Return the family's own plain function of attention.

    It is the one that the layer's own code names, or else the one that there is in the module it was defined in.

    Raises:
        InputError: there is none, or several.
    """
    source = sys.modules[type(module).__module__]
    code = getattr(inspect.unwrap(type(module).forward), "__code__", None)
    there = [name for name in vars(source) if name.endswith("eager_attention_forward")]
    named = [name for name in there if code is not None and name in code.co_names]
    names = named or there
    if len(names) != 1:  # which of them it would have been is not known here, and a wrong one would be no truth
        message = f"{type(module).__name__} has {len(names) or 'no'} eager functions of attention that could be called"
        raise InputError(message)
    return getattr(source, names[0])
