"""SIGTERM as an exception."""

import signal
import sys

EXIT_TERMINATED = 128 + signal.SIGTERM


def exit_on_sigterm() -> None:
    """Makes SIGTERM raise SystemExit, so that what is half written is put away. Of a process's main thread."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
