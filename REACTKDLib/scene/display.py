"""What an overlay shows: the class, the map in the slices, its opacity, the edges, the place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import slicer

from ..inference.depiction import OVERLAY_OPACITY
from .graph import edges_shown_above, set_spheres, show_edges_above
from .legend import REGION_ATTENTION, legend_title, set_legend_title
from .overlay_nodes import Overlay
from .regions import color_regions

AttentionMap = Literal["voxel", "region"]

OPACITY_PARAMETER = "map opacity"


@dataclass(frozen=True)
class Shown:
    """What an overlay shows.

    attention_map: in the slices, None where none is there. opacity: of its strongest attention.
    similarity: of the weakest edge that is shown; -1 shows all. class_index: whose attention it is.
    """

    nodes: bool
    edges: bool
    labels: bool
    attention_map: AttentionMap | None
    opacity: float
    similarity: float
    class_index: int


def shown(overlay: Overlay) -> Shown:
    """As the nodes have it, whoever changed them."""
    composite, attention_map = next(_showing(overlay), (None, None))
    kept = overlay.parameters.GetParameter(OPACITY_PARAMETER)
    return Shown(
        nodes=bool(overlay.node_model.GetDisplayNode().GetVisibility()),
        edges=bool(overlay.edge_model.GetDisplayNode().GetVisibility()),
        labels=bool(overlay.labels.GetDisplayNode().GetVisibility()),
        attention_map=attention_map,
        opacity=composite.GetForegroundOpacity() if composite else float(kept or OVERLAY_OPACITY),
        similarity=edges_shown_above(overlay.edge_model),
        class_index=overlay.shown_class,
    )


def show_nodes(overlay: Overlay, visible: bool) -> None:
    """The graph's spheres. The legend of their colours stays: the regions' surfaces have the same."""
    overlay.node_model.GetDisplayNode().SetVisibility(visible)


def show_edges(overlay: Overlay, visible: bool) -> None:
    overlay.edge_model.GetDisplayNode().SetVisibility(visible)


def show_labels(overlay: Overlay, visible: bool) -> None:
    overlay.labels.GetDisplayNode().SetVisibility(visible)


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
    _keep_opacity(overlay, opacity)
    for composite in composites(overlay.scene):
        show_in_slice(overlay, composite, attention_map, opacity)


def show_map(overlay: Overlay, attention_map: AttentionMap | None) -> None:
    """Which map the slices show, at the opacity they last had; None takes it off those that show one."""
    opacity = shown(overlay).opacity
    if attention_map is not None:
        show_in_slices(overlay, attention_map, opacity)
        return
    _keep_opacity(overlay, opacity)
    for composite, _ in _showing(overlay):
        composite.SetForegroundVolumeID(None)


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
    _keep_opacity(overlay, opacity)
    for composite, _ in _showing(overlay):
        composite.SetForegroundOpacity(opacity)


def show_similar(overlay: Overlay, similarity: float) -> None:
    """Hides the graph's edges below a similarity in [-1, 1]."""
    show_edges_above(overlay.edge_model, similarity)


def jump_to_region(overlay: Overlay, region_id: str, centered: bool = True) -> None:
    """Moves every slice view to where slices through a region meet; `centered` moves that to the view's middle too.

    Raises KeyError for a region the overlay does not have.
    """
    point = {region.id: region.slice_point for region in overlay.regions}[region_id]
    mode = slicer.vtkMRMLSliceNode.CenteredJumpSlice if centered else slicer.vtkMRMLSliceNode.OffsetJumpSlice
    slicer.vtkMRMLSliceNode.JumpAllSlices(overlay.scene, *point, mode)


def _showing(overlay: Overlay) -> Iterator[tuple[slicer.vtkMRMLSliceCompositeNode, AttentionMap]]:
    """The slice views that show a map of this overlay, and which."""
    maps: dict[str, AttentionMap] = {volume.GetID(): "voxel" for volume in overlay.voxel_attention}
    maps |= {volume.GetID(): "region" for volume in overlay.region_attention}
    for composite in composites(overlay.scene):
        if attention_map := maps.get(composite.GetForegroundVolumeID()):
            yield composite, attention_map


def _keep_opacity(overlay: Overlay, opacity: float) -> None:
    """For when no slice view shows a map, and none tells it."""
    overlay.parameters.SetParameter(OPACITY_PARAMETER, repr(opacity))


def composites(scene: slicer.vtkMRMLScene) -> Iterator[slicer.vtkMRMLSliceCompositeNode]:
    """The scene's slice views."""
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
        yield scene.GetNthNodeByClass(index, "vtkMRMLSliceCompositeNode")
