"""Listen to what stands around the attention of a layer: what goes into its matrices, its rotary, and its output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from attncli.problem.layer import Layer, layers

# The arguments under which layers are given cosines and sines, and where their tokens stand.
TABLES, PLACES = "position_embeddings", "position_ids"
NORMS = ("q_norm", "k_norm", "v_norm")
# The matrices that make each state, the likeliest first.
MAKERS = {"query": ("w_q", "w_qkv"), "key": ("w_k", "w_qkv", "w_k w_v"), "value": ("w_v", "w_qkv", "w_k w_v")}


@dataclass
class Surroundings:
    """What stands around one attention that was performed.

    Attributes:
        layer: the tensors of its layer, by our names.
        tensors: the tensors themselves.
        weights: how its matrices lie, as ``--weights`` says it.
        norms: the modules that normalise, by the names of our weights.
        config: of the model that it is part of.
        scaling: the factor of which its module knows, if any.
        inputs: what the matrices of query, key and value were multiplied with, by state, as far as that was seen.
        arguments: ``position_embeddings`` and ``position_ids`` of the layer, where it was given them.
        output: what came out of the last matrix; None as long as nothing has.
    """

    layer: Layer
    tensors: Mapping[str, Any]
    weights: str
    norms: Mapping[str, Any]
    config: Any
    scaling: Any
    inputs: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    output: Any = None


class Around:
    """Listens to what stands around some modules that perform attention.

    Args:
        network: the PyTorch module that they are part of.
        modules: their paths.
    """

    def __init__(self, network: Any, modules: Iterable[str]) -> None:
        self.network = network
        self.tensors = network.state_dict()
        found = [each for fits in layers(self.tensors.keys()).values() for each in fits]
        below = {module: [each for each in found if _is_below(each, module)] for module in modules}
        self.layers = {module: fits[0] for module, fits in below.items() if len(fits) == 1}
        self.inputs: dict[str, dict[str, Any]] = {module: {} for module in self.layers}
        self.arguments: dict[str, dict[str, Any]] = {module: {} for module in self.layers}
        self.waiting: dict[str, Surroundings] = {}

    @property
    def size(self) -> int:
        """The bytes that the weights of all these layers take, those that several have in common once."""
        names = {name for layer in self.layers.values() for name in layer.names.values()}
        return sum(self.tensors[name].numel() * self.tensors[name].element_size() for name in names)

    def hooks(self) -> Iterator[Any]:
        """Add hooks to the modules, and return the handles that remove them."""
        for module, layer in self.layers.items():
            yield self.network.get_submodule(module).register_forward_pre_hook(
                self._remember(self.arguments[module]), with_kwargs=True
            )
            for state, names in MAKERS.items():
                tensor = next(layer.names[name] for name in names if name in layer.names)
                keep = self._keep(self.inputs[module], state)
                yield self._owner(tensor).register_forward_pre_hook(keep, with_kwargs=True)
            if "w_o" in layer.names:
                yield self._owner(layer.names["w_o"]).register_forward_hook(self._finish(module))

    def performed(self, module: str) -> Surroundings | None:
        """Return what was heard around a module that performs its attention now; None if its layer is not known."""
        if module not in self.layers:
            return None
        kept = {state: tensor.detach().clone() for state, tensor in self.inputs[module].items()}
        layer, performs = self.layers[module], self.network.get_submodule(module)
        found = Surroundings(
            layer=layer,
            tensors={ours: self.tensors[name] for ours, name in layer.names.items()},
            weights=self._lie(layer),
            norms={ours: self._owner(name) for ours, name in layer.names.items() if ours in NORMS and _is_own(name)},
            config=getattr(performs, "config", self.network.config),
            scaling=getattr(performs, "scaling", None),
            inputs=_shared(kept),
            arguments=dict(self.arguments[module]),
        )
        self.waiting[module] = found
        return found

    def _lie(self, layer: Layer) -> str:
        """Return how the matrices of a layer lie: as the modules that hold them multiply, whatever their names say."""
        from torch.nn import Linear

        owners = [self._owner(name) for ours, name in layer.names.items() if ours.startswith("w_")]
        return "out-in" if all(isinstance(each, Linear) for each in owners) else layer.family.weights

    def _owner(self, tensor: str) -> Any:
        return self.network.get_submodule(tensor.rpartition(".")[0])

    @staticmethod
    def _keep(inputs: dict[str, Any], state: str) -> Any:
        def hook(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            inputs[state] = next(each for each in (*given, *named.values()) if each is not None)

        return hook

    @staticmethod
    def _remember(arguments: dict[str, Any]) -> Any:
        def hook(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            arguments.clear()
            arguments.update({name: named[name] for name in (TABLES, PLACES) if named.get(name) is not None})

        return hook

    def _finish(self, module: str) -> Any:
        def hook(_: Any, given: tuple[Any, ...], output: Any) -> None:
            waiting = self.waiting.pop(module, None)
            if waiting is not None and hasattr(output, "detach"):
                waiting.output = output.detach().clone()

        return hook


def _is_own(tensor: str) -> bool:
    """Tell whether a tensor belongs to a module of its own."""
    return tensor.endswith(".weight")


def _is_below(layer: Layer, module: str) -> bool:
    """Tell whether the query of a layer is made inside a module."""
    tensor = next(layer.names[name] for name in MAKERS["query"] if name in layer.names)
    return tensor.startswith(f"{module}.")


def _shared(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the same, in which equal tensors are one."""
    import torch

    found: dict[str, Any] = {}
    for state, tensor in inputs.items():
        same = (each for each in found.values() if each.shape == tensor.shape and torch.equal(each, tensor))
        found[state] = next(same, tensor)
    return found
