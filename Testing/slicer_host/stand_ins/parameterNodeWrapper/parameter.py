"""One attribute of a wrapper, and how the parameter node keeps it."""

import pathlib
import types
import typing
from dataclasses import dataclass
from typing import Annotated

import slicer

from .annotations import Default, Validator

DEFAULTS = {str: "", int: 0, float: 0.0, bool: False}
ACCEPTED = {float: (int, float)}
NOTHING = ".none"
"""Marks a parameter that is None, which a text cannot say."""


@dataclass(frozen=True)
class Parameter:
    """declared: its type as written. kind: without annotations, and without None where it is optional."""

    name: str
    declared: object
    kind: type
    optional: bool
    validators: tuple[Validator, ...]
    default: Default

    @classmethod
    def of(cls, name: str, declared, assigned: Default | None) -> "Parameter":
        """TypeError: no parameter can be of this type."""
        kind, annotations = unannotated(declared)
        alternatives = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
        kinds = [alternative for alternative in alternatives if alternative is not types.NoneType]
        if len(kinds) != 1 or not (kinds[0] in DEFAULTS or is_node(kinds[0]) or issubclass(kinds[0], pathlib.PurePath)):
            raise TypeError(f"{name}: no parameter can be a {declared}")
        validators = tuple(annotation for annotation in annotations if isinstance(annotation, Validator))
        defaults = [annotation for annotation in annotations if isinstance(annotation, Default)]
        optional = len(alternatives) == 2
        natural = None if optional or is_node(kinds[0]) else DEFAULTS[kinds[0]] if kinds[0] in DEFAULTS else kinds[0]()
        default = assigned or (defaults[0] if defaults else Default(natural))
        return cls(name, declared, kinds[0], optional, validators, default)

    def is_in(self, node: slicer.vtkMRMLScriptedModuleNode) -> bool:
        return bool(node.HasParameter(self.name) or node.HasParameter(self.name + NOTHING))

    def read(self, node: slicer.vtkMRMLScriptedModuleNode):
        if not self.is_in(node):
            self.write(node, self.default.value)
        if is_node(self.kind):
            return node.GetNodeReference(self.name)
        if node.HasParameter(self.name + NOTHING):
            return None
        text = node.GetParameter(self.name)
        return text == "True" if self.kind is bool else self.kind(text)

    def write(self, node: slicer.vtkMRMLScriptedModuleNode, value) -> None:
        """TypeError: of another type. ValueError: a validator refuses it, or None where it must be something."""
        self._check(value)
        with slicer.util.NodeModify(node):
            if is_node(self.kind):
                node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
                node.SetParameter(self.name, "")
            elif value is None:
                node.UnsetParameter(self.name)
                node.SetParameter(self.name + NOTHING, "True")
            else:
                node.UnsetParameter(self.name + NOTHING)
                node.SetParameter(self.name, str(value))

    def _check(self, value) -> None:
        if value is None:
            if not self.optional and not is_node(self.kind):
                raise ValueError(f"{self.name} must not be None")
            return
        if not isinstance(value, ACCEPTED.get(self.kind, self.kind)):
            raise TypeError(f"{self.name} must be a {self.kind.__name__}, not {value!r}")
        for validator in self.validators:
            validator.validate(value)


def unannotated(declared) -> tuple[object, tuple]:
    """The type, and its annotations."""
    if typing.get_origin(declared) is Annotated:
        kind, *annotations = typing.get_args(declared)
        return kind, tuple(annotations)
    return declared, ()


def is_node(kind: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)
