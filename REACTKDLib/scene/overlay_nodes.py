"""The nodes of one case's overlay, and how a saved scene remembers that they belong together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

import slicer

from ..inference.prediction import OutputError, PredictionSummary, most_attended, read_summary
from .tables import Region, read_columns, read_regions

MARK = "REACTKD.overlay"
"""Attribute of the parameter node that an overlay is found by."""
OWNED = "REACTKD.owned"
"""Attribute of every node that was made for an overlay, and the role in which its parameter node refers to it."""
PET_ROLE = "pet."
CLASS_ROLES = ("region_attention", "voxel_attention")


@dataclass(frozen=True)
class Overlay:
    """The nodes of one case. Where an attribute is a tuple, it holds one volume a class.

    parameters: what is shown and how, saved with the scene; its node references tie the rest together.
    prediction: its JSON, so that a reopened scene needs no result folder.
    """

    parameters: slicer.vtkMRMLScriptedModuleNode
    ct: slicer.vtkMRMLScalarVolumeNode
    pet: Mapping[str, slicer.vtkMRMLScalarVolumeNode]
    segmentation: slicer.vtkMRMLSegmentationNode
    region_attention: tuple[slicer.vtkMRMLScalarVolumeNode, ...]
    voxel_attention: tuple[slicer.vtkMRMLScalarVolumeNode, ...]
    node_model: slicer.vtkMRMLModelNode
    edge_model: slicer.vtkMRMLModelNode
    labels: slicer.vtkMRMLMarkupsFiducialNode
    region_table: slicer.vtkMRMLTableNode
    edge_table: slicer.vtkMRMLTableNode
    probability_table: slicer.vtkMRMLTableNode
    series: slicer.vtkMRMLPlotSeriesNode
    chart: slicer.vtkMRMLPlotChartNode
    prediction: slicer.vtkMRMLTextNode
    colors: slicer.vtkMRMLColorTableNode
    fading_colors: slicer.vtkMRMLColorTableNode
    similarity_colors: slicer.vtkMRMLColorTableNode

    @property
    def scene(self) -> slicer.vtkMRMLScene:
        return self.parameters.GetScene()

    @property
    def nodes(self) -> tuple[slicer.vtkMRMLNode, ...]:
        """All of them, the parameters excepted."""
        singles = (getattr(self, role) for role in SINGLE_ROLES)
        return (self.ct, *self.pet.values(), *self.region_attention, *self.voxel_attention, *singles)

    @property
    def summary(self) -> PredictionSummary:
        """Grade, findings, uncertainty, deletion check, provenance: the prediction without its images.

        Raises OutputError when the text was altered, or is of a newer version.
        """
        return read_summary(self.prediction.GetText(), "The scene")

    @property
    def case(self) -> str:
        return self.summary.case

    @property
    def classes(self) -> tuple[str, ...]:
        return self.summary.classes

    @property
    def grade(self) -> int:
        """Index of the predicted class."""
        return self.summary.grade

    @property
    def abstain(self) -> bool:
        return self.summary.abstain

    @property
    def shown_class(self) -> int:
        return int(self.parameters.GetParameter("shown class"))

    @property
    def region_limit(self) -> float:
        """End of the colours of regions, logit."""
        return float(self.parameters.GetParameter("region limit"))

    @property
    def voxel_limit(self) -> float:
        """End of the colours of voxel maps, logit per 100 mL."""
        return float(self.parameters.GetParameter("voxel limit"))

    @property
    def probabilities(self) -> tuple[float, ...]:
        return tuple(read_columns(self.probability_table)["probability"])

    @property
    def regions(self) -> tuple[Region, ...]:
        return read_regions(self.region_table, self.classes)

    @property
    def most_attended(self) -> Region:
        """As `Prediction.most_attended`."""
        return most_attended(self.regions, self.grade)


SINGLE_ROLES = tuple(
    field.name for field in fields(Overlay) if field.name not in ("parameters", "ct", "pet", *CLASS_ROLES)
)


def link(overlay: Overlay, owned: Iterable[slicer.vtkMRMLNode]) -> None:
    """Makes the parameter node refer to every other node, by role: references outlive renumbered ids.

    owned: what was made for the overlay, and goes with it.
    """
    parameters = overlay.parameters
    for node in owned:
        node.SetAttribute(OWNED, "1")
        parameters.AddNodeReferenceID(OWNED, node.GetID())
    for role in ("ct", *SINGLE_ROLES):
        parameters.SetNodeReferenceID(role, getattr(overlay, role).GetID())
    for tracer, volume in overlay.pet.items():
        parameters.SetNodeReferenceID(PET_ROLE + tracer, volume.GetID())
    for role in CLASS_ROLES:
        for volume in getattr(overlay, role):
            parameters.AddNodeReferenceID(role, volume.GetID())


def read(parameters: slicer.vtkMRMLScriptedModuleNode) -> Overlay | None:
    """The overlay that was linked; None when one of its nodes is gone, or its prediction cannot be read."""
    roles = [parameters.GetNthNodeReferenceRole(i) for i in range(parameters.GetNumberOfNodeReferenceRoles())]
    overlay = Overlay(
        parameters=parameters,
        pet={role.removeprefix(PET_ROLE): _first(parameters, role) for role in roles if role.startswith(PET_ROLE)},
        **{role: _first(parameters, role) for role in ("ct", *SINGLE_ROLES)},
        **{role: _all(parameters, role) for role in CLASS_ROLES},
    )
    return overlay if all(overlay.nodes) and _is_whole(overlay) else None


def owned_nodes(parameters: slicer.vtkMRMLScriptedModuleNode) -> tuple[slicer.vtkMRMLNode, ...]:
    """What was made for the overlay and is still there, even where the overlay is not whole any more."""
    return tuple(node for node in _all(parameters, OWNED) if node is not None)


def _is_whole(overlay: Overlay) -> bool:
    try:
        classes = len(overlay.classes)
        _ = overlay.regions
    except (OutputError, KeyError):
        return False
    return all(len(getattr(overlay, role)) == classes for role in CLASS_ROLES)


def _first(parameters: slicer.vtkMRMLScriptedModuleNode, role: str) -> slicer.vtkMRMLNode | None:
    return parameters.GetNodeReference(role)


def _all(parameters: slicer.vtkMRMLScriptedModuleNode, role: str) -> tuple[slicer.vtkMRMLNode | None, ...]:
    count = parameters.GetNumberOfNodeReferences(role)
    return tuple(parameters.GetNthNodeReference(role, index) for index in range(count))
