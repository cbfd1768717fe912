"""Every option: flags, files and Python mean the same, and each computation, table, lesson and notice knows of it."""

from __future__ import annotations

import inspect
import json
import re
from io import BytesIO
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import ArrayLike

import attncli
from attncli import attention, steps, weighted_sum
from attncli.attend import keywords
from attncli.attend.arrays import GIVEN, RESULTS
from attncli.attend.in_force import in_force
from attncli.attend.options import Options, as_flag, records
from attncli.attend.prepare import prepare
from attncli.attend.words.option import LAYOUT, PRECISION
from attncli.commands.app import build
from attncli.errors import InputError
from attncli.languages import LANGUAGES
from tests.support.declared import (
    APART,
    FEW,
    LAYOUTS,
    SHAPES,
    Setting,
    agree,
    differ,
    flags,
    needs_of,
    put,
    settings,
    states,
    values_of,
)
from tests.support.lessons import taught, worked
from tests.support.processes import called

each_option = pytest.mark.parametrize("name", records())
each_setting = pytest.mark.parametrize("setting", settings(), ids=str)
# Types that Python may give besides those that an option is kept as.
ALSO: dict[str, set[type]] = {"window": {int}, "rope_dim": {int}, "rope_scaling": {str}}


@each_option
def test_there_is_a_value_to_test_it_with(name: str) -> None:
    """A new option that is neither a choice nor on or off wants an entry in `NUMBERS`, one of layout in `LAYOUTS`."""
    assert values_of(name), name
    assert name in LAYOUTS or records()[name].stage != LAYOUT


@each_setting
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_fast_twin_and_check_compute_with_it(setting: Setting, shape: tuple[int, int]) -> None:
    """As the steps do, in every tile; and something else comes out than without it."""
    arrays = setting.arrays(*shape)
    made = agree(arrays, setting.options)
    if shape == FEW:
        assert differ(made, arrays, setting.beside)


@pytest.mark.takes(2)
@each_setting
def test_all_know_it_together_with_the_others(setting: Setting) -> None:
    """With every other option that the same arrays allow, and still with an effect of its own."""
    others = {name: values_of(name)[0] for name, each in records().items() if each.stage not in (LAYOUT, PRECISION)}
    if setting.name != "rope_sections":  # which needs three positions a state
        del others["rope_sections"]
    others = {name: value for name, value in others.items() if name not in APART.get(setting.name, ())}
    arrays = setting.arrays(*FEW)
    made = agree(arrays, others | setting.options)
    rest = {name: value for name, value in (others | setting.beside).items() if name != setting.name}
    assert differ(made, arrays, rest)


@pytest.mark.takes(3)
@each_setting
def test_flag_file_and_python_mean_the_same(setting: Setting, tmp_path: Path) -> None:
    """To the last digit of every result; what the fast twin returns has the same axes and type."""
    arrays = setting.arrays(*FEW)
    plain = put(tmp_path / "plain.npz", arrays)
    whole = put(tmp_path / "whole.npz", arrays, setting.options)
    by_flag = called("compute", plain, *flags(setting.options), "-f", "npz").raw
    assert called("compute", whole, "-f", "npz").raw == by_flag
    made, read = steps(**arrays, **setting.options), np.load(BytesIO(by_flag))
    for name in RESULTS:
        array = getattr(made, name)
        assert (array is None) is (name not in read)
        if array is not None:
            assert_array_equal(read[name], array)
            assert read[name].dtype == array.dtype
    fast = attention(**arrays, **setting.options)
    assert (fast.shape, fast.dtype) == (made.output.shape, made.output.dtype)
    assert_allclose(fast, made.output, rtol=1e-4 if fast.dtype == "f4" else 1e-9, atol=1e-5)


@pytest.mark.takes(3)
@each_setting
def test_the_filters_carry_it_on(setting: Setting, tmp_path: Path) -> None:
    """Through score | softmax | sum, which give what compute gives."""
    path = put(tmp_path / "p.npz", setting.arrays(*FEW))
    first = called("score", path, *flags(setting.options))
    value = setting.value
    assert json.loads(first.out)["options"][setting.name] == (list(value) if isinstance(value, tuple) else value)
    last = json.loads(called("sum", stdin=called("softmax", stdin=first.raw).raw).out)
    whole = json.loads(called("compute", path, *flags(setting.options), "-f", "json").out)
    for name in RESULTS:
        assert last.get(name) == whole.get(name), name


def test_the_sum_alone_knows_the_layout() -> None:
    """As a flag and in Python, with the default of the option."""
    layout = {name: getattr(Options(), name) for name, record in records().items() if record.stage == LAYOUT}
    given = inspect.signature(weighted_sum).parameters
    # `weights` is an array here.
    assert {name: each.default for name, each in given.items() if name in records() and name != "weights"} == layout
    hints, wanted = get_type_hints(weighted_sum, localns=vars(np.typing) | vars(np)), get_type_hints(Options)
    assert {name: hints[name] for name in layout} == {name: wanted[name] for name in layout}
    assert {each.name for each in build("sum").params} & records().keys() == layout.keys()


@pytest.mark.parametrize("setting", [each for each in settings() if each.name in LAYOUTS], ids=str)
def test_the_sum_alone_computes_with_it(setting: Setting, tmp_path: Path) -> None:
    """From two matrices, as the last step of the whole does."""
    arrays = setting.arrays(*FEW)
    made = steps(**arrays, **setting.options)
    np.save(tmp_path / "w.npy", made.weights)
    np.save(tmp_path / "v.npy", arrays["value"])
    raw = called("sum", tmp_path / "w.npy", tmp_path / "v.npy", *flags(setting.options), "-f", "npy").raw
    assert_array_equal(np.load(BytesIO(raw)), made.output)
    assert_array_equal(weighted_sum(made.weights, arrays["value"], **setting.options), made.output)


