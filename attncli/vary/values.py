"""Which option of the computation varies, and over which values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from attncli.attend.options import Options, as_flag, records
from attncli.errors import InputError
from attncli.problem.several import parted
from attncli.text import did_you_mean, quoted

# More do not fit beside each other, and nobody sees what changes among them.
MOST = 8
# The values of an on/off option, and what an option that is off by default is called where it is off.
SWITCH = {"off": False, "on": True, "false": False, "true": True}
OFF = ("none", "off")
EXAMPLE = "scale=none,sqrt"
SEMICOLON = "a semicolon separates values that hold commas"


@dataclass(frozen=True)
class Vary:
    """An option, and several values of it.

    Attributes:
        name: of the option, with underscores.
        values: as they are typed; the first is what the others are compared with.
    """

    name: str
    values: tuple[str, ...]

    @property
    def flag(self) -> str:
        """The option as flags spell it."""
        return as_flag(self.name)

    def called(self, value: str) -> str:
        """Return what a value is called where it stands beside others.

        >>> Vary("rope_theta", ("1e4", "1e6")).called("1e6")
        'rope-theta=1e6'
        """
        return f"{self.flag}={value}"

    def setting(self, value: str) -> dict[str, object]:
        """Return the option as a file would give it."""
        return {self.name: _given(self.name, value)}

    @contextmanager
    def naming(self, value: str) -> Iterator[None]:
        """Return a context that says of errors under which value they arise."""
        try:
            yield
        except InputError as error:
            raise InputError(
                f"{self.called(value)}: {error.message}", hint=error.hint, place=error.place, arrays=error.arrays
            ) from error

    @classmethod
    def parse(cls, text: str) -> Vary:
        """Read ``OPTION=VALUE,VALUE,…``; an on/off option needs no values, and ``none`` is an option left out.

        Values that hold commas themselves stand between semicolons; without one it has to be plain that the text is
        several values and not one.

        Raises:
            InputError: there is no such option; there are fewer than two values, or more than ``MOST``; or one of
                them is not one that the option takes.

        Example:
            >>> Vary.parse("scale=none,1/8").values, Vary.parse("causal").values
            (('none', '1/8'), ('off', 'on'))
            >>> Vary.parse("window=none;2,0").setting("2,0"), Vary.parse("qk-norm=rms,l2").values
            ({'window': '2,0'}, ('rms', 'l2'))
        """
        name, values = parted(text, records(), EXAMPLE)
        option, flag = records()[name], as_flag(name)
        if not values and not option.metavar:
            values = ["off", "on"]
        if not values:
            raise InputError(f"--vary {flag} needs values", hint=_how(name))
        if "," in option.metavar and ";" not in text:
            _check_plain(name, values)
        for value in values:
            _check(name, value)
        if len(set(values)) < len(values):
            twice = next(value for at, value in enumerate(values) if value in values[:at])
            raise InputError(f"--vary {flag}: {twice} stands there twice", hint="leave one out")
        if len(values) < 2:
            raise InputError(f"--vary {flag} needs at least two values", hint=_how(name))
        if len(values) > MOST:
            raise InputError(f"--vary {flag}: {len(values)} values are too many to see", hint=f"give at most {MOST}")
        return cls(name, tuple(values))


def _check_plain(name: str, values: Sequence[str]) -> None:
    """Refuse values with commas between them that may be one value with commas in it.

    Raises:
        InputError: with what would make it plain.
    """
    whole, flag = ",".join(values), as_flag(name)
    several = all(_takes(name, value) for value in values)
    if len(values) < 2 or (several and not _takes(name, whole)):
        return
    _check(name, whole)  # it may be meant as one, and then something else is wrong with it
    apart = f"{flag}={';'.join(values)}" if several else f"{flag}=none;{whole}"
    raise InputError(f"--vary: {quoted(whole)} is one value of {flag}", hint=f"{SEMICOLON}: --vary '{apart}'")


def _check(name: str, value: str) -> None:
    option, flag = records()[name], as_flag(name)
    try:
        _given(name, value)
    except InputError as error:
        hint = did_you_mean(value, option.choices) or error.hint
        hint = hint or (f"{SEMICOLON}: --vary '{flag}=none;A,B'" if "," in option.metavar else "")
        raise InputError(f"--vary {flag}: {error.message}", hint=hint) from None


def _given(name: str, text: str) -> object:
    """Return a value as a file would give it, once the option has taken it.

    Raises:
        InputError: it does not take it.
    """
    option = records()[name]
    if not option.metavar:
        if text.lower() not in SWITCH:
            raise InputError(f"{name} must be on or off, not {quoted(text)}")
        return SWITCH[text.lower()]
    if getattr(Options(), name) is None and text.lower() in OFF:
        return None
    option.parse(name, text)
    return text


def _takes(name: str, text: str) -> bool:
    try:
        _given(name, text)
    except InputError:
        return False
    return True


def _how(name: str) -> str:
    """Return a hint that shows how values of an option are given."""
    option, flag = records()[name], as_flag(name)
    words = option.choices or [word for word in option.metavar.split("|") if word.isalpha() and word.islower()]
    if not option.metavar:
        words = ["off", "on"]
    if len(words) > 1:
        return f"such as --vary {flag}={','.join(words)}"
    several = f"'{flag}=A;B'" if "," in option.metavar else f"{flag}=A,B"
    return f"--vary {several}, where a value is {option.metavar}"
