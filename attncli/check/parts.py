"""What the reports on an output and on gradients share: the picture of rows, and what is said of an explanation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.compare import Comparison
from attncli.check.explanation import Explanation
from attncli.check.mistakes.registry import libraries
from attncli.check.observations import ranges
from attncli.check.part import Part
from attncli.files.contents import of_item
from attncli.sentences import Field, Listed, Sentence, Voice, sentence, word
from attncli.show.lines import print_lines
from attncli.show.numbers import label, number
from attncli.show.plain import columns_of
from attncli.show.window import ends

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.files.contents import AnyLabels
    from attncli.show.screen import Screen

# Marks for a row that is exact, off by up to 10, 1000 or 100 000 times its tolerance, or by more, or not finite.
MARKS, PLAIN_MARKS = "·░▒▓█N", ".:+x#N"
THRESHOLDS = (1.0, 10.0, 1e3, 1e5)
COLORS = ("dim", "yellow", "yellow", "red", "red", "bold red")
MOST_LINES = 24


def agrees(c: Comparison) -> Sentence:
    """Say how far apart right numbers are."""
    return sentence("agrees", error=f"{c.error:.1e}", tolerance=f"{c.tolerance:.1e}")


def difference(c: Comparison) -> Sentence:
    """Say how much differs, of what differs."""
    how = sentence("differs", error=f"{c.error:.2g}", tolerance=f"{c.tolerance:.1e}")
    if c.nonfinite_at is None:
        return how
    return sentence("differs_not_finite_too", how=how) if c.error > c.tolerance else sentence("differs_not_finite")


def named(what: Sentence, found: Sequence[Explanation]) -> Sentence:
    """Name the mistakes that explain a difference, after what was said of it; that alone where none does."""
    mistakes = tuple(dict.fromkeys(" + ".join(each.mistakes) for each in found))
    return sentence("with_mistakes", what=what, mistakes=Listed(mistakes, "or")) if mistakes else what


def places(
    c: Comparison, labels: Mapping[str, AnyLabels], row: str = "query", what: str = "output"
) -> Iterator[Sentence]:
    """Say where the worst element is, and how many rows differ.

    Args:
        c: what came of comparing.
        labels: of queries and keys, if there are any.
        row: what a row is called.
        what: what is compared.
    """
    worst, (batches, heads, _) = c.worst, c.excess.shape
    called = labels.get(f"{row}_labels")
    at = sentence(f"at_{row}", index=worst.query)
    if called:
        at = sentence("labelled", at=at, label=label(of_item(called, worst.batch)[worst.query]))
    where: list[Field] = [sentence("at_batch_item", index=worst.batch)] * (batches > 1)
    where += [sentence("at_head", index=worst.head)] * (heads > 1)
    where += [at, sentence("at_column", index=worst.feature)]
    numbers = {"expected": number(worst.expected, 6), "computed": number(worst.computed, 6)}
    # Beside numbers that are not finite the worst of the others may be no more than rounding.
    if c.nonfinite_at is None or c.error > c.tolerance:
        yield sentence("worst", where=Listed(tuple(where), "comma"), **numbers)
    if c.nonfinite_at is not None:
        axes = zip(("batch item", "head", row, "column"), c.nonfinite_at, strict=True)
        where = [sentence(f"at_{name.replace(' ', '_')}", index=index) for name, index in axes]
        yield sentence("first_not_finite", where=Listed(tuple(where), "comma"))
    yield sentence("rows_differ", count=int(c.wrong.sum()), all=c.wrong.size)
    for axis, name in enumerate(("batch items", "heads")):
        some = c.differing(axis)
        if not some.all():
            yield sentence("which_differ", axis=word("axis", name), places=", ".join(map(str, np.flatnonzero(some))))
    for kind, (expected, computed) in (("NaN", c.nan), ("∞", c.infinite)):
        if expected or computed:
            yield sentence(f"not_finite_{what}", kind=kind, expected=expected, computed=computed)


def picture(excess: NDArray[Any], screen: Screen, console: Console, voice: Voice, row: str = "query row") -> None:
    """Print heads × rows, a mark for each row or run of rows.

    Args:
        excess: (batch, heads, rows) the largest difference of each row, in units of its tolerance.
        screen: where it is shown.
        console: prints it.
        voice: the language.
        row: what a row is called.
    """
    from rich.text import Text

    batches, heads, queries = excess.shape
    marks = MARKS if screen.unicode else PLAIN_MARKS
    names = [_place(b, h, excess.shape, voice) for b in range(batches) for h in range(heads)]
    side = max(map(columns_of, names)) + 2
    room = max(8, screen.width - side - 1)
    run = -(-queries // room)
    lines = excess.reshape(-1, queries)
    shown = ends(len(lines), MOST_LINES)
    for at, index in enumerate(shown.indices.tolist()):
        if at in shown.gaps:
            console.print(Text(screen.write("…")))
        text = Text(names[index] + " " * (side - columns_of(names[index])))
        for start in range(0, queries, run):
            kind = _kind(float(lines[index, start : start + run].max()))
            text.append(marks[kind], COLORS[kind] if screen.color else "")
        console.print(text, no_wrap=True, crop=True)
    each = sentence("mark_for_rows", count=run) if run > 1 else sentence("mark_for_each", row=word("row", row))
    legend = voice.say(sentence("legend", each=each, exact=marks[0], scale=marks[1:5]))
    print_lines(legend, screen=screen, console=console, style="dim")


def _place(batch: int, head: int, shape: Sequence[int], voice: Voice) -> str:
    """Name a line of the picture: its batch item and its head, as far as there are several."""
    item = [sentence("in_batch", index=batch)] * (shape[0] > 1)
    return " ".join(
        voice.say(each) for each in [*item, *[sentence("at_head", index=head)] * (shape[1] > 1 or not item)]
    )


def _kind(excess: float) -> int:
    return 5 if not math.isfinite(excess) else sum(excess > step for step in THRESHOLDS)


def explanations(found: Sequence[Explanation], voice: Voice) -> Iterator[tuple[str, Sentence]]:
    """Say what explains a difference and what to change: each text after what its first line begins with."""
    for at, each in enumerate(found):
        same = at > 0 and each.rank == found[at - 1].rank
        said: Field = Listed(each.descriptions, "and_also")
        said = said if each.part is None else sentence("only_in", what=said, places=part(each.part))
        what = sentence("explained", mistakes=" + ".join(each.mistakes), what=said)
        yield f"{'=' if same else each.rank}. ", what
        if at == 0 or each.keys != found[at - 1].keys:
            yield from (("   ", line) for line in more(each, voice))


def part(found: Part) -> Field:
    """Name the part of an output in which a mistake was made."""
    axes = found.axes().items()
    return Listed(tuple(sentence(f"part_{name}", places=ranges(np.array(some))) for name, some in axes), "comma")


def more(each: Explanation, voice: Voice) -> Iterator[Sentence]:
    """Say what to change, which options give the observed output, how well it is explained, and who does what."""
    yield sentence("fix", fix=fix(each))
    flags = as_flags(each.options)
    if flags:
        yield sentence("same_with_flags", flags=flags)
    seen, total = each.rows
    every = sentence("all_rows" if each.part is None else "rows_of_part")
    over = every if seen == total else sentence("tried_rows", seen=seen, all=total)
    if math.isfinite(each.residual):
        yield sentence("explains", rows=over, residual=f"{each.residual:.1e}")
    else:
        yield sentence("random", rows=over)
    for name, english in libraries(each.mistakes).items():
        yield sentence("libraries", who=voice.of("libraries", name, english))


def fix(explanation: Explanation) -> Listed:
    """Return what to change, in one line."""
    return Listed(tuple(dict.fromkeys(explanation.fixes)), "and_also")


def as_flags(options: Mapping[str, object] | None) -> str:
    """Write options as flags; empty where there are none for them.

    >>> as_flags({"scale": 0.125, "causal": False, "offset": 3})
    '--scale 0.125 --no-causal --offset 3'
    """
    if not options or None in options.values():
        return ""
    words = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {value!r}" if isinstance(value, float) else f"--{flag} {value}")
    return " ".join(words)
