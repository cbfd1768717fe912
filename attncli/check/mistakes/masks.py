"""Wrong masks: what is closed is not what should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.masking import openings
from attncli.attend.operands import Operands
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.probe import Group, Probe
from attncli.check.way import Way

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A number added to a score that is below this closes the key, whoever wrote the mask.
FAR = -1e3
# Scores for which all rules are brought into one mask, and boundaries of documents that are tried.
MOST = 1 << 26
BOUNDARIES = 16


def kept(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a mask lets attend: true, or no number that is far below 0."""
    return np.asarray(mask if mask.dtype == bool else np.asarray(mask) > FAR)


def mask(o: Operands) -> Iterator[Variant | Unknown]:
    """What the mask says is read wrongly, or not at all."""
    yield from _everything(o)
    if o.mask is None:
        return
    keep = kept(o.mask)
    closes = not keep.all()
    if closes:
        other = np.logical_not(keep)
        yield from with_empty(
            _mask(("mask-inverted",), other, "the mask was read the other way round", "swap its meaning")
        )
    if o.mask.dtype != bool or closes:
        names, said = _dropped(o, keep)
        yield _mask(names, None, said, "pass the mask on")
    yield from _parts(o, keep)
    yield from _boundaries(keep)
    yield from _axes(o, o.mask)


def with_empty(variant: Variant) -> Iterator[Variant]:
    """Return a mistake, and the same one where rows that it leaves without a key are not 0, as they would be here."""
    yield variant
    apply = variant.apply
    for empty, said in (("mean", "the mean of all values"), ("nan", "NaN")):

        def emptied(way: Way, empty: str = empty) -> Way | None:
            made = apply(way)
            return None if made is None else replace(made, empty=empty)

        yield replace(variant, apply=emptied, said=f"{variant.said}; rows without a key became {said}", options=None)


def _everything(o: Operands) -> Iterator[Variant]:
    """All that is closed is open, or the other way round, where more than one rule closes keys."""
    none: dict[str, Any] = {"causal": False, "window": None}
    given = [o.mask is not None, o.key_lengths is not None, o.options.causal, o.options.window is not None]
    if sum(given) < 2:
        return

    def opened(way: Way) -> Way:
        return _with_rules(way.with_operands(mask=None, key_lengths=None), **none)

    said = "no key was closed: all masks were dropped"
    yield Variant(("mask-dropped",), "mask", "rules", opened, said, "pass the masks on")
    if o.sizes.batch * o.sizes.heads * o.sizes.queries * o.sizes.keys > MOST:
        return
    keep = np.ones((1, 1, 1, 1), dtype=bool)
    for rule in openings(o).values():
        keep = keep & rule

    def inverted(way: Way) -> Way:
        return way.with_rules(mask=~keep, key_lengths=None, options=replace(way.masking.options, **none))

    said = "all that is closed was open, and the other way round"
    yield from with_empty(Variant(("mask-inverted",), "mask", "rules", inverted, said, "swap the meaning of the mask"))


def _parts(o: Operands, keep: NDArray[np.bool_]) -> Iterator[Variant]:
    """Of a mask that holds a causal rule and something else, one of them is lost."""
    causal = causal_part(o, keep)
    if causal is None:
        return
    if not (causal == keep).all():
        names: tuple[str, ...] = ("padding-attended", "mask-dropped")
        said = "only the causal rule was kept of the mask, so that padded keys were attended to"
        if is_blocks(keep, causal):
            names, said = ("documents-mixed",), "only the causal rule was kept: packed documents saw each other"
        yield _mask(names, causal, said, "keep both parts of the mask")
    columns = np.asarray(keep.any(axis=-2, keepdims=True))
    if not columns.all() and not (np.broadcast_to(columns, keep.shape) == keep).all():
        said = "only the padding was kept of the mask: the causal rule was lost"
        yield _mask(("mask-dropped",), np.broadcast_to(columns, keep.shape), said, "keep both parts of the mask")


