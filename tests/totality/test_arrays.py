"""Every array: files, flags and Python take it, each computation uses it, and tables, notices and results have it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli import Steps, attention, steps
from attncli.attend.arrays import ALIASES, ARRAYS, GIVEN, KINDS, NULL_IS_CLOSED, RESULTS, Kind
from attncli.attend.in_force import in_force
from attncli.attend.options import Options, as_flag
from attncli.attend.prepare import prepare
from attncli.attend.scores import FUNCTIONS
from attncli.attend.words.array import AXES, Role
from attncli.commands.app import build
from attncli.errors import InputError
from attncli.files.contents import Matrix, Named
from attncli.files.formats import FORMATS
from attncli.files.open import read
from attncli.files.save import encoded
from attncli.languages import LANGUAGES
from attncli.problem.assemble import assemble
from tests.support.arrays import normal
from tests.support.declared import (
    FEW,
    SHAPES,
    SPECIAL,
    Given,
    agree,
    differ,
    numbers,
    options_for,
    put,
    states,
    states_for,
)
from tests.support.lessons import taught, worked
from tests.support.processes import called

INPUTS = [name for name in GIVEN if ARRAYS[name].role is Role.INPUT]
# Arrays that go together.
TOGETHER = {
    "past_key": ("past_value",),
    "past_value": ("past_key",),
    "hidden": (),
    "cos": ("sin",),
    "sin": ("cos",),
    "b_g": ("w_g",),
    # Queries may stand where there is no key.
    "segments": ("query_segments",),
    "query_segments": ("segments",),
    "cu_seqlens": ("query_segments",),
}
USERS = {
    name: [score for score, function in FUNCTIONS.items() if name in function.parameters]
    for function in FUNCTIONS.values()
    for name in function.parameters
}

each_array = pytest.mark.parametrize("name", ARRAYS)
each_given = pytest.mark.parametrize("name", GIVEN)
each_input = pytest.mark.parametrize("name", INPUTS)
each_form = pytest.mark.parametrize(
    ("name", "form"), [(name, form) for name in GIVEN for form in range(len(SPECIAL.get(name, "1")))]
)


def problem(name: str, queries: int, keys: int, form: int = 0) -> Given:
    """Return arrays of which this is one; hidden stands for key and value."""
    found = states_for(name, queries, keys) | {name: numbers(name, queries, keys, form)}
    found |= {other: numbers(other, queries, keys) for other in TOGETHER.get(name, ())}
    if name in ("mask", "bias") or name not in TOGETHER:
        return found
    return {"query": found["query"], "hidden": found["hidden"]} if name == "hidden" else found


def without(name: str, arrays: Given) -> Given:
    """Return a problem that lacks this array, and is a problem: of some that go together none is alone."""
    if name == "block_table":
        return states(*FEW)
    if name == "w_qkv":  # what it makes has other sizes than what it makes it of
        return states_for("b_qkv", *FEW)
    gone = [name, *(each for each in TOGETHER.get(name, ()) if name in TOGETHER.get(each, ()))]
    gone += ["query_segments"] * (name == "cu_seqlens")
    return {each: array for each, array in arrays.items() if each not in gone}


@each_form
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_fast_twin_and_check_compute_with_it(name: str, form: int, shape: tuple[int, int]) -> None:
    """As the steps do, in every tile; and something else comes out than without it."""
    arrays, options = problem(name, *shape, form), options_for(name)
    made = agree(arrays, options)
    assert differ(made, without(name, arrays), options)


@each_form
def test_a_change_in_any_axis_changes_what_is_computed(name: str, form: int) -> None:
    """Each batch item, head, query and key has its own part of it, where the array has that axis."""
    arrays, options = problem(name, *FEW, form), options_for(name)
    made = agree(arrays, options)
    for axis, symbol in enumerate(ARRAYS[name].axes[-arrays[name].ndim :]):
        turned = np.roll(arrays[name], 1, axis)
        if symbol == "k":  # keys are named in any order
            assert not differ(made, arrays | {name: turned}, options)
            continue
        assert differ(made, arrays | {name: turned}, options), symbol
        if name != "cu_seqlens":  # which must rise
            agree(arrays | {name: turned}, options)


@each_given
@pytest.mark.parametrize("command", ["compute", "score", "grad", "explain", "plot", "inspect", "check"])
def test_its_flag_is_on_every_command_that_computes(name: str, command: str) -> None:
    """With its help."""
    (found,) = (each for each in build(command).params if each.name == name)
    assert found.opts == [f"--{as_flag(name)}"]
    assert found.help == ARRAYS[name].help


@each_given
def test_file_alias_flag_and_python_mean_the_same(name: str, tmp_path: Path) -> None:
    """Under its name and each of its others, in JSON and NPZ, by its flag, and as a keyword: to the last digit."""
    arrays, options = problem(name, *FEW), options_for(name)
    made = steps(**arrays, **options)
    # A file of its own, since a command may be given one file of named arrays only.
    np.save(tmp_path / "a.npy", arrays[name])
    rest = put(tmp_path / "rest.npz", {each: array for each, array in arrays.items() if each != name}, options)
    flags = (name, *ARRAYS[name].before)
    found = [called("compute", rest, f"--{as_flag(flag)}", tmp_path / "a.npy", "-f", "npz").raw for flag in flags]
    for alias in ARRAYS[name].names:
        renamed = {alias if each == name else each: array for each, array in arrays.items()}
        found.append(called("compute", put(tmp_path / "p.npz", renamed, options), "-f", "npz").raw)
        text = json.dumps({each: array.tolist() for each, array in renamed.items()} | {"options": options})
        found.append(called("compute", "-", "-f", "npz", stdin=re.sub("-Infinity", "null", text).encode()).raw)
    for raw in found:
        read_back = np.load(BytesIO(raw))
        for result in ("scores", "logits", "weights", "output"):
            assert_array_equal(read_back[result], getattr(made, result))
    for keyword in flags:
        renamed = {keyword if each == name else each: array for each, array in arrays.items()}
        assert_array_equal(steps(**renamed, **options).output, made.output)
        assert attention(**renamed, **options).shape == made.output.shape


@each_given
def test_the_filters_carry_it_on(name: str, tmp_path: Path) -> None:
    """Through score | softmax | sum, which give what compute gives."""
    path = put(tmp_path / "p.npz", problem(name, *FEW), options_for(name))
    first = called("score", path).raw
    last = json.loads(called("sum", stdin=called("softmax", stdin=first).raw).out)
    whole = json.loads(called("compute", path, "-f", "json").out)
    assert {result: last[result] for result in RESULTS if result in whole} == {
        result: whole[result] for result in RESULTS if result in whole
    }


@each_given
def test_a_step_alone_has_its_flag(name: str) -> None:
    """softmax those of its stage, sum the value and the one before it."""
    assert (name in {each.name for each in build("softmax").params}) is (ARRAYS[name].stage == "softmax")
    assert (name in {each.name for each in build("sum").params}) is (name in ("value", "past_value"))


@each_array
def test_a_file_may_hold_it_under_each_of_its_names(name: str, tmp_path: Path) -> None:
    """Results and the expected output too, and a file can be asked for one by its name or another one for the same."""
    array = np.ones((2, 3))
    for alias in ARRAYS[name].names:
        assert KINDS[name] is Kind.ARRAY
        assert alias == name or ALIASES[alias] == name
        for path in (tmp_path / "p.npz", tmp_path / "p.json"):
            if path.suffix == ".npz":
                put(path, {alias: array})
            else:
                path.write_text(json.dumps({alias: array.tolist()}))
            contents = read(str(path))
            assert isinstance(contents, Named)
            assert_array_equal(contents.arrays[name], array)
            one = read(f"{path}:{name}")
            assert isinstance(one, Matrix)
            assert_array_equal(one.array, array)


@each_array
def test_inspect_lists_it(name: str, tmp_path: Path) -> None:
    """With its shape and the least and largest number, whatever it is."""
    put(tmp_path / "p.npz", states(*FEW) | {name: np.array([[2.0, 3.0]])})
    seen = json.loads(called("inspect", tmp_path / "p.npz", "-f", "json").out)["arrays"][name]
    assert (seen["shape"], seen["least"], seen["most"]) == ([1, 2], 2, 3)


@each_given
def test_a_wrong_shape_is_an_error_that_names_it(name: str) -> None:
    """Too many axes for anything, and where there is no other array to take its length from, an axis too long."""
    arrays, options = problem(name, *FEW), options_for(name)
    wrong = [np.ones((1,) * 5)]
    if name in INPUTS:
        shape = arrays[name].shape
        # There may be any number of what is made, of pages, and of keys that are named.
        free = {("w_o", "out"), ("block_table", "blocks"), ("indices", "k")}
        bound = [axis for axis, symbol in enumerate(ARRAYS[name].axes) if (name, symbol) not in free]
        wrong += [np.ones([length + (at == axis) for at, length in enumerate(shape)]) for axis in bound]
    for array in wrong:
        with pytest.raises(InputError, match=rf"\b{name}\b"):
            prepare(arrays | {name: array}, Options.parse(options))


@each_given
@pytest.mark.parametrize("array", [[["x"]], [[1.0], [1.0, 2.0]], [[1j]]], ids=["text", "ragged", "complex"])
def test_what_is_not_numbers_is_an_error_that_names_it(name: str, array: Any) -> None:
    """Text, ragged rows, complex numbers."""
    with pytest.raises(InputError, match=rf"^{name} ") as caught:
        prepare(problem(name, *FEW) | {name: array}, Options.parse(options_for(name)))
    assert list(caught.value.arrays) == [name]


@each_array
def test_null_is_minus_infinity_where_it_closes(name: str, tmp_path: Path) -> None:
    """And nowhere else: in a file of named arrays, and in one that a flag names."""
    named, alone = tmp_path / "named.json", tmp_path / "alone.json"
    named.write_text(json.dumps({name: [[1.0, None]]}))
    alone.write_text("[[1.0, null]]")
    assert (name in NULL_IS_CLOSED) is ARRAYS[name].closes
    if ARRAYS[name].closes:
        contents = read(str(named))
        assert isinstance(contents, Named)
        assert contents.arrays[name].tolist() == [[1.0, -math.inf]]
        assert assemble([], {name: str(alone)}, {}).arrays[name].tolist() == [[1.0, -math.inf]]
        return
    with pytest.raises(InputError, match=r"null"):
        read(str(named))
    with pytest.raises(InputError, match=r"null, not a number"):
        assemble([], {name: str(alone)}, {})


@each_array
def test_minus_infinity_is_written_as_null_where_it_closes(name: str) -> None:
    """JSON has no word for it; elsewhere it is a text."""
    text = encoded(FORMATS["json"], Named({name: np.array([[1.0, -np.inf]])}))
    assert json.loads(text)[name] == [[1.0, None if ARRAYS[name].closes else "-Infinity"]]


def everything() -> tuple[Given, Given]:
    """Return arrays and options of a problem in which every stage makes something."""
    arrays = states_for("w_qkv", *FEW) | {"bias": numbers("bias", *FEW)}
    arrays |= {name: numbers(name, *FEW) for name in ("w_qkv", "w_o")} | {"v_norm": normal(6)}
    arrays["w_o"] = normal(24, 5)
    options: Given = {"heads": 4, "kv_heads": 2, "qk_norm": "rms", "rope": "half", "softcap": 2.0}
    return arrays, options | {"cache": "int8"}


def test_results_come_under_their_names_in_their_order(tmp_path: Path) -> None:
    """In JSON and NPZ and as fields of what `steps` returns; tables show them in the same order."""
    arrays, options = everything()
    path = put(tmp_path / "p.npz", arrays, options)
    out = json.loads(called("compute", path, "-f", "json").out)
    assert [name for name in out if name in RESULTS] == list(RESULTS)
    assert [
        name for name in np.load(BytesIO(called("compute", path, "-f", "npz").raw)).files if name in RESULTS
    ] == list(RESULTS)
    assert [each.name for each in fields(Steps)] == list(RESULTS)
    made = steps(**arrays, **options)
    for name in RESULTS:
        assert_array_equal(getattr(made, name), np.load(BytesIO(called("compute", path, "-f", "npz").raw))[name])
    table = called("compute", path, "--head", "0", "--batch", "0").out
    shown = [name for name in RESULTS if name != "lse"]
    assert re.findall(rf"^({'|'.join(RESULTS)}) = ", table, re.MULTILINE) == shown


@each_given
def test_a_number_that_is_none_is_reported_with_its_name(name: str, tmp_path: Path) -> None:
    """NaN, wherever it is; past keys and values count with the others."""
    arrays, options = problem(name, *FEW), options_for(name)
    if ARRAYS[name].is_whole:
        return  # these are whole numbers
    array = np.array(arrays[name], dtype=float)
    array.flat[0] = np.nan
    path = put(tmp_path / "p.npz", arrays | {name: array}, options)
    called_by = {"past_key": "key", "past_value": "value"}.get(name, name)
    assert f"attn: notice: {called_by} holds " in called("compute", path).err


@each_input
def test_tables_say_that_it_is_in_force(name: str) -> None:
    """In words that are not there without it."""
    arrays, options = problem(name, *FEW), Options.parse(options_for(name))
    rest = without(name, arrays)
    with_it, lacking = (set(in_force(prepare(each, options)).values()) for each in (arrays, rest))
    assert with_it - lacking


@each_input
def test_it_is_reported_where_it_has_no_effect(name: str, tmp_path: Path) -> None:
    """The parameter of a score function that is not asked for, what has one only with another option."""
    heads = {each: value for each, value in options_for(name).items() if each in ("heads", "kv_heads")}
    err = called("compute", put(tmp_path / "p.npz", problem(name, *FEW), heads)).err
    told = f"{name} has no effect with --score dot; it belongs to --score {' or '.join(USERS.get(name, []))}"
    assert (told in err) is (name in USERS)
    needs = [f"--{as_flag(each)}" for each in ARRAYS[name].needs]
    assert (f"{name} has no effect without {' or '.join(needs)}" in err) is bool(needs)


@each_input
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_lesson_of_its_stage_teaches_it(name: str, lang: str, tmp_path: Path) -> None:
    """What the stage says is something else without it; the numbers of the whole hold."""
    if not ARRAYS[name].stage:
        return  # what is taught of pages are the shapes
    arrays, options = problem(name, *FEW), options_for(name)
    rest = without(name, arrays)
    said, lacking = (taught(each, options, ARRAYS[name].stage, lang) for each in (arrays, rest))
    assert said != lacking
    path = put(tmp_path / "p.npz", arrays, options)
    worked(called("explain", path, "--lang", lang, "--row", "4", "--digits", "6").out)


@each_array
def test_its_record_is_whole(name: str) -> None:
    """A help, axes that are explained, and null only where −∞ may stand."""
    record = ARRAYS[name]
    assert record.name == name
    assert record.help.endswith(".")
    assert record.axes
    assert set(record.axes) <= AXES.keys()
    assert not record.broadcasts or record.axes[:3] == ARRAYS["scores"].axes[:3]
