"""Arguments and options about what is shown, and where it goes, that commands share; each defined once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.groups import Group, setting, shown
from attncli.commands.language import language
from attncli.files.formats import FOLDERS, FORMATS, RESULTS, Format, suffixes
from attncli.languages import LANGUAGES
from attncli.problem.selection import Choice, choice_of, index_or_all, steps_among
from attncli.show.screen import LEAST_WIDTH, Screen
from attncli.show.view import DIGITS, MOST_DIGITS, ROWS, View
from attncli.text import listed

REPORTS = (FORMATS["table"], FORMATS["json"])
if TYPE_CHECKING:
    Language = str
    ResultFormat = str
    ReportFormat = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    Language = Literal[LANGUAGES]
    ResultFormat, ReportFormat = (Literal[tuple(each.name for each in formats)] for formats in (RESULTS, REPORTS))
Color = Literal["auto", "always", "never"]


def written_in(formats: Iterable[Format]) -> str:
    """Return the help text of --output."""
    return f"Write a file: {listed(suffixes(formats), 'or')}."


FORMAT_OR_TABLE = "Format (default: that of FILE's extension, else table)."


def completing(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return a function for shells, which returns the names that begin as the word that is being typed.

    Args:
        known: returns the names; it is called only if a shell asks.
    """
    return lambda incomplete: [each for each in known() if each.startswith(incomplete)]


def _all_steps() -> Sequence[str]:
    from attncli.attend.steps import STEPS

    return STEPS


class Steps(Group):
    """The steps to run."""

    step: Annotated[
        list[str] | None,
        shown(
            "--step",
            "Run only this step: score, softmax or sum; may be repeated.",
            metavar="STEP",
            autocompletion=completing(_all_steps),
        ),
    ] = None

    def chosen(self) -> list[str]:
        """Return the steps, by default all of them.

        Raises:
            InputError: there is no such step.
        """
        known = _all_steps()
        return steps_among(known, self.step) or list(known)


class Screening(Group):
    """How to use the screen, and in which language."""

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
    lang: Annotated[Language | None, shown("--lang", "Language (default: the locale's).")] = None

    def language(self) -> str:
        """Return the language of what is printed."""
        return language(self.lang)

    def screen(self) -> Screen:
        """Return the screen behind standard output."""
        return Screen.of_stdout(self.color, self.width, self.language())


class Tables(Screening):
    """How much of a table to show."""

    digits: Annotated[
        int | None,
        shown(
            "--digits",
            "Digits after the point below 1, significant digits from 1 up (default 4).",
            min=1,
            max=MOST_DIGITS,
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
        return choice_of(self.batch, self.head)

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
    chunks: Annotated[
        str | None,
        shown(
            "--chunks",
            f"Shape of the chunks of a {listed(suffixes(FOLDERS), 'or')} file, such as 1,8,4096,64 (default: chosen).",
            metavar="SHAPE",
        ),
    ] = None


class Threads(Group):
    """How much of the machine to use."""

    threads: Annotated[
        int | None,
        setting("--threads", "Threads of a stream (default: OMP_NUM_THREADS or all CPUs).", min=1, metavar="N"),
    ] = None

    def count(self) -> int:
        """Return the number of threads, given or by default."""
        from attncli.attend.threads import thread_count

        return self.threads or thread_count()


class Report(Group):
    """Where a report goes, and in what format."""

    format: Annotated[ReportFormat | None, shown("--format -f", FORMAT_OR_TABLE)] = None
    output: Annotated[str | None, shown("--output -o", written_in(REPORTS), metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False
