"""`reactkd-train`."""

import sys

from jsonargparse import ArgumentParser, auto_cli

from REACTKDLib.imaging.errors import ReactKDError
from REACTKDLib.inference.threads import share_cores


class FlagParser(ArgumentParser):
    """Takes `--yes` for `--yes true`."""

    def add_argument(self, *args, **options):
        if options.get("type") is bool:
            options |= {"nargs": "?", "const": True}
        return super().add_argument(*args, **options)


def main() -> None:
    share_cores()
    # Only now: this loads torch.
    from .cohorts.commands import check_manifest, fetch_collection, make_manifest
    from .demo_model import train_demo_model
    from .dose.command import simulate_dose

    commands = {
        "fetch": fetch_collection,
        "manifest": make_manifest,
        "check": check_manifest,
        "simulate-dose": simulate_dose,
        "demo-model": train_demo_model,
    }
    try:
        auto_cli(commands, prog="reactkd-train", description="Train the networks.", parser_class=FlagParser)
    except ReactKDError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        sys.exit(2)
