"""The arguments and options that commands share, each defined once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from typer import Argument

from attncli.attend.arrays import ARRAYS, GIVEN
from attncli.attend.options import LAYOUT, as_flag, records
from attncli.attend.options import Option as OptionRecord
from attncli.commands.groups import ARRAYS_HEADING, Group, Parameters, array_flag, setting, shown
from attncli.errors import InputError
from attncli.files.formats import DATA, FORMATS, RESULTS, Format, suffixes
from attncli.languages import LANGUAGES
from attncli.problem.selection import Choice
from attncli.show.screen import Screen
from attncli.show.view import View
from attncli.text import listed

REPORTS = (FORMATS["table"], FORMATS["json"])
if TYPE_CHECKING:
    ResultFormat = str
    ReportFormat = str
    Language = str
else:  # Typer turns a Literal into a choice. What there is to choose from is known only now, and not to mypy.
    ResultFormat, ReportFormat = (Literal[tuple(each.name for each in formats)] for formats in (RESULTS, REPORTS))
    Language = Literal[LANGUAGES]
Color = Literal["auto", "always", "never"]


def written_in(formats: Iterable[Format]) -> str:
    """Return the help of --output."""
    return f"Write a file: {listed(suffixes(formats), 'or')}."


def _files(what: str) -> Any:
    return Argument(metavar="FILES...", help=what, show_default=False, rich_help_panel=ARRAYS_HEADING)


class File(Group):
    """The files of a later step."""

    files: Annotated[list[str] | None, _files("What the step before wrote, or matrices; - is standard input.")] = None


def array_flags(*names: str) -> Parameters:
    """Return the flags that set these arrays, each the name of a file."""
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
    """Arrays that are set with flags."""

    NAMES: ClassVar[tuple[str, ...]] = GIVEN

    @classmethod
    def parameters(cls) -> Parameters:
        """Return one flag per array, besides the parameters of the class."""
        return super().parameters() | array_flags(*cls.NAMES)

    def arrays(self) -> dict[str, str | None]:
        """Return the files given with flags, by array name."""
        return {name: file for name, file in self.given().items() if name in self.NAMES}


class Inputs(Arrays):
    """What is computed with."""

    files: Annotated[
        list[str] | None,
        _files(
            f"One file of named arrays ({', '.join(each.title for each in DATA if each.is_archive)}; FILE:NAME picks "
            "one of several problems in it); or one matrix (query = hidden = it), two (QUERY HIDDEN) or three (QUERY "
            "KEY VALUE); - is standard input."
        ),
    ] = None

    def standard_input(self) -> list[str]:
        """Return what a filter reads when no files are given: standard input, unless flags give the arrays."""
        return [] if any(self.arrays().values()) else ["-"]


class Values(Arrays):
    """What the weighted sum needs besides weights."""

    NAMES = ("value", "past_value")


class Sinks(Arrays):
    """What softmax needs besides logits."""

    NAMES = ("sinks",)


class Settings(Group):
    """How it is computed: all options of `attncli.attend.options`."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the options that there are flags for."""
        return tuple(records())

    @classmethod
    def parameters(cls) -> Parameters:
        """Return one flag per option."""
        return option_flags(*cls.names())

    def options(self) -> dict[str, object]:
        """Return what was given, by option name."""
        return self.given()


class StageSettings(Settings):
    """The options of one stage, for a command that runs it alone."""

    STAGE: ClassVar[str]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the options of the stage."""
        return tuple(name for name, option in records().items() if option.stage == cls.STAGE)


class Layout(StageSettings):
    """How values lie in their matrix."""

    STAGE = LAYOUT


class Softening(StageSettings):
    """How logits become weights; no option says anything of it so far, and one that does has its flag from here."""

    STAGE = "softmax"


class Steps(Group):
    """Which steps are wanted."""

    step: Annotated[
        list[str] | None,
        shown("--step", "Only this step: score, softmax or sum; may be repeated.", metavar="STEP"),
    ] = None

    def chosen(self) -> list[str]:
        """Return the steps, all of them where none was named.

        Raises:
            InputError: there is no such step.
        """
        from attncli.attend.steps import STEP_ALIASES, STEPS

        steps = [STEP_ALIASES.get(each, each) for each in self.step or STEPS]
        for step in steps:
            if step not in STEPS:
                raise InputError(f"--step {step}: the steps are {', '.join(STEPS)}")
        return steps


LanguageOption = Annotated[Language | None, shown("--lang", "Language (default: the locale's).")]
ColorOption = Annotated[Color, shown("--color", "Colours (default auto: where the terminal shows them).")]


class Tables(Group):
    """How much of a table is shown."""

    digits: Annotated[
        int,
        shown(
            "--digits",
            "Digits behind the point below 1, significant ones from there on (default 4).",
            min=1,
            max=17,
            metavar="N",
        ),
    ] = 4
    rows: Annotated[str, shown("--rows", "At most so many rows (default 16).", metavar="N|all")] = "16"
    cols: Annotated[str | None, shown("--cols", "At most so many columns (default: as fit).", metavar="N|all")] = None
    head: Annotated[str | None, shown("--head", "Which head (default: the first).", metavar="N|all")] = None
    batch: Annotated[str | None, shown("--batch", "Which item of the batch (default: the first).", metavar="N|all")] = (
        None
    )
    color: ColorOption = "auto"

    def choice(self) -> Choice:
        """Return which heads and batch items are asked for."""
        return Choice(index_or_all("batch", self.batch), index_or_all("head", self.head))

    def view(self) -> View:
        """Return how much is shown, and on what screen."""
        rows, cols = index_or_all("rows", self.rows, 1), index_or_all("cols", self.cols, 1)
        return View(Screen.of_stdout(self.color), rows or "all", cols, self.digits)


class Screening(Group):
    """How the screen is used."""

    color: ColorOption = "auto"


class Output(Group):
    """Where results go, and in what format."""

    format: Annotated[
        ResultFormat | None, shown("--format -f", "What standard output carries (default: see above).")
    ] = None
    output: Annotated[
        str | None,
        shown("--output -o", "Write a file, in the format of its extension.", metavar="FILE"),
    ] = None
    force: Annotated[bool, shown("--force", "Write over a file that exists.")] = False


class Threads(Group):
    """What of the machine is used."""

    threads: Annotated[
        int | None,
        setting("--threads", "Threads of a stream (default: OMP_NUM_THREADS, or the CPUs).", min=1, metavar="N"),
    ] = None

    def count(self) -> int:
        """Return how many there are, given or found out."""
        from attncli.attend.fast.stream import thread_count

        return self.threads or thread_count()


class Report(Group):
    """Where a report goes, and in what format."""

    format: Annotated[ReportFormat | None, shown("--format -f", "What standard output carries (default table).")] = None
    output: Annotated[str | None, shown("--output -o", written_in(REPORTS), metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Write over a file that exists.")] = False


def index_or_all(name: str, text: str | None, least: int = 0) -> int | Literal["all"] | None:
    """Read the value of --head, --rows and their like.

    Raises:
        InputError: it is neither "all" nor a whole number of at least ``least``.
    """
    if text is None or text == "all":
        return None if text is None else "all"
    # Longer numbers count nothing that there is; int() would refuse the longest of them.
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise InputError(f"--{name} is all or a whole number from {least}, not {text[:40]!r}")
    return int(text)
