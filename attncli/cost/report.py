"""What `attn cost` prints: tables, with the sums behind them, for terminals and for notes in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.cost.cost import RUNS, TENSORS, Cost
from attncli.cost.facts import facts
from attncli.cost.operations import RECOMPUTE, STAGES
from attncli.cost.sizes import as_bytes, as_count, as_decimal, as_seconds
from attncli.cost.voice import Voice
from attncli.cost.workings import formulas
from attncli.show import markdown
from attncli.show.lines import print_lines
from attncli.show.records import print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

# Runs whose sums are printed; those of the others are like them, and in JSON.
WRITTEN_OUT = ("forward", "decode")


@dataclass(frozen=True)
class Part:
    """A part of the report.

    Attributes:
        title: above it.
        headings: of the table, of which all but the first stand above numbers.
        rows: the table; empty: there is none.
        lines: sums and sentences below it.
    """

    title: str
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    lines: Sequence[str] = ()


def parts(cost: Cost, voice: Voice) -> Iterator[Part]:
    """Return the parts of the report of one case."""
    sums = formulas(cost, voice)
    yield Part("", lines=facts(cost.case, voice))
    yield _pairs(cost, voice, sums)
    yield _operations(cost, voice, sums)
    yield _tensors(cost, voice, sums)
    yield _cache(cost, voice, sums)
    yield _time(cost, voice, sums)


def _pairs(cost: Cost, voice: Voice, sums: dict[str, str]) -> Part:
    pairs = cost.pairs
    said = voice.say(
        "pairs_open",
        open=as_count(pairs.open),
        all=as_count(pairs.every),
        share=f"{pairs.open / pairs.every:.1%}" if pairs.every else "0%",
        tile="×".join(map(str, cost.case.tile)),
        tiled=as_count(pairs.tiled),
        more=f"{pairs.tiled / pairs.open:.4g}" if pairs.open else "0",
    )
    return Part(voice("title_pairs"), lines=[said, sums["pairs.open"]])


def _operations(cost: Cost, voice: Voice, sums: dict[str, str]) -> Part:
    found = cost.operations
    stages = [
        each for each in (*STAGES, RECOMPUTE) if any(each in found[run] and found[run][each].value for run in RUNS)
    ]
    rows = [
        [voice(f"stage_{stage}"), *(as_count(found[run][stage].value) if stage in found[run] else "" for run in RUNS)]
        for stage in stages
    ]
    rows.append([voice("total"), *(as_count(cost.total(run).value) for run in RUNS)])
    lines = []
    for run in WRITTEN_OUT:
        own = [sums[name] for stage in stages if (name := f"operations.{run}.{stage}") in sums]
        lines += [_labelled(run, each, voice) for each in own]
    if (step := cost.expanded_step) is not None:
        fields = {"operations": as_count(step.operations.value), "bytes": as_bytes(step.bytes.value)}
        lines.append(voice.say("step_expanded", **fields, latents=as_bytes(cost.cache.bytes().value)))
    return Part(voice("title_operations"), [voice("stage"), *(voice(f"run_{run}") for run in RUNS)], rows, lines)


def _tensors(cost: Cost, voice: Voice, sums: dict[str, str]) -> Part:
    names = [name for name in TENSORS if cost.bytes[name].value]
    return Part(voice("title_bytes"), lines=[sums[f"bytes.{name}"] for name in names])


def _cache(cost: Cost, voice: Voice, sums: dict[str, str]) -> Part:
    if not cost.held:
        return Part(voice("title_cache"), lines=[voice("no_cache")])
    rows = [
        [
            voice(f"kind_{each.group.kind}"),
            str(each.group.count),
            str(each.keys) if each.keys else "",
            as_bytes(each.per_key.value) if each.per_key.value else "",
            as_bytes(each.bytes.value),
        ]
        for each in cost.held
    ]
    headings = [voice(each) for each in ("kind", "layers", "keys", "a_key", "all")]
    names = ["bytes", "per_token", *[f"quantized.{each}" for each in cost.quantized]]
    lines = [sums[f"cache.{name}"] for name in names]
    if cost.cache.expanded().value != cost.cache.bytes().value:
        lines.insert(1, sums["cache.expanded_bytes"])
    if cost.memory is not None:
        lines.append(sums["cache.tokens_in_memory"])
    return Part(voice("title_cache"), headings, rows, lines)


def _time(cost: Cost, voice: Voice, sums: dict[str, str]) -> Part:
    runs = [name for name, run in cost.runs.items() if run.operations.value]
    lines = [_labelled(name, sums[f"intensity.{name}"], voice) for name in runs]
    if cost.machine is None:
        return Part(voice("title_time"), lines=lines)
    rows = []
    for name in runs:
        seconds, bound = cost.runs[name].seconds(cost.machine)
        rows.append([voice(f"run_{name}"), as_seconds(seconds), voice(bound)])
    fields = {"flops": as_count(cost.machine.flops), "bandwidth": as_decimal(cost.machine.bandwidth)}
    lines = [voice.say("machine", **fields), *lines]
    lines += [_labelled(name, sums[f"time.{name}.seconds"], voice) for name in runs]
    return Part(voice("title_time"), [voice("run"), voice("time"), voice("bound")], rows, lines)


def _labelled(run: str, text: str, voice: Voice) -> str:
    return voice.say("labelled", name=voice(f"run_{run}"), text=text)


def to_terminal(found: Sequence[Part], screen: Screen, console: Console) -> None:
    """Print the parts."""
    for at, part in enumerate(found):
        if at:
            console.print()
        if part.title:
            print_lines(part.title, screen, console, "bold")
        rows = [dict(zip(part.headings, row, strict=True)) for row in part.rows]
        print_records(rows, screen, console, right=part.headings[1:])
        for line in part.lines:
            print_lines(line, screen, console, rest="    ")


def to_markdown(found: Sequence[Part]) -> str:
    """Return the parts as Markdown."""
    texts = []
    for part in found:
        texts += [f"## {markdown.escape(part.title)}"] * bool(part.title)
        texts += [markdown.records(part.headings, part.rows)] * bool(part.rows)
        texts += ["\n".join(f"- {markdown.escape(line)}" for line in part.lines)] * bool(part.lines)
    return "\n\n".join(texts) + "\n"
