"""`slicer.modules` and `slicer.app.moduleManager()`."""

import importlib.util
import os
import sys

import slicer

from ..pythonqt.attributes import native
from ..pythonqt.bindings import QtCore, QtWidgets
from ..widgets.scene_widgets import SceneWidget


def described(name: str, default) -> property:
    """An attribute that a module's class may set."""
    key = f"_{name}"

    def read(self):
        return self.__dict__.get(key, default)

    def write(self, value):
        self.__dict__[key] = value

    return property(read, write)


@native
class LoadableModule(QtCore.QObject):
    """A module of C++: here, its logic."""

    def __init__(self, name: str, logic):
        super().__init__()
        self.setObjectName(name)
        self._logic = logic

    title = property(lambda self: self.objectName)

    def logic(self):
        return self._logic

    def widgetRepresentation(self) -> None:
        """Its widget is one of C++, which the host has not."""


@native
class ScriptedModule(QtCore.QObject):
    """What the module's class describes itself to."""

    title = described("title", "")
    helpText = described("helpText", "")
    acknowledgementText = described("acknowledgementText", "")
    icon = described("icon", None)
    hidden = described("hidden", False)
    index = described("index", -1)
    categories = described("categories", ())
    dependencies = described("dependencies", ())
    contributors = described("contributors", ())
    associatedNodeTypes = described("associatedNodeTypes", ())

    def __init__(self, path: str):
        super().__init__()
        self._path = path
        self._widget = None
        self.setObjectName(os.path.splitext(os.path.basename(path))[0])

    path = property(lambda self: self._path)

    def widgetRepresentation(self) -> "ScriptedModuleWidget":
        """Made, and set up, when first asked for."""
        if self._widget is None:
            self._widget = ScriptedModuleWidget(self.name)
            self._widget.reload()
        return self._widget

    def logic(self):
        return None


@native
class ScriptedModuleWidget(SceneWidget):
    """The widget of the application that the module's widget fills."""

    def __init__(self, name: str):
        super().__init__()
        self.setObjectName(f"{name}ModuleWidget")
        self._name = name
        self._python = None
        self._entered = False
        self.setLayout(QtWidgets.QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)

    isEntered = property(lambda self: self._entered)

    def self(self):
        return self._python

    def reload(self) -> None:
        """Makes the module's widget from its class as it is now."""
        name = f"{self._name}Widget"
        self._python = getattr(sys.modules[self._name], name)(self)
        setattr(slicer.modules, name, self._python)
        self._python.setup()

    def enter(self) -> None:
        self._entered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self) -> None:
        # The application tells itself first, then Python.
        self._entered = False
        if hasattr(self._python, "exit"):
            self._python.exit()


@native
class ModuleManager(QtCore.QObject):
    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def __init__(self):
        super().__init__()
        self._loaded = {}
        self._selected = None

    def factoryManager(self) -> "ModuleManager":
        return self

    def module(self, name: str):
        return self._loaded.get(name)

    def modulesNames(self) -> tuple[str, ...]:
        return tuple(self._loaded)

    loadedModuleNames = modulesNames

    def isLoaded(self, name: str) -> bool:
        return name in self._loaded

    def add(self, module) -> None:
        self._loaded[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        self.moduleLoaded.emit(module.name)

    def load(self, path: str) -> ScriptedModule:
        """Runs a module's file and makes its class, not yet its widget."""
        module = ScriptedModule(os.path.abspath(path))
        folder = os.path.dirname(module.path)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        specification = importlib.util.spec_from_file_location(module.name, module.path)
        code = importlib.util.module_from_spec(specification)
        sys.modules[module.name] = code
        specification.loader.exec_module(code)
        setattr(slicer.modules, f"{module.name}Instance", getattr(code, module.name)(module))
        self.add(module)
        return module

    def unload(self, module: ScriptedModule) -> None:
        """As at the application's end."""
        self.moduleAboutToBeUnloaded.emit(module.name)
        del self._loaded[module.name]

    def select(self, module: str | ScriptedModule | None) -> None:
        """Leaves the module that is shown, and shows another, or none. RuntimeError: there is none of that name."""
        if isinstance(module, str) and module not in self._loaded:
            raise RuntimeError(f"no module is called {module}, only {', '.join(self._loaded)}")
        module = self._loaded[module] if isinstance(module, str) else module
        if module is self._selected:
            return
        left, self._selected = self._selected, module
        for other, happens in ((left, "exit"), (module, "enter")):
            if isinstance(other, ScriptedModule):
                getattr(other.widgetRepresentation(), happens)()

    def selected(self) -> str:
        return self._selected.name if self._selected else ""
