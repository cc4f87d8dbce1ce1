"""`reactkd`: one command a file, errors said once."""

import argparse
import json
import os
import sys

from .. import __version__
from ..imaging.errors import ReactKDError
from ..inference.termination import exit_on_sigterm
from ..inference.threads import share_cores
from . import batch, demo, inspect, phantom, predict

COMMANDS = (predict, batch, inspect, phantom, demo)
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 some cases of a cohort failed, 2 bad input, 130 interrupted, 143 terminated."""
    options = _parser().parse_args(arguments)
    share_cores()
    exit_on_sigterm()
    try:
        return options.run(options)
    except ReactKDError as error:
        if getattr(options, "json", False):
            print(json.dumps({"status": "error", **error.to_dict()}))
        print(f"reactkd: {error.message}" + (f"\n         {error.hint}" if error.hint else ""), file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("\nreactkd: interrupted; what was finished is kept.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone; Python would complain again while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reactkd",
        description="Grade, region graph and attention of hepatocellular carcinoma from CT and PET. Research use only.",
    )
    parser.add_argument("--version", action="version", version=f"reactkd {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser
