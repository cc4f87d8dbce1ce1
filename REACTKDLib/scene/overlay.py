"""A prediction as one set of MRML nodes: built, found again in a reopened scene, removed."""

import slicer

from ..inference.prediction import Prediction
from . import hierarchy
from .attention import add_region_attention, add_voxel_attention, region_limit, voxel_map
from .chart import add_chart
from .colors import add_attention_colors, add_fading_attention_colors, add_similarity_colors
from .display import show_class
from .graph import add_edge_model, add_labels, add_node_model
from .legend import REGION_ATTENTION, VOXEL_ATTENTION, add_legend, legend_title
from .overlay_nodes import MARK, Overlay, link, owned_nodes, read
from .regions import add_segmentation, cropped_regions
from .tables import add_edge_table, add_prediction_text, add_probability_table, add_region_table, read_regions
from .volumes import CaseImages, CaseVolumes, add_case_volumes


def build_overlay(scene: slicer.vtkMRMLScene, prediction: Prediction, images: CaseImages | CaseVolumes) -> Overlay:
    """Every node of the prediction, under the folder "REACT-KD: <case>", coloured for the predicted grade.

    images: of the case; volumes that are in the scene already are referred to and left as they are. What the slices
    show is left as it is too: see `show_in_slices`.
    """
    is_new = isinstance(images, CaseImages)
    volumes = add_case_volumes(scene, images) if is_new else images
    overlay = _add_nodes(scene, prediction, volumes)
    theirs = () if is_new else (volumes.ct, *volumes.pet.values())
    ours = [node for node in overlay.nodes if node not in theirs]
    link(overlay, (*ours, *(_pet_colors(overlay) if is_new else ())))
    hierarchy.add_folder(scene, f"REACT-KD: {prediction.case}", [node for node in ours if _belongs_in_folder(node)])
    show_class(overlay, prediction.grade)
    return overlay


def find_overlays(scene: slicer.vtkMRMLScene) -> tuple[Overlay, ...]:
    """Those that are whole, as after opening a saved scene: every node there, the prediction's text readable."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode")
    nodes = (scene.GetNthNodeByClass(index, "vtkMRMLScriptedModuleNode") for index in range(count))
    overlays = (read(node) for node in nodes if node.GetAttribute(MARK))
    return tuple(overlay for overlay in overlays if overlay is not None)


def remove_overlay(parameters: slicer.vtkMRMLScriptedModuleNode) -> None:
    """Takes the nodes that were made for an overlay out of the scene; the user's own volumes stay.

    parameters: of the overlay, which need not be whole any more.
    """
    scene = parameters.GetScene()
    for node in owned_nodes(parameters):
        _remove(scene, node)
    scene.RemoveNode(parameters)


def _add_nodes(scene: slicer.vtkMRMLScene, prediction: Prediction, volumes: CaseVolumes) -> Overlay:
    colors, fading_colors = add_attention_colors(scene), add_fading_attention_colors(scene)
    similarity_colors = add_similarity_colors(scene)
    label_map = cropped_regions(prediction.regions)
    attention = voxel_map(prediction, label_map)
    region_table = add_region_table(scene, prediction)
    probability_table = add_probability_table(scene, prediction)
    series, chart = add_chart(scene, probability_table)
    regions = read_regions(region_table, prediction.classes)
    overlay = Overlay(
        parameters=_add_parameters(scene, prediction, attention.limit),
        ct=volumes.ct,
        pet=volumes.pet,
        segmentation=add_segmentation(scene, prediction, label_map, volumes.ct),
        region_attention=add_region_attention(scene, prediction, label_map, fading_colors),
        voxel_attention=add_voxel_attention(scene, attention, prediction.classes, fading_colors),
        node_model=add_node_model(scene, colors, region_limit(prediction)),
        edge_model=add_edge_model(scene, regions, prediction.edges, similarity_colors),
        labels=add_labels(scene, regions, prediction.edges),
        region_table=region_table,
        edge_table=add_edge_table(scene, prediction),
        probability_table=probability_table,
        series=series,
        chart=chart,
        prediction=add_prediction_text(scene, prediction),
        colors=colors,
        fading_colors=fading_colors,
        similarity_colors=similarity_colors,
    )
    _add_legends(overlay)
    return overlay


def _add_parameters(
    scene: slicer.vtkMRMLScene, prediction: Prediction, voxel_limit: float
) -> slicer.vtkMRMLScriptedModuleNode:
    parameters = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "REACT-KD overlay")
    parameters.SetAttribute(MARK, "1")
    values = {
        "shown class": str(prediction.grade),
        "region limit": repr(region_limit(prediction)),
        "voxel limit": repr(voxel_limit),
    }
    for name, value in values.items():
        parameters.SetParameter(name, value)
    return parameters


def _add_legends(overlay: Overlay) -> None:
    add_legend(overlay.node_model, "")
    for name, by_region, by_voxel in zip(
        overlay.classes, overlay.region_attention, overlay.voxel_attention, strict=True
    ):
        add_legend(by_region, legend_title(REGION_ATTENTION, name))
        add_legend(by_voxel, legend_title(VOXEL_ATTENTION, name, overlay.region_limit))


def _pet_colors(overlay: Overlay) -> tuple[slicer.vtkMRMLColorNode, ...]:
    return tuple(volume.GetDisplayNode().GetColorNode() for volume in overlay.pet.values() if volume.GetDisplayNode())


def _belongs_in_folder(node: slicer.vtkMRMLNode) -> bool:
    return not node.IsA("vtkMRMLColorNode")


def _remove(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode) -> None:
    """With its display and storage nodes, which the scene would keep."""
    helpers = []
    if node.IsA("vtkMRMLDisplayableNode"):
        helpers += [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        helpers += [node.GetNthStorageNode(i) for i in range(node.GetNumberOfStorageNodes())]
    hierarchy.remove_item(node)
    scene.RemoveNode(node)
    for helper in helpers:
        if helper is not None and helper.GetScene() is scene:
            scene.RemoveNode(helper)
