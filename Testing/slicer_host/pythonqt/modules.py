"""The modules `qt` and `ctk`."""

import sys
from types import ModuleType

from ..ui_files import UiLoader
from ..widgets import WIDGETS
from .bindings import MODULES, QtTest


def install_modules() -> tuple[ModuleType, ModuleType]:
    """Makes `import qt` and `import ctk` work."""
    qt, ctk = ModuleType("qt"), ModuleType("ctk")
    for module in (*MODULES, QtTest):
        for name in dir(module):
            if not name.startswith("_"):
                setattr(qt, name, getattr(module, name))
    qt.QUiLoader = UiLoader
    qt.QWIDGETSIZE_MAX = 16777215
    for name, cls in WIDGETS.items():
        if name.startswith("ctk"):
            setattr(ctk, name, cls)
    sys.modules["qt"], sys.modules["ctk"] = qt, ctk
    return qt, ctk
