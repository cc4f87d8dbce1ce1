"""A case given as nodes: checked, and written as the files that a worker reads."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from os import strerror
from pathlib import Path

import numpy as np
import slicer

from ..imaging.errors import CaseError
from ..imaging.geometry import Geometry
from ..imaging.raw_nrrd import write_raw_nrrd
from ..imaging.roles import ROLE_NAMES
from ..imaging.segment_names import liver_of, tumor_of
from ..inference.case_files import CaseFiles
from ..inference.prediction import OutputError
from .segment_masks import NodeSegment, is_empty, mask_of, segments_of
from .world import is_linear, without_noise, world_geometry, world_voxels

NO_TUMOR = "(no tumour)"
"""In the place of a tumour's segment: the liver holds no lesion."""


@dataclass(frozen=True)
class CaseNodes:
    """What a user chose; None where nothing is chosen yet.

    pet: by tracer. liver_segment, tumor_segment: segment ids; None: chosen by name as in a file, the liver's segment
    by `liver_of` and every tumour's by `tumor_of`; NO_TUMOR: none of them.
    """

    ct: slicer.vtkMRMLScalarVolumeNode | None
    segmentation: slicer.vtkMRMLSegmentationNode | None
    pet: Mapping[str, slicer.vtkMRMLScalarVolumeNode] = field(default_factory=dict)
    liver_segment: str | None = None
    tumor_segment: str | None = None


def is_single_image(volume: slicer.vtkMRMLVolumeNode) -> bool:
    """Whether it holds one grey value a voxel, and is not the window through which a sequence is seen."""
    return _has_voxels(volume) and volume.GetImageData().GetNumberOfScalarComponents() == 1 and not _is_proxy(volume)


def unusable(nodes: CaseNodes) -> str | None:
    """Why the nodes are no case, as far as it can be seen without looking at voxels: in less than 5 ms."""
    try:
        _check_choice(nodes)
    except CaseError as error:
        return str(error)
    return None


def check(nodes: CaseNodes) -> None:
    """Whether the nodes make a case; what the images hold is checked where they are read.

    Raises CaseError: no_ct, no_segmentation, input_removed, same_volume_twice, volume_sequence, no_voxels,
    nonlinear_transform, no_liver_segment, unknown_segment, empty_segment.
    """
    _check_choice(nodes)
    for segments in (_liver(nodes), _tumor(nodes)):
        if segments and all(is_empty(nodes.segmentation, segment.id) for segment in segments):
            raise CaseError(
                "empty_segment",
                f"Nothing is drawn in {_names(segments)} of the segmentation '{nodes.segmentation.GetName()}'.",
                "Segment it first, or choose another segment; without a tumour, choose that there is none.",
            )


def check_there(nodes: CaseNodes) -> None:
    """Whether the volumes that a result is shown on are in the scene still. Raises CaseError input_removed."""
    for role, volume in _volumes(nodes).items():
        _check_there(volume, ROLE_NAMES[role])


def write_case(nodes: CaseNodes, folder: Path | str, name: str) -> CaseFiles:
    """Uncompressed files in an existing folder: ct, liver, tumor, fdg and act, never a node's name.

    Linear parent transforms are applied: the files lie where the nodes are shown. name: of the case, in its results.
    Raises CaseError as `check`, except for emptiness, and OutputError case_not_writable, which leaves no file behind.
    """
    _check_choice(nodes)
    folder, ct = Path(folder), world_geometry(nodes.ct)
    with ExitStack() as undo:

        def write(role: str, array: np.ndarray, geometry: Geometry) -> Path:
            path = folder / f"{role}.nrrd"
            undo.callback(path.unlink, missing_ok=True)
            write_raw_nrrd(array, without_noise(geometry), path)
            return path

        try:
            paths = {"ct": write("ct", *world_voxels(nodes.ct))}
            paths |= {f"pet_{tracer}": write(tracer, *world_voxels(volume)) for tracer, volume in nodes.pet.items()}
            for role, segments in (("liver", _liver(nodes)), ("tumor", _tumor(nodes))):
                if segments:
                    mask = mask_of(nodes.segmentation, [segment.id for segment in segments], ct)
                    paths[role] = write(role, mask.array, mask.geometry)
        except OSError as error:
            reason = strerror(error.errno) if error.errno else str(error)
            raise OutputError(
                "case_not_writable",
                f"The images of the case cannot be written to {folder}: {reason}.",
                "Free some space, or set another folder for temporary files in the application's settings.",
            ) from error
        undo.pop_all()
    return CaseFiles(**paths, name=name)


