"""What the compound options may be: text of a flag, a list or an object from a file, Python objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attncli.attend.rotary import values
from attncli.errors import InputError

LLAMA = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}


@pytest.mark.parametrize("value", [4, "4", [4], (4,)])
def test_how_many_features(value: object) -> None:
    """A number, its text, or a list of it."""
    assert values.dim("rope_dim", value) == (4,)


@pytest.mark.parametrize("value", ["4,last", [4, "last"], ["4", "last"]])
def test_the_last_features(value: object) -> None:
    """Text or a list."""
    assert values.dim("rope_dim", value) == (4, "last")


@pytest.mark.parametrize("value", ["wrong", 3, 0, -2, "4,first", "4,last,last", [], 2.5, True, {}, float("nan"), "１"])
def test_no_number_of_features(value: object) -> None:
    """Odd, none, or something else."""
    with pytest.raises(InputError, match=r"^rope_dim must be N or N,last, an even number of features, not "):
        values.dim("rope_dim", value)


@pytest.mark.parametrize("value", ["1,2,3", [1, 2, 3]])
def test_sections(value: object) -> None:
    """Three numbers, and the word."""
    assert values.sections("rope_sections", value) == (1, 2, 3)
    more = f"{value},interleaved" if isinstance(value, str) else [1, 2, 3, "interleaved"]
    assert values.sections("rope_sections", more) == (1, 2, 3, "interleaved")


@pytest.mark.parametrize("value", ["wrong", "1,2", [1, 2, 0], "1,2,3,4", [1, 2, 3, "blocked"], 3, [1.5, 1, 1], {}])
def test_no_sections(value: object) -> None:
    """Too few, too many, or none of a kind."""
    with pytest.raises(InputError, match=r"^rope_sections must be A,B,C or A,B,C,interleaved, three whole numbers"):
        values.sections("rope_sections", value)


def test_flag_list_and_object_mean_the_same() -> None:
    """The object as config.json has it, its list on a flag between colons."""
    flag = "longrope,short_factor=1:1.5,long_factor=2:3,original_max_position_embeddings=4096,factor=32"
    lists = {"short_factor": [1, 1.5], "long_factor": [2, 3]}
    given = {"type": "longrope", **lists, "original_max_position_embeddings": 4096, "factor": 32}
    found = values.scaling("rope_scaling", flag)
    assert found == values.scaling("rope_scaling", given) == values.scaling("rope_scaling", flag.split(","))
    assert found["original_max_position_embeddings"] == 4096
    assert values.scaling("rope_scaling", json.loads(json.dumps(found))) == found


def test_the_object_of_llama() -> None:
    """As it is; null is not given; the newer name of the type wins."""
    assert values.scaling("rope_scaling", LLAMA | {"type": "default", "attention_factor": None}) == LLAMA


@pytest.mark.parametrize(("older", "kind"), [("mrope", "default"), ("su", "longrope")])
def test_older_names_of_types(older: str, kind: str) -> None:
    """Of Qwen2-VL and of the first Phi-3."""
    rest = {"short_factor": [1], "long_factor": [1], "attention_factor": 1, "max_position_embeddings": 4}
    assert values.scaling("rope_scaling", {"type": older, **rest})["rope_type"] == kind


def test_what_an_object_says_of_other_options() -> None:
    """θ and the sections are options of their own; the rest of such an object says nothing."""
    given = {"type": "mrope", "mrope_section": [2, 1, 1], "mrope_interleaved": True, "rope_theta": 500000}
    found = values.scaling("rope_scaling", given)
    others = {"rope_theta": 500000.0, "rope_sections": (2, 1, 1, "interleaved")}
    assert values.spoken_of(found) == (None, others)
    assert values.spoken_of(values.scaling("rope_scaling", LLAMA)) == (LLAMA, {})


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("yran,factor=2", "rope_scaling must be default, linear, .*, not 'yran'", 'did you mean "yarn"'),
        ({"type": ["yarn"]}, "rope_scaling must be .*, not ", ""),
        (5, "rope_scaling must be .*, not 5", ""),
        ({}, "rope_scaling must be .*, not {}", ""),
        ([], "rope_scaling must be .*, not \\[\\]", ""),
        ("", "rope_scaling must be .*, not ''", ""),
        ("linear", "rope_scaling linear needs factor", "linear,factor="),
        ("dynamic,factor=2", "rope_scaling dynamic needs max_position_embeddings", "beside the object"),
        ("yarn,original_max_position_embeddings=4", "yarn needs factor or max_position_embeddings", ""),
        ("linear,facter=2", "rope_scaling linear has no parameter 'facter'", 'did you mean "factor"'),
        ("linear,factor", "rope_scaling must be TYPE,NAME=X,…, not 'linear,factor'", ""),
        ("linear,factor=1,factor=2", "rope_scaling has 'factor' twice", ""),
        ("linear,factor=inf", "factor of rope_scaling must be a number above 0, not 'inf'", ""),
        ({"rope_type": "linear", "factor": float("nan")}, "factor of rope_scaling must be a number above 0", ""),
        ({"rope_type": "linear", "factor": 0}, "factor of rope_scaling must be a number above 0, not 0", ""),
        ({"rope_type": "linear", "factor": [2]}, "factor of rope_scaling must be a number above 0", ""),
        ("linear,factor=2,partial_rotary_factor=1.5", "partial_rotary_factor of rope_scaling must be .* up to 1", ""),
        ({**LLAMA, "high_freq_factor": 1}, "llama3 needs a high_freq_factor above its low_freq_factor", ""),
        ("yarn,factor=2,truncate=no", "truncate of rope_scaling must be true or false, not 'no'", ""),
        ("yarn,factor=2,mscale=-1", "mscale of rope_scaling must be a number from 0, not '-1'", ""),
        ("longrope,short_factor=1:x", "short_factor of rope_scaling must be a number above 0, not 'x'", ""),
        ({"type": "longrope", "long_factor": 3}, "long_factor of rope_scaling must be a list of numbers", ""),
        ({"mrope_section": [1, 2]}, "mrope_section of rope_scaling must be A,B,C", ""),
        ({"full_attention": {"rope_type": "default"}}, "holds several objects, one under 'full_attention'", "one kind"),
    ],
)
def test_what_no_scaling_is(value: Any, message: str, hint: str) -> None:
    """One line that names the parameter, and a hint where a word is nearly right."""
    with pytest.raises(InputError, match=message) as error:
        values.scaling("rope_scaling", value)
    assert hint in error.value.hint
    assert "\n" not in str(error.value)


def test_parameters_of_other_types_are_named() -> None:
    """What the type does not use; lengths stand in any config.json."""
    found = values.scaling("rope_scaling", "linear,factor=2,beta_fast=4,max_position_embeddings=8")
    assert values.unused(found) == ["beta_fast"]
    assert values.described(found) == "linear, factor 2, max_position_embeddings 8, beta_fast 4"
