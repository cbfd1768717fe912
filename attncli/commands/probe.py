"""attn probe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from attncli.attend.words.option import LAYOUT
from attncli.check.rounding import PRECISIONS
from attncli.commands.destination import Destination, refuse_idle
from attncli.commands.groups import Group, of_arrays, setting, shown
from attncli.commands.inputs import Settings, StageSettings
from attncli.commands.output import say
from attncli.commands.presentation import REPORTS, ReportFormat, Screening
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.formats import ARCHIVES, FORMATS, suffixes
from attncli.files.save import check_problems, save_problems
from attncli.probe.registry import IDS
from attncli.probe.report import list_of, questions, rows
from attncli.probe.request import Request
from attncli.probe.voice import Voice
from attncli.show.lines import print_lines
from attncli.show.records import print_records
from attncli.text import as_json, did_you_mean, listed

ARCHIVED = listed(suffixes(ARCHIVES), "or")
if TYPE_CHECKING:
    TypeName = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    TypeName = Literal[tuple(PRECISIONS)]


def _count(flag: str, what: str, least: int = 1) -> Any:
    return of_arrays(flag, what, min=least, metavar="N")


class Shape(Group):
    """How large the problems are, in all of them; by default each has a shape on which its questions show."""

    batch: Annotated[int | None, _count("--batch", "Batch items (default 2; 1 where problems are long).")] = None
    heads: Annotated[int | None, _count("--heads", "Query heads (default 6).")] = None
    kv_heads: Annotated[
        int | None, _count("--kv-heads", "Key heads (default: as many as query heads, and fewer in one problem).")
    ] = None
    length: Annotated[int | None, _count("--length", "Queries (default: each problem its own, up to 269).")] = None
    keys: Annotated[int | None, _count("--keys", "Keys (default: each problem its own, up to 512).", 3)] = None
    dim: Annotated[int | None, _count("--dim", "Features of a query, a key and a value (default 16).")] = None


class Applied(StageSettings):
    """What the program applies: options that need no arrays."""

    STAGES = (LAYOUT, "norm", "rotate", "score", "cap", "mask")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the options of what lies between states and output."""
        others = ("states", "heads", "kv_heads", "score", "rope_sections")
        return tuple(name for name in super().names() if name not in others)


class Asking(Group):
    """What is asked."""

    dtype: Annotated[
        TypeName | None, setting("--dtype", "Type that the program should compute in (default: any is right).")
    ] = None
    ask: Annotated[
        list[str] | None,
        setting("--ask", "Ask this question only; may be repeated (attn probe lists them).", metavar="QUESTION"),
    ] = None

    def only(self) -> list[str]:
        """Return the questions that are asked for by name.

        Raises:
            InputError: there is no such question.
        """
        for each in self.ask or ():
            if each not in IDS:
                raise InputError(f"--ask {each}: the questions are {', '.join(IDS)}", hint=did_you_mean(each, IDS))
        return list(self.ask or ())


class Probing(Screening):
    """Where the probe goes, and what is told of it."""

    output: Annotated[
        str | None,
        shown("--output -o", f"Write {ARCHIVED}; or FOLDER/, with one file per problem.", metavar="FILE"),
    ] = None
    force: Annotated[bool, shown("--force", "Overwrite existing files.")] = False
    format: Annotated[
        ReportFormat | None, shown("--format -f", "Format of the list on standard output (default table).")
    ] = None


def run(shape: Shape, applied: Applied, asking: Asking, probing: Probing) -> None:
    r"""Writes problems without outputs. Let your program compute each, save what it makes as NAME.expected in the same
    file, and attn check FILE answers in a table: the scale, the corner of its causal rule, what true means in a mask,
    how heads are grouped, how it rotates, where its softcap is, what an empty row becomes, whether tiles are right,
    its precision; and which of them is not what was asked for: what attn means by the options in the file, with the
    scale 1/√d unless --scale says another. Without flags each problem has the options that it is about, and what your
    program cannot do may stay unanswered. Options that are given are in force in every problem, for a program that
    always applies the same; nothing is asked then of other ones.

    \b
    Examples:
      attn probe -o probe.npz
      attn probe --heads 32 --kv-heads 8 --dim 64 --causal --offset end --dtype bfloat16 -o kernel.npz
      attn probe --causal --rope interleaved --rope-theta 500000
    """
    voice = Voice(probing.language())
    refuse_idle(probing, Destination(FORMATS[probing.format or "table"]), REPORTS)
    if probing.output is not None:
        check_problems(probing.output, probing.force)
    problems = _request(shape, applied, asking).problems()
    notices = []
    if probing.output is not None:
        notices = save_problems(probing.output, problems, probing.force)
    _show(problems, probing, voice)
    say(notices)


def _request(shape: Shape, applied: Settings, asking: Asking) -> Request:
    return Request(
        options={name: value for name, value in applied.options().items() if value is not None},
        batch=shape.batch,
        heads=shape.heads,
        key_heads=shape.kv_heads,
        queries=shape.length,
        keys=shape.keys,
        features=shape.dim,
        precision=asking.dtype or "",
        only=asking.only(),
    )


def _show(problems: Mapping[str, Named], probing: Probing, voice: Voice) -> None:
    screen = probing.screen()
    console = screen.console()
    if probing.format == "json":
        console.out(as_json(list_of(problems), indent=2), highlight=False)
        return
    print_records(rows(problems, voice), screen, console)
    console.print()
    file = probing.output
    if file is None:
        print_lines(voice.say("unwritten"), screen, console)
        return
    count = sum(len(questions(each)) for each in problems.values())
    print_lines(voice.say("written", file=file, problems=len(problems), questions=count), screen, console)
    first = next(iter(problems))
    entry = f"{first}.expected, …" if len(problems) > 1 else "expected"
    print_lines(voice.say("next", file=file, entry=entry), screen, console)
