"""The folder of the subject hierarchy that holds a case's nodes."""

from collections.abc import Iterable

import slicer

MARK = "REACTKD.folder"
"""Attribute of a folder that was made here. Whoever drags our nodes elsewhere puts them into one of their own."""


def add_folder(scene: slicer.vtkMRMLScene, name: str, nodes: Iterable[slicer.vtkMRMLNode]) -> int:
    """The folder's item. Nodes are put in it in their order."""
    hierarchy = _hierarchy(scene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), name)
    hierarchy.SetItemAttribute(folder, MARK, "1")
    for node in nodes:
        # The application has made an item for the node by itself; without it nothing has.
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(folder, node)
        hierarchy.SetItemParent(item, folder)
    return folder


def folder_of(node: slicer.vtkMRMLNode) -> int | None:
    """The item that holds the node; None where the node lies in no folder."""
    hierarchy = _hierarchy(node.GetScene())
    item = hierarchy.GetItemByDataNode(node)
    parent = hierarchy.GetItemParent(item) if item else 0
    return parent if parent and parent != hierarchy.GetSceneItemID() else None


def folder_name(scene: slicer.vtkMRMLScene, folder: int) -> str:
    return _hierarchy(scene).GetItemName(folder)


def remove_item(node: slicer.vtkMRMLNode) -> None:
    """Takes the node's item out, and with its last node the folder it lay in, if that was made by `add_folder`."""
    hierarchy = _hierarchy(node.GetScene())
    folder, item = folder_of(node), hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False, False)
    if folder and hierarchy.GetItemAttribute(folder, MARK) and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder, False, False)


def _hierarchy(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
