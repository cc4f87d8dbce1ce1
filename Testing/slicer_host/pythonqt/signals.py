"""Signals: named by their C++ signature, delivered with as many arguments as the callable takes."""

import inspect
import re
import sys
from collections.abc import Callable

from .bindings import QtCore

SIGNATURE = re.compile(r"(\w+)\((.*)\)")
NODE_ARGUMENT = re.compile(r"vtk\w+\s*\*")


class BoundSignal:
    """What `button.clicked` is: connect, disconnect, emit, or call it to emit."""

    def __init__(self, sender: QtCore.QObject, name: str, instance: QtCore.SignalInstance):
        self._sender = sender
        self._name = name
        self._instance = instance

    def connect(self, *receiver) -> bool:
        return connect(self._sender, self._signature, *receiver)

    def disconnect(self, *receiver) -> bool:
        return disconnect(self._sender, self._signature, *receiver)

    def emit(self, *arguments) -> None:
        self._instance.emit(*arguments)

    __call__ = emit

    @property
    def _signature(self) -> str:
        """Of several with the name, Qt lists the one with all arguments first."""
        return next(found for found in _signatures(self._sender) if found.startswith(f"{self._name}("))


def connect(sender: QtCore.QObject, signal: str, *receiver) -> bool:
    """connect("clicked(bool)", function), or connect("clicked()", other, "close()"). ValueError: no such signal."""
    instance, arguments = _resolve(sender, signal)
    function = _callable(receiver)
    # Qt counts the arguments of its own methods itself.
    of_qt = inspect.isbuiltin(function) and isinstance(function.__self__, QtCore.QObject)
    slot = function if of_qt else _slot(function, arguments)
    instance.connect(slot)
    _connections(sender).setdefault((signal, function), []).append(slot)
    return True


def disconnect(sender: QtCore.QObject, signal: str, *receiver) -> bool:
    """Undoes one connection; False if there was none."""
    instance, _ = _resolve(sender, signal)
    slots = _connections(sender).get((signal, _callable(receiver)))
    if not slots:
        return False
    instance.disconnect(slots.pop())
    return True


def disconnect_all(sender: QtCore.QObject, name: str) -> None:
    """Nobody hears the signal of this name any more."""
    for signal, function in list(_connections(sender)):
        while signal.startswith(f"{name}(") and disconnect(sender, signal, function):
            pass


def _callable(receiver: tuple) -> Callable:
    if len(receiver) == 1:
        return receiver[0]
    target, slot = receiver
    return getattr(target, slot.partition("(")[0])


def _connections(sender: QtCore.QObject) -> dict[tuple[str, Callable], list[Callable]]:
    return sender.__dict__.setdefault("_connections", {})


def _signatures(sender: QtCore.QObject) -> list[str]:
    meta = sender.metaObject()
    methods = [meta.method(index) for index in range(meta.methodCount())]
    signals = [method for method in methods if method.methodType() == QtCore.QMetaMethod.MethodType.Signal]
    return [bytes(signal.methodSignature().data()).decode() for signal in signals]


def _resolve(sender: QtCore.QObject, signal: str) -> tuple[QtCore.SignalInstance, list[str]]:
    """The signal, and the types of the arguments that are asked for."""
    match = SIGNATURE.fullmatch(signal)
    if match is None:
        raise ValueError(f"{signal!r} is no signature of a signal, such as 'clicked(bool)'")
    name, arguments = match[1], [argument for argument in match[2].split(",") if argument]
    known = _signatures(sender)
    # Python cannot declare a signal of a VTK class, nor a second one that tells only whether there is a node.
    declared = f"{name}(PyObject)"
    if declared in known and (arguments == ["bool"] or NODE_ARGUMENT.fullmatch(match[2])):
        normal = declared
    else:
        normal = bytes(QtCore.QMetaObject.normalizedSignature(signal).data()).decode()
    if normal not in known:
        raise ValueError(f"{type(sender).__name__} has no signal {signal}")
    instance = sender.nativeAttribute(name)
    return instance[SIGNATURE.fullmatch(normal)[2]], arguments


def _slot(function: Callable, arguments: list[str]) -> Callable:
    count = min(len(arguments), _capacity(function))

    def slot(*values):
        if arguments == ["bool"]:
            values = tuple(bool(value) for value in values)
        try:
            function(*values[:count])
        except Exception:
            # As in Slicer, whoever emitted the signal goes on.
            sys.excepthook(*sys.exc_info())

    return slot


def _capacity(function: Callable) -> int:
    """How many positional arguments it takes, those with defaults included."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return sys.maxsize
    return sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
