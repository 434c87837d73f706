"""The installed command, and ``python -m epidyn``."""

from __future__ import annotations

import signal
import sys


def run() -> None:
    """Run one command; what a scheduler sends before it kills is taken as Ctrl-C."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not in the background of a shell
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while the libraries load there is nothing to tidy up
    from epidyn.cli import main

    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


if __name__ == "__main__":
    run()
