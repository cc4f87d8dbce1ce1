"""Where the demo model lies."""

import sysconfig
from pathlib import Path

from .model_card import JSON_NAME, ModelError


def demo_model() -> Path:
    """In a checkout and in Slicer beside the package, in an installed wheel under its data folder.

    Raises ModelError missing_model.
    """
    places = (
        Path(__file__).parents[2] / "Resources" / "Models" / "demo",
        Path(sysconfig.get_path("data")) / "share" / "reactkd" / "Models" / "demo",
    )
    for place in places:
        if (place / JSON_NAME).is_file():
            return place
    raise ModelError("missing_model", "The demo model is not installed.", "Give a model folder with --model.")
