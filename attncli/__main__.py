"""Entry point of ``attn`` and of ``python -m attncli``."""

import gc
import os
import sys


def main() -> None:
    """Run the program with the arguments of the command line."""
    # Start-up creates many objects and almost no reference cycles; collecting would cost 5 % of a short run.
    gc.set_threshold(200_000)
    try:
        from attncli.commands.app import main as run

        status = run()
    except KeyboardInterrupt:  # before the program has started
        status = 130
    _leave(status)


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
