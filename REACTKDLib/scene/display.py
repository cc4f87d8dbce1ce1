"""What an overlay shows: the class, the map in the slices, its opacity, the edges, the place."""

from collections.abc import Iterator
from typing import Literal

import slicer

from .graph import set_spheres, show_edges_above
from .legend import REGION_ATTENTION, legend_title, set_legend_title
from .overlay_nodes import Overlay
from .regions import color_regions

AttentionMap = Literal["voxel", "region"]

OVERLAY_OPACITY = 0.55


def show_class(overlay: Overlay, class_index: int) -> None:
    """Recolours regions and graph for a class, and exchanges the maps in the slices that show one of this overlay.

    Raises IndexError for a class that the prediction does not have.
    """
    name = overlay.classes[class_index]
    regions, limit = overlay.regions, overlay.region_limit
    previous = overlay.shown_class
    overlay.parameters.SetParameter("shown class", str(class_index))
    color_regions(overlay.segmentation, {r.id: r.attention[class_index] for r in regions}, limit)
    set_spheres(overlay.node_model, regions, class_index, limit)
    set_legend_title(overlay.node_model, legend_title(REGION_ATTENTION, name))
    for volumes in (overlay.region_attention, overlay.voxel_attention):
        for composite in composites(overlay.scene):
            if composite.GetForegroundVolumeID() == volumes[previous].GetID():
                composite.SetForegroundVolumeID(volumes[class_index].GetID())


def show_in_slices(overlay: Overlay, attention_map: AttentionMap = "voxel", opacity: float = OVERLAY_OPACITY) -> None:
    """CT behind, attention before it, in every slice view of the scene. opacity: of the strongest attention."""
    for composite in composites(overlay.scene):
        show_in_slice(overlay, composite, attention_map, opacity)


def show_in_slice(
    overlay: Overlay,
    composite: slicer.vtkMRMLSliceCompositeNode,
    attention_map: AttentionMap = "voxel",
    opacity: float = OVERLAY_OPACITY,
) -> None:
    """Likewise, in one slice view."""
    volumes = overlay.voxel_attention if attention_map == "voxel" else overlay.region_attention
    composite.SetBackgroundVolumeID(overlay.ct.GetID())
    composite.SetForegroundVolumeID(volumes[overlay.shown_class].GetID())
    composite.SetForegroundOpacity(opacity)
    # The feature grid may reach beyond the CT, where there is nothing that attention could be about.
    composite.SetClipToBackgroundVolume(True)


def set_overlay_opacity(overlay: Overlay, opacity: float) -> None:
    """In [0, 1], for the slice views that show a map of this overlay."""
    maps = {volume.GetID() for volume in (*overlay.region_attention, *overlay.voxel_attention)}
    for composite in composites(overlay.scene):
        if composite.GetForegroundVolumeID() in maps:
            composite.SetForegroundOpacity(opacity)


def show_similar(overlay: Overlay, similarity: float) -> None:
    """Hides the graph's edges below a similarity in [-1, 1]."""
    show_edges_above(overlay.edge_model, similarity)


def jump_to_region(overlay: Overlay, region_id: str, centered: bool = True) -> None:
    """Moves every slice view through a region's centroid; `centered` moves it to the middle of the view too.

    Raises KeyError for a region the overlay does not have.
    """
    centroid = {region.id: region.centroid for region in overlay.regions}[region_id]
    mode = slicer.vtkMRMLSliceNode.CenteredJumpSlice if centered else slicer.vtkMRMLSliceNode.OffsetJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(overlay.scene, *centroid, mode)


def composites(scene: slicer.vtkMRMLScene) -> Iterator[slicer.vtkMRMLSliceCompositeNode]:
    """The scene's slice views."""
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
        yield scene.GetNthNodeByClass(index, "vtkMRMLSliceCompositeNode")
