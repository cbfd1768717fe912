"""What a case costs: everything that is shown of it, each number with the formula that it is computed by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from attncli.cost.cache import Cache, Held
from attncli.cost.case import Case
from attncli.cost.formula import Factor, Formula, Term, total
from attncli.cost.layers import Group
from attncli.cost.machine import Machine, Run
from attncli.cost.operations import Operations, Work, backward, forward
from attncli.cost.pairs import Pairs
from attncli.cost.sizes import QUANTIZED

RUNS = ("forward", "backward", "decode", "prefill")
TENSORS = ("query", "key", "value", "scores", "output")


@dataclass(frozen=True, eq=False)
class Cost:
    """What a case costs.

    Attributes:
        case: the layers and tokens.
        machine: how fast they are computed; None: not known.
        memory: bytes that there are for a cache; None: not known.
    """

    case: Case
    machine: Machine | None = None
    memory: int | None = None

    @cached_property
    def pairs(self) -> Pairs:
        """The pairs of all layers, batch items and heads."""
        found = [(group.count, self.case.pairs(group)) for group in self.case.groups]
        sums = [
            sum(count * getattr(each, name) for count, each in found) for name in ("open", "every", "tiled", "last")
        ]
        return Pairs(*sums)

    @cached_property
    def open(self) -> Formula:
        """The open pairs, as they are reckoned."""
        groups = [group for group in self.case.groups if group.attention is not None]
        return total(Formula((self.case.whole(group),)).times(Factor(group.count, "layers")) for group in groups)

    @cached_property
    def operations(self) -> Mapping[str, Operations]:
        """The operations of each run, by stage."""
        groups, found = self.case.groups, {}
        made = {"forward": self._forward, "decode": self._decode, "prefill": self._prefill}
        for name, work in made.items():
            found[name] = _together([forward(each, one) for each in groups if (one := work(each)) is not None])
        found["backward"] = _together(
            [backward(forward(each, one)) for each in groups if (one := self._forward(each)) is not None]
        )
        return {name: found[name] for name in RUNS}

    def total(self, run: str) -> Formula:
        """Return all operations of a run."""
        return total(self.operations[run].values())

    @cached_property
    def expanded_step(self) -> Run | None:
        """A step of generation where keys and values are held and not the latents that they are made of, if any are."""
        if self.cache.expanded().value == self.cache.bytes().value:
            return None
        works = [(each, self._decode(each, absorbed=False)) for each in self.case.groups]
        done = [forward(each, work) for each, work in works if work is not None]
        return Run(total(each for some in done for each in some.values()), self.cache.expanded())

    @cached_property
    def bytes(self) -> Mapping[str, Formula]:
        """The bytes of the tensors of all layers, where each is held whole."""
        groups = self.case.groups
        return {name: total(self._tensor(name, each) for each in groups) for name in TENSORS}

    @cached_property
    def cache(self) -> Cache:
        """What is held from step to step."""
        case = self.case
        held = [group for group in case.groups if group.cached]
        return Cache(held, case.batch, case.itemsize, case.own_keys, case.keys)

    @cached_property
    def held(self) -> list[Held]:
        """What the layers hold, those together that hold alike."""
        found: dict[tuple[str, int, int], list[Held]] = {}
        for each in self.cache.layers():
            found.setdefault((each.group.kind, each.keys, each.per_key.value), []).append(each)
        return [_joined(some) for some in found.values()]

    @cached_property
    def quantized(self) -> Mapping[str, Formula]:
        """The bytes of a quantised cache, by how it is quantised."""
        return {name: self.cache.quantized(how) for name, how in QUANTIZED.items()}

    @cached_property
    def tokens_in_memory(self) -> int | None:
        """How many tokens each sequence may have for the cache to fit; None: any number, or it was not asked."""
        return None if self.memory is None else self.cache.tokens_within(self.memory)

    @cached_property
    def weights(self) -> list[int]:
        """How many numbers the matrices before and after attention have, by group: each meets a token once."""
        once = Work(1, 1, 1, Term.of(0), absorbed=True)
        return [_numbers(forward(group, once), 1) for group in self.case.groups]

    @cached_property
    def runs(self) -> Mapping[str, Run]:
        """The runs whose time is asked for, with the bytes that they move."""
        tensors = total(self.bytes[name] for name in TENSORS if name != "scores")
        weights = self._weights_in(sum(self.weights))
        read = total(self._read(each) for each in self.case.groups if self._decode(each) is not None)
        return {
            "forward": Run(self.total("forward"), tensors + weights),
            "decode": Run(self.total("decode"), read + self._weights_of_step()),
        }

    def _forward(self, group: Group) -> Work | None:
        return self._work(group, self.case.whole, *self._tokens(group))

    def _prefill(self, group: Group) -> Work | None:
        queries, tokens = self._tokens(group)
        if group.side == "decoder" and self.case.masked is None:
            queries = tokens = self.case.own_keys
        return self._work(group, self.case.filling, queries, tokens)

    def _decode(self, group: Group, *, absorbed: bool = True) -> Work | None:
        if group.side == "encoder":
            return None
        return self._work(group, self.case.last, 1, 0 if group.side == "cross" else 1, absorbed=absorbed)

    def _work(
        self, group: Group, pairs: Callable[[Group], Term], queries: int, tokens: int, *, absorbed: bool = False
    ) -> Work:
        opened = pairs(group) if group.attention is not None else Term.of(0)
        return Work(self.case.batch, queries, tokens, opened, absorbed)

    def _tokens(self, group: Group) -> tuple[int, int]:
        """Return of how many tokens queries are made, and of how many keys."""
        queries, keys = self.case.sizes(group)
        return queries, queries if self.case.keys_are_past and group.side == "decoder" else keys

    def _tensor(self, name: str, group: Group) -> Formula:
        a = group.attention
        if a is None or (name in ("key", "value") and group.kind == "shared"):
            return Formula()
        queries, keys = self.case.sizes(group)
        heads, key_heads = Factor(a.heads, "heads"), Factor(a.key_heads, "key_heads")
        numbers: dict[str, tuple[Factor | int, ...]] = {
            "query": (heads, Factor(queries, "tokens"), a.dim),
            "key": (key_heads, Factor(keys, "tokens"), a.dim),
            "value": (key_heads, Factor(keys, "tokens"), a.value_dim),
            "scores": (heads, queries, keys),
            "output": (heads, Factor(queries, "tokens"), a.value_dim),
        }
        return Formula.of([self._of_all(group, Term.of(*numbers[name]))])

    def _of_all(self, group: Group, numbers: Term) -> Term:
        layers, batch = Factor(group.count, "layers"), Factor(self.case.batch, "sequences")
        return numbers.times(layers, batch).times_after(Factor(self.case.itemsize, "bytes"))

    def _weights_of_step(self) -> Formula:
        """Return the bytes of the matrices that a step of generation multiplies by."""
        steps = [forward(each, one) for each in self.case.groups if (one := self._decode(each)) is not None]
        return self._weights_in(sum(_numbers(each, self.case.batch) for each in steps))

    def _weights_in(self, numbers: int) -> Formula:
        return Formula.of([Term.of(Factor(numbers, "weights"), Factor(self.case.itemsize, "bytes"))])

    def _read(self, group: Group) -> Formula:
        """Return the bytes that a step of generation reads of what is held; of a window no more than it holds."""
        if not group.cached:
            return Formula()
        reads = Group(
            group.count, "full" if group.kind == "shared" else group.kind, group.attention, group.state, group.side
        )
        case = self.case
        return Cache([reads], case.batch, case.itemsize, case.own_keys, case.keys).bytes()


def _numbers(done: Operations, batch: int) -> int:
    """Return how many numbers the matrices have that were multiplied by, once for each sequence."""
    return sum(done[stage].value for stage in ("project", "out")) // 2 // batch


def _together(done: list[dict[str, Formula]]) -> dict[str, Formula]:
    stages = dict.fromkeys(stage for each in done for stage in each)
    return {stage: total(each[stage] for each in done) for stage in stages}


def _joined(some: list[Held]) -> Held:
    first = some[0]
    group = Group(
        sum(each.group.count for each in some),
        first.group.kind,
        first.group.attention,
        first.group.state,
        first.group.side,
    )
    return Held(group, first.keys, first.per_key, total(each.bytes for each in some))
