"""Colour legends that say what the colours mean."""

import slicer

REGION_ATTENTION = "Region attention, logit"
VOXEL_ATTENTION = "Voxel attention, logit per 100 mL"


def add_legend(displayed: slicer.vtkMRMLDisplayableNode, title: str) -> slicer.vtkMRMLColorLegendDisplayNode:
    """A legend of the colours and range that `displayed` is shown with, wherever it is shown."""
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(displayed)
    legend.SetTitleText(title)
    legend.SetMaxNumberOfColors(256)
    legend.SetNumberOfLabels(5)
    legend.SetLabelFormat("%+.2g")
    legend.SetOrientation(slicer.vtkMRMLColorLegendDisplayNode.Vertical)
    legend.SetPosition(0.97, 0.06)
    legend.SetSize(0.08, 0.30)
    for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        text.SetFontFamilyToArial()
        text.SetFontSize(14)
        text.BoldOff()
        text.ItalicOff()
        text.ShadowOff()
        text.SetColor(1.0, 1.0, 1.0)
    return legend


def legend_title(quantity: str, class_name: str, outline_limit: float | None = None) -> str:
    """outline_limit: end of the colours of the regions' outlines, where these are seen with the quantity, logit."""
    title = f"{quantity}:\n{class_name}\n(+ for, - against)"
    return title if outline_limit is None else f"{title}\nOutlines: region attention, to {outline_limit:.2g}"


def set_legend_title(displayed: slicer.vtkMRMLDisplayableNode, title: str) -> None:
    slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(displayed).SetTitleText(title)
