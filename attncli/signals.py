"""Signals end the program at once: nothing is left behind, and nothing is said.

The handler does not raise an exception, for that could arrive anywhere: in the middle of an import, in a callback whose
exceptions are printed and dropped, in a library that catches all. Nor does it let anybody else clean up: what has to
be undone was put down here beforehand.
"""

# The module behind `signal`: importing that takes milliseconds, in which Ctrl-C would still print a traceback.
import _signal  # type: ignore[import-not-found]  # it has no stubs
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HEEDED = tuple(
    getattr(_signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(_signal, name)
)  # Windows has no SIGHUP
_undos: "list[Callable[[], object]]" = []
_leaving: list[int] = []


def heed() -> None:
    """End this process on Ctrl-C, SIGTERM and SIGHUP, unless whoever started it wants them ignored, as nohup does."""
    for number in HEEDED:
        if _signal.getsignal(number) in (_signal.SIG_DFL, _signal.default_int_handler):
            _signal.signal(number, _leave)


class Undoing:
    """A context in which a signal has something undone before it ends the process.

    Args:
        undo: takes no arguments; what it raises is dropped. It may be called before there is anything to undo.
    """

    def __init__(self, undo: "Callable[[], object]") -> None:
        self.undo = undo

    def __enter__(self) -> None:
        _undos.append(self.undo)

    def __exit__(self, *error: object) -> None:
        _undos.remove(self.undo)


def _leave(number: int, frame: object) -> None:
    # Python calls a handler even while another one, or the same one, runs. Resetting the handlers instead would make
    # it report signals that arrived in the meantime.
    if _leaving:
        return
    _leaving.append(number)
    for undo in reversed(_undos):
        try:
            undo()
        except BaseException:  # noqa: S112  # nothing is to be said, and nobody is left to mend it
            continue
    os._exit(128 + number)
