"""A segmentation, and one of its segments."""

import slicer

from ..pythonqt.bindings import QtCore, QtWidgets
from .declaring import stored, widget
from .node_combo_box import qMRMLNodeComboBox

EVENTS = (
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
)


@widget
class qMRMLSegmentSelectorWidget(QtWidgets.QWidget):
    """Two boxes; the upper can be hidden where another widget chooses the segmentation."""

    currentNodeChanged = QtCore.Signal(object)
    currentSegmentChanged = QtCore.Signal(str)
    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._observed = None
        self._tags = []
        self._current = ""
        self._nodes = qMRMLNodeComboBox()
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.noneEnabled = True
        self._segments = QtWidgets.QComboBox()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._nodes)
        layout.addWidget(self._segments)
        self._nodes.currentNodeChanged.connect(self._node_changed)
        self._segments.currentIndexChanged.connect(self._segment_chosen)

    def refresh(self) -> None:
        """Lists the segments anew; a chosen one that went leaves none, or the first where none is no choice."""
        node = self.currentNode()
        segments = node.GetSegmentation() if node else None
        self._segments.blockSignals(True)
        self._segments.clear()
        if self.noneEnabled:
            self._segments.addItem("None", "")
        for identifier in segments.GetSegmentIDs() if segments else ():
            self._segments.addItem(segments.GetSegment(identifier).GetName(), identifier)
        self._segments.setCurrentIndex(max(self._segments.findData(self._current), 0 if self._segments.count else -1))
        self._segments.blockSignals(False)
        self._segment_chosen()

    def _upper_shown(self) -> None:
        self._nodes.visible = self.segmentationNodeSelectorVisible

    noneEnabled = stored("noneEnabled", bool, False, refresh)
    segmentationNodeSelectorVisible = stored("segmentationNodeSelectorVisible", bool, True, _upper_shown)

    def setMRMLScene(self, scene) -> None:
        self._nodes.setMRMLScene(scene)
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self._nodes.mrmlScene()

    def currentNode(self):
        return self._nodes.currentNode()

    def setCurrentNode(self, node) -> None:
        self._nodes.setCurrentNode(node)

    def currentNodeID(self) -> str:
        return self._nodes.currentNodeID

    def setCurrentNodeID(self, identifier: str) -> None:
        self._nodes.setCurrentNodeID(identifier)

    def currentSegmentID(self) -> str:
        return self._current

    def setCurrentSegmentID(self, identifier: str) -> None:
        self._segments.setCurrentIndex(self._segments.findData(identifier))

    def _node_changed(self, node) -> None:
        for tag in self._tags:
            self._observed.RemoveObserver(tag)
        self._observed = node.GetSegmentation() if node else None
        self._tags = [self._observed.AddObserver(event, self._segments_changed) for event in EVENTS] if node else []
        self.currentNodeChanged.emit(node)
        self.refresh()

    def _segments_changed(self, caller, event) -> None:
        self.refresh()

    def _segment_chosen(self) -> None:
        identifier = self._segments.currentData or ""
        if identifier != self._current:
            self._current = identifier
            self.currentSegmentChanged.emit(identifier)
