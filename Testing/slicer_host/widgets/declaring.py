"""How a Python class stands for a widget of C++."""

from collections.abc import Callable

from ..pythonqt.attributes import native
from ..pythonqt.bindings import QtCore

WIDGETS: dict[str, type] = {}
"""Classes that a `.ui` file may name, beside Qt's own."""

TYPES = {list: "QStringList"}


def widget(cls: type) -> type:
    """Decorates the class: every property gets its slot `setProperty`, and `.ui` files may name it."""
    for name, found in list(vars(cls).items()):
        slot = f"set{name[0].upper()}{name[1:]}"
        if isinstance(found, QtCore.Property) and not hasattr(cls, slot):
            setattr(cls, slot, lambda self, value, name=name: setattr(self, name, value))
    WIDGETS[cls.__name__] = cls
    return native(cls)


def stored(name: str, kind: type, default, changed: Callable | None = None) -> QtCore.Property:
    """A property that remembers its value. changed(self) is called after it became another."""
    key = f"_{name}"

    def read(self):
        return self.__dict__.get(key, default)

    def write(self, value):
        before = read(self)
        self.__dict__[key] = kind(value)
        if changed and self.__dict__[key] != before:
            changed(self)

    return QtCore.Property(TYPES.get(kind, kind), read, write)


def passed_on(child: str, name: str, kind: type) -> QtCore.Property:
    """A property that is one of a child widget."""

    def read(self):
        return getattr(getattr(self, child), name)

    def write(self, value):
        setattr(getattr(self, child), name, value)

    return QtCore.Property(kind, read, write)