def _boundaries(keep: NDArray[np.bool_]) -> Iterator[Variant]:
    """Of packed documents two that are neighbours see each other."""
    if keep.shape[2] != keep.shape[3]:
        return
    causal = None if (keep == np.swapaxes(keep, 2, 3)).all() else np.tril(np.ones(keep.shape[2:], dtype=bool))
    if not is_blocks(keep, causal):
        return
    first = keep[0, 0].argmax(axis=-1)
    starts = np.unique(first)[1:]
    for start in starts[:BOUNDARIES] if len(starts) > 1 else ():
        before = first[start - 1]
        document = np.where(first == start, before, first)
        open_ = document[:, None] == document
        said = f"two packed documents saw each other: the boundary at {start} was lost"
        open_ = (open_ if causal is None else open_ & causal)[None, None]
        yield _mask(("documents-mixed",), open_, said, "close every document to the others")


def _dropped(o: Operands, keep: NDArray[np.bool_]) -> tuple[tuple[str, ...], str]:
    if keep.shape[2] == 1 or (keep == keep[:, :, :1]).all():
        return (
            "padding-attended",
            "mask-dropped",
        ), "the padding mask was dropped, so that padded keys were attended to"
    if is_blocks(keep, None):
        names = ("documents-mixed", "mask-dropped")
        only = keep.shape == keep.swapaxes(2, 3).shape and (keep == keep.swapaxes(2, 3)).all()  # no causal rule in it
        return names if only else names[::-1], "the mask was dropped, so that packed documents saw each other"
    return ("mask-dropped",), "the mask was dropped"


