"""attn trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from typer import Argument, Option

from attncli.commands.destination import Destination, refuse_idle
from attncli.commands.groups import OUTPUT, Group
from attncli.commands.output import say
from attncli.commands.presentation import REPORTS, ReportFormat, Screening
from attncli.errors import InputError
from attncli.files.formats import ARCHIVES, FORMATS, suffixes
from attncli.files.save import check_problems, save_problems
from attncli.problem.overview import line
from attncli.said import Said
from attncli.show.progress import waiting
from attncli.show.records import print_records
from attncli.show.screen import Screen
from attncli.text import as_json, listed
from attncli.trace.capture import Call
from attncli.trace.inputs import Request, given, read_lines
from attncli.trace.model import load
from attncli.trace.passes import Choice, Place, ranges
from attncli.trace.record import Recorded, of_layers
from attncli.trace.run import hear, keep

ARCHIVED = listed(suffixes(ARCHIVES), "or")
GIVEN, WHICH = "Model and input", "What to record"


def _arg(what: str) -> Any:
    return Argument(help=what, show_default=False, rich_help_panel=GIVEN)


def _option(flags: str, what: str, panel: str, **more: Any) -> Any:
    return Option(*flags.split(), help=what, rich_help_panel=panel, show_default=False, **more)


class Tracing(Group):
    """The model, its input, and what to record."""

    model: Annotated[str, _arg("The folder of a model, or an installed package that ships one.")]
    text: Annotated[
        str | None,
        _arg(f"Text for it to read, or features or token ids in an {FORMATS['npy'].suffix} file; - means --lines -."),
    ] = None
    second: Annotated[str | None, _arg("The second text of a pair; for an encoder-decoder, the target.")] = None
    lines: Annotated[
        str | None,
        _option(
            "--lines",
            "A batch: one text per line, or two separated by a tab; - is standard input.",
            GIVEN,
            metavar="FILE",
        ),
    ] = None
    generate: Annotated[
        int,
        _option("--generate", "Let it generate N tokens, and record each of these steps.", GIVEN, min=0, metavar="N"),
    ] = 0
    layer: Annotated[
        str | None, _option("--layer", "Record only these layers, such as 3 or 0-3,5.", WHICH, metavar="RANGES")
    ] = None
    head: Annotated[str | None, _option("--head", "Record only these query heads.", WHICH, metavar="RANGES")] = None
    passes: Annotated[
        list[str] | None,
        _option(
            "--pass",
            "Record only encoder, decoder or cross; only prefill, step, step.N or step.N-M; may be repeated.",
            WHICH,
            metavar="PASS",
        ),
    ] = None
    whole: Annotated[
        bool,
        _option(
            "--whole",
            "Record whole layers: what goes into them, their weights, norms and rotary, and their outputs.",
            WHICH,
        ),
    ] = False
    list_: Annotated[bool, _option("--list", "Only list what there is to record; needs no text.", WHICH)] = False


class Recording(Group):
    """Where the recording goes."""

    output: Annotated[
        str | None,
        _option("--output -o", f"Write {ARCHIVED}; or FOLDER/, with one file per problem.", OUTPUT, metavar="FILE"),
    ] = None
    force: Annotated[bool, _option("--force", "Overwrite existing files.", OUTPUT)] = False
    format: Annotated[
        ReportFormat | None,
        _option("--format -f", "Format of the list on standard output (default table).", OUTPUT),
    ] = None


def run(tracing: Tracing, recording: Recording, screening: Screening) -> None:
    r"""Runs a model on a text and records, for each attention that it performs, the input and, as the expected
    output, the output of the model itself. With --whole, the input is x and the weights of the layer, and the output
    is that of the layer. Never uses a network. Needs pip install 'attncli[trace]'.

    \b
    Examples:
      attn trace ./gpt2 --list
      attn trace ./gpt2 "The capital of Italy is" -o case.npz
      attn trace ./gpt2 "The capital of Italy is" --layer 3 --whole -o layer.npz
      attn trace ./gpt2 "The capital of Italy is" --generate 3 --pass step -o steps.safetensors
    """
    refuse_idle(screening, Destination(FORMATS[recording.format or "table"]), REPORTS)
    choice = Choice.parse(tracing.layer, tracing.passes or [])
    heads = None if tracing.head is None else ranges("head", tracing.head)
    if tracing.whole and heads is not None:
        raise InputError("--whole and --head contradict each other", hint="the output of a layer is made of all heads")
    request = Request(*_texts(tracing), tracing.generate)
    target = None if tracing.list_ else recording.output
    if target is not None:
        check_problems(target, recording.force)
        if not request.texts and request.lines is None:
            raise InputError(
                "no text given",
                hint='give one: attn trace MODEL "a text" -o FILE; --list shows what there is',
            )
    screen = screening.screen()
    with waiting(screen.say(Said("loading {model}", model=tracing.model))):
        model = load(tracing.model)
    inputs = given(model, request)
    with waiting(screen.say(Said("running the model"))):
        heard = hear(model, inputs, tracing.generate, choice)
    notices = [*model.notices, *inputs.notices, *heard.notices]
    if target is None:
        _show([_heard(call, place) for call, place in heard.chosen(choice)], recording, screen)
        notices += [] if tracing.list_ else [Said("nothing was saved; -o FILE records it")]
    else:
        with waiting(screen.say(Said("recording"))):
            found = list(keep(model, inputs, tracing.generate, heard, choice, heads, whole=tracing.whole))
            notices += save_problems(target, {each.place.name: each.named for each in found}, recording.force)
        notices += [each.warning for each in found if each.warning] + of_layers(found)
        _show([_recorded(each) for each in found], recording, screen)
    say(notices)


def _texts(tracing: Tracing) -> tuple[list[str], list[str] | None]:
    """Return the texts on the command line, and those of a batch."""
    if tracing.lines is not None and tracing.text is not None:
        raise InputError("a text and --lines contradict each other", hint="give only one")
    if tracing.lines is not None or tracing.text == "-":
        return [], read_lines(tracing.lines or "-")
    return [text for text in (tracing.text, tracing.second) if text is not None], None


def _heard(call: Call, place: Place) -> dict[str, Any]:
    """Describe an attention that was heard but not recorded."""
    shapes = {name: list(shape[1:] if shape[0] == 1 else shape) for name, shape in call.shapes.items()}
    return {"problem": place.name, "layer": call.module, "shapes": shapes}


def _recorded(each: Recorded) -> dict[str, Any]:
    """Describe an attention that was recorded."""
    shapes = {name: list(array.shape) for name, array in each.named.arrays.items()}
    options = {"options": dict(each.named.options), "difference": each.comparison.error}
    return {"problem": each.place.name, "layer": each.module, "shapes": shapes} | options


def _show(records: Sequence[Mapping[str, Any]], recording: Recording, screen: Screen) -> None:

    console = screen.console()
    if recording.format == "json":
        lines = ",\n".join(as_json(each) for each in records)
        console.out(f"[\n{lines}\n]", highlight=False)
        return
    rows, layer = [], Said("layer")
    for each in records:
        row = {Said("problem"): each["problem"], layer: each["layer"]} | line(each["shapes"], each.get("options", {}))
        rows.append(row | {Said("difference"): f"{each['difference']:.1e}" if "difference" in each else ""})
    print_records(rows, screen, console, path=layer)
