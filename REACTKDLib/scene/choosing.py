"""A case suggested from what a scene holds: what its data say of themselves first, names next, voxels last."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar

import slicer

from ..imaging.segment_names import liver_of, tumor_of
from .case_nodes import CaseNodes, is_single_image
from .overlay_nodes import OWNED
from .segment_masks import segments_of

Kind = Literal["ct", "pet"]

MODALITIES: dict[str, Kind] = {"CT": "ct", "PT": "pet", "NM": "pet"}
"""DICOM's modalities that a case is made of."""
MODALITY_ATTRIBUTE = "DICOM.Modality"

CT_WORDS = {"ct", "cta", "ctac", "hu", "arterial", "portal", "venous", "delayed", "contrast"}
PET_WORDS = {"pet", "pt", "suv", "suvbw", "bqml", "fdg", "acetate"}
PORTAL_WORDS = {"portal", "venous", "pv", "pvp"}
ARTERIAL_WORDS = {"arterial", "artery"}
LOW_DOSE_WORDS = {"low", "lowdose", "ctac", "ac", "attenuation", "topogram", "scout", "localizer"}
"""Of a CT that was taken to correct or to plan."""

TRACER_WORDS = {"fdg": {"fdg", "f18", "18f", "fluorodeoxyglucose"}, "act": {"acetate", "act", "ace", "c11", "11c"}}
OTHER_TRACER_WORDS = {"psma", "dotatate", "dotatoc", "choline", "fapi", "fluciclovine", "naf", "mibi", "ga68", "68ga"}
SUV_WORDS = {"suv", "suvbw"}
UNCORRECTED_WORDS = {"nac", "uncorrected"}
NEITHER_WORDS = {"dose", "rtdose", "mr", "mri", "t1", "t2", "fused", "fusion", "sum"}
"""Of what looks like one of them by name or values; "low dose" is a CT."""

AIR_HU, BONE_HU = -500.0, 200.0
"""A CT of the body reaches below the one and above the other, in whole numbers of 16 bits or more."""

Node = TypeVar("Node", bound=slicer.vtkMRMLNode)


def suggest(scene: slicer.vtkMRMLScene) -> CaseNodes:
    """What the scene's nodes most likely are in a case, None where two are equally likely or none is likely at all.

    Nothing that belongs to an overlay is suggested, and no volume twice. Segments are left to their names.
    """
    volumes = [v for v in _nodes(scene, "vtkMRMLScalarVolumeNode") if _is_image(v)]
    kinds = {volume: kind_of(volume) for volume in volumes}
    cts, pets = ([volume for volume in volumes if kinds[volume] == kind] for kind in ("ct", "pet"))
    segmentation = _best(
        (node for node in _nodes(scene, "vtkMRMLSegmentationNode") if liver_of(segments_of(node))),
        lambda node: (bool(tumor_of(segments_of(node))), _drawn_on(node) in cts),
    )
    # A segmentation remembers the volume that it was drawn on, which no name can tell as well.
    drawn_on = _drawn_on(segmentation) if segmentation else None
    ct = drawn_on if drawn_on in cts else _best(cts, lambda volume: _ct_rank(words(volume.GetName())))
    found = {"fdg": _fdg(pets), "act": _of_tracer(pets, "act")}
    return CaseNodes(ct, segmentation, {tracer: volume for tracer, volume in found.items() if volume is not None})


def kind_of(volume: slicer.vtkMRMLScalarVolumeNode) -> Kind | None:
    """CT or PET, by DICOM modality, else by the words of its name, else by its values; None where none of them says."""
    if modality := _modality(volume):
        return MODALITIES.get(modality)
    found = words(volume.GetName())
    if found & NEITHER_WORDS and not {"low", "dose"} <= found:
        return None
    is_ct, is_pet = bool(found & CT_WORDS), bool(found & PET_WORDS or _tracers(found))
    if is_ct != is_pet:
        return "ct" if is_ct else "pet"
    if _looks_like_hu(volume):
        return "ct"
    return "pet" if is_pet and volume.GetImageData().GetScalarRange()[0] >= 0 else None


def words(name: str) -> set[str]:
    """Of a node's name, in small letters: CT_Portal, ctPortal and ct-portal have the same two."""
    return set(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))


def _nodes(scene: slicer.vtkMRMLScene, class_name: str) -> list[slicer.vtkMRMLNode]:
    """Those that a user would find in a selector, ours excepted."""
    nodes = (scene.GetNthNodeByClass(index, class_name) for index in range(scene.GetNumberOfNodesByClass(class_name)))
    return [node for node in nodes if not node.GetAttribute(OWNED) and not node.GetHideFromEditors()]


def _is_image(volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    return not volume.IsA("vtkMRMLLabelMapVolumeNode") and is_single_image(volume)


def _modality(volume: slicer.vtkMRMLScalarVolumeNode) -> str:
    """Empty where the volume does not come from DICOM."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    item = hierarchy.GetItemByDataNode(volume)
    return hierarchy.GetItemAttribute(item, MODALITY_ATTRIBUTE) if item else ""


def _looks_like_hu(volume: slicer.vtkMRMLScalarVolumeNode) -> bool:
    image = volume.GetImageData()
    if image.GetScalarSize() < 2 or image.GetScalarTypeAsString() in ("float", "double"):
        return False
    low, high = image.GetScalarRange()
    return low < AIR_HU and high > BONE_HU


def _drawn_on(segmentation: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLNode | None:
    return segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())


def _ct_rank(found: set[str]) -> tuple[bool, int]:
    """A diagnostic CT before one for correction; among those the portal venous phase, then the arterial."""
    return not found & LOW_DOSE_WORDS, 2 * bool(found & PORTAL_WORDS) + bool(found & ARTERIAL_WORDS)


def _fdg(pets: Sequence[slicer.vtkMRMLScalarVolumeNode]) -> slicer.vtkMRMLScalarVolumeNode | None:
    """One that says so; else the one that says nothing of a tracer, since most PET is FDG."""
    if any("fdg" in _tracers(words(volume.GetName())) for volume in pets):
        return _of_tracer(pets, "fdg")
    silent = [v for v in pets if not _tracers(found := words(v.GetName())) and not found & OTHER_TRACER_WORDS]
    return _best(silent, lambda volume: _pet_rank(words(volume.GetName())))


def _of_tracer(pets: Sequence[slicer.vtkMRMLScalarVolumeNode], tracer: str) -> slicer.vtkMRMLScalarVolumeNode | None:
    own = [volume for volume in pets if _tracers(words(volume.GetName())) == {tracer}]
    return _best(own, lambda volume: _pet_rank(words(volume.GetName())))


def _tracers(found: set[str]) -> set[str]:
    return {tracer for tracer, names in TRACER_WORDS.items() if found & names}


def _pet_rank(found: set[str]) -> tuple[bool, bool]:
    """Corrected for attenuation, and in SUV, which reads best."""
    return not found & UNCORRECTED_WORDS, bool(found & SUV_WORDS)


def _best(nodes: Iterable[Node], rank: Callable[[Node], tuple]) -> Node | None:
    """The one of highest rank; None where two have it, or there is none."""
    ranked = sorted(((rank(node), index, node) for index, node in enumerate(nodes)), reverse=True)
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][2]
