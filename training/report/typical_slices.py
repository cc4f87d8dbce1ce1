"""Which cases a figure shows, and where it cuts them: by rule, so that nobody can choose."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.special import softmax

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.preprocess import preprocess
from REACTKDLib.imaging.regions import LIVER_LABEL, Regions
from REACTKDLib.inference.depiction import sample
from REACTKDLib.inference.overlays import blend, ct_picture, depth_of, hot
from REACTKDLib.inference.views import AXIAL, plane_through, row_ends

from ..engine.measuring import logits_of
from ..evaluation.errors import EvaluationError
from .networks import HeldOut

LARGEST_LESION = LIVER_LABEL + 1
"""Lesions are numbered by falling volume."""
RULE = (
    "Shown of each grade: the case of median confidence among the held-out cases with a lesion that {first} grades "
    "correctly; axial slice through the largest cross-section of its largest lesion, seen from the feet."
)


@dataclass(frozen=True)
class Section:
    """An axial slice of a case. plane: its grid of square pixels. feature_grid: of the network's fused map.

    ct: picture (H, W, 3), 0 to 255. fdg: the same with the uptake over it, if there is one. liver, lesions: pixels from
    their borders, positive inside, (H, W).
    """

    plane: Geometry
    feature_grid: Geometry
    ct: np.ndarray
    fdg: np.ndarray | None
    liver: np.ndarray
    lesions: np.ndarray


def typical_cases(of: HeldOut) -> dict[int, str]:
    """By grade, as `RULE` says; of an even number the less confident one in the middle. A grade may have none.

    Raises EvaluationError no_case where no grade has one.
    """
    logits = logits_of(of.network, of.cases, of.names, of.evaluation, of.device)
    probabilities = softmax(logits.values, axis=1)
    right: dict[int, list[tuple[float, str]]] = {}
    for name, row in zip(logits.names, probabilities, strict=True):
        grade = of.cases.grades[name]
        if row.argmax() == grade and LARGEST_LESION in of.cases.cache.read(name).labels:
            right.setdefault(grade, []).append((row.max(), name))
    if not right:
        raise EvaluationError(
            "no_case",
            f"{of.job.title} grades no held-out case with a lesion correctly.",
            "Show a network that has learnt something.",
        )
    return {grade: sorted(found)[(len(found) - 1) // 2][1] for grade, found in sorted(right.items())}


def section_of(of: HeldOut, name: str) -> Section:
    """Read from the case's own files, at their resolution. Raises CaseError."""
    case = of.files[name].read()
    made = preprocess(case, of.cases.spec)
    image = made.regions.full_label_map()
    plane = plane_through(AXIAL, row_ends(image), _largest_cross_section(made.regions))
    labels = sample(image, plane, sitk.sitkNearestNeighbor, 0)[0]
    ct = ct_picture(case.ct, plane)
    pixel_mm = plane.spacing[0]
    return Section(
        plane,
        made.feature_grid,
        ct,
        _with_uptake(ct, case.pet, made.regions, plane),
        depth_of(labels > 0, pixel_mm),
        depth_of(labels > LIVER_LABEL, pixel_mm),
    )


def _largest_cross_section(regions: Regions) -> np.ndarray:
    """Centre of the largest lesion in the slice that holds most of its voxels: (3,) LPS mm."""
    grid = regions.geometry
    voxels = grid.to_world(np.argwhere(regions.label_map == LARGEST_LESION)[:, ::-1])
    heights = voxels @ AXIAL.inward
    slice_mm = np.abs(AXIAL.inward @ grid.index_to_world[:3, :3]).max()
    slices = np.rint((heights - heights.min()) / slice_mm).astype(int)
    return voxels[slices == np.bincount(slices).argmax()].mean(axis=0)


def _with_uptake(ct: np.ndarray, pet: Mapping[str, sitk.Image], regions: Regions, plane: Geometry) -> np.ndarray | None:
    """From 0 to the highest uptake of a region."""
    highest = max((region.pet["fdg"].max for region in regions.items if "fdg" in region.pet), default=0.0)
    if highest <= 0:
        return None
    picture = ct.copy()
    blend(picture, *hot(sample(pet["fdg"], plane, sitk.sitkLinear, 0.0)[0].astype(np.float32) / highest))
    return picture
