"""Groups of parameters that several commands can share; Typer itself has no such thing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_origin, get_type_hints

from typer import Option

from attncli.commands.language import speaking
from attncli.files.formats import DATA, FORMATS, READ, Holds, suffixes, that_hold
from attncli.text import listed

# The headings for parameters in the help.
ARRAYS_HEADING = "Arrays"
COMPUTATION = "Computation"
OUTPUT = "Output"

Parameters = dict[str, tuple[Any, Any]]


def array_flag(name: str, what: str, **more: Any) -> Any:
    """Return a flag that sets an array from a file."""
    return of_arrays(f"--{name}", what, metavar="FILE", **more)


def of_arrays(flag: str, what: str, **more: Any) -> Any:
    """Return a flag that affects how arrays are read."""
    return _flag(flag, what, ARRAYS_HEADING, **more)


def setting(flag: str, what: str, **more: Any) -> Any:
    """Return a flag that affects the computation."""
    return _flag(flag, what, COMPUTATION, **more)


def shown(flags: str, what: str, **more: Any) -> Any:
    """Return a flag that affects what is shown, and where."""
    return _flag(flags, what, OUTPUT, **more)


def _flag(flags: str, what: str, heading: str, **more: Any) -> Any:
    return Option(*flags.split(), help=what, rich_help_panel=heading, show_default=False, **more)


class Group:
    """Parameters that several commands share, as annotated class attributes with their defaults.

    Not a dataclass: creating ten of those takes longer than parsing the command line.
    """

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    @classmethod
    def parameters(cls) -> Parameters:
        """Return the parameters by name, each with its annotation and its default."""
        hints = get_type_hints(cls, include_extras=True)
        return {name: (hint, _default(cls, name)) for name, hint in hints.items() if get_origin(hint) is Annotated}

    def given(self) -> dict[str, Any]:
        """Return all values by name."""
        return dict(vars(self))


def with_formats(text: str) -> str:
    """Fill in the names of the formats in the help of a command.

    >>> with_formats("Formats that hold one array ({SINGLE})")
    'Formats that hold one array (csv, tsv, npy)'
    """
    words = {
        "DATA": listed((each.title for each in READ), "or"),
        "SINGLE": ", ".join(each.name for each in DATA if each.is_single),
        "PICTURES": listed(suffixes(that_hold(Holds.PICTURE))),
        "PAGES": listed(suffixes(that_hold(Holds.PAGE))),
        "MARKDOWN": FORMATS["markdown"].suffix,
    }
    for word, formats in words.items():
        text = text.replace(f"{{{word}}}", formats)
    return text


def _default(group: type, field: str) -> Any:
    return getattr(group, field, inspect.Parameter.empty)


def expanded(run: Callable[..., Any], summary: str) -> Callable[..., Any]:
    """Turn a command that takes groups into one that takes their parameters one by one, as Typer expects.

    Typer reads the signature; without this, every command would have to repeat all parameters.
    """
    groups = get_type_hints(run)
    groups.pop("return")
    fields = {name: group.parameters() for name, group in groups.items()}
    parameters = [
        inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for group in fields.values()
        for field, (annotation, default) in group.items()
    ]

    def command(**values: Any) -> Any:
        given = {name: {field: values[field] for field in group} for name, group in fields.items()}
        with speaking(values["lang"]):
            return run(**{name: groups[name](**each) for name, each in given.items()})

    # \b is Click's marker for a paragraph not to be rewrapped; a raw docstring holds it as two characters.
    text = with_formats(inspect.cleandoc(run.__doc__ or ""))
    command.__doc__ = f"{summary}\n\n{text}".replace("\\b", "\b")
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command
