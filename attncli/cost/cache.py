"""What is held from step to step: keys and values, latents, states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attncli.cost.formula import Factor, Formula, Term, summed, total
from attncli.cost.layers import Attention, Group
from attncli.cost.sizes import Quantized

# Beyond this many tokens nobody asks whether there is room for more.
MOST_TOKENS = 1 << 62


@dataclass(frozen=True)
class Held:
    """What the layers of a group hold.

    Attributes:
        group: the layers.
        keys: how many keys each holds.
        per_key: bytes of a key with its value, in one layer.
        bytes: of all layers and sequences.
    """

    group: Group
    keys: int
    per_key: Formula
    bytes: Formula


@dataclass(frozen=True)
class Cache:
    """What all layers hold.

    Attributes:
        groups: those that hold something, or read what others hold.
        batch: sequences.
        itemsize: bytes of a number.
        length: tokens of a sequence.
        source: tokens of what the decoder looks at, such as those of an encoder.
    """

    groups: Sequence[Group]
    batch: int
    itemsize: int
    length: int
    source: int

    def layers(self) -> list[Held]:
        """Return what each group holds."""
        return [self._held(group) for group in self.groups]

    def bytes(self) -> Formula:
        """Return the bytes of all layers and sequences."""
        return total(each.bytes for each in self.layers())

    def expanded(self) -> Formula:
        """Return the bytes where latents are held as the keys and values that are made of them."""
        return total(self._held(group, expanded=True).bytes for group in self.groups)

    def per_token(self) -> Formula:
        """Return the bytes that one more token of one sequence takes, until it has left a window."""
        growing = [group for group in self.groups if group.kind not in ("state", "cross", "shared")]
        return total(self._per_key(group).times(_layers(group)) for group in growing)

    def quantized(self, how: Quantized) -> Formula:
        """Return the bytes where keys and values are quantised; states are left as they are."""
        return total(self._quantized(group, how) for group in self.groups)

    def tokens_within(self, memory: int) -> int | None:
        """Return how many tokens a sequence may have for all sequences together to fit; None: any number."""

        def fits(tokens: int) -> bool:
            return Cache(self.groups, self.batch, self.itemsize, tokens, self.source).bytes().value <= memory

        return None if fits(MOST_TOKENS) else last(fits, 0, MOST_TOKENS)

    def _held(self, group: Group, *, expanded: bool = False) -> Held:
        if group.state is not None:
            size = Factor(group.state.itemsize or self.itemsize, "bytes")
            terms = [Term.of(_layers(group), *each, size, self._batch) for each in group.state.held]
            return Held(group, 0, Formula(), Formula.of(terms))
        keys = group.kept(self.keys_of(group))
        per_key = self._per_key(group, expanded=expanded)
        return Held(group, keys, per_key, per_key.times(_layers(group)).times_after(Factor(keys), self._batch))

    def keys_of(self, group: Group) -> int:
        """Return how many keys there are to hold."""
        return self.source if group.side == "cross" else self.length

    def _per_key(self, group: Group, *, expanded: bool = False) -> Formula:
        if group.attention is None or group.kind == "shared":
            return Formula()
        a = group.attention
        return Formula.of([_numbers(a, expanded=expanded).times_after(Factor(self.itemsize, "bytes"))])

    def _quantized(self, group: Group, how: Quantized) -> Formula:
        held = self._held(group)
        if group.attention is None or group.kind == "shared":
            return held.bytes
        vectors = [(count, how.vector(features)) for count, features in group.attention.vectors]
        heads = {count for count, _ in vectors}
        if len(set(vectors)) == 1:
            (count, size), several = vectors[0], len(vectors)
            numbers = Term.of(several, Factor(count, "key_heads"), Factor(size, "bytes"))
        else:
            each = summed([(size, 1) for _, size in vectors])._replace(unit="bytes")
            numbers = Term.of(Factor(heads.pop(), "key_heads"), each)
        scales = [] if how.group else [Term.of(len(vectors), _layers(group), Factor(how.scale, "bytes"))]
        return Formula.of([numbers.times(_layers(group)).times_after(Factor(held.keys), self._batch), *scales])

    @property
    def _batch(self) -> Factor:
        return Factor(self.batch, "sequences")


def _layers(group: Group) -> Factor:
    return Factor(group.count, "layers")


def _numbers(a: Attention, *, expanded: bool) -> Term:
    """Return how many numbers a key takes with its value: of one layer and sequence."""
    if a.latent is not None and not expanded:
        return Term.of(summed([(a.latent.rank, 1), (a.latent.rope, 1)]))
    heads = Factor(a.key_heads, "key_heads")
    if a.dim == a.value_dim:
        return Term.of(2, heads, a.dim)
    return Term.of(heads, summed([(a.dim, 1), (a.value_dim, 1)]))


def last(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Return the largest number that fits, from ``low``, where all that are smaller fit too, and ``high`` does not.

    >>> last(lambda number: number * number <= 50, 0, 100)
    7
    """
    if not fits(low):
        return low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
