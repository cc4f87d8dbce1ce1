"""The methods to compare, one file each: the folder is the registry (baselines of the paper's Table I, and others).

Every file is a method but `method.py` and those whose names begin with an underscore. A new method is a new file.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from REACTKDLib.imaging.errors import ReactKDError

if TYPE_CHECKING:
    from .method import Method

CONTRACT = "method"


def method_names() -> tuple[str, ...]:
    """Names of all methods, sorted. Imports none of them."""
    names = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(name for name in names if name != CONTRACT and not name.startswith("_")))


def method_class(name: str) -> "type[Method]":
    """The class of the method, from its own file alone. Raises ReactKDError for an unknown name."""
    if name not in method_names():
        raise ReactKDError(
            "unknown_method",
            f"There is no distillation method called {name!r}.",
            f"Choose one of: {', '.join(method_names())}.",
        )
    from .method import Method

    module = import_module(f".{name}", __name__)
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.__name__
    )
    return found
