"""attn compute."""

from __future__ import annotations

from attncli.commands.destination import destination
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import cache_report, deliver
from attncli.commands.presentation import Output, Steps, Tables, Threads
from attncli.commands.simulating import Simulating, simulation
from attncli.commands.varying import Varying, compare, target
from attncli.errors import InputError
from attncli.files.formats import NUMBERS
from attncli.problem.assemble import assemble, reader
from attncli.problem.factory import computation_of, needs_value
from attncli.show.beside import Together
from attncli.vary.values import Vary


def run(
    inputs: Inputs,
    around: Around,
    settings: Settings,
    varying: Varying,
    simulating: Simulating,
    steps: Steps,
    tables: Tables,
    output: Output,
    machine: Threads,
) -> None:
    r"""Prints tables; -f chooses another format, -o writes a file. Formats that hold one array ({SINGLE}) hold the
    output, or the result of --step; of more than a million scores all do. Such an output is streamed: no score
    matrix is held. --vary puts the weights under several values of an option side by side, and says what changes.
    --simulate tells where the error of a kernel of less precision arises.

    \b
    Examples:
      attn compute sample:article
      attn compute '[1,2]' '[[1,0],[0,1]]' --scale sqrt
      attn compute sample:coreference --vary scale=none,sqrt --head 1
      attn compute sample:decode --head 5 --cache key=int4:token,value=int8
      attn compute sample:decode --simulate flash=bfloat16 --head 3
      attn compute sample:ocr:query sample:ocr:key sample:ocr:value -o out.npy
    """
    vary, kernel = varying.chosen(), simulating.kernel()
    if vary is not None:
        if kernel is not None:
            raise InputError("--simulate has no effect beside --vary", hint="give one of them")
        _compare(vary, inputs, around, settings, steps, tables, output, machine)
        return
    where = destination(output, tables)
    if kernel is not None and where.kind in NUMBERS and where.kind.name != "json":
        hint = "use -f table, markdown or json"
        raise InputError(f"{where.kind.name} holds arrays alone, and not what --simulate tells", hint=hint)
    wanted = steps.chosen()
    margins = around.margins(where.kind)
    files = inputs.sources(value=needs_value(wanted))
    problem = assemble(files, inputs.arrays(), settings.options(), margins=margins, layer=inputs.layer)
    named = wanted if steps.step else ()
    computation = computation_of(problem, wanted)
    choice = tables.choice()
    beside = Together.of(
        cache_report(problem, computation.operands, choice), simulation(kernel, computation.operands, choice)
    )
    deliver(computation, tables, where, margins, steps=named, threads=machine.threads, beside=beside)


def _compare(
    vary: Vary,
    inputs: Inputs,
    around: Around,
    settings: Settings,
    steps: Steps,
    tables: Tables,
    output: Output,
    machine: Threads,
) -> None:
    from attncli.vary.compared import Compared
    from attncli.vary.report import STEP, Report

    where = target(output, tables, steps=bool(steps.step))
    wanted = steps.chosen()
    files = inputs.sources(value=needs_value(wanted))
    make = reader(files, inputs.arrays(), margins=around.margins(), layer=inputs.layer)
    compared = Compared.of(vary, make, settings.options(), tables.language())
    compare(Report(compared, tables.choice(), tables.view(), machine.threads, wanted if steps.step else [STEP]), where)