def test_softmax_alone_knows_its_options() -> None:
    """As flags and in Python."""
    own = {name for name, record in records().items() if record.stage == "softmax"}
    assert {each.name for each in build("softmax").params} & records().keys() == own
    assert inspect.signature(attncli.softmax).parameters.keys() & records().keys() == own


@pytest.mark.parametrize("command", ["compute", "score", "explain", "plot", "inspect", "check"])
def test_its_flag_is_on_every_command_that_computes(command: str) -> None:
    """With its help, and the words that it can be; on and off where it is a switch."""
    parameters = {each.name: each for each in build(command).params}
    for name, record in records().items():
        found = parameters[name]
        assert found.opts == [f"--{as_flag(name)}"]
        assert found.secondary_opts == ([] if record.metavar else [f"--no-{as_flag(name)}"])
        assert found.help == record.help
        assert tuple(getattr(found.type, "choices", ())) == record.choices


@each_option
def test_its_help_says_its_default(name: str) -> None:
    """In brackets."""
    default = getattr(Options(), name)
    words = "off" if default is False else f"{default:g}" if isinstance(default, float) else default or ""
    assert re.search(rf"\(default:? ?{words}", records()[name].help)


@each_option
def test_python_has_a_keyword_for_it(name: str) -> None:
    """Of the type that the option is kept as, or a wider one."""
    wanted = get_type_hints(Options)[name]
    found = get_type_hints(keywords.Keywords, localns={"ArrayLike": ArrayLike})[name]
    members = set(get_args(found) or [found]) - ALSO.get(name, set())
    assert members == set(get_args(wanted) or [wanted])


def test_keywords_have_nothing_else() -> None:
    """But the options, and the arrays that are not arguments of their own."""
    positional = inspect.signature(steps).parameters.keys() - {"keywords"}
    assert set(keywords.Keywords.__annotations__) == (records().keys() | set(GIVEN)) - positional
    for name in set(GIVEN) - positional:
        assert get_type_hints(keywords.Keywords, localns={"ArrayLike": ArrayLike})[name] == ArrayLike | None


@each_option
def test_the_docstring_of_steps_names_it(name: str) -> None:
    """And every word that it can be."""
    text = attncli.steps.__doc__ or ""
    assert f"``{name}``" in text
    assert [choice for choice in records()[name].choices if f'``"{choice}"``' not in text] == []


@each_setting
def test_tables_and_inspect_say_that_it_is_in_force(setting: Setting, tmp_path: Path) -> None:
    """In words of its own, or of the option that it needs, which are other words without it."""
    arrays = setting.arrays(*FEW)
    found = in_force(prepare(arrays, Options.parse(setting.options)))
    try:
        without = in_force(prepare(arrays, Options.parse(setting.beside)))
    except InputError:
        without = {}
    said = [found[name] for name in (setting.name, *setting.beside) if found.get(name) not in (None, without.get(name))]
    assert said
    path, words = put(tmp_path / "p.npz", arrays), flags(setting.options)
    seen = json.loads(called("inspect", path, *words, "-f", "json").out)
    assert all(each in seen["verdict"] for each in said)
    value = setting.value
    kept = list(value) if isinstance(value, tuple) else value
    assert seen["options"][setting.name] == {"value": kept, "source": f"--{as_flag(setting.name)}"}
    table = " ".join(called("compute", path, *words).out.split())
    assert all(each in table for each in said)


@each_option
def test_a_value_that_it_cannot_have_is_refused(name: str) -> None:
    """With its name."""
    with pytest.raises(InputError, match=f"^{name} must be .*, not 'wrong'$"):
        Options.parse({name: "wrong"})


@pytest.mark.parametrize("name", [name for name, record in records().items() if record.needs])
def test_it_is_reported_where_it_has_no_effect(name: str, tmp_path: Path) -> None:
    """With each option that it needs one of."""
    path, words = put(tmp_path / "p.npz", states(*FEW)), flags({name: values_of(name)[-1]})
    notice = called("compute", path, *words).err
    assert f"attn: notice: {as_flag(name)} has no effect without --" in notice
    assert all(f"--{as_flag(need)}" in notice for need in records()[name].needs)
    for need in needs_of(records()[name]):
        assert f"--{as_flag(need)}" in notice
        assert "no effect" not in called("compute", path, *words, *flags({need: values_of(need)[0]})).err


@each_setting
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_lesson_of_its_stage_teaches_it(setting: Setting, lang: str, tmp_path: Path) -> None:
    """What the stage says is something else without it, and has its value in it; the numbers of the whole hold."""
    arrays = setting.arrays(*FEW)
    words = [*flags(setting.options), "--lang", lang, "--row", "4", "--digits", "6"]
    whole = called("explain", put(tmp_path / "p.npz", arrays), *words).out
    worked(whole)
    stage = records()[setting.name].stage
    if stage == LAYOUT:
        return  # what is taught of those are the shapes
    if stage == PRECISION:
        assert f"{setting.value}" in whole
        return
    stages = {stage, *(records()[need].stage for need in setting.beside)} - {LAYOUT}
    # Without sections no state has three positions.
    plain = states(*FEW) if setting.name == "rope_sections" else arrays
    said, without = (
        [taught(given, options, each, lang) for each in stages]
        for given, options in ((arrays, setting.options), (plain, setting.beside))
    )
    assert said != without
    if isinstance(setting.value, float):
        assert any(f"{setting.value:g}" in each for each in said)


def test_states_is_a_problem_without_options() -> None:
    """Or the tests above would compare an option with itself."""
    assert not differ(agree(states(*FEW), {}), states(*FEW), {})
