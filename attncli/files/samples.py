"""The samples that come with the package: ``sample:NAME``, wherever a file may be given."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from attncli.errors import InputError
from attncli.files.formats import DATA, of_suffix
from attncli.text import did_you_mean

PREFIX = "sample:"


def folder() -> Path:
    """Return where they are: in the package where it was installed, beside it in a clone."""
    package = Path(__file__).parent.parent
    installed = package / "samples"
    return installed if installed.is_dir() else package.parent / "samples"


def samples() -> dict[str, Path]:
    """Return all samples by name: without the suffix where that is enough to tell which one is meant."""
    paths = sorted(path for path in folder().glob("*") if of_suffix(path.name) in DATA)
    count = Counter(path.stem for path in paths)
    return {path.stem if count[path.stem] == 1 else path.name: path for path in paths}


def find(name: str) -> Path:
    """Return the file of a sample.

    Args:
        name: of the file, with or without its suffix; of several without, the first format in the table is taken.

    Raises:
        InputError: there is no such sample; the hint offers the closest one, or says how to list them.
    """
    known = samples()
    paths = sorted(known.values(), key=lambda path: DATA.index(of_suffix(path.name) or DATA[-1]))
    found = next((path for path in paths if name in (path.name, path.stem)), None)
    if found is None:
        hint = did_you_mean(name, known) or f"attn inspect {PREFIX} lists them"
        raise InputError("there is no such sample", hint=hint)
    return found
