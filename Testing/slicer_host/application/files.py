"""`slicer.app.coreIOManager()`: nodes and scenes from files and back."""

import os

import slicer

from ..pythonqt.attributes import native
from ..pythonqt.bindings import QtCore

TYPES = {
    ".seg.nrrd": "SegmentationFile",
    ".nrrd": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mha": "VolumeFile",
    ".vtk": "ModelFile",
    ".vtp": "ModelFile",
    ".tsv": "TableFile",
    ".csv": "TableFile",
    ".txt": "TextFile",
    ".json": "TextFile",
    ".mrml": "SceneFile",
    ".mrb": "SceneFile",
}
BY_STORAGE = {"TableFile": "vtkMRMLTableNode", "TextFile": "vtkMRMLTextNode"}
LABEL_MAP, CENTER, SINGLE_FILE, AUTO_WINDOW_LEVEL = 1, 2, 4, 8
"""Options of the volumes' logic."""


@native
class FileManager(QtCore.QObject):
    newFileLoaded = QtCore.Signal(object)

    def fileType(self, path: str) -> str:
        known = [suffix for suffix in TYPES if str(path).lower().endswith(suffix)]
        return TYPES[max(known, key=len)] if known else "NoFile"

    def loadNodes(self, kind: str, options: dict, loaded=None, messages=None) -> bool:
        """options: fileName, and those of slicer.util.loadVolume and its like. Into loaded come the nodes."""
        path = str(options["fileName"])
        if kind == "SceneFile":
            return _load_scene(path, bool(options.get("clear")))
        node = _load_node(kind, path, options) if os.path.exists(path) else None
        if node is None:
            return False
        if loaded is not None:
            loaded.AddItem(node)
        self.newFileLoaded.emit(options)
        return True

    def fileWriterFileType(self, node, path: str = "") -> str:
        return node.GetClassName()

    def saveNodes(self, kind: str, options: dict, messages=None) -> bool:
        path = str(options["fileName"])
        if kind == "SceneFile":
            return _save_scene(path)
        node = slicer.mrmlScene.GetNodeByID(options["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode(path)
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        storage.SetUseCompression(int(options.get("useCompression", True)))
        return bool(storage.WriteData(node))


def _load_scene(path: str, clear: bool) -> bool:
    scene = slicer.mrmlScene
    if path.lower().endswith(".mrb"):
        return bool(scene.ReadFromMRB(path, clear))
    scene.SetURL(path)
    return bool(scene.Connect() if clear else scene.Import())


def _save_scene(path: str) -> bool:
    scene = slicer.mrmlScene
    scene.SetURL(path)
    scene.SetRootDirectory(os.path.dirname(os.path.abspath(path)))
    return bool(scene.WriteToMRB(path) if path.lower().endswith(".mrb") else scene.Commit(path))


def _load_node(kind: str, path: str, options: dict):
    name = options.get("name") or os.path.basename(path).split(".")[0]
    if kind == "VolumeFile":
        return _load_volume(path, name, options)
    if kind == "SegmentationFile":
        return slicer.modules.segmentations.logic().LoadSegmentationFromFile(path, True, name)
    if kind == "ModelFile":
        return slicer.modules.models.logic().AddModel(path)
    node = slicer.mrmlScene.AddNewNodeByClass(BY_STORAGE[kind], name)
    node.AddDefaultStorageNode(path)
    if not node.GetStorageNode().ReadData(node):
        slicer.mrmlScene.RemoveNode(node)
        return None
    return node


def _load_volume(path: str, name: str, options: dict):
    asked = {"labelmap": LABEL_MAP, "center": CENTER, "singleFile": SINGLE_FILE}
    flags = AUTO_WINDOW_LEVEL + sum(flag for option, flag in asked.items() if options.get(option))
    node = slicer.modules.volumes.logic().AddArchetypeVolume(path, name, flags)
    if node is not None and options.get("show", True):
        logic = slicer.app.applicationLogic()
        logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
        logic.PropagateVolumeSelection()
    return node
