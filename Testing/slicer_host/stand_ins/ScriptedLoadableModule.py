"""`slicer.ScriptedLoadableModule`: base classes of a scripted module."""

import importlib
import logging
import os
import unittest

import ctk
import qt
import slicer

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
    "ScriptedLoadableModuleWidget",
]

ICONS = (".svg", ".png")
UNLOADING = "moduleAboutToBeUnloaded(QString)"


class ScriptedLoadableModule:
    """Describes the module to the application. parent: what is described."""

    def __init__(self, parent):
        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__
        icons = [self.resourcePath(f"Icons/{self.moduleName}{ending}") for ending in ICONS]
        for icon in filter(os.path.isfile, icons[::-1]):
            parent.icon = qt.QIcon(icon)
        if not hasattr(slicer, "selfTests"):
            slicer.selfTests = {}
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, filename: str) -> str:
        return os.path.join(os.path.dirname(self.parent.path), "Resources", filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        page = slicer.app.moduleDocumentationUrl(self.moduleName)
        return f'<p><a href="{slicer.app.documentationBaseUrl + docPage if docPage else page}">Documentation</a></p>'

    def runTest(self, msec: int = 100, **options) -> None:
        """Runs the class <name>Test of the module's file. AttributeError: there is none."""
        case = getattr(importlib.import_module(self.__module__), f"{self.moduleName}Test")()
        case.messageDelay = msec
        case.runTest(**options)


class ScriptedLoadableModuleWidget:
    """parent: the widget of the application that it fills; without one it makes and shows its own."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = slicer.util.settingsValue("Developer/DeveloperMode", False, slicer.util.toBool)
        self.parent = parent or self._own_parent()
        self.layout = self.parent.layout()
        if not parent:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect(UNLOADING, self._onModuleAboutToBeUnloaded)

    def _own_parent(self):
        parent = slicer.qMRMLWidget()
        parent.setLayout(qt.QVBoxLayout())
        parent.setMRMLScene(slicer.mrmlScene)
        return parent

    def resourcePath(self, filename: str) -> str:
        return os.path.join(os.path.dirname(slicer.util.modulePath(self.moduleName)), "Resources", filename)

    def setup(self) -> None:
        """Adds the buttons of the developer mode, in it."""
        if not self.developerMode:
            return
        self.reloadCollapsibleButton = ctk.ctkCollapsibleButton()
        self.reloadCollapsibleButton.text = "Reload && Test"
        self.layout.addWidget(self.reloadCollapsibleButton)
        rows = qt.QFormLayout(self.reloadCollapsibleButton)
        self.reloadButton = qt.QPushButton("Reload")
        self.reloadButton.connect("clicked()", self.onReload)
        self.reloadTestButton = qt.QPushButton("Reload and Test")
        self.reloadTestButton.connect("clicked()", self.onReloadAndTest)
        rows.addRow(self.reloadButton, self.reloadTestButton)

    def cleanup(self) -> None:
        """For subclasses: called before the module goes."""

    def _onModuleAboutToBeUnloaded(self, name: str) -> None:
        if name == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect(UNLOADING, self._onModuleAboutToBeUnloaded)

    def onReload(self) -> None:
        """Runs the module's file anew and makes a new widget."""
        slicer.util.reloadScriptedModule(self.moduleName)

    def onTest(self, **options) -> None:
        with slicer.util.tryWithErrorDisplay("Test failed."):
            slicer.selfTests[self.moduleName](msec=0, **options)

    def onReloadAndTest(self, **options) -> None:
        with slicer.util.tryWithErrorDisplay("Reload and Test failed."):
            self.onReload()
            slicer.selfTests[self.moduleName](msec=0, **options)


class ScriptedLoadableModuleLogic:
    """Owns the parameter node: the scene has one a module, unless isSingletonParameterNode is set to False."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self):
        """The module's first one, made if there is none."""
        nodes = self.getAllParameterNodes()
        if self.isSingletonParameterNode:
            node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            # Closing a scene empties a singleton node but leaves it there.
            if node is not None:
                node.SetAttribute("ModuleName", self.moduleName)
                return node
        return nodes[0] if nodes else slicer.mrmlScene.AddNode(self.createParameterNode())

    def getAllParameterNodes(self) -> list:
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self):
        """A new one, not yet in the scene."""
        node = slicer.vtkMRMLScriptedModuleNode()
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """The module's self test."""

    messageDelay = 0

    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:
        """Says what the test is about to do. Delays in ms."""
        delays = (self.messageDelay, msec, requestedDelay)
        slicer.util.delayDisplay(message, next(delay for delay in delays if delay is not None))

    def runTest(self) -> None:
        """Every method whose name begins with "test"."""
        type(self).setUpClass()
        for name in [name for name in dir(self) if name.startswith("test") and callable(getattr(self, name))]:
            self.setUp()
            logging.info("Running %s", name)
            getattr(self, name)()
            self.tearDown()
        type(self).tearDownClass()
