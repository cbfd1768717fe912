"""Arguments and options about what is computed, and from what, that commands share; each defined once."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from typer import Argument

from attncli.attend.arrays import ARRAYS, BEFORE, GIVEN, canonical
from attncli.attend.options import as_flag, records
from attncli.attend.words.option import LAYOUT, Option
from attncli.commands.groups import ARRAYS_HEADING, Group, Parameters, array_flag, of_arrays, setting
from attncli.commands.standard_input import standard_input
from attncli.files.formats import INDEX, OF_WEIGHTS, READ, Format
from attncli.files.margins import TITLES as MARGINS
from attncli.files.margins import Margins
from attncli.text import listed


def files_argument(what: str) -> Any:
    """Return the argument of the files of a command."""
    return Argument(metavar="FILES...", help=what, show_default=False, rich_help_panel=ARRAYS_HEADING)


class File(Group):
    """The files of the softmax and sum commands."""

    files: Annotated[
        list[str] | None, files_argument("Result of the step before, or matrices; - is standard input.")
    ] = None

    def sources(self, flags: Arrays) -> list[str]:
        """Return what is read: the files, or else standard input, if it holds something."""
        return self.files or standard_input(flags.arrays().values())


def array_flags(*names: str) -> Parameters:
    """Return the flags that set these arrays, each from a file; no help shows one that has another name by now."""
    return {name: (Annotated[str | None, _array_flag(name)], None) for name in names}


def _array_flag(name: str) -> Any:
    return array_flag(as_flag(name), ARRAYS[BEFORE.get(name, name)].help, hidden=name in BEFORE)


def option_flags(*names: str) -> Parameters:
    """Return the flags of these options of the computation."""
    return {name: (_annotation(name, records()[name]), None) for name in names}


def _annotation(name: str, option: Option) -> Any:
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
        """Return one flag per array, and those that they had before, after the parameters of the class."""
        before = [old for old, name in BEFORE.items() if name in cls.NAMES]
        return super().parameters() | array_flags(*cls.NAMES) | array_flags(*before)

    def arrays(self) -> dict[str, str | None]:
        """Return the files given with flags, by array name.

        Raises:
            InputError: an array is given by two of its names.
        """
        given = self.given()
        meant = canonical(name for name in (*self.NAMES, *BEFORE) if given.get(name) is not None)
        return dict.fromkeys(self.NAMES) | {name: given[flag] for flag, name in meant.items()}


class Inputs(Arrays):
    """The input of the computation."""

    files: Annotated[
        list[str] | None,
        files_argument(
            f"One file of named arrays ({', '.join(each.title for each in READ if each.is_archive)}; FILE:NAME picks "
            "one of several problems in it); or one matrix (as query and hidden), two (QUERY HIDDEN) or three (QUERY "
            "KEY VALUE); - is standard input, '[[1,2],[3,4]]' a matrix, sample:NAME a sample."
        ),
    ] = None

    layer: Annotated[
        str | None,
        of_arrays(
            "--layer",
            f"Weights of a layer of a checkpoint, PREFIX is what stands before the names of its tensors, such as "
            f"model.layers.0.self_attn; FILE is {listed((each.title for each in OF_WEIGHTS), 'or')}, {INDEX}, or the "
            "folder of the model.",
            metavar="FILE:PREFIX",
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
        enough = all(given & either for either in needed) or (self.layer is not None and "hidden" in given)
        return self.files or ([] if enough else standard_input(arrays.values()))


class Masks(Arrays):
    """What closes keys, and one file or two of it."""

    NAMES = tuple(name for name in GIVEN if ARRAYS[name].stage == "mask")
    files: Annotated[
        list[str] | None,
        files_argument(
            "A mask, or a file of named arrays, such as a whole problem; two are compared. - is standard input."
        ),
    ] = None
    length: Annotated[
        int | None,
        of_arrays("--length", "Queries (default: as arrays say, or as many as keys).", min=1, metavar="N"),
    ] = None
    keys: Annotated[
        int | None, of_arrays("--keys", "Keys (default: as arrays say, or as many as queries).", min=1, metavar="N")
    ] = None

    def sources(self) -> list[str]:
        """Return what is read: the files, or else standard input, unless flags say how large the mask is."""
        flags = self.arrays().values()
        said = any(each is not None for each in (self.length, self.keys, *flags))
        return self.files or ([] if said else standard_input(flags))


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
    """The options of one stage, or of some, for a command that runs it alone."""

    STAGES: ClassVar[tuple[str, ...]]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the options of the stages."""
        return tuple(name for name, option in records().items() if option.stage in cls.STAGES)


class Layout(StageSettings):
    """The layout of values in their matrix."""

    STAGES = (LAYOUT,)


class Softening(StageSettings):
    """How logits become weights. No option belongs to this stage yet; one that does gets its flag here."""

    STAGES = ("softmax",)


class Masking(StageSettings):
    """Who may attend to what; and how the query and key of a whole problem lie, which say how many there are."""

    STAGES = (LAYOUT, "mask")
