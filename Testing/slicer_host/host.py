"""What tests do with the host."""

import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path

import slicer

from REACTKDLib.scene.standalone import standalone

from . import dialogs, pictures
from .application.app import Application
from .pythonqt.attributes import make_strict
from .pythonqt.bindings import QtCore, QtTest, QtWidgets
from .pythonqt.properties import make_properties
from .pythonqt.signals import disconnect_all

PAUSE_S = 0.002


class Host:
    """The process's only one, made by `start`.

    exceptions: what was raised in slots, observers and event handlers, which Qt and VTK only print.
    messages, answers, chosen_paths, opened: see `dialogs.Answers`.
    """

    def __init__(self, app: Application, answers: dialogs.Answers):
        self.app = app
        self.exceptions: list[BaseException] = []
        self._answers = answers
        self.messages = answers.messages
        self.answers = answers.answers
        self.chosen_paths = answers.chosen_paths
        self.opened = answers.opened

    @property
    def scene(self) -> slicer.vtkMRMLScene:
        return slicer.mrmlScene

    def load_module(self, path: str | Path):
        """Loads a scripted module as at start-up, then tells it that start-up is complete. Returns the module."""
        module = self.app.moduleManager().load(str(path))
        self.app.startupCompleted.emit()
        # It comes once: a module that is loaded next must not start up this one again.
        disconnect_all(self.app, "startupCompleted")
        return module

    def unload_module(self, module) -> None:
        """As at the application's end: its widget cleans up."""
        self.leave()
        self.app.moduleManager().unload(module)

    def enter(self, module):
        """Shows a module, given by itself or its name. Returns its Python widget."""
        self.app.moduleManager().select(module)
        return slicer.util.getModule(self.app.moduleManager().selected()).widgetRepresentation().self()

    def leave(self) -> None:
        """Shows no module any more."""
        self.app.moduleManager().select(None)

    def wait(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Lets events happen until condition() is true. TimeoutError: it did not become true."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not true after {seconds} s; messages: {self.messages}")
            self.app.processEvents()
            # What deleteLater asked for happens in event loops only.
            self.app.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
            time.sleep(PAUSE_S)

    def click(self, button: QtWidgets.QAbstractButton) -> None:
        """Clicks with the mouse, as a person can: RuntimeError if the button is disabled, hidden or folded away."""
        # A layout that has changed puts the button in its place in events only.
        self.app.processEvents()
        window = button.window()
        if not button.enabled or not (button is window or button.isVisibleTo(window)):
            raise RuntimeError(f"{button.name or button.text} cannot be clicked: it is disabled or hidden")
        if isinstance(button, QtWidgets.QCheckBox | QtWidgets.QRadioButton):
            button.click()
        else:
            QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton)
        self.app.processEvents()

    def check(self) -> None:
        """Raises what was raised where only Qt or VTK could see it."""
        if self.exceptions:
            raise ExceptionGroup("raised in slots, observers or event handlers", self.exceptions)

    def close_scene(self) -> None:
        """As File > Close scene."""
        slicer.mrmlScene.Clear(0)

    def reset(self) -> None:
        """For a test's start: no module shown, an empty scene, default settings, nothing said or answered."""
        self.leave()
        # Closing a scene empties the parameter nodes of modules, but leaves them there.
        for node in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode"):
            slicer.mrmlScene.RemoveNode(node)
        self.close_scene()
        self.app.processEvents()
        self.app.settings().clear()
        self.app.forgetExit()
        self._answers.clear()
        self.exceptions.clear()

    def screenshot(self, widget: QtWidgets.QWidget, path: str | Path, size: tuple[int, int] | None = None) -> None:
        """Writes a PNG of a widget, with two pixels for each of its own."""
        pictures.grab(widget, size).save(str(path))

    def four_up(self, path: str | Path) -> None:
        """Writes a PNG of the four views. RuntimeError where nothing can be rendered."""
        pictures.four_up(self.app.layoutManager()).save(str(path))

    def _collect(self, kind, exception, trace) -> None:
        self.exceptions.append(exception)
        traceback.print_exception(kind, exception, trace)


@cache
def start() -> Host:
    """Makes `slicer.app`, `slicer.modules`, `slicer.mrmlScene`, `qt` and `ctk`, once a process."""
    make_properties()
    make_strict()
    parts = standalone()
    slicer.mrmlScene = parts.scene
    from . import slicer_parts

    slicer_parts.install_widgets()
    answers = dialogs.Answers()
    dialogs.answer_dialogs(answers)
    app = Application(parts)
    slicer.app = app
    slicer_parts.install_parts(parts)
    pictures.dress(app)
    host = Host(app, answers)
    sys.excepthook = host._collect
    return host
