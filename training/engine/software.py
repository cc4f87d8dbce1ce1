"""What a network is trained with."""

import platform
from importlib.metadata import version

from REACTKDLib import __version__


def software() -> dict[str, str]:
    """Versions, by name."""
    return {
        "reactkd": __version__,
        "torch": version("torch"),
        "monai": version("monai"),
        "python": platform.python_version(),
    }
