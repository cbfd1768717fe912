"""Entry point of ``attn`` and of ``python -m attncli``."""

import os

# Before all other imports: from here on a signal ends the program without a word, whatever it is doing.
try:
    from attncli.signals import heed

    heed()
except KeyboardInterrupt:
    os._exit(130)

import gc
import sys


def main() -> None:
    """Run the program with the arguments of the command line."""
    # Start-up creates many objects and almost no reference cycles; collecting would cost 5 % of a short run.
    gc.set_threshold(200_000)
    from attncli.commands.app import main as run

    _leave(run())


def _leave(status: int) -> None:
    """End the process.

    Everything has been written and closed by now, so the modules need not be taken apart one by one, which takes the
    interpreter a tenth of a short run. Debuggers and profilers do their work at a regular exit.
    """
    if os.environ.get("ATTN_DEBUG") or sys.gettrace() or sys.getprofile():
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is none, or it is full or closed: that has been reported
            continue
    os._exit(status)


if __name__ == "__main__":
    main()
