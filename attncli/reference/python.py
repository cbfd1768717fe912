"""The Python interface, and the lines with which other programs save their attention."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import attncli
from attncli.reference.blocks import Block, Code, Item
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph

# Functions that save what went in and what came out, by the library that they are for.
RECIPES = {"PyTorch": "torch", "JAX": "jax", "TensorFlow": "tensorflow"}
# What gives the problems of a probe to a function, and functions for it, by library.
FILL = "fill"
FILLS = {"PyTorch": "fill_torch", "JAX": "fill_jax", "ONNX Runtime": "fill_onnx"}


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return every public name with its signature and what it is for, then the recipes."""
    yield Paragraph(words.say("python_intro"))
    for name, found in public():
        yield Item(f"`{_signature(name, found)}`", words.of("python", name.strip("_"), _purpose(found)))
    yield Paragraph(words.say("python_keywords"))
    yield Heading(words.say("python_recipes"))
    yield Paragraph(words.say("python_dump"))
    for library, recipe in RECIPES.items():
        yield Paragraph(words.say(f"python_{recipe}", library=library))
        yield _code(recipe)
    yield Paragraph(words.say("python_after"))
    yield Heading(words.say("python_probe"))
    yield Paragraph(words.say("python_fill"))
    yield _code(FILL)
    for library, recipe in FILLS.items():
        yield Paragraph(words.say("python_filled", library=library))
        yield _code(recipe)


def _code(recipe: str) -> Code:
    return Code((Path(__file__).parent / "recipes" / recipe).read_text(encoding="utf-8"), "py")


def public() -> Iterator[tuple[str, object]]:
    """Return every public name with what it stands for: functions, classes with their methods, and the rest."""
    for name in sorted(attncli.__all__, key=_kind):
        found = getattr(attncli, name)
        yield name, found
        if inspect.isclass(found):
            own = {method: each for method, each in vars(found).items() if inspect.isfunction(each)}
            yield from ((f"{name}.{method}", each) for method, each in own.items() if not method.startswith("_"))


def _kind(name: str) -> int:
    """Return what sorts functions before classes, and classes before the rest."""
    found = getattr(attncli, name)
    return 0 if inspect.isfunction(found) else 1 if inspect.isclass(found) else 2


def _signature(name: str, found: object) -> str:
    """Return a name as it is called, with defaults and without types; that of a class is called by others."""
    if not callable(found):
        return f"{name} = {found!r}"
    if inspect.isclass(found) and not is_dataclass(found):
        return name
    given = inspect.signature(found)
    bare = [
        each.replace(annotation=inspect.Parameter.empty) for each in given.parameters.values() if each.name != "self"
    ]
    return name + str(given.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def _purpose(found: object) -> str:
    """Return the first paragraph of its docstring."""
    text = inspect.getdoc(found) if callable(found) else None
    return " ".join((text or "The version of this package.").partition("\n\n")[0].split()).replace("``", "`")
