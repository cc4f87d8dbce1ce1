"""Widgets that know the scene. Each gets it by `setMRMLScene`, in a `.ui` file through a connection."""

from ..pythonqt.bindings import QtCore, QtWidgets
from .declaring import widget


class SceneWidget(QtWidgets.QWidget):
    mrmlSceneChanged = QtCore.Signal(object)

    def setMRMLScene(self, scene) -> None:
        if scene is not self.mrmlScene():
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self.__dict__.get("_scene")


@widget
class qMRMLWidget(SceneWidget):
    pass


@widget
class qSlicerWidget(SceneWidget):
    pass
