"""The fields of a configuration: which were used, and which of the others may change attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attncli.cost.config.names import DEFAULTS, HARMLESS, HARMLESS_END, IDLE, TELLING
from attncli.errors import InputError
from attncli.files.formats import CONFIGURATION
from attncli.text import quoted

# No model has more of anything; and its numbers are multiplied with each other.
MOST = 1 << 40


class Fields:
    """The fields of one configuration, or of a part of it.

    Args:
        data: by name, as the file has them.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        defaults = DEFAULTS.get(str(data.get("model_type")), {})
        self.data = {**defaults, **{name: value for name, value in data.items() if value is not None}}
        self.used: set[str] = {"model_type", "architectures"}

    def get(self, *names: str) -> Any:
        """Return the value of the first of these fields that there is; None if there is none."""
        self.used.update(names)
        return next((self.data[name] for name in names if name in self.data), None)

    def whole(self, *names: str) -> int | None:
        """Return a whole number.

        Raises:
            InputError: the field holds something else.
        """
        value = self.get(*names)
        if value is None:
            return None
        name = next(each for each in names if each in self.data)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value <= MOST
            or value != value // 1
        ):
            said = "differs from layer to layer, which is not understood" if isinstance(value, list) else "is no number"
            raise InputError(f"{name} {quoted(value)} {said}")
        return int(value)

    def needed(self, *names: str) -> int:
        """Return a whole number of at least 1.

        Raises:
            InputError: there is none.
        """
        found = self.whole(*names)
        if not found:
            hint = f"the {CONFIGURATION} of a model is wanted; or a shape, by --heads, --dim and so on"
            raise InputError(f"the configuration has no {' or '.join(names[:3])}", hint=hint)
        return found

    def flag(self, *names: str) -> bool:
        """Tell whether a field is true."""
        return self.get(*names) is True

    def several(self, *names: str) -> list[Any]:
        """Return a list; empty if there is none."""
        value = self.get(*names)
        return value if isinstance(value, list) else []

    def wholes(self, *names: str) -> list[int] | None:
        """Return a list of whole numbers; None if there is none."""
        value = self.get(*names)
        return [each for each in value if isinstance(each, int)] if isinstance(value, list) else None

    def part(self, *names: str) -> Mapping[str, Any] | None:
        """Return an object within the configuration."""
        value = self.get(*names)
        return value if isinstance(value, dict) else None

    def not_understood(self) -> Iterator[str]:
        """Yield, as they are written, the fields that may change attention and of which nothing was made."""
        quantized = self.part("quantization_config") or {}
        if quantized.get("kv_cache_scheme"):
            yield f"quantization_config.kv_cache_scheme = {quoted(quantized['kv_cache_scheme'])}"
        for name, value in self.data.items():
            if name not in self.used and value not in IDLE and speaks_of_attention(name):
                yield f"{name} = {quoted(value)}"


def speaks_of_attention(name: str) -> bool:
    """Tell whether a field may change how much attention costs, by its name.

    >>> speaks_of_attention("index_topk"), speaks_of_attention("attention_dropout"), speaks_of_attention("vocab_size")
    (True, False, False)
    """
    if (
        name in HARMLESS
        or name.startswith(("_", "mtp_"))
        or HARMLESS_END.fullmatch(name)
        or "expert" in name
        or "rope" in name
    ):
        return False
    return bool(TELLING & {*name.lower().split("_"), name.lower()})
