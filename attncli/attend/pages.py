"""Keys and values in pages of a pool, which a table strings together for each batch item, as a server keeps them.

    key j of batch item b = pool[block_table[b, j // page size], j % page size]

Source: Kwon et al., *Efficient Memory Management for Large Language Model Serving with PagedAttention*, 2023.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fitting import fit_lengths
from attncli.attend.options import Options
from attncli.attend.remedies import or_fix
from attncli.attend.shapes import Sizes, as_four_axes, heads_of, show
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOLS = ("key", "value")
# What would make or continue keys and values, which the pool has already.
EXCLUDED = ("past_key", "past_value", "w_k", "b_k", "w_v", "b_v", "w_qkv", "b_qkv")
# How many numbers are copied at a time.
PIECE = 1 << 20


@dataclass(frozen=True, eq=False)
class Pages:
    """The pages of a problem.

    Attributes:
        table: (items, blocks) the page at each place, as read; what stands behind the used places may be anything.
        used: (items,) how many places are used.
        lengths: (items,) how many keys these hold.
        size: the number of keys of a page.
        pools: by name, (pages, page size, heads, features).
    """

    table: NDArray[Any]
    used: NDArray[np.int64]
    lengths: NDArray[np.int64]
    size: int
    pools: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, found: Mapping[str, NDArray[Any]], options: Options) -> Pages:
        """Return the pages of these arrays, among which is ``block_table``, without copying any.

        Raises:
            InputError: key and value are not pools that fit, something contradicts the table, or a place that is used
                names a page that is not there.
        """
        table = found["block_table"]
        for name in EXCLUDED:
            if name in found:
                hint = "with block_table key and value are pools that hold all keys, past ones too, as they are"
                raise InputError(f"block_table and {name} contradict each other", hint=hint, arrays=["block_table"])
        pools = _pools(found)
        if not 1 <= table.ndim <= 2 or 0 in table.shape:
            fact = f"block_table {show(table.shape)} must have the axes (batch, pages of one item)"
            raise InputError(fact, arrays=["block_table"])
        table = table.reshape(-1, table.shape[-1])
        size = next(iter(pools.values())).shape[1]
        keys = table.shape[1] * size
        lengths = np.full(len(table), keys)
        batch = _batch(table, found, options)
        if "key_lengths" in found:
            given = fit_lengths(found["key_lengths"], Sizes(batch, 1, 1, 1, keys, 1, 1), found)
            lengths = np.broadcast_to(given if len(given) == len(table) else given.max(), lengths.shape)
        made = cls(table, -(-lengths // size), lengths, size, pools)
        made.check()
        return made

    def check(self) -> None:
        """Check that each place that is used names a page of the pool.

        Raises:
            InputError: with the first one that does not.
        """
        pages = len(next(iter(self.pools.values())))
        with np.errstate(invalid="ignore"):
            wide = self.table if self.table.dtype.kind in "iub" else self.table.astype(np.float64)
            right = (wide >= 0) & (wide < pages) & (wide == np.floor(wide))
        wrong = np.argwhere(~right & (np.arange(self.table.shape[1]) < self.used[:, None]))
        if len(wrong):
            item, place = wrong[0].tolist()
            entry = str(self.table[item, place]).removesuffix(".0")
            fact = (
                f"block_table names page {entry} at place {place} of item {item}; the pool has pages 0 to {pages - 1}"
            )
            hint = "key_lengths says how many keys are used; what is behind them may be anything"
            raise InputError(fact, hint=hint, arrays=["block_table"])

    @property
    def bytes(self) -> int:
        """How many bytes the copies of the used pages take."""
        keys = int(self.lengths.sum())
        return sum(keys * math.prod(pool.shape[2:]) * pool.itemsize for pool in self.pools.values())

    def places(self, name: str) -> NDArray[np.int64]:
        """Return where in the flat pool each number of `gathered` is from; what is not used is from the first place."""
        numbered = {name: np.arange(self.pools[name].size).reshape(self.pools[name].shape)}
        return replace(self, pools=numbered).gathered(name)

    def gathered(self, name: str) -> NDArray[Any]:
        """Return keys or values, (items, heads, S, features), with 0 behind the used ones.

        What is not used is not even looked at, and takes no memory.
        """
        pool = self.pools[name]
        _, size, heads, features = pool.shape
        made = np.zeros((len(self.table), heads, self.table.shape[1] * size, features), pool.dtype)
        step = max(1, PIECE // (size * heads * features))
        for item, (used, length) in enumerate(zip(self.used.tolist(), self.lengths.tolist(), strict=True)):
            for start in range(0, used, step):
                pages = pool[self.table[item, start : min(start + step, used)].astype(np.intp)]
                keys = pages.reshape(-1, heads, features)[: length - start * size]
                made[item, :, start * size : start * size + len(keys)] = keys.swapaxes(0, 1)
        return made


def _pools(found: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    pools = {name: found[name] for name in POOLS if name in found}
    if not pools or ("hidden" in found and len(pools) < len(POOLS)):
        raise InputError("block_table is given without key and value, the pools of pages", arrays=["block_table"])
    for name, pool in pools.items():
        if pool.ndim != 4 or 0 in pool.shape:
            fact = f"{name} {show(pool.shape)} must be a pool of pages for block_table"
            raise InputError(f"{fact}, (pages, page size, key heads, features)", arrays=[name])
    if len({pool.shape[:2] for pool in pools.values()}) > 1:
        texts = " and ".join(f"{name} {show(pool.shape)}" for name, pool in pools.items())
        fact = f"{texts} do not fit: they must have as many pages of one size"
        raise InputError(fact, arrays=list(pools))
    return pools


def _batch(table: NDArray[Any], found: Mapping[str, NDArray[Any]], options: Options) -> int:
    """Return the number of batch items of the whole problem."""
    name = "query" if "query" in found else "hidden"
    if name not in found:
        return len(table)
    shape, items = found[name].shape, len(table)
    is_projected = bool({"w_q", "b_q"} & found.keys())

    def fitted(each: Options) -> int:
        batch = as_four_axes(name, shape, each, 1 if is_projected else heads_of("query", shape, each))[0]
        is_alone = each.layout == "thd" and items > 1
        if is_alone or (1 not in (batch, items) and batch != items):
            fact = f"{name} {show(shape)} and block_table {show(table.shape)} do not fit"
            hint = "queries of several items are (batch, length, heads, features), --layout bshd" * is_alone
            raise InputError(f"{fact}: batches of {batch} and {items}", hint=hint, arrays=[name, "block_table"])
        return max(batch, items)

    return or_fix(fitted, options, [shape])
