"""Arguments and options that commands share, each defined once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from typer import Argument

from attncli.attend.arrays import ARRAYS, GIVEN
from attncli.attend.options import LAYOUT, as_flag, records
from attncli.attend.options import Option as OptionRecord
from attncli.commands.groups import ARRAYS_HEADING, Group, Parameters, array_flag, of_arrays, setting, shown
from attncli.commands.standard_input import standard_input
from attncli.errors import InputError
from attncli.files.formats import DATA, FORMATS, RESULTS, Format, suffixes
from attncli.files.margins import TITLES as MARGINS
from attncli.files.margins import Margins
from attncli.problem.selection import Choice
from attncli.show.screen import LEAST_WIDTH, Screen
from attncli.show.view import DIGITS, ROWS, View
from attncli.text import did_you_mean, listed

REPORTS = (FORMATS["table"], FORMATS["json"])
if TYPE_CHECKING:
    ResultFormat = str
    ReportFormat = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    ResultFormat, ReportFormat = (Literal[tuple(each.name for each in formats)] for formats in (RESULTS, REPORTS))
Color = Literal["auto", "always", "never"]


def written_in(formats: Iterable[Format]) -> str:
    """Return the help text of --output."""
    return f"Write a file: {listed(suffixes(formats), 'or')}."


def _files(what: str) -> Any:
    return Argument(metavar="FILES...", help=what, show_default=False, rich_help_panel=ARRAYS_HEADING)


FORMAT_OR_TABLE = "Format (default: that of FILE's extension, else table)."


class File(Group):
    """The files of the softmax and sum commands."""

    files: Annotated[list[str] | None, _files("Result of the step before, or matrices; - is standard input.")] = None

    def sources(self, flags: Arrays) -> list[str]:
        """Return what is read: the files, or else standard input, if it holds something."""
        return self.files or standard_input(flags.arrays().values())


def array_flags(*names: str) -> Parameters:
    """Return the flags that set these arrays, each from a file."""
    return {name: (Annotated[str | None, array_flag(as_flag(name), ARRAYS[name].help)], None) for name in names}


def option_flags(*names: str) -> Parameters:
    """Return the flags of these options of the computation."""
    return {name: (_annotation(name, records()[name]), None) for name in names}


def _annotation(name: str, option: OptionRecord) -> Any:
    flag = f"--{as_flag(name)}"
    if not option.metavar:
        return Annotated[bool | None, setting(f"{flag}/--no-{as_flag(name)}", option.help)]
    # Literal[("a", "b")] is Literal["a", "b"].
    kind: Any = Literal[option.choices] if option.choices else str
    return Annotated[kind | None, setting(flag, option.help, metavar=option.metavar)]


class Arrays(Group):
    """Arrays that flags can set."""

    NAMES: ClassVar[tuple[str, ...]] = GIVEN

    @classmethod
    def parameters(cls) -> Parameters:
        """Return one flag per array, after the parameters of the class."""
        return super().parameters() | array_flags(*cls.NAMES)

    def arrays(self) -> dict[str, str | None]:
        """Return the files given with flags, by array name."""
        return {name: file for name, file in self.given().items() if name in self.NAMES}


class Inputs(Arrays):
    """The input of the computation."""

    files: Annotated[
        list[str] | None,
        _files(
            f"One file of named arrays ({', '.join(each.title for each in DATA if each.is_archive)}; FILE:NAME picks "
            "one of several problems in it); or one matrix (as query and hidden), two (QUERY HIDDEN) or three (QUERY "
            "KEY VALUE); - is standard input, '[[1,2],[3,4]]' a matrix, sample:NAME a sample."
        ),
    ] = None

    def sources(self, *, value: bool = True) -> list[str]:
        """Return what is read: the files, or else standard input, if it holds something.

        Where flags give all that the computation starts from, nothing else is waited for.

        Args:
            value: whether the computation needs a value.
        """
        arrays = self.arrays()
        given = {name for name, file in arrays.items() if file is not None}
        needed = [{"query"}, {"key", "hidden"}, *[{"value", "hidden"}] * value]
        enough = all(given & either for either in needed)
        return self.files or ([] if enough else standard_input(arrays.values()))


class Around(Group):
    """What stands around the numbers of the files that have margins."""

    header: Annotated[
        bool | None,
        of_arrays(
            "--header/--no-header", f"{listed(MARGINS)}: the first row is a header, or not (default: as it looks)."
        ),
    ] = None
    row_labels: Annotated[
        bool | None,
        of_arrays("--row-labels/--no-row-labels", "Likewise: the first column holds labels, or not."),
    ] = None

    def margins(self, written: Format | None = None) -> Margins:
        """Return them, for the tables that a command reads and those that it writes in this format."""
        return Margins(self.header, self.row_labels, written is not None and written.margins)


class Values(Arrays):
    """What the weighted sum needs besides weights."""

    NAMES = ("value", "past_value")


class Sinks(Arrays):
    """What softmax needs besides logits."""

    NAMES = ("sinks",)


class Settings(Group):
    """All options of the computation, from `attncli.attend.options`."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the options that have flags here."""
        return tuple(records())

    @classmethod
    def parameters(cls) -> Parameters:
        """Return one flag per option."""
        return option_flags(*cls.names())

    def options(self) -> dict[str, object]:
        """Return the values given, by option name."""
        return self.given()


