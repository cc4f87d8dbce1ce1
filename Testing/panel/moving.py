"""A node moved in its scene."""

import slicer
import vtk


def translated(node: slicer.vtkMRMLTransformableNode, mm: float) -> None:
    """Puts it under a transform, so far to the right of the patient."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, mm)
    transform.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