def _check_choice(nodes: CaseNodes) -> None:
    """What can be known without looking at voxels."""
    if nodes.ct is None:
        raise CaseError("no_ct", "No CT is chosen.", "Choose the CT of the liver.")
    volumes = _volumes(nodes)
    if len(set(volumes.values())) < len(volumes):
        twice = next(volume for volume in volumes.values() if list(volumes.values()).count(volume) > 1)
        raise CaseError(
            "same_volume_twice",
            f"The volume '{twice.GetName()}' is chosen twice.",
            "Choose another one, or leave the PET out.",
        )
    for role, volume in volumes.items():
        _check_volume(volume, ROLE_NAMES[role])
    if nodes.segmentation is None:
        raise CaseError("no_segmentation", "No segmentation is chosen.", "Choose one with the liver and its tumours.")
    _check_there(nodes.segmentation, "segmentation")
    _check_transform(nodes.segmentation, "segmentation")
    _liver(nodes), _tumor(nodes)


def _volumes(nodes: CaseNodes) -> dict[str, slicer.vtkMRMLScalarVolumeNode]:
    """By role."""
    return {"ct": nodes.ct, **nodes.pet}


def _check_there(node: slicer.vtkMRMLNode, role: str) -> None:
    if node.GetScene() is None:
        message = f"The {role} '{node.GetName()}' was removed from the scene."
        raise CaseError("input_removed", message, "Load it again, or choose another one.")


def _check_volume(volume: slicer.vtkMRMLScalarVolumeNode, role: str) -> None:
    _check_there(volume, role)
    if not _has_voxels(volume):
        raise CaseError("no_voxels", f"The {role} '{volume.GetName()}' holds no voxels.", "Load it again.")
    if not is_single_image(volume):
        raise CaseError(
            "volume_sequence",
            f"The {role} '{volume.GetName()}' holds several images: phases, frames or colours.",
            "Take one phase out of it as a volume of its own, and choose that.",
        )
    _check_transform(volume, role)


def _check_transform(node: slicer.vtkMRMLTransformableNode, role: str) -> None:
    if not is_linear(node):
        raise CaseError(
            "nonlinear_transform",
            f"The {role} '{node.GetName()}' is bent by the transform '{node.GetParentTransformNode().GetName()}'.",
            "Harden the transform (in the module Transforms), or take the node out of it.",
        )


def _has_voxels(volume: slicer.vtkMRMLVolumeNode) -> bool:
    image = volume.GetImageData()
    return image is not None and image.GetNumberOfPoints() > 0


def _is_proxy(volume: slicer.vtkMRMLVolumeNode) -> bool:
    """Whether a sequence browser shows its frames in this node."""
    scene, name = volume.GetScene(), "vtkMRMLSequenceBrowserNode"
    browsers = [scene.GetNthNodeByClass(index, name) for index in range(scene.GetNumberOfNodesByClass(name))]
    return any(browser.IsProxyNodeID(volume.GetID()) for browser in browsers)


def _liver(nodes: CaseNodes) -> tuple[NodeSegment, ...]:
    """Raises CaseError: no_liver_segment, unknown_segment."""
    segments = segments_of(nodes.segmentation)
    if nodes.liver_segment is not None:
        return _chosen(nodes, segments, nodes.liver_segment)
    found = liver_of(segments)
    if not found:
        raise CaseError(
            "no_liver_segment",
            f"The segmentation '{nodes.segmentation.GetName()}' has no segment that is called liver; "
            f"it has {_names(segments) or 'none'}.",
            "Say which segment is the liver.",
        )
    return found


def _tumor(nodes: CaseNodes) -> tuple[NodeSegment, ...]:
    """Empty where there is none. Raises CaseError unknown_segment."""
    segments = segments_of(nodes.segmentation)
    if nodes.tumor_segment == NO_TUMOR:
        return ()
    return tumor_of(segments) if nodes.tumor_segment is None else _chosen(nodes, segments, nodes.tumor_segment)


def _chosen(nodes: CaseNodes, segments: Sequence[NodeSegment], segment_id: str) -> tuple[NodeSegment, ...]:
    found = tuple(segment for segment in segments if segment.id == segment_id)
    if not found:
        raise CaseError(
            "unknown_segment",
            f"A chosen segment is not in the segmentation '{nodes.segmentation.GetName()}' any more.",
            f"Choose one of {_names(segments) or 'another segmentation'}.",
        )
    return found


def _names(segments: Sequence[NodeSegment]) -> str:
    return ", ".join(f"'{segment.name}'" for segment in segments)
