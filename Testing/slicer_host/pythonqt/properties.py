"""Qt properties as attributes: `label.text`, `button.enabled = False`."""

from .bindings import QtCore, object_classes


class QtProperty(property):
    """A value on an instance; on the class, what PySide6 has there.

    `QTimer.singleShot` is both: a property of timers, and a function of the class.
    """

    on_class = None

    def __get__(self, instance, owner=None):
        if instance is None and self.on_class is not None:
            return self.on_class.__get__(None, owner)
        return super().__get__(instance, owner)


def make_properties() -> None:
    """Puts every property of every Qt class onto it."""
    for cls in object_classes():
        meta = cls.staticMetaObject
        for index in range(meta.propertyCount()):
            found = meta.property(index)
            # Some readers, such as sizeHint, are defined anew by classes that inherit the property.
            if index >= meta.propertyOffset() or found.name() in cls.__dict__:
                _make_property(cls, found)


def _make_property(cls: type, found: QtCore.QMetaProperty) -> None:
    name = found.name()
    title = name[0].upper() + name[1:]
    mine = cls.__dict__.get(name)
    if isinstance(mine, QtCore.Signal):
        return
    reader = None if isinstance(mine, staticmethod) else mine
    reader = reader or getattr(cls, f"is{title}", None)
    writer = getattr(cls, f"set{title}", None)

    def read(self):
        return reader(self) if reader else QtCore.QObject.property(self, name)

    def write(self, value):
        if writer:
            writer(self, value)
        else:
            self.setProperty(name, value)

    made = QtProperty(read, write if found.isWritable() else None)
    made.on_class = mine
    setattr(cls, name, made)
