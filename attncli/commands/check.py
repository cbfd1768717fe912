"""attn check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from attncli.attend.arrays import ARRAYS, STATES
from attncli.attend.backpropagation import GIVEN, ONES, require_differentiable
from attncli.attend.checks import number
from attncli.attend.options import as_flag
from attncli.check.against import report as against
from attncli.check.against.diagnosis import first_of
from attncli.check.against.record import to_json as against_json
from attncli.check.against.running import compared, parsed
from attncli.check.against.source import dump
from attncli.check.backward.finding import check as check_gradients
from attncli.check.backward.finding import expected_of
from attncli.check.deadline import SECONDS
from attncli.check.diagnosis import Wanted, check
from attncli.check.record import to_json
from attncli.check.report import Checked, many_to_terminal, to_terminal
from attncli.check.results.finding import check as check_results
from attncli.check.results.finding import expected_of as results_of
from attncli.check.room import require_room
from attncli.check.simulate.stages import Kernel
from attncli.commands.destination import Destination, destination
from attncli.commands.groups import Group, Parameters, array_flag, of_arrays, shown
from attncli.commands.inputs import Around, Inputs, Settings, array_flags
from attncli.commands.output import cache_report, deliver_text, say
from attncli.commands.presentation import REPORTS, Report, Screening
from attncli.commands.simulating import Simulating, simulation
from attncli.commands.status import Exit, reader_may_leave
from attncli.errors import InputError
from attncli.files.margins import Margins
from attncli.files.open import STDIN
from attncli.files.open import shown as shown_file
from attncli.probe import report as probe
from attncli.probe.inquiry import answers, is_probe, name_of
from attncli.probe.replies import Reply, Verdict
from attncli.probe.voice import Voice
from attncli.problem.assemble import assemble
from attncli.problem.factory import attention_of
from attncli.problem.notices import of_inputs
from attncli.problem.opened import Opened, separate
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.show.progress import progress_bar
from attncli.show.screen import Screen
from attncli.text import as_json

# The results on the way and the gradients that have flags; all others stand in files.
ON_THE_WAY = tuple(
    f"expected_{name}" for name in ("rotated_query", "rotated_key", "scores", "logits", "weights", "lse", "context")
)
GRADIENTS = (GIVEN, *(f"expected_d_{name}" for name in STATES))


class Checking(Group):
    """What to compare, and how closely."""

    expected: Annotated[str | None, array_flag("expected", ARRAYS["expected"].help)] = None
    rtol: Annotated[
        float | None,
        shown("--rtol", "Relative tolerance (default: what rounding can explain).", min=0, metavar="NUMBER"),
    ] = None
    atol: Annotated[float | None, shown("--atol", "Absolute tolerance, likewise.", min=0, metavar="NUMBER")] = None
    diagnose: Annotated[
        bool, shown("--diagnose/--no-diagnose", "Look for a mistake that explains a difference (default on).")
    ] = True

    seconds: Annotated[
        float, shown("--seconds", "How long a mistake is looked for in each problem.", min=0, metavar="NUMBER")
    ] = SECONDS
    verbose: Annotated[bool, shown("--verbose", "Say also what was ruled out, and how near it came.")] = False
    against: Annotated[
        str | None,
        of_arrays(
            "--against",
            "Another dump of the model, a file or a folder, to compare with, problem by problem, array by array.",
            metavar="FILE",
        ),
    ] = None
    map: Annotated[
        list[str] | None,
        of_arrays("--map", "With --against: which problem is which; may be repeated.", metavar="MINE=THEIRS"),
    ] = None

    @classmethod
    def parameters(cls) -> Parameters:
        """Return the parameters of the class, and flags for results on the way and for the gradients of states."""
        return super().parameters() | array_flags(*ON_THE_WAY, *GRADIENTS)

    def arrays(self) -> dict[str, str | None]:
        """Return the files of results and gradients that are given with flags, by array name."""
        return {name: file for name, file in self.given().items() if name in (*ON_THE_WAY, *GRADIENTS)}

    def wanted(self) -> Wanted:
        """Return the tolerances, and whether to look for mistakes.

        Raises:
            InputError: a tolerance is NaN or ∞.
        """
        seconds = number("seconds", self.seconds, "a number of seconds from 0")
        return Wanted(_tolerance("rtol", self.rtol), _tolerance("atol", self.atol), self.diagnose, seconds)


def _tolerance(name: str, value: float | None) -> float | None:
    return None if value is None else number(name, value, "a number from 0")


def run(
    inputs: Inputs,
    around: Around,
    checking: Checking,
    simulating: Simulating,
    settings: Settings,
    report: Report,
    screening: Screening,
) -> int:
    r"""Says whether the expected output is right up to rounding, where it differs, and which known mistake, or pair
    of mistakes, gives exactly that output. Gradients likewise: expected_d_query and so on, of the loss whose gradient
    d_output is; and results on the way, such as expected_weights: the first that is wrong says where to look. With
    --against the problems of two dumps are compared, layer by layer. Of a file of attn probe it tells what the outputs
    say of the program; with --simulate, whether the error is that of a kernel of less precision. Exit status: 0 all
    agree, 1 something differs, 2 it could not be checked.

    \b
    Examples:
      attn check sample:port
      attn check sample:ocr:query sample:ocr:key sample:ocr:value --expected sample:ocr:expected
      attn check sample:induction sample:decode sample:speech --no-diagnose
      attn check sample:decode --simulate flash=bfloat16
      attn check sample:port --against sample:induction
    """
    wanted, kernel = checking.wanted(), simulating.kernel()
    where = destination(report, screening, known=REPORTS)
    margins = around.margins()
    if checking.against is not None:
        if kernel is not None:
            raise InputError("--simulate has no effect beside --against", hint="give one of them")
        return _against(inputs, checking, settings, margins, screening.screen(), where)
    if checking.map:
        raise InputError("--map has no effect without --against", hint="--against FILE names the other dump")
    problems = separate(inputs.sources(), margins)
    if is_probe(problems):
        return _probed(problems, inputs, checking, simulating, settings, screening, where)
    many = len(problems) > 1
    found = [_checked(files, inputs, margins, checking, settings, wanted, kernel, many) for files in problems]
    found = [replace(each, verbose=checking.verbose) for each in found]
    screen = screening.screen()
    with reader_may_leave():  # the exit status still matters
        _deliver(found, many, screen, where)
    return _status(found)


def _probed(
    problems: Sequence[Sequence[Opened]],
    inputs: Inputs,
    checking: Checking,
    simulating: Simulating,
    settings: Settings,
    screening: Screening,
    where: Destination,
) -> int:
    """Answer the questions of a probe."""
    given = {**inputs.arrays(), **checking.arrays(), **settings.options(), "layer": inputs.layer}
    given |= {
        "expected": checking.expected,
        "rtol": checking.rtol,
        "atol": checking.atol,
        **simulating.given(),
        "verbose": checking.verbose or None,
    }
    idle = next((name for name, value in given.items() if value is not None), None)
    if idle is not None:
        raise InputError(f"--{as_flag(idle)} has no effect on a probe", hint="its file says what was asked for")
    voice, file, screen = Voice(screening.language()), name_of(problems), screening.screen()
    with progress_bar() as progress:
        replies = answers(problems, diagnose=checking.diagnose, seconds=checking.wanted().seconds, progress=progress)
    renderers = {
        "table": lambda console: probe.to_terminal(file, replies, voice, screen, console),
        "json": lambda console: console.out(as_json(probe.record(file, replies), indent=2), highlight=False),
    }
    with reader_may_leave():  # the exit status still matters
        deliver_text(renderers, screen, where)
    return _status_of(replies)


def _status_of(replies: Sequence[Reply]) -> int:
    right = all(each.verdict in (Verdict.AS_ASKED, Verdict.UNANSWERED) for each in replies)
    return Exit.DONE if right else Exit.DIFFERENT


def _against(
    inputs: Inputs, checking: Checking, settings: Settings, margins: Margins, screen: Screen, where: Destination
) -> int:
    """Compare two dumps."""
    wanted, theirs = checking.wanted(), str(checking.against)
    given = inputs.arrays() | {"layer": inputs.layer, "expected": checking.expected} | checking.arrays()
    for name, file in given.items():
        if file is not None:
            hint = "both dumps bring their arrays along; leave it out"
            raise InputError(f"--{as_flag(name)} and --against contradict each other", hint=hint)
    mapped, files = parsed(checking.map or ()), inputs.sources()
    if STDIN in (*files, theirs) and (theirs in files or files.count(STDIN) > 1):
        raise InputError("standard input can be read only once", place=STDIN)
    called = (", ".join(map(shown_file, files)), shown_file(theirs))
    dumps = dump(files, margins), dump([theirs], margins)
    with progress_bar() as progress:
        found = compared(called, dumps, mapped, settings.options(), progress)
        first = first_of(found, wanted, progress)
    with reader_may_leave():  # the exit status still matters
        renderers = {
            "table": lambda console: against.to_terminal(found, first, screen, console),
            "json": lambda console: console.out(against_json(found, first), highlight=False),
        }
        deliver_text(renderers, screen, where)
    return Exit.DONE if found.agrees else Exit.DIFFERENT


def _deliver(found: Sequence[Checked], many: bool, screen: Screen, where: Destination) -> None:
    deliver_text(
        {
            "table": lambda console: (
                many_to_terminal(found, screen, console) if many else to_terminal(found[0], screen, console)
            ),
            "json": lambda console: console.out(to_json(found, many=many), highlight=False),
        },
        screen,
        where,
    )


def _checked(
    files: Sequence[Opened],
    inputs: Inputs,
    margins: Margins,
    checking: Checking,
    settings: Settings,
    wanted: Wanted,
    kernel: Kernel | None,
    many: bool,
) -> Checked:
    """Check one problem; if there are many, one that cannot be checked does not stop the others."""
    try:
        arrays = inputs.arrays() | {"expected": checking.expected} | checking.arrays()
        problem = assemble(files, arrays, settings.options(), margins=margins, layer=inputs.layer)
        return _compared(problem, wanted, kernel)
    except InputError as error:
        if not many:
            raise
        return Checked(error.place or ", ".join(each.place for each in files), problem=error.message)


def _compared(problem: Problem, wanted: Wanted, kernel: Kernel | None) -> Checked:
    gradients, results = bool(expected_of(problem.arrays)), bool(results_of(problem.arrays))
    if "expected" not in problem.arrays and not gradients and not results:
        hint = 'give --expected FILE, or "expected" in the file'
        raise InputError("no expected output", place=problem.place, hint=hint)
    if gradients:
        with problem.naming_files():
            require_differentiable(problem.options)
    computation = attention_of(problem)
    require_room(computation.operands, wanted, gradients=gradients, results=len(results_of(problem.arrays)))
    computation.notices.add(of_inputs(computation.operands, computation.called))
    computation.notices.add([ONES] * (gradients and GIVEN not in problem.arrays))
    say(computation.notices)
    with progress_bar() as progress, problem.naming_files():
        finding = back = way = None
        if results:
            finding, way = check_results(computation.operands, problem.arrays, wanted, progress)
        elif "expected" in problem.arrays:
            finding = check(computation.operands, problem.arrays["expected"], wanted, progress)
        if gradients:
            right = None if finding is None else finding.agrees
            back = check_gradients(problem.variables, problem.options, wanted, progress, right_output=right)
    beside = cache_report(problem, computation.operands, Choice())
    simulated = simulation(kernel, computation.operands, Choice(), finding)
    return Checked(
        problem.place,
        finding,
        labels=problem.labels,
        backward=back,
        beside=beside,
        on_the_way=way,
        simulated=simulated,
    )


def _status(found: Sequence[Checked]) -> int:
    if any(each.agrees is None for each in found):
        return Exit.WRONG
    return Exit.DONE if all(each.agrees for each in found) else Exit.DIFFERENT
