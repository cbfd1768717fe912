"""The Python interface, and the lines with which other programs save their attention."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import attncli
from attncli.reference.blocks import Block, Code, Item
from attncli.reference.topics import Program
from attncli.reference.words import Words
from attncli.show.blocks import Heading, Paragraph

# Functions that save what went in and what came out, by the library that they are for.
RECIPES = {"PyTorch": "torch", "JAX": "jax", "TensorFlow": "tensorflow"}


def page(words: Words, program: Program) -> Iterator[Block]:
    """Return every public name with its signature and what it is for, then the recipes."""
    yield Paragraph(words.say("python_intro"))
    for name in sorted(attncli.__all__, key=_kind):
        yield Item(f"`{_signature(name)}`", words.of("python", name.strip("_"), _purpose(name)))
    yield Paragraph(words.say("python_keywords"))
    yield Heading(words.say("python_recipes"))
    yield Paragraph(words.say("python_dump"))
    for library, recipe in RECIPES.items():
        yield Paragraph(words.say(f"python_{recipe}", library=library))
        yield Code((Path(__file__).parent / "recipes" / recipe).read_text(encoding="utf-8"), "py")
    yield Paragraph(words.say("python_after"))


def _kind(name: str) -> int:
    """Return what sorts functions before classes, and classes before the rest."""
    found = getattr(attncli, name)
    return 0 if inspect.isfunction(found) else 1 if inspect.isclass(found) else 2


def _signature(name: str) -> str:
    """Return a name as it is called, with defaults and without types."""
    found = getattr(attncli, name)
    if not callable(found):
        return f"{name} = {found!r}"
    given = inspect.signature(found)
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in given.parameters.values()]
    return name + str(given.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def _purpose(name: str) -> str:
    """Return the first paragraph of its docstring."""
    found = getattr(attncli, name)
    text = inspect.getdoc(found) if callable(found) else None
    return " ".join((text or "The version of this package.").partition("\n\n")[0].split()).replace("``", "`")
