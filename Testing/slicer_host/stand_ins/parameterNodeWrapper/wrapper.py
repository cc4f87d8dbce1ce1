"""The decorator that makes a class a typed view of a parameter node."""

import typing

import qt
import slicer
import vtk

from .annotations import Default
from .gui import Connector, connector_of
from .parameter import Parameter

SlicerParameterNamePropertyName = "SlicerParameterName"
"""Property of a widget in a `.ui` file that names its parameter."""


def parameterNodeWrapper(cls: type | None = None):
    """With or without parentheses. Names and types of the class's attributes become parameters."""
    return _wrap if cls is None else _wrap(cls)


def isParameterNodeWrapper(cls) -> bool:
    return isinstance(cls, Wrapper) or (isinstance(cls, type) and issubclass(cls, Wrapper))


class Wrapper:
    """What every wrapper can do, beside its parameters."""

    allParameters: typing.ClassVar[dict[str, Parameter]] = {}

    def __init__(self, parameterNode: slicer.vtkMRMLScriptedModuleNode):
        self.parameterNode = parameterNode
        self._connectors: dict[int, list[tuple[Connector, typing.Callable]]] = {}
        self._observers: dict[int, int] = {}
        self._next_tag = 0
        self._updating = False
        for parameter in self.allParameters.values():
            if not parameter.is_in(parameterNode):
                parameter.write(parameterNode, parameter.default.value)

    def getValue(self, name: str):
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name: str, value) -> None:
        self._parameter(name).write(self.parameterNode, value)

    def default(self, name: str) -> Default:
        return self._parameter(name).default

    @classmethod
    def dataType(cls, name: str):
        return cls._parameter(name).declared

    @classmethod
    def _parameter(cls, name: str) -> Parameter:
        if name not in cls.allParameters:
            raise ValueError(f"{cls.__name__} has no parameter {name}, only {', '.join(cls.allParameters)}")
        return cls.allParameters[name]

    def connectGui(self, gui) -> int:
        """gui: a widget, or an object whose attributes are widgets. Those that name a parameter show it from now on."""
        widgets = gui.findChildren(qt.QWidget) if isinstance(gui, qt.QWidget) else vars(gui).values()
        named = {widget.property(SlicerParameterNamePropertyName): widget for widget in widgets}
        return self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, widgets: dict[str, object]) -> int:
        """Returns a tag for `disconnectGui`. ValueError: no such parameter. RuntimeError: not by this widget."""
        connectors = [connector_of(widget, self._parameter(name)) for name, widget in widgets.items()]
        tag = self._next_tag
        self._next_tag += 1
        self._connectors[tag] = [(connector, self._follow(connector)) for connector in connectors]
        for connector, follow in self._connectors[tag]:
            connector.write(self.getValue(connector.parameter.name))
            connector.widget.connect(connector.signal, follow)
        self._observers[tag] = self.AddObserver(vtk.vtkCommand.ModifiedEvent, self._show)
        return tag

    def disconnectGui(self, tag: int | None) -> None:
        for connector, follow in self._connectors.pop(tag, []):
            connector.widget.disconnect(connector.signal, follow)
        if tag in self._observers:
            self.RemoveObserver(self._observers.pop(tag))

    def _follow(self, connector: Connector) -> typing.Callable:
        def follow():
            if not self._updating:
                self.setValue(connector.parameter.name, connector.read())

        return follow

    def _show(self, caller, event) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for connectors in self._connectors.values():
                for connector, _ in connectors:
                    connector.write(self.getValue(connector.parameter.name))
        finally:
            self._updating = False

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, before: int) -> int:
        return self.parameterNode.EndModify(before)

    def AddObserver(self, event, callback, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def _wrap(cls: type) -> type:
    types = typing.get_type_hints(cls, include_extras=True)
    parameters = {
        name: Parameter.of(name, declared, Default(getattr(cls, name)) if hasattr(cls, name) else None)
        for name, declared in types.items()
    }
    if taken := [name for name in parameters if hasattr(Wrapper, name)]:
        raise ValueError(f"{cls.__name__}: {', '.join(taken)} cannot be the name of a parameter")
    attributes = {name: _attribute(name) for name in parameters}
    own = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    return type(cls.__name__, (Wrapper,), {**own, **attributes, "allParameters": parameters})


def _attribute(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))
