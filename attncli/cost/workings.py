"""The sums behind the numbers, written out: `cache = 2 · 32 layers · 8 key heads · 128 · 2 bytes · 32768 = 4.0 GiB`."""

from __future__ import annotations

from attncli.cost.cost import RUNS, TENSORS, Cost
from attncli.cost.formula import Formula, Words
from attncli.cost.machine import Run
from attncli.cost.operations import RECOMPUTE, STAGES
from attncli.cost.sizes import as_bytes, as_count, as_decimal, as_seconds


def formulas(cost: Cost, words: Words) -> dict[str, str]:
    """Return the sum of each number, by the place that it has in JSON."""
    found = {"pairs.open": _sum(words("pairs"), cost.open, words, as_count(cost.pairs.open))}
    for run in RUNS:
        done = cost.operations[run]
        for stage in [*STAGES, *[RECOMPUTE] * (RECOMPUTE in done)]:
            if done[stage].terms:
                found[f"operations.{run}.{stage}"] = of_operations(cost, run, stage, words)
        found[f"operations.{run}.total"] = of_total(cost, run, words)
    for name in TENSORS:
        found[f"bytes.{name}"] = _sum(words(name), cost.bytes[name], words, as_bytes(cost.bytes[name].value))
    return found | of_cache(cost, words) | of_time(cost, words)


def of_operations(cost: Cost, run: str, stage: str, words: Words) -> str:
    """Return the sum of a stage."""
    formula = cost.operations[run][stage]
    return _sum(words(f"stage_{stage}"), formula, words, as_count(formula.value))


def of_total(cost: Cost, run: str, words: Words) -> str:
    """Return the sum of all stages, each by its number."""
    done = cost.operations[run]
    parts = " + ".join(str(each.value) for each in done.values() if each.value) or "0"
    whole = sum(each.value for each in done.values())
    return f"{words('total')} = {parts}" + (f" = {as_count(whole)}" if parts != as_count(whole) else "")


def of_cache(cost: Cost, words: Words) -> dict[str, str]:
    """Return the sums of what is held."""
    cache = cost.cache
    parts = {
        "bytes": cache.bytes(),
        "per_token": cache.per_token(),
        "expanded_bytes": cache.expanded(),
        **{f"quantized.{name}": each for name, each in cost.quantized.items()},
    }
    found = {
        f"cache.{name}": _sum(words(f"cache_{name.replace('.', '_')}"), each, words, as_bytes(each.value))
        for name, each in parts.items()
    }
    for at, each in enumerate(cost.held):
        text = _sum(words(f"kind_{each.group.kind}"), each.bytes, words, as_bytes(each.bytes.value))
        found[f"cache.layers.{at}.bytes"] = text
    if cost.memory is not None:
        most = cost.tokens_in_memory
        said = words("tokens_any" if most is None else "tokens_within")
        found["cache.tokens_in_memory"] = said.format(
            memory=as_decimal(cost.memory), tokens=most, batch=cost.case.batch
        )
    return found


def of_time(cost: Cost, words: Words) -> dict[str, str]:
    """Return how many operations there are for each byte, and the time that follows from it."""
    found = {}
    for name, run in cost.runs.items():
        found[f"intensity.{name}"] = _intensity(run, words)
        if cost.machine is not None:
            seconds, bound = run.seconds(cost.machine)
            flops, bandwidth = cost.machine.flops, cost.machine.bandwidth
            sides = f"{run.operations.value} / {as_count(flops)}/s, {run.bytes.value} / {as_decimal(bandwidth)}/s"
            text = f"{words('time')} = max({sides}) = {as_seconds(seconds)}"
            found[f"time.{name}.seconds"] = words("bounded").format(formula=text, bound=words(bound))
    return found


def _intensity(run: Run, words: Words) -> str:
    what = words("per_byte")
    return f"{words('intensity')} = {run.operations.value} / ({run.bytes.text(words)}) = {run.intensity:.4g} {what}"


def _sum(name: str, formula: Formula, words: Words, result: str) -> str:
    text = formula.text(words)
    return f"{name} = {text}" if text == result else f"{name} = {text} = {result}"
