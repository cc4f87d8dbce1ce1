"""`reactkd-train`."""

from jsonargparse import auto_cli

from .demo_model import train_demo_model


def main() -> None:
    auto_cli({"demo-model": train_demo_model}, prog="reactkd-train", description="Train the networks.")
