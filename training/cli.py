"""`reactkd-train`."""

from jsonargparse import auto_cli

from REACTKDLib.inference.threads import share_cores


def main() -> None:
    share_cores()
    # Only now: this loads torch.
    from .demo_model import train_demo_model

    auto_cli({"demo-model": train_demo_model}, prog="reactkd-train", description="Train the networks.")
