"""What a name after a dot means: strict, so that a misspelt property fails here as it does in Slicer."""

from functools import cache

from . import signals
from .bindings import QtCore, QtWidgets, object_classes

NATIVE: set[type] = set()
"""Classes that are C++ in Slicer: nothing can be added to their objects, unlike those of Python subclasses."""

MISSING = object()


def native(cls: type) -> type:
    """Decorates a Python class that stands for one of C++."""
    NATIVE.add(cls)
    return cls


def make_strict() -> None:
    """Changes how attributes of all Qt objects are read and set."""
    classes = object_classes()
    NATIVE.update(classes)
    read = QtCore.QObject.__dict__["__getattribute__"]
    for cls in dict.fromkeys(classes):
        if "__getattribute__" in cls.__dict__:
            cls.__getattribute__ = _reading(cls.__dict__["__getattribute__"])
        if "__setattr__" in cls.__dict__:
            cls.__setattr__ = _set
    QtCore.QObject.nativeAttribute = read
    QtCore.QObject.__getattr__ = _read_unknown
    QtCore.QObject.name = property(lambda self: self.objectName, lambda self, name: self.setObjectName(name))
    QtCore.QObject.className = lambda self: self.metaObject().className()
    QtCore.QObject.delete = QtCore.QObject.deleteLater
    for cls in (QtCore.QEventLoop, QtWidgets.QDialog, QtWidgets.QMenu):
        cls.exec_ = cls.exec
    QtWidgets.QMenu.__init__ = _without_strangers(QtWidgets.QMenu.__init__)


def _without_strangers(make):
    """Slicer's own base class gives menus a parent that is no widget, which PythonQt takes for none."""

    def init(self, *arguments):
        make(self, *[given for given in arguments if isinstance(given, str | QtCore.QObject)])

    return init


def _reading(read):
    def get(self, name: str):
        if name in ("connect", "disconnect"):
            return _connecting(self, getattr(signals, name), read(self, name))
        value = read(self, name)
        return signals.BoundSignal(self, name, value) if isinstance(value, QtCore.SignalInstance) else value

    return get


def _connecting(sender: QtCore.QObject, ours, native):
    def call(signal, *receiver):
        # PySide6's own code calls these too, with signals that begin with Qt's mark 1 or 2.
        if not isinstance(signal, str) or signal[:1].isdigit() or len(receiver) > 2:
            return native(signal, *receiver)
        return ours(sender, signal, *receiver)

    return call


def _read_unknown(self, name: str):
    """Dynamic properties, then children by name."""
    if not name.startswith("_"):
        if name.encode() in [bytes(found.data()) for found in QtCore.QObject.dynamicPropertyNames(self)]:
            return QtCore.QObject.property(self, name)
        for child in QtCore.QObject.children(self):
            if child.objectName == name:
                return child
    raise AttributeError(f"{type(self).__name__} has no attribute named '{name}'")


def _set(self, name: str, value) -> None:
    cls = type(self)
    owner, found = _lookup(cls, name)
    if isinstance(found, QtCore.Property) and found.fset:
        found.fset(self, value)
    elif hasattr(found, "__set__"):
        found.__set__(self, value)
    elif isinstance(value, QtCore.SignalInstance):
        # PySide6 itself keeps a signal with its object.
        self.__dict__[name] = value
    elif owner in NATIVE:
        raise AttributeError(f"'{name}' of {cls.__name__} cannot be set")
    elif cls not in NATIVE or _is_our_own(cls, name):
        self.__dict__[name] = value
    elif name.encode() in [bytes(known.data()) for known in QtCore.QObject.dynamicPropertyNames(self)]:
        self.setProperty(name, value)
    else:
        raise AttributeError(f"{cls.__name__} has no attribute named '{name}', and none can be added")


def _is_our_own(cls: type, name: str) -> bool:
    """The state of a Python class that stands for one of C++."""
    return name.startswith("_") and cls.__module__.startswith("Testing.")


@cache
def _lookup(cls: type, name: str) -> tuple[type | None, object]:
    return next(((owner, owner.__dict__[name]) for owner in cls.__mro__ if name in owner.__dict__), (None, MISSING))
