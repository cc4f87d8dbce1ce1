"""Word of changes inside the chosen nodes, which the parameter node does not hear of."""

from collections.abc import Callable, Iterable

import qt
import slicer


class NodeWatch:
    """Calls `changed` some time after a chosen node's voxels, place or segments changed."""

    def __init__(self, changed: Callable[[], None]):
        self._changed = changed
        self._watched: tuple[slicer.vtkMRMLNode, ...] = ()
        self._tags: list[tuple[object, int]] = []
        # A segment that is being painted changes by the hundred: once for all of them is enough.
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.connect("timeout()", changed)

    def watch(self, nodes: Iterable[slicer.vtkMRMLNode | None]) -> None:
        """These, and no longer those before."""
        nodes = tuple(node for node in nodes if node is not None)
        if nodes == self._watched:
            return
        self._later.stop()
        for watched, tag in self._tags:
            watched.RemoveObserver(tag)
        self._watched = nodes
        self._tags = [
            (watched, watched.AddObserver(event, self._heard)) for node in nodes for watched, event in _events(node)
        ]

    def _heard(self, _caller, _event) -> None:
        self._later.start(0)


def _events(node: slicer.vtkMRMLNode) -> list[tuple[object, int]]:
    events = [(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent)]
    if node.IsA("vtkMRMLVolumeNode"):
        return [*events, (node, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent)]
    segments = node.GetSegmentation()
    changes = (segments.SegmentAdded, segments.SegmentRemoved, segments.SegmentModified)
    return [*events, *((segments, event) for event in changes)]
