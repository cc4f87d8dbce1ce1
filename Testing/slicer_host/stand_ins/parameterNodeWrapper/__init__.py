"""`slicer.parameterNodeWrapper`: a parameter node with typed attributes, which widgets can be bound to.

Of its types, those that a panel needs: str, int, float, bool, pathlib.Path, nodes, and any of them or None.
"""

from .annotations import Choice, Default, Maximum, Minimum, Validator, WithinRange
from .wrapper import SlicerParameterNamePropertyName, isParameterNodeWrapper, parameterNodeWrapper

__all__ = [
    "Choice",
    "Default",
    "Maximum",
    "Minimum",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]