class StageSettings(Settings):
    """The options of one stage, for a command that runs it alone."""

    STAGE: ClassVar[str]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the options of the stage."""
        return tuple(name for name, option in records().items() if option.stage == cls.STAGE)


class Layout(StageSettings):
    """The layout of values in their matrix."""

    STAGE = LAYOUT


class Softening(StageSettings):
    """How logits become weights. No option belongs to this stage yet; one that does gets its flag here."""

    STAGE = "softmax"


class Steps(Group):
    """The steps to run."""

    step: Annotated[
        list[str] | None,
        shown("--step", "Run only this step: score, softmax or sum; may be repeated.", metavar="STEP"),
    ] = None

    def chosen(self) -> list[str]:
        """Return the steps, by default all of them.

        Raises:
            InputError: there is no such step.
        """
        from attncli.attend.steps import STEP_ALIASES, STEPS

        steps = [STEP_ALIASES.get(each, each) for each in self.step or STEPS]
        for step in steps:
            if step not in STEPS:
                message = f"--step {step}: the steps are {', '.join(STEPS)}"
                raise InputError(message, hint=did_you_mean(step, STEPS))
        return steps


class Screening(Group):
    """How to use the screen."""

    color: Annotated[Color, shown("--color", "Use colours (default auto: if the terminal shows them).")] = "auto"
    width: Annotated[
        int | None,
        shown(
            "--width",
            "Fit N columns (default: COLUMNS, or those of the terminal, be it behind a pipe; else 80).",
            min=LEAST_WIDTH,
            metavar="N",
        ),
    ] = None

    def screen(self) -> Screen:
        """Return the screen behind standard output."""
        return Screen.of_stdout(self.color, self.width)


class Tables(Screening):
    """How much of a table to show."""

    digits: Annotated[
        int | None,
        shown(
            "--digits",
            "Digits after the point below 1, significant digits from 1 up (default 4).",
            min=1,
            max=17,
            metavar="N",
        ),
    ] = None
    rows: Annotated[str | None, shown("--rows", "Show at most N rows (default 16).", metavar="N|all")] = None
    cols: Annotated[str | None, shown("--cols", "Show at most N columns (default: all that fit).", metavar="N|all")] = (
        None
    )
    head: Annotated[str | None, shown("--head", "Show head N (default: the first).", metavar="N|all")] = None
    batch: Annotated[str | None, shown("--batch", "Show batch item N (default: the first).", metavar="N|all")] = None

    def choice(self) -> Choice:
        """Return the choice of heads and batch items."""
        return Choice(index_or_all("batch", self.batch), index_or_all("head", self.head))

    def view(self) -> View:
        """Return how much to show, and on what screen."""
        rows, cols = index_or_all("rows", self.rows, 1), index_or_all("cols", self.cols, 1)
        return View(self.screen(), rows or ROWS, cols, self.digits or DIGITS)


class Output(Group):
    """Where results go, and in what format."""

    format: Annotated[
        ResultFormat | None, shown("--format -f", "Format (default: that of FILE's extension, else see above).")
    ] = None
    output: Annotated[
        str | None,
        shown("--output -o", "Write a file, not standard output, in the format of its extension.", metavar="FILE"),
    ] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False


class Threads(Group):
    """How much of the machine to use."""

    threads: Annotated[
        int | None,
        setting("--threads", "Threads of a stream (default: OMP_NUM_THREADS or all CPUs).", min=1, metavar="N"),
    ] = None

    def count(self) -> int:
        """Return the number of threads, given or by default."""
        from attncli.attend.fast.stream import thread_count

        return self.threads or thread_count()


class Report(Group):
    """Where a report goes, and in what format."""

    format: Annotated[ReportFormat | None, shown("--format -f", FORMAT_OR_TABLE)] = None
    output: Annotated[str | None, shown("--output -o", written_in(REPORTS), metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False


def index_or_all(name: str, text: str | None, least: int = 0) -> int | Literal["all"] | None:
    """Read the value of --head, --rows and the like.

    Raises:
        InputError: it is neither "all" nor a whole number of at least ``least``.
    """
    if text is None or text == "all":
        return None if text is None else "all"
    # Nothing is that long, and int() would refuse the longest numbers.
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise InputError(f"--{name} must be all or a whole number from {least}, not {text[:40]!r}")
    return int(text)
