"""What is declared is fuzzed: a new option, array, format, command or score function needs a generator here first."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pytest

from attncli.attend.arrays import GIVEN
from attncli.attend.options import records
from attncli.attend.scores import FUNCTIONS
from attncli.commands.registry import COMMANDS
from attncli.files.formats import DATA, Format
from tests.fuzz import commands, layers, outputs, problems, readers, reference, refusals, seeds
from tests.fuzz.mutators import MUTATORS, mutated
from tests.fuzz.program import Place
from tests.fuzz.rules.files import SINGLE

DECLARED: Mapping[str, tuple[Collection[str], Collection[str]]] = {
    "options that are drawn": ([*problems.OPTIONS, *layers.OPTIONS], records()),
    "options that are made wrong": (refusals.OWN, records()),
    "arrays that are drawn": ([*problems.ARRAYS, *layers.LAYER_DRAWN], GIVEN),
    "score functions of the reference": (reference.SCORES, FUNCTIONS),
    "formats that are broken": (MUTATORS, [each.name for each in DATA]),
    "formats that are read by others": (readers.READERS, [each.name for each in DATA]),
    "formats of which there are valid files": ([each.name for each in seeds.WRITTEN], [each.name for each in DATA]),
    "formats of one array that are read back": (SINGLE, [each.name for each in DATA if each.is_single]),
    "formats whose outputs are read": (outputs.READERS, [each.name for each in commands.FILES]),
    "commands": ([*commands.WAYS, *commands.WITHOUT], COMMANDS),
}


@pytest.mark.parametrize("what", DECLARED)
def test_the_fuzzer_knows_all_that_is_declared(what: str) -> None:
    """And nothing else."""
    fuzzed, declared = DECLARED[what]
    assert sorted(fuzzed) == sorted(declared)


@pytest.mark.parametrize("name", problems.OPTIONS)
def test_every_option_is_drawn_with_several_values(name: str) -> None:
    """In some of a few hundred problems, and in others it is not given."""
    drawn = [problems.draw(np.random.default_rng(seed)).options.get(name) for seed in range(300)]
    assert len(set(map(str, drawn))) > 1
    assert None in drawn


@pytest.mark.parametrize("name", problems.ARRAYS)
def test_every_array_is_drawn(name: str) -> None:
    """In some of a few hundred problems; `hidden` and pages are in the form that a user gives them."""
    drawn = [problems.draw(np.random.default_rng(seed)) for seed in range(300)]
    forms = {"hidden": lambda p: p.layout.hidden, "block_table": lambda p: p.layout.page}
    assert any(name in p.arrays or (name in forms and forms[name](p)) for p in drawn)


def test_every_array_and_option_of_a_layer_is_drawn() -> None:
    """In some of a few hundred layers, and in others it is not given or another one."""
    drawn = [layers.drawn(np.random.default_rng(seed))[0] for seed in range(300)]
    for name in layers.OPTIONS:
        assert len({str(each.get(name)) for each in drawn}) > 1, name
    for name in layers.LAYER_DRAWN:
        assert 0 < sum(name in each for each in drawn) < 300, name


@pytest.mark.parametrize("kind", DATA, ids=[each.name for each in DATA])
def test_every_format_has_valid_files_that_run(kind: Format, tmp_path: Path) -> None:
    """Most of what mutators start from is computed with."""
    place, done = Place.at(tmp_path), 0
    for seed in range(10):
        name = place.put(f"f{seed}{kind.suffix}", seeds.valid(kind, random.Random(seed), np.random.default_rng(seed)))
        done += place.run("compute", name).done
    assert done > 5


def test_every_command_is_asked_for_every_format_that_it_writes() -> None:
    """On standard output and into files; one that reads files writes something."""
    found = {command: commands.formats(command) for command in commands.READS}
    assert all(len(each) > 2 for each in found.values())
    written = {words[1].rpartition(".")[2] for each in found.values() for words in each if words[:1] == ["-o"]}
    assert written == {each.suffix.removeprefix(".") for each in commands.FILES}


def test_mutators_change_most_files() -> None:
    """Of every format."""
    for kind in DATA:
        rng = random.Random(0)
        whole = [seeds.valid(kind, rng, np.random.default_rng(seed)) for seed in range(20)]
        assert sum(mutated(kind.name, data, rng) != data for data in whole) > 10
