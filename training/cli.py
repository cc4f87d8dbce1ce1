"""`reactkd-train`."""

import os
import sys

from jsonargparse import ArgumentParser, auto_cli

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.inference.threads import share_cores


class FlagParser(ArgumentParser):
    """Takes `--yes` for `--yes true`, and a list's option several times."""

    def add_argument(self, *args, **options):
        if options.get("type") is bool:
            options |= {"nargs": "?", "const": True}
        if args and args[-1].endswith("+"):  # as jsonargparse calls the option of a list
            return super().add_argument(args[0], type=str, action="append", help=options.get("help"))
        return super().add_argument(*args, **options)


def main() -> None:
    share_cores()
    # Only now: this loads torch.
    from .cohorts.commands import check_manifest, fetch_collection, make_manifest
    from .data.commands import preprocess_cohort
    from .dose.command import simulate_dose
    from .experiments.commands import export_network, run_config, show_status
    from .report.command import report_run

    commands = {
        "fetch": fetch_collection,
        "manifest": make_manifest,
        "check": check_manifest,
        "simulate-dose": simulate_dose,
        "preprocess": preprocess_cohort,
        "run": run_config,
        "status": show_status,
        "export": export_network,
        "report": report_run,
    }
    try:
        auto_cli(commands, prog="reactkd-train", description="Train the networks.", parser_class=FlagParser)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ReactKDError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        sys.exit(2)
