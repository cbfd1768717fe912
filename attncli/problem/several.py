"""What ``--vary`` says, whatever varies: a name, and several values of it."""

from __future__ import annotations

from collections.abc import Collection

from attncli.attend.elsewhere import right_word
from attncli.attend.options import as_flag
from attncli.errors import InputError
from attncli.text import quoted


def parted(text: str, known: Collection[str], example: str, separator: str = "") -> tuple[str, list[str]]:
    """Read ``NAME=VALUE,VALUE,…``; values that hold commas themselves stand between semicolons.

    Args:
        text: what follows the flag.
        known: the names that there are, with underscores.
        example: such a text, for hints.
        separator: what separates values; empty: a semicolon, if there is one, and else a comma.

    Returns:
        The name, and the values as they are typed; none if there is nothing but a name.

    Raises:
        InputError: there is no such name, or a value is empty.

    Example:
        >>> parted("scale=none,sqrt", ["scale"], ""), parted("--rope-dim=2;2,last", ["rope_dim"], "")
        (('scale', ['none', 'sqrt']), ('rope_dim', ['2', '2,last']))
    """
    given, equals, rest = text.partition("=")
    typed = given.strip().removeprefix("--")
    name = typed.replace("-", "_")
    if not typed:
        raise InputError(f"--vary {quoted(text)}: it is NAME=VALUE,VALUE,…", hint=f"such as --vary {example}")
    if name not in known:
        raise InputError(
            f"--vary: nothing varies that is called {quoted(typed)}", hint=right_word(typed, map(as_flag, known))
        )
    if not equals:
        return name, []
    separator = separator or (";" if ";" in rest else ",")
    values = [each.strip() for each in rest.split(separator)]
    if not all(values):
        raise InputError(f"--vary {as_flag(name)}: a value is empty", hint=f"such as --vary {example}")
    return name, values
