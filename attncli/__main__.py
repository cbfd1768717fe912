"""Entry point of ``attn`` and of ``python -m attncli``."""

import gc
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
    sys.exit(status)


if __name__ == "__main__":
    main()
