"""The folder of the subject hierarchy that holds a case's nodes."""

from collections.abc import Iterable

import slicer


def add_folder(scene: slicer.vtkMRMLScene, name: str, nodes: Iterable[slicer.vtkMRMLNode]) -> int:
    """The folder's item. Nodes are put in it in their order."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), name)
    for node in nodes:
        # The application has made an item for the node by itself; without it nothing has.
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(folder, node)
        hierarchy.SetItemParent(item, folder)
    return folder


def folder_of(node: slicer.vtkMRMLNode) -> int | None:
    """The item that holds the node; None where the node lies in no folder."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = hierarchy.GetItemByDataNode(node)
    parent = hierarchy.GetItemParent(item) if item else 0
    return parent if parent and parent != hierarchy.GetSceneItemID() else None


def folder_name(scene: slicer.vtkMRMLScene, folder: int) -> str:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene).GetItemName(folder)


def remove_folder(scene: slicer.vtkMRMLScene, folder: int) -> None:
    """Removes the folder's item; what is left in it moves up."""
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene).RemoveItem(folder, False, False)
