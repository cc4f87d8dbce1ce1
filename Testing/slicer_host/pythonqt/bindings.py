"""The one place that imports PySide6, after saying how: without a screen, and with enumerations that are ints."""

import os

os.environ.setdefault("PYSIDE6_OPTION_PYTHON_ENUM", "0x2")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtNetwork, QtTest, QtUiTools, QtWidgets

MODULES = (QtCore, QtGui, QtWidgets, QtNetwork)


def object_classes() -> list[type]:
    """Every class of Qt that has properties and signals. PySide6 makes its classes when they are first asked for."""
    everything = [getattr(module, name) for module in MODULES for name in dir(module)]
    return [found for found in everything if isinstance(found, type) and issubclass(found, QtCore.QObject)]


__all__ = ["MODULES", "QtCore", "QtGui", "QtNetwork", "QtTest", "QtUiTools", "QtWidgets", "object_classes"]