def causal_part(o: Operands, keep: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return the causal rule that a mask of (L, S) holds, if it holds one: 1, 1, L, S."""
    if keep.shape[2] < 2 or keep.shape[3] != o.sizes.keys:
        return None
    for shift in dict.fromkeys([int(o.positions[0, 0]), o.sizes.keys - o.sizes.queries, 0]):
        rule = np.arange(o.sizes.keys) <= np.arange(o.sizes.queries)[:, None] + shift
        if not rule.all() and not (keep & ~rule).any():
            return rule[None, None]
    return None


def is_blocks(keep: NDArray[np.bool_], causal: NDArray[np.bool_] | None) -> bool:
    """Tell whether a square mask consists of blocks along the diagonal, each a document of its own."""
    if keep.shape[2] != keep.shape[3] or not np.diagonal(keep, axis1=2, axis2=3).all():
        return False
    first = keep.argmax(axis=-1)  # where the document of each query begins
    queries = np.arange(keep.shape[2])
    blocks = first[..., :, None] == first[..., None, :]
    if causal is not None or not (keep == np.swapaxes(keep, 2, 3)).all():
        blocks = blocks & (queries <= queries[:, None])
    return bool((blocks == keep).all() and not (first == 0).all())


def _axes(o: Operands, mask: NDArray[Any]) -> Iterator[Variant]:
    """The mask is laid along the wrong axes."""
    batch, _, rows, keys = mask.shape
    if o.sizes.queries == o.sizes.keys and (rows, keys) != (1, 1):
        turned = np.broadcast_to(np.swapaxes(mask, 2, 3), (*mask.shape[:2], o.sizes.queries, o.sizes.keys))
        if rows == 1 or not np.array_equal(turned, mask):
            said = "the mask was laid along the queries" if rows == 1 else "the mask was transposed"
            yield from with_empty(_mask(("mask-axis",), turned, said, "masks of keys belong on the last axis"))
    full = np.broadcast_to(mask, (batch, o.sizes.heads, rows, keys))
    wrong = _other_order(full) if o.sizes.batch == batch else full
    if not np.array_equal(wrong, full):
        yield _mask(("mask-axis",), wrong, *OTHER_ORDER)


OTHER_ORDER = (
    "the mask of (batch · heads) was read in (heads, batch) order",
    "repeat each item's mask for its heads (repeat_interleave, not repeat)",
)


def _other_order(full: NDArray[Any]) -> NDArray[Any]:
    """Return (batch, heads, …) whose first two axes were packed in the other order."""
    batch, heads = full.shape[:2]
    return np.ascontiguousarray(full.swapaxes(0, 1)).reshape(batch, heads, *full.shape[2:])


def _mask(names: tuple[str, ...], value: NDArray[Any] | None, said: str, fix: str) -> Variant:
    return Variant(names, "mask", "rules", lambda way: way.with_operands(mask=value), said, fix, {"mask": said})


def lengths(o: Operands) -> Iterator[Variant]:
    """How many keys there are is not looked at, or the other way round."""
    if o.key_lengths is None:
        return
    said = "key_lengths was not looked at, so that padded keys were attended to"
    yield Variant(
        ("padding-attended", "mask-dropped"),
        "length",
        "rules",
        lambda way: way.with_operands(key_lengths=None),
        said,
        "close the keys from each item's length on",
    )
    keep = np.arange(o.sizes.keys) < o.key_lengths[:, None, None, None]
    if o.mask is not None:
        return
    said = "the padding mask was read the other way round: only padding was attended to"
    yield from with_empty(_padding(("mask-inverted",), np.logical_not(keep), said, "swap its meaning"))
    if o.sizes.queries == o.sizes.keys:
        wrong = np.broadcast_to(keep.swapaxes(2, 3), (len(keep), 1, o.sizes.queries, o.sizes.keys))
        said = "the padding mask was laid along the queries"
        yield from with_empty(_padding(("mask-axis",), wrong, said, "masks of keys belong on the last axis"))
    if len(keep) == o.sizes.batch:
        full = np.broadcast_to(keep, (len(keep), o.sizes.heads, 1, o.sizes.keys))
        if not np.array_equal(_other_order(full), full):
            yield _padding(("mask-axis",), _other_order(full), *OTHER_ORDER)


def _padding(names: tuple[str, ...], mask: NDArray[np.bool_], said: str, fix: str) -> Variant:
    def apply(way: Way) -> Way:
        return way.with_operands(key_lengths=None, mask=mask)

    return Variant(names, "length", "rules", apply, said, fix, {"mask": said})


def causal(o: Operands) -> Iterator[Variant | Unknown]:
    """The causal rule is missing, unwanted, shifted, or the other way round."""
    first = int(o.positions[0, 0])
    corners = {0: "top left", o.sizes.keys - o.sizes.queries: "bottom right", o.sizes.past: "behind the past keys"}
    if not o.options.causal:
        for shift, corner in corners.items():
            yield _causal(o, ("causal-unwanted",), shift, f"a causal rule was applied ({corner})", {"corner": corner})
        yield Unknown("causal", "rules", _reach, partial(_found_causal, o), smooth=False)
        return
    yield Variant(
        ("mask-dropped",),
        "causal",
        "rules",
        lambda way: _with_rules(way, causal=False),
        "the causal rule was dropped: queries saw later keys",
        "pass the causal rule on (is_causal=True)",
        {"rule": "causal"},
        {"causal": False},
    )
    for shift, corner in corners.items():
        if shift != first:
            said = f"the causal rule was aligned {corner} instead of at position {first}"
            variant = _causal(o, ("causal-corner",), shift, said, {"corner": corner, "offset": shift})
            yield from with_empty(_left_behind(o, variant, shift=shift))
    for step in (-1, 1):
        said = f"the causal diagonal is off by one: keys up to p{'+' if step > 0 else '−'}1 were seen"
        variant = _causal(o, ("causal-diagonal",), first + step, said, {"diagonal": step})
        variant = replace(variant, apply=partial(_shifted, by=step))
        yield from with_empty(_left_behind(o, variant, by=step))
    for strict in (False, True):
        yield from with_empty(
            Variant(
                ("mask-inverted",),
                "causal",
                "rules",
                partial(_upper, strict=strict),
                f"the causal rule was turned round: queries saw keys from p{' + 1' * strict} on (triu used as keep)",
                "keep the lower triangle (tril), or close where triu is true",
                {"rule": "causal", "diagonal": not strict},
            )
        )
    yield Unknown("causal", "rules", _reach, partial(_found_causal, o), smooth=False)


def _left_behind(o: Operands, variant: Variant, **shift: Any) -> Variant:
    """Return a shift of the causal rule in which a window, where there is one, stays where it was."""
    if o.options.window is None:
        return variant
    return replace(variant, apply=partial(_shifted, alone=True, **shift), options=None)


def _causal(o: Operands, names: tuple[str, ...], shift: int, said: str, detail: dict[str, object]) -> Variant:
    plain = o.options.rope is None and not o.options.alibi and o.options.window is None
    where = f"let the query at position p see keys up to p, the first one at {int(o.positions[0, 0])}"
    return Variant(
        names,
        "causal",
        "rules",
        partial(_shifted, shift=shift),
        said,
        where if o.options.causal else "do not apply a causal rule here",
        detail,
        {"causal": True, "offset": shift} if plain else None,
    )


def _found_causal(o: Operands, shift: float) -> Variant:
    said = f"keys up to p{shift - int(o.positions[0, 0]):+.0f} were seen"
    detail: dict[str, object] = {"offset": int(shift)}
    return _causal(o, ("causal-diagonal" if o.options.causal else "causal-unwanted",), int(shift), said, detail)


def _shifted(way: Way, *, shift: int | None = None, by: int = 0, alone: bool = False) -> Way | None:
    """Return the way with a causal rule that begins at another position; a window stays behind, or goes with it.

    Args:
        way: the way as it is.
        shift: position of the first query; None leaves it, and moves every query…
        by: …by so many positions.
        alone: whether a window stays behind.
    """
    o = way.masking
    positions = o.positions + by if shift is None else np.full((1, 1), shift) + np.arange(o.sizes.queries)
    if alone:
        before = np.arange(o.sizes.keys) <= positions[:, None, :, None]
        return way.with_rules(mask=_both(before, o), options=replace(o.options, causal=False))
    if o.options.causal and np.array_equal(np.broadcast_to(positions, o.positions.shape), o.positions):
        return None
    return way.with_rules(positions=positions, options=replace(o.options, causal=True))


def _with_rules(way: Way, **changes: Any) -> Way:
    """Return the way with other options of what is closed."""
    if way.rules is None:
        return replace(way, o=replace(way.o, options=replace(way.o.options, **changes)))
    return way.with_rules(options=replace(way.rules.options, **changes))


def _upper(way: Way, *, strict: bool) -> Way:
    """Return the way with the upper triangle open instead of the lower."""
    o = way.masking
    ahead = np.arange(o.sizes.keys) >= (o.positions + strict)[:, None, :, None]
    return way.with_rules(options=replace(o.options, causal=False), mask=_both(ahead, o))


def window(o: Operands) -> Iterator[Variant | Unknown]:
    """The window has other bounds, or is not looked at."""
    if o.options.window is not None:
        left, right = o.options.window
        said = "the window was not looked at"
        yield _window(o, (-1, -1), ("window-bounds", "mask-dropped"), said)
        others = {
            (left - 1, right): "one key short on the left",
            (left + 1, right): "one key too long on the left",
            (left, -1): "its right bound was lost",
            (-1, right): "its left bound was lost",
            (left, left): "taken to both sides",
            (left, 0): "taken to the left side only",
            (right, left): "its sides were swapped",
        }
        if right >= 0:
            others |= {(left, right - 1): "one key short on the right", (left, right + 1): "one too long on the right"}
            others |= {
                (left - 1, right - 1): "one key short on both sides",
                (left + 1, right + 1): "one too long on both",
            }
            others |= {(right, right): "the right bound was taken to both sides"}
        if left > 0:
            others |= {(left // 2, left // 2): "split in half to both sides"}
        for bounds, how in others.items():
            if bounds != (left, right) and min(bounds) >= -1 and bounds != (-1, -1):
                yield _window(o, bounds, ("window-bounds",), f"the window is wrong: {how}")
        yield from _chunks(o)
        yield from _moved(o)
    yield Unknown("window", "rules", _behind, partial(_found_window, o), smooth=False)


def _window(o: Operands, bounds: tuple[int, int], names: tuple[str, ...], said: str) -> Variant:
    value = None if bounds == (-1, -1) else bounds
    text = "no window" if o.options.window is None else "a window of {}, {}".format(*o.options.window)
    return Variant(
        names,
        "window",
        "rules",
        lambda way: None if way.masking.options.window == value else _with_rules(way, window=value),
        said,
        f"use {text} (left, right; both inclusive, -1 is no bound)",
        {"window": list(bounds)},
        {"window": ",".join(map(str, bounds))},
    )


def _moved(o: Operands) -> Iterator[Variant]:
    """Causal rule and window are shifted together."""
    if not o.options.causal:
        return
    first = int(o.positions[0, 0])
    for step in (-1, 1):
        said = f"causal rule and window are off by one: positions are p{'+' if step > 0 else '−'}1"
        variant = _causal(o, ("causal-diagonal",), first + step, said, {"diagonal": step, "window": "moved"})
        yield from with_empty(replace(variant, slot="window", apply=partial(_shifted, by=step)))
    for shift in dict.fromkeys((0, o.sizes.keys - o.sizes.queries, o.sizes.past)):
        if shift != first:
            said = f"causal rule and window were taken from position {shift}, not {first}"
            yield from with_empty(_causal(o, ("causal-corner",), shift, said, {"offset": shift, "window": "moved"}))


def _found_window(o: Operands, left: float) -> Variant:
    right = -1 if o.options.window is None else o.options.window[1]
    return _window(o, (int(left), right), ("window-bounds",), f"the window reached {left:.0f} keys back")


def _chunks(o: Operands) -> Iterator[Variant]:
    """Positions are counted from the start of a chunk of queries, not from that of the sequence."""
    left = (o.options.window or (-1, -1))[0]
    size = 8
    while size < o.sizes.queries and left >= 0:
        yield Variant(
            ("window-bounds",),
            "window",
            "rules",
            partial(_local, size=size, left=left),
            f"the window was counted from the row inside a chunk of {size} queries",
            "count positions from the start of the sequence",
            {"chunk": size},
        )
        size *= 2


def _local(way: Way, *, size: int, left: int) -> Way:
    o = way.masking
    local = np.arange(o.sizes.queries) % size
    near = np.arange(o.sizes.keys) >= local[:, None] - left
    right = (o.options.window or (-1, -1))[1]
    return way.with_rules(mask=_both(near[None, None], o), options=replace(o.options, window=(-1, right)))


def _both(open_: NDArray[np.bool_], o: Operands) -> NDArray[np.bool_]:
    """Return where a rule and the mask are both open; a mask of numbers is added to the scores as it was."""
    return open_ if o.mask is None else open_ & kept(o.mask)


def _reach(way: Way, probe: Probe) -> list[float]:
    """Return where the causal rule would begin if each observed row were made of the keys before some key."""
    return _ends(way, probe, lambda made, group, row: made - group.rows[row])


def _behind(way: Way, probe: Probe) -> list[float]:
    """Return how far back a window would reach if each observed row were made of the keys from some key on."""
    positions = way.o.positions

    def reach(kept_keys: int, group: Group, row: int) -> float:
        position = positions[group.batch % len(positions), group.rows[row]]
        return int(position) - (way.o.sizes.keys - 1 - kept_keys)

    return [each for each in _ends(way, probe, reach, backwards=True) if each >= 0]


def _ends(
    way: Way, probe: Probe, number: Callable[[int, Group, int], float], *, backwards: bool = False
) -> list[float]:
    """Find, for the last rows of the worst head, the run of keys that makes what was observed; return what it says.

    All runs of a row are tried at once: their sums are the running sums of exponentials and of values.
    """
    if way.axis != "keys" or way.back or way.closing or way.empty != "zero" or way.o.sinks is not None:
        return []
    open_ = _with_rules(way, window=None) if backwards else _with_rules(way, causal=False)
    group = probe.groups[0]
    found: list[float] = []
    for row in sorted({len(group.rows) - 1, len(group.rows) // 2, max(0, len(group.rows) - 2)}, reverse=True):
        logits, value = open_.logits_and_values(group.batch, group.head, group.rows[row : row + 1])
        if backwards:
            logits, value = logits[::-1], value[::-1]
        with np.errstate(all="ignore"):
            powers = np.exp(logits - logits.max())[:, None]
            made = np.cumsum(powers * value, axis=0) / np.cumsum(powers, axis=0) * way.factor
        apart = np.abs(made - group.observed[row]).max(axis=1)
        if np.isfinite(apart).any():
            found.append(number(int(np.nanargmin(apart)), group, row))
    return list(dict.fromkeys(found))
