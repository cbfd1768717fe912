"""The arguments and options that commands share, each defined once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from typer import Argument, Option

from attncli.errors import InputError
from attncli.files.formats import DATA, FORMATS, RESULTS, Format, Holds, suffixes, that_hold
from attncli.text import listed

if TYPE_CHECKING:
    from attncli.check.diagnosis import Wanted

ARRAYS = "Arrays"
COMPUTATION = "Settings"
OUTPUT = "Output"

# What each kind of output can be written in.
LESSONS = that_hold(Holds.TABLES, Holds.PAGE)
REPORTS = (FORMATS["table"], FORMATS["json"])
PICTURES = that_hold(Holds.PICTURE, Holds.PAGE)
# What a terminal shows is drawn in this one.
SCREENSHOT = FORMATS["svg"]

if TYPE_CHECKING:
    ResultFormat = str
    LessonFormat = str
    ReportFormat = str
else:  # Typer turns a Literal into a choice. What there is to choose from is known only now, and not to mypy.
    ResultFormat, LessonFormat, ReportFormat = (
        Literal[tuple(each.name for each in formats)] for formats in (RESULTS, LESSONS, REPORTS)
    )
Color = Literal["auto", "always", "never"]


def written_in(formats: Iterable[Format]) -> str:
    """Return the help of --output."""
    return f"Write a file: {listed(suffixes(formats), 'or')}."


def _array(name: str, what: str) -> Any:
    return Option(f"--{name}", metavar="FILE", help=what, rich_help_panel=ARRAYS, show_default=False)


def _choice(flag: str, what: str, **more: Any) -> Any:
    return Option(flag, help=what, rich_help_panel=COMPUTATION, show_default=False, **more)


def _shown(flags: str, what: str, **more: Any) -> Any:
    return Option(*flags.split(), help=what, rich_help_panel=OUTPUT, show_default=False, **more)


class Group:
    """Parameters that several commands share, as annotated class attributes with their defaults.

    No dataclass: making ten of those takes longer than reading the command line.
    """

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def given(self) -> dict[str, Any]:
        """Return all values by name."""
        return dict(vars(self))


def _files(what: str) -> Any:
    return Argument(metavar="FILES...", help=what, show_default=False, rich_help_panel=ARRAYS)


class File(Group):
    """The files of a later step."""

    files: Annotated[list[str] | None, _files("What the step before wrote, or matrices; - is standard input.")] = None


class Inputs(Group):
    """What is computed with."""

    files: Annotated[
        list[str] | None,
        _files(
            f"One file of named arrays ({', '.join(each.title for each in DATA if each.is_archive)}; FILE:NAME picks "
            "one of several problems in it); or one matrix (query = hidden = it), two (QUERY HIDDEN) or three (QUERY "
            "KEY VALUE); - is standard input."
        ),
    ] = None
    query: Annotated[str | None, _array("query", "Set the query; FILE:NAME picks an array out of an archive.")] = None
    hidden: Annotated[str | None, _array("hidden", "Set key and value at once.")] = None
    key: Annotated[str | None, _array("key", "Set the key.")] = None
    value: Annotated[str | None, _array("value", "Set the value.")] = None
    mask: Annotated[str | None, _array("mask", "Set the mask: true = may attend, or numbers to add.")] = None
    bias: Annotated[str | None, _array("bias", "Set numbers to add to the scores, after softcap.")] = None
    past_key: Annotated[str | None, _array("past-key", "Set the keys of a cache, which go before the key.")] = None
    past_value: Annotated[str | None, _array("past-value", "Set the values of a cache.")] = None
    key_lengths: Annotated[str | None, _array("key-lengths", "Set how many keys each batch item has.")] = None
    sinks: Annotated[str | None, _array("sinks", "Set one logit a query head, of a key whose value is 0.")] = None
    w_score: Annotated[str | None, _array("w-score", "Set W of --score general, q·W·k.")] = None
    w_query: Annotated[str | None, _array("w-query", "Set W1 of --score additive, v·tanh(q·W1 + k·W2).")] = None
    w_key: Annotated[str | None, _array("w-key", "Set W2 of --score additive.")] = None
    v_score: Annotated[str | None, _array("v-score", "Set v of --score additive.")] = None

    def arrays(self) -> dict[str, str | None]:
        """Return the files given with flags, by array name."""
        return {name: file for name, file in self.given().items() if name != "files"}

    def standard_input(self) -> list[str]:
        """Return what a filter reads when no files are given: standard input, unless flags give the arrays."""
        return [] if any(self.arrays().values()) else ["-"]


class Values(Group):
    """What the weighted sum needs beside weights."""

    value: Annotated[str | None, _array("value", "Set the value.")] = None

    def arrays(self) -> dict[str, str | None]:
        """Return the files given with flags, by array name."""
        return {"value": self.value}


StatesOption = Annotated[
    Literal["rows", "columns"] | None,
    _choice("--states", "Whether each state is a row or a column of its matrix (default rows)."),
]


HeadsOption = Annotated[int | None, _choice("--heads", "Split a packed last axis into so many heads.", metavar="N")]
KvHeadsOption = Annotated[
    int | None, _choice("--kv-heads", "The same for key and value (default: as --heads).", metavar="N")
]
SinksOption = Annotated[str | None, _array("sinks", "Set one logit a query head, of a key whose value is 0.")]


class States(Group):
    """How values lie in their matrix."""

    states: StatesOption = None
    heads: HeadsOption = None
    kv_heads: KvHeadsOption = None

    def options(self) -> dict[str, object]:
        """Return what was given, by option name."""
        return self.given()


class Sinks(Group):
    """What softmax needs beside logits."""

    sinks: SinksOption = None

    def arrays(self) -> dict[str, str | None]:
        """Return the files given with flags, by array name."""
        return self.given()


class Settings(Group):
    """How it is computed; the names are those of `attncli.attend.options.Options`."""

    score: Annotated[
        Literal["dot", "cosine", "general", "additive"] | None,
        _choice("--score", "How a query meets a key (default dot).", metavar="dot|cosine|general|additive"),
    ] = None
    scale: Annotated[
        str | None,
        _choice("--scale", "Factor on the scores; sqrt is 1/√d (default none).", metavar="none|sqrt|NUMBER"),
    ] = None
    states: StatesOption = None
    heads: HeadsOption = None
    kv_heads: KvHeadsOption = None
    causal: Annotated[
        bool | None, _choice("--causal/--no-causal", "A query at position p sees keys up to p (default off).")
    ] = None
    offset: Annotated[
        str | None,
        _choice(
            "--offset",
            "Position of the first query; end = keys - queries (default 0, the length of past-key, or key-lengths - "
            "queries).",
            metavar="N|end",
        ),
    ] = None
    window: Annotated[
        str | None,
        _choice(
            "--window",
            "A query at p sees keys from p-LEFT to p+RIGHT; -1 = no bound (default none).",
            metavar="LEFT[,RIGHT]",
        ),
    ] = None
    softcap: Annotated[str | None, _choice("--softcap", "X in X·tanh(score/X) (default none).", metavar="X")] = None
    alibi: Annotated[
        bool | None, _choice("--alibi/--no-alibi", "Add -slope·(p - j), a slope for each head (default off).")
    ] = None
    rope: Annotated[
        Literal["half", "interleaved"] | None,
        _choice("--rope", "Rotate query and key by their positions (default off).", metavar="half|interleaved"),
    ] = None
    rope_theta: Annotated[
        str | None, _choice("--rope-theta", "Base of the rotary frequencies (default 10000).", metavar="NUMBER")
    ] = None
    dtype: Annotated[
        Literal["float32", "float64"] | None,
        _choice("--dtype", "Precision (default: float64 for text, for arrays theirs, at least float32)."),
    ] = None

    def options(self) -> dict[str, object]:
        """Return what was given, by option name."""
        return self.given()


class Steps(Group):
    """Which steps are wanted."""

    step: Annotated[
        list[str] | None,
        _shown("--step", "Only this step: score, softmax or sum; may be repeated.", metavar="STEP"),
    ] = None

    def chosen(self) -> list[str]:
        """Return the steps, all of them where none was named.

        Raises:
            InputError: there is no such step.
        """
        from attncli.problem.computation import STEP_ALIASES, STEPS

        steps = [STEP_ALIASES.get(each, each) for each in self.step or STEPS]
        for step in steps:
            if step not in STEPS:
                raise InputError(f"--step {step}: the steps are {', '.join(STEPS)}")
        return steps


ColorOption = Annotated[Color, _shown("--color", "Colours (default auto: where the terminal shows them).")]


class Tables(Group):
    """How much of a table is shown."""

    digits: Annotated[
        int,
        _shown(
            "--digits",
            "Digits behind the point below 1, significant ones from there on (default 4).",
            min=1,
            max=17,
            metavar="N",
        ),
    ] = 4
    rows: Annotated[str, _shown("--rows", "At most so many rows (default 16).", metavar="N|all")] = "16"
    cols: Annotated[str | None, _shown("--cols", "At most so many columns (default: as fit).", metavar="N|all")] = None
    head: Annotated[str | None, _shown("--head", "Which head (default: the first).", metavar="N|all")] = None
    batch: Annotated[
        str | None, _shown("--batch", "Which item of the batch (default: the first).", metavar="N|all")
    ] = None
    color: ColorOption = "auto"


class Screening(Group):
    """How the screen is used."""

    color: ColorOption = "auto"


class Output(Group):
    """Where results go, and in what format."""

    format: Annotated[
        ResultFormat | None, _shown("--format -f", "What standard output carries (default: see above).")
    ] = None
    output: Annotated[
        str | None,
        _shown("--output -o", "Write a file, in the format of its extension.", metavar="FILE"),
    ] = None
    force: Annotated[bool, _shown("--force", "Write over a file that exists.")] = False


class Threads(Group):
    """What of the machine is used."""

    threads: Annotated[
        int | None,
        _choice("--threads", "Threads of a stream (default: OMP_NUM_THREADS, or the CPUs).", min=1, metavar="N"),
    ] = None

    def count(self) -> int:
        """Return how many there are, given or found out."""
        from attncli.attend.fast.stream import thread_count

        return self.threads or thread_count()


class Shape(Group):
    """The problem that a benchmark times."""

    length: Annotated[int, _choice("--length", "Queries (default 4096).", min=1, metavar="N")] = 4096
    keys: Annotated[int | None, _choice("--keys", "Keys (default: as many as queries).", min=1, metavar="N")] = None
    dim: Annotated[int, _choice("--dim", "Features of a head (default 64).", min=1, metavar="N")] = 64
    heads: Annotated[int, _choice("--heads", "Query heads (default 8).", min=1, metavar="N")] = 8
    kv_heads: Annotated[
        int | None, _choice("--kv-heads", "Key heads (default: as many as query heads).", min=1, metavar="N")
    ] = None
    causal: Annotated[bool, _choice("--causal", "Under a causal rule.")] = False
    window: Annotated[str | None, _choice("--window", "With a window.", metavar="LEFT[,RIGHT]")] = None
    dtype: Annotated[Literal["float32", "float64"], _choice("--dtype", "Precision (default float32).")] = "float32"
    against: Annotated[
        list[str] | None,
        _choice(
            "--against",
            "Only beside this library; may be repeated (default: all that are installed).",
            metavar="torch|onnxruntime|jax",
        ),
    ] = None
    rounds: Annotated[int, _choice("--rounds", "How often each is timed (default 5).", min=1, metavar="N")] = 5


class Drawing(Group):
    """What is drawn, and where."""

    what: Annotated[
        Literal["weights", "scores", "logits"], _shown("--what", "Which numbers are drawn (default weights).")
    ] = "weights"
    head: Annotated[str | None, _shown("--head", "Which head (default: the first).", metavar="N|all")] = None
    all_heads: Annotated[bool, _shown("--all-heads", "All heads, as small multiples.")] = False
    batch: Annotated[
        str | None, _shown("--batch", "Which item of the batch (default: the first).", metavar="N|all")
    ] = None
    output: Annotated[str | None, _shown("--output -o", written_in(PICTURES), metavar="FILE")] = None
    terminal: Annotated[
        bool,
        _shown("--terminal", f"Draw FILE{SCREENSHOT.suffix} as a terminal shows it; that needs no matplotlib."),
    ] = False
    force: Annotated[bool, _shown("--force", "Write over a file that exists.")] = False
    color: ColorOption = "auto"


class Element(Group):
    """What an explanation works out, and in which language."""

    row: Annotated[
        str | None,
        _shown("--row", "The query to work out (default: the first; causal: the last).", metavar="INDEX|LABEL"),
    ] = None
    col: Annotated[
        str | None,
        _shown(
            "--col",
            "The key to work out (default: most weight); with --step sum the output column.",
            metavar="INDEX|LABEL",
        ),
    ] = None
    lang: Annotated[Literal["en", "zh"] | None, _shown("--lang", "Language (default: the locale's).")] = None


class LessonOutput(Group):
    """Where an explanation goes, and in what format."""

    format: Annotated[
        LessonFormat | None,
        _shown("--format -f", "What standard output carries (default table)."),
    ] = None
    output: Annotated[str | None, _shown("--output -o", written_in(LESSONS), metavar="FILE")] = None
    force: Annotated[bool, _shown("--force", "Write over a file that exists.")] = False


class Checking(Group):
    """What is compared, and how closely."""

    expected: Annotated[str | None, _array("expected", "Set the output to compare with.")] = None
    rtol: Annotated[
        float | None,
        _shown("--rtol", "Relative tolerance (default: what the precision explains).", min=0, metavar="NUMBER"),
    ] = None
    atol: Annotated[float | None, _shown("--atol", "Absolute tolerance, likewise.", min=0, metavar="NUMBER")] = None
    diagnose: Annotated[
        bool, _shown("--diagnose/--no-diagnose", "Look for the mistake that explains a difference (default on).")
    ] = True

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        from attncli.check.diagnosis import Wanted

        return Wanted(self.rtol, self.atol, self.diagnose)


class Report(Group):
    """Where a report goes, and in what format."""

    format: Annotated[ReportFormat | None, _shown("--format -f", "What standard output carries (default table).")] = (
        None
    )
    output: Annotated[str | None, _shown("--output -o", written_in(REPORTS), metavar="FILE")] = None
    force: Annotated[bool, _shown("--force", "Write over a file that exists.")] = False


def number_or_all(name: str, text: str | None, least: int = 0) -> int | str | None:
    """Read the value of --head, --rows and their like.

    Raises:
        InputError: it is neither "all" nor a whole number of at least ``least``.
    """
    if text is None or text == "all":
        return text
    # Longer numbers count nothing that there is; int() would refuse the longest of them.
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise InputError(f"--{name} is all or a whole number from {least}, not {text[:40]!r}")
    return int(text)


def with_formats(text: str) -> str:
    """Fill the formats that there are into the help of a command.

    >>> with_formats("Formats of one matrix ({SINGLE})")
    'Formats of one matrix (csv, tsv, npy)'
    """
    words = {
        "DATA": listed((each.title for each in DATA), "or"),
        "SINGLE": ", ".join(each.name for each in DATA if each.is_single),
        "PICTURES": listed(suffixes(that_hold(Holds.PICTURE))),
        "PAGES": listed(suffixes(that_hold(Holds.PAGE))),
    }
    for word, formats in words.items():
        text = text.replace(f"{{{word}}}", formats)
    return text


def _default(group: type, field: str) -> Any:
    return getattr(group, field, inspect.Parameter.empty)


def expanded(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take the groups above: to Typer, each of their attributes is a parameter.

    Typer reads signatures and knows no groups of parameters; without this every command would repeat them all.
    """
    groups = get_type_hints(run)
    groups.pop("return")
    hints = {name: get_type_hints(group, include_extras=True) for name, group in groups.items()}
    parameters = [
        inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=_default(groups[name], field), annotation=hint)
        for name, fields in hints.items()
        for field, hint in fields.items()
    ]

    def command(**values: Any) -> Any:
        return run(**{name: group(**{field: values[field] for field in hints[name]}) for name, group in groups.items()})

    # \b is Click's mark for lines that stay as they are; a docstring can hold it only in its raw spelling.
    command.__doc__ = with_formats(run.__doc__ or "").replace("\\b", "\b")
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command
