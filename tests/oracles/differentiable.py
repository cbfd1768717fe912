"""The whole formula in PyTorch, which can differentiate it; nothing is shared with the package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from tests.fuzz import forms
from tests.fuzz.problems import Array
from tests.fuzz.reference import SLOPES, Plain
from tests.fuzz.whole import LETTERS, Whole, has_out, seen
from tests.support.rules import is_open

Tensor = Any  # torch.Tensor, which mypy is not shown
Nudge = Callable[[Tensor], Tensor]


class Formula:
    """One problem, computed of tensors.

    Args:
        w: the problem; its numbers are not looked at, but for what is closed and where states stand.
        given: the tensors, see `tests.oracles.autograd.leaves`.
        nudge: what moves the numbers of a step by a rounding error.
    """

    def __init__(self, w: Whole, given: Mapping[str, Tensor], nudge: Nudge = lambda tensor: tensor) -> None:
        self.w, self.p, self.given, self.nudge = w, w.problem, given, nudge
        self.s, self.options = w.problem.sizes, dict(w.problem.options) | w.options
        self.kind = given["query" if "query" in given else "hidden"].dtype
        self.geometry = Plain(self.p, np.float64, self.p.arrays, lambda array: array)

    def run(self) -> tuple[dict[str, Tensor], Tensor]:
        """Return scores, logits and weights, each (B, H, L, …), and the output as the user gets it."""
        query, key, value = self.states()
        scores = self.nudge(self.scores(query, key))
        x = self.options.get("softcap")
        capped = x * torch.tanh(scores / x) if x else scores
        self.opened, logits = self.logits(capped)
        weights = self.nudge(self.weights(self.opened, self.nudge(logits)))
        sums = self.nudge(weights @ self.for_each_head(value))
        found = {"scores": scores, "logits": logits, "weights": weights}
        return found, self.output(self.gated(sums))

    # From the form of the user to (B, heads, length, features).

    def taken(self, name: str) -> Tensor:
        """Return a state: each number is looked for where the form of the user puts it."""
        p, called = self.p, "hidden" if name in self.p.layout.hidden else name
        shape = p.arrays[name].shape
        if p.layout.page and name in ("key", "value"):
            shape = (max(len(p.arrays[each]) for each in ("key", "value")), *shape[1:])
        numbers = np.arange(2, 2 + np.prod(shape)).reshape(shape)  # unused pages hold 1
        same = dict.fromkeys(p.layout.hidden if called == "hidden" else (name,), numbers)
        places = forms.given(p.changed(**same))[called].reshape(-1)
        where, is_there = np.zeros(numbers.size + 2, np.int64), np.zeros(numbers.size + 2, bool)
        where[places], is_there[places] = np.arange(places.size), True
        flat = self.given[called].reshape(-1)[torch.from_numpy(where[2:])]
        # What the user's pages do not hold is not there.
        return torch.where(torch.from_numpy(is_there[2:]), flat, torch.zeros_like(flat)).reshape(shape)

    def for_each_head(self, states: Tensor) -> Tensor:
        """Return states (batch, their heads, …) as (batch, query heads, …)."""
        return states.repeat_interleave(self.s.H // states.shape[1], dim=1)

    def of_one_batch(self, *arrays: Tensor) -> list[Tensor]:
        return [each.expand(max(map(len, arrays)), *each.shape[1:]) for each in arrays]

    # project, norm, rotate.

    def states(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return query, key and value, past ones first, as they meet."""
        found = []
        for state, letter in LETTERS.items():
            made = self.taken(state)
            if state in self.w.projected:
                heads = {"query": self.s.H, "key": self.s.K}.get(state, self.w.value_heads)
                made = apart(self.affine(made[:, 0], letter), heads)
            late = "after-rope" in self.options.get("qk_norm", "") and state != "value"
            made = made if late else self.normed(made, letter)
            if state != "value" and "rope" in self.options:
                made = self.turned(made, "positions" if state == "query" else "key_positions")
            made = self.normed(made, letter) if late else made
            if f"past_{state}" in self.p.arrays:
                made = torch.cat(self.of_one_batch(self.taken(f"past_{state}"), made), dim=2)
            found.append(made.expand(self.s.B, *made.shape[1:]))
        return found[0], found[1], found[2]

    def affine(self, x: Tensor, letter: str) -> Tensor:
        """Return x·W + b, of the arrays of a letter or of the part of a fused one."""
        weight, bias = self.part("w", letter), self.part("b", letter)
        made = x if weight is None else x @ weight
        return made if bias is None else made + bias

    def part(self, kind: str, letter: str) -> Tensor | None:
        """Return a matrix (in, out), or a bias; None if there is none."""
        name = f"{kind}_{letter}"
        is_turned = kind == "w" and self.options.get("weights") == "out-in"
        if name in self.given:
            return self.given[name].T if is_turned else self.given[name]
        if letter not in "qkv" or f"{kind}_qkv" not in self.given:
            return None
        both, s = self.given[f"{kind}_qkv"], self.s
        both = both.T if is_turned else both
        at = "qkv".index(letter)
        if self.options["qkv"] == "blocks":
            return both.split([s.H * s.E, s.K * s.E, s.K * s.E], dim=-1)[at]
        group = s.H // s.K
        each = both.reshape(*both.shape[:-1], s.K, group + 2, s.E)
        return each.split([group, 1, 1], dim=-2)[at].flatten(-3)

    def normed(self, states: Tensor, letter: str) -> Tensor:
        """Return states (batch, heads, length, features) normalised over their features, or over all heads'."""
        how, name = self.options.get("qk_norm"), f"{letter}_norm"
        weights = self.given.get(name)
        if how is None or (letter == "v" and weights is None):
            return states
        heads, features = states.shape[1], states.shape[3]
        is_whole = weights is not None and weights.ndim == 1 and len(weights) > features
        if weights is not None and weights.ndim == 2:  # each head has its own
            weights = weights[:, None]
        rows = states.transpose(1, 2).flatten(2) if is_whole else states
        rows = rows - rows.mean(-1, keepdim=True) if how.startswith("layer") else rows
        squares = rows**2
        size = squares.sum(-1, keepdim=True) if how.startswith("l2") else squares.mean(-1, keepdim=True)
        rows = rows / torch.sqrt(size + self.options["norm_eps"])
        if weights is not None:
            rows = rows * (1 + weights if "plus-one" in how else weights)
        return apart(rows, heads) if is_whole else rows

    def turned(self, states: Tensor, side: str) -> Tensor:
        """Return states with each pair of features (a, b) turned: (a·cos − b·sin, a·sin + b·cos)."""
        count, *last = self.options.get("rope_dim", (states.shape[3],))
        start = states.shape[3] - count if last else 0
        cos, sin = (each[:, None] for each in self.tables(side, states.shape[2], count))
        kept, middle, rest = states.split([start, count, states.shape[3] - start - count], dim=-1)
        if self.options["rope"] == "half":
            a, b = middle.chunk(2, dim=-1)
            middle = torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
        else:
            a, b = middle[..., ::2], middle[..., 1::2]
            middle = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
        kept, rest = (each.expand(len(middle), *each.shape[1:]) for each in (kept, rest))
        return torch.cat([kept, middle, rest], dim=-1)

    def tables(self, side: str, length: int, count: int) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of each pair of states, (B, length, count/2)."""
        if "cos" in self.given and self.given["cos"].ndim == 3:
            return self.given["cos"], self.given["sin"]
        shape = (self.s.B, length, count // 2)
        position, angles, factors = np.zeros(shape, np.int64), np.zeros(shape), np.ones(shape)
        for b, at, pair in np.ndindex(shape):
            stands = self.geometry.stands(side, b, at)
            position[b, at, pair] = stands[self.geometry.section(pair) if len(stands) == 3 else 0]
            if "cos" not in self.given:
                angles[b, at, pair], factors[b, at, pair] = self.geometry.scaled(
                    int(position[b, at, pair]), pair, count
                )
        if "cos" in self.given:
            where = torch.from_numpy(position), torch.arange(count // 2)
            return self.given["cos"][where], self.given["sin"][where]
        return tuple(torch.from_numpy(each * factors).to(self.kind) for each in (np.cos(angles), np.sin(angles)))

    # score, mask, softmax.

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return scale · score(query, key), (B, H, L, S)."""
        key = self.for_each_head(key)
        made = getattr(self, f"score_{self.options.get('score', 'dot')}")(query, key)
        scale = self.options.get("scale", "none")
        made = made * {"none": 1.0, "sqrt": self.s.E**-0.5}.get(scale, scale)
        return made * self.given["query_scale"][..., None] if "query_scale" in self.given else made

    def score_dot(self, query: Tensor, key: Tensor) -> Tensor:
        return query @ key.mT

    def score_cosine(self, query: Tensor, key: Tensor) -> Tensor:
        return unit(query) @ unit(key).mT

    def score_general(self, query: Tensor, key: Tensor) -> Tensor:
        return (query @ self.given["w_a"] if "w_a" in self.given else query) @ key.mT

    def score_additive(self, query: Tensor, key: Tensor) -> Tensor:
        left = query @ self.given["w_a"] if "w_a" in self.given else query
        right = key @ self.given["u_a"] if "u_a" in self.given else key
        bent = torch.tanh(left[..., :, None, :] + right[..., None, :, :])
        return (bent * self.given["v_a"] if "v_a" in self.given else bent).sum(-1)

    def logits(self, capped: Tensor) -> tuple[Tensor, Tensor]:
        """Return which keys are open, and what softmax sees of them."""
        full, opened = tuple(capped.shape), np.zeros(capped.shape, bool)
        positions = [self.geometry.first(b) for b in range(full[0])]
        for place in np.ndindex(full):
            at = positions[place[0]] + place[2]
            opened[place] = is_open(self.p.arrays, self.p.options, place, at, full[3])
        is_there, logits = torch.from_numpy(opened), capped
        for name in ("mask", "bias"):
            if name not in self.p.arrays:
                continue
            numbers = self.given.get(name, torch.from_numpy(self.p.arrays[name]))
            if name == "mask" and numbers.shape[-1] < full[3]:  # one that ends early closes the other keys
                closed = False if numbers.dtype == torch.bool else -torch.inf
                numbers = torch.nn.functional.pad(numbers, (0, full[3] - numbers.shape[-1]), value=closed)
            if numbers.dtype == torch.bool:
                is_there = is_there & numbers
            else:
                is_there = is_there & (numbers != -torch.inf)
                logits = logits + torch.where(numbers == -torch.inf, 0, numbers)
        if self.options.get("alibi"):
            logits = logits - torch.from_numpy(self.penalties(full)).to(self.kind)
        return is_there.expand(full), logits

    def penalties(self, full: tuple[int, ...]) -> Array:
        found, past = np.zeros(full), self.s.P
        for b, h, i, j in np.ndindex(full):
            place = self.geometry.stands("positions", b, i)[0]
            key = j if j < past else self.geometry.stands("key_positions", b, j - past)[0]
            found[b, h, i, j] = SLOPES(full[1])[h] * abs(place - key)
        return found

    def weights(self, opened: Tensor, logits: Tensor) -> Tensor:
        """Return exp(logit) / Σ exp(logit) over the open keys and the sink; a row without any is 0."""
        least = torch.finfo(self.kind).min
        top = torch.where(opened, logits, least).detach().amax(-1, keepdim=True)
        sinks = self.given["sinks"].reshape(-1)[:, None, None] if "sinks" in self.given else None
        top = top if sinks is None else torch.maximum(top, sinks.detach())
        powers = torch.where(opened, torch.exp(torch.where(opened, logits, top) - top), 0)
        total = powers.sum(-1, keepdim=True)
        total = total if sinks is None else total + torch.exp(sinks - top)
        return powers / torch.where(total == 0, 1, total)

    # gate, out.

    def gated(self, sums: Tensor) -> Tensor:
        """Return the sums (B, H, L, Ev) times σ(gate)."""
        if "w_g" in self.given:
            x = self.taken("query")
            x = x[:, 0] if "query" in self.w.projected else x.transpose(1, 2).flatten(2)
            return sums * torch.sigmoid(apart(self.affine(x, "g"), self.s.H))
        if "gate" not in self.given:
            return sums
        gate = self.given["gate"]
        if not self.p.layout.packed:
            shape = (self.s.B, self.s.H, self.s.L, self.s.Ev)
            numbers = np.arange(np.prod(shape)).reshape(shape)
            where = np.argsort(forms.seen(self.p, "output", numbers).reshape(-1))
            return sums * torch.sigmoid(gate.reshape(-1)[torch.from_numpy(where)].reshape(shape))
        gate = gate[None] if gate.ndim == 2 else gate.transpose(0, 1) if self.p.layout.order == "sbhd" else gate
        return sums * torch.sigmoid(apart(gate, self.s.H))

    def output(self, sums: Tensor) -> Tensor:
        """Return the output as the user gets it."""
        if has_out(self.w):
            sums = self.affine(sums.transpose(1, 2).flatten(2), "o")[:, None]
        numbers = np.arange(sums.numel()).reshape(sums.shape)
        where = seen(self.w, numbers)
        return sums.reshape(-1)[torch.from_numpy(where.reshape(-1))].reshape(where.shape)


def apart(rows: Tensor, heads: int) -> Tensor:
    """Return rows (batch, length, heads·features) as (batch, heads, length, features)."""
    return rows.unflatten(-1, (heads, -1)).transpose(1, 2)


def unit(vectors: Tensor) -> Tensor:
    """Return vectors of length 1; one of zeros has no direction, and none after a small change."""
    squares = (vectors**2).sum(-1, keepdim=True)
    return torch.where(squares == 0, 0, vectors / torch.sqrt(torch.where(squares == 0, 1, squares)))
