"""What `--vary` takes: an option, several values, and a rule for the commas in them; everything else is refused."""

from __future__ import annotations

import pytest

from attncli.attend.options import records
from attncli.errors import InputError
from attncli.vary.values import MOST, Vary
from tests.support.processes import called


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("scale=none,sqrt", ("none", "sqrt")),
        ("scale=1/8, 0.5", ("1/8", "0.5")),
        ("--rope_theta=10000,1e6", ("10000", "1e6")),
        ("causal", ("off", "on")),
        ("alibi=on,off", ("on", "off")),
        ("rope=off,half", ("off", "half")),
        ("window=none;3;2,0", ("none", "3", "2,0")),
        ("window=3;2", ("3", "2")),
        ("window=8,16,32", ("8", "16", "32")),
        ("qk-norm=none,rms,l2", ("none", "rms", "l2")),
        ("qk-norm=rms;rms,after-rope", ("rms", "rms,after-rope")),
        ("rope-scaling=none;linear,factor=2;linear,factor=4", ("none", "linear,factor=2", "linear,factor=4")),
        ("cache=none,int8", ("none", "int8")),
        ("offset=0,end", ("0", "end")),
    ],
)
def test_values_stand_between_commas_or_semicolons(text: str, values: tuple[str, ...]) -> None:
    """They are kept as they are typed; an on/off option has its two without being told."""
    assert Vary.parse(text).values == values


@pytest.mark.parametrize(
    ("text", "value", "given"),
    [
        ("causal", "off", False),
        ("causal=true,false", "true", True),
        ("softcap=none,30", "none", None),
        ("scale=none,sqrt", "none", "none"),
        ("window=none;2,0", "2,0", "2,0"),
    ],
)
def test_a_value_is_what_a_file_would_give(text: str, value: str, given: object) -> None:
    """`none` is no value of an option that is off by default, but it is one of the scale."""
    vary = Vary.parse(text)
    assert vary.setting(value) == {vary.name: given}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "--vary '': it is NAME=VALUE,VALUE,…", "such as --vary scale=none,sqrt"),
        ("scal=1,2", "--vary: nothing varies that is called 'scal'", 'did you mean "scale"?'),
        ("is_causal=on,off", "--vary: nothing varies that is called 'is_causal'", "it is called causal here"),
        ("mask=a,b", "--vary: nothing varies that is called 'mask'", ""),
        ("scale", "--vary scale needs values", "such as --vary scale=none,sqrt"),
        ("window", "--vary window needs values", "--vary 'window=A;B', where a value is LEFT[,RIGHT]"),
        ("scale=sqrt", "--vary scale needs at least two values", "such as --vary scale=none,sqrt"),
        ("causal=on", "--vary causal needs at least two values", "such as --vary causal=off,on"),
        ("scale=1,,2", "--vary scale: a value is empty", "such as --vary scale=none,sqrt"),
        ("scale=1,2,1", "--vary scale: 1 stands there twice", "leave one out"),
        ("scale=none,foo", "--vary scale: scale must be none, sqrt or a number, not 'foo'", ""),
        ("causal=yes,no", "--vary causal: causal must be on or off, not 'yes'", ""),
        (
            "rope=half,intrleaved",
            "--vary rope: rope must be half or interleaved, not 'intrleaved'",
            'did you mean "interleaved"?',
        ),
        (
            "window=3,2",
            "--vary: '3,2' is one value of window",
            "a semicolon separates values that hold commas: --vary 'window=3;2'",
        ),
        (
            "qk-norm=rms,after-rope",
            "--vary: 'rms,after-rope' is one value of qk-norm",
            "a semicolon separates values that hold commas: --vary 'qk-norm=none;rms,after-rope'",
        ),
        (
            "rope-scaling=linear,factor=2,linear,factor=4",
            "--vary rope-scaling: rope_scaling must be TYPE,NAME=X,…, not 'linear,factor=2,linear,factor=4'",
            "a semicolon separates values that hold commas: --vary 'rope-scaling=none;A,B'",
        ),
        ("scale=1,2,3,4,5,6,7,8,9", "--vary scale: 9 values are too many to see", f"give at most {MOST}"),
    ],
)
def test_what_cannot_vary_is_refused(text: str, message: str, hint: str) -> None:
    """In one line, with what would be right where that is known."""
    with pytest.raises(InputError) as raised:
        Vary.parse(text)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)


@pytest.mark.parametrize("name", records())
def test_every_option_says_how_it_varies(name: str) -> None:
    """Given without values, each but those that are on or off shows how values are given."""
    if not records()[name].metavar:
        assert Vary.parse(name).values == ("off", "on")
        return
    with pytest.raises(InputError) as raised:
        Vary.parse(name)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("compute sample:article --vary causal --vary scale=1,2", "--vary is given twice, and one option varies at a"),
        ("compute sample:article --vary causal -f npy", "npy holds arrays alone, and not what --vary compares"),
        ("compute sample:article --vary causal -o x.npz", "npz holds arrays alone, and not what --vary compares"),
        ("compute sample:article --vary causal -f json --step score", "--step has no effect on json of --vary"),
        ("compute sample:article --vary causal --step norm", "--step norm does nothing in this problem"),
        ("compute sample:layer --vary heads=2,3", "sample:layer: heads=3: w_q makes 32 features, not divisible"),
        ("compute sample:article --vary states=columns,rows", "sample:article: states=rows: query 5 and hidden 5×2 do"),
        ("compute sample:coreference --vary causal --head 77", "--head 77: the indices run from 0 to 11"),
        ("explain sample:coreference --vary causal --head all", "an explanation is about one head: give --head and"),
        ("explain --vary causal --tile 2", "--tile has no effect with --vary, which teaches no tiles"),
        ("explain --vary causal --step sum", "--step has no effect with --vary, which is about weights and output"),
        ("plot sample:coreference --vary causal --what features", "--what features does not go with --vary"),
        ("plot sample:image --vary causal --image sample:image -o x.png", "--image does not go with --vary"),
        ("plot sample:coreference --vary causal --values", "--values: a terminal has room for one map"),
        ("plot sample:coreference --vary causal --all-heads -o x.html", "a page of --vary shows one head"),
        (
            "plot '[[1,2],[3,4],[5,6]]' --vary states=rows,columns",
            "the maps have different sizes: 3 × 3 with states=ro",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(words: str, message: str) -> None:
    """In one line, before anything is computed, and with the value that is to blame."""
    lines = called(*words.replace("'", "").split(), status=2).err.splitlines()
    assert lines[0].startswith(f"attn: {message}")
    assert len(lines) <= 2


def test_the_flag_stands_in_the_help_of_three_commands() -> None:
    """Of those whose tables, maps and words it puts side by side."""
    for command in ("compute", "explain", "plot"):
        assert "--vary OPTION=A,B[,…]" in called(command, "--help").out
