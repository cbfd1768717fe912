"""Entry point of ``attn`` and of ``python -m attncli``."""

import gc
import sys


def main() -> None:
    """Run the program on the words of the command line."""
    # Start-up makes many objects and next to no reference cycles; looking for some costs 5 % of a short run.
    gc.set_threshold(200_000)
    try:
        from attncli.commands.app import main as run

        status = run()
    except KeyboardInterrupt:  # before the program had begun
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
