"""What is missing, in a sentence."""

from collections.abc import Sequence

from .environment import Environment
from .sizes import size_text

IN_THE_PANEL = "Open Setup to install {}."
HEADLESS = "Start Slicer with its window and open Setup in the module REACT-KD, once, to install {}."


def requirements_message(environment: Environment, *, headless: bool = False) -> str | None:
    """One thing to read beside a disabled Apply, or in a terminal where headless; None where nothing is missing."""
    if environment.ready:
        return None
    if environment.obstacles:
        return environment.obstacles[0]
    absent = [status.name for status in environment.missing if status.state == "missing"]
    others = [
        f"{status.name} {status.installed} is too {status.state.removeprefix('too_')}"
        for status in environment.missing
        if status.state != "missing"
    ]
    phrases = ([f"{in_words(absent)} {'is' if len(absent) == 1 else 'are'} missing"] if absent else []) + others
    remedy = (HEADLESS if headless else IN_THE_PANEL).format("it" if len(environment.missing) == 1 else "them")
    return f"{in_words(phrases)} (about {size_text(environment.total_mb)}). {remedy}"


def in_words(items: Sequence[str]) -> str:
    """`torch, monai and einops`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))
