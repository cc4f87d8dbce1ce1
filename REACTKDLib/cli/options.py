"""Options that several commands share."""

import argparse
from pathlib import Path

from ..imaging.errors import ReactKDError
from .scene import SceneExtras


class UsageError(ReactKDError):
    """What was asked for cannot be done here."""


def add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="DIR", help="model folder (default: the demo model)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")


def add_result_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-report", action="store_true", help="leave out report.html")
    parser.add_argument(
        "--scene", action="store_true", help="add scene.mrb for 3D Slicer and 3D pictures (needs the extra `scene`)"
    )


def positive(text: str) -> int:
    return _whole_number(text, 1)


def not_negative(text: str) -> int:
    return _whole_number(text, 0)


def _whole_number(text: str, lowest: int) -> int:
    value = int(text)
    if value < lowest:
        raise argparse.ArgumentTypeError(f"must be at least {lowest}")
    return value


def model_folder(options: argparse.Namespace) -> Path:
    """Raises ModelError missing_model."""
    from ..inference.demo_model import demo_model

    return Path(options.model) if options.model else demo_model()


def scene_extras(options: argparse.Namespace) -> SceneExtras | None:
    """Raises UsageError no_scene where slicer-core is not installed."""
    if not options.scene:
        return None
    if not SceneExtras.available():
        raise UsageError(
            "no_scene", "--scene needs the package slicer-core.", "Install it: pip install 'reactkd[scene]'."
        )
    return SceneExtras()
