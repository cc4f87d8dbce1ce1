"""A node of the scene, chosen by name."""

import weakref

import slicer

from ..pythonqt.bindings import QtCore, QtWidgets
from .declaring import stored, widget

EVENTS = (
    slicer.vtkMRMLScene.NodeAddedEvent,
    slicer.vtkMRMLScene.NodeRemovedEvent,
    slicer.vtkMRMLScene.EndImportEvent,
    slicer.vtkMRMLScene.EndCloseEvent,
    slicer.vtkMRMLScene.EndRestoreEvent,
)


@widget
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Lists the scene's nodes of some types, and always stands on one of them or on none.

    Nothing is chosen by itself when a node is added; when the chosen one goes, the last of the others is.
    """

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeActivated = QtCore.Signal(object)
    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None
        self._tags = []
        self._attributes = []
        self._ids = []
        self._current = ""
        self._box = QtWidgets.QComboBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(self._chosen)
        self._box.activated.connect(self._activated)
        self.enabled = False

    def refresh(self) -> None:
        """Lists the nodes anew."""
        nodes = self._nodes()
        known, self._ids = self._ids, [*([""] if self.noneEnabled else []), *(node.GetID() for node in nodes)]
        self._box.blockSignals(True)
        self._box.clear()
        self._box.addItems([*([self.noneDisplay] if self.noneEnabled else []), *(node.GetName() for node in nodes)])
        # A chosen node that went leaves the choice to the last one, unless none is a choice.
        lost = self._current and self._current not in self._ids
        if lost:
            self._current = "" if self.noneEnabled or not nodes else self._ids[-1]
        self._box.setCurrentIndex(self._ids.index(self._current) if self._current in self._ids else -1)
        self._box.blockSignals(False)
        if lost:
            self._tell()
        for node in nodes:
            if node.GetID() not in known:
                self.nodeAdded.emit(node)

    nodeTypes = stored("nodeTypes", list, [], refresh)
    hideChildNodeTypes = stored("hideChildNodeTypes", list, [], refresh)
    showChildNodeTypes = stored("showChildNodeTypes", bool, True, refresh)
    showHidden = stored("showHidden", bool, False, refresh)
    noneEnabled = stored("noneEnabled", bool, False, refresh)
    noneDisplay = stored("noneDisplay", str, "None", refresh)
    addEnabled = stored("addEnabled", bool, True)
    removeEnabled = stored("removeEnabled", bool, True)
    editEnabled = stored("editEnabled", bool, False)
    renameEnabled = stored("renameEnabled", bool, False)
    selectNodeUponCreation = stored("selectNodeUponCreation", bool, True)
    baseName = stored("baseName", str, "")

    def _read_id(self) -> str:
        return self._current

    def setCurrentNodeID(self, identifier: str) -> None:
        """A node that is not listed leaves nothing chosen."""
        identifier = identifier if identifier in self._ids else ""
        self._box.blockSignals(True)
        self._box.setCurrentIndex(self._ids.index(identifier) if identifier in self._ids else -1)
        self._box.blockSignals(False)
        self._become(identifier)

    currentNodeID = QtCore.Property(str, _read_id, setCurrentNodeID)

    def currentNode(self):
        return self._scene.GetNodeByID(self._current) if self._scene and self._current else None

    def setCurrentNode(self, node) -> None:
        self.setCurrentNodeID(node if isinstance(node, str) else (node.GetID() or "") if node else "")

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene) -> None:
        if scene is self._scene:
            return
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene = scene
        itself = weakref.ref(self)

        def changed(caller, event):
            if (box := itself()) is not None and not caller.IsBatchProcessing():
                box.refresh()

        self._tags = [scene.AddObserver(event, changed) for event in EVENTS] if scene else []
        self.enabled = scene is not None
        self.refresh()
        self.mrmlSceneChanged.emit(scene)

    def nodeCount(self) -> int:
        return len(self._nodes())

    def nodeFromIndex(self, index: int):
        return self._nodes()[index]

    def addAttribute(self, node_type: str, name: str, value=None) -> None:
        """Nodes of that type are listed only if they have the attribute, and that value of it if one is given."""
        self._attributes.append((node_type, name, value))
        self.refresh()

    def removeAttribute(self, node_type: str, name: str) -> None:
        self._attributes = [attribute for attribute in self._attributes if attribute[:2] != (node_type, name)]
        self.refresh()

    def addNode(self, node_type: str = ""):
        """What "Create new" in the list does."""
        node_type = node_type or self.nodeTypes[0]
        name = self.baseName or self._scene.GetTagByClassName(node_type)
        node = self._scene.AddNewNodeByClass(node_type, self._scene.GenerateUniqueName(name))
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def _nodes(self) -> list:
        if self._scene is None:
            return []
        nodes = [self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())]
        return [node for node in nodes if self._listed(node)]

    def _listed(self, node) -> bool:
        name = node.GetClassName()
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if name not in self.nodeTypes:
            if not self.showChildNodeTypes or not any(node.IsA(known) for known in self.nodeTypes):
                return False
            if any(node.IsA(hidden) for hidden in self.hideChildNodeTypes):
                return False
        return all(
            not node.IsA(node_type)
            or (node.GetAttribute(attribute) is not None and value in (None, node.GetAttribute(attribute)))
            for node_type, attribute, value in self._attributes
        )

    def _chosen(self, index: int) -> None:
        self._become(self._ids[index] if index >= 0 else "")

    def _activated(self, index: int) -> None:
        self.nodeActivated.emit(self.currentNode())

    def _become(self, identifier: str) -> None:
        if identifier != self._current:
            self._current = identifier
            self._tell()

    def _tell(self) -> None:
        self.currentNodeChanged.emit(self.currentNode())
        self.currentNodeIDChanged.emit(self._current)
