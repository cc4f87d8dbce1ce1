"""What every picture of a prediction agrees on, the report's and the scene's: where slices cut it, how dense its
attention is, where its colours end, how they fade."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from ..imaging.geometry import Geometry
from .prediction import REFERENCE_ML, Node, Prediction

OVERLAY_OPACITY = 0.6
"""Of the strongest attention over a CT."""
CLEAR_BELOW = 0.06
"""Share of the limit below which nothing is shown over a CT: as much is everywhere, and means little."""

SIDES = (("R", "L"), ("A", "P"), ("I", "S"))
"""Of the patient, towards lower and higher values of LPS x, y and z."""


def slice_point(regions: sitk.Image, node: Node) -> np.ndarray:
    """Where slices through a region meet: the centre of its voxel nearest its centroid, (3,) LPS mm.

    They contain the region even where its centroid lies outside of it.
    """
    labels, geometry = sitk.GetArrayViewFromImage(regions), Geometry.of(regions)
    # Halfway between two voxels the lower one, whatever the rounding error: no slice may depend on that.
    nearest = np.ceil(geometry.to_index(node.centroid_lps_mm) - 0.5 - 1e-6).astype(int)
    if labels[tuple(nearest[::-1])] == node.label:
        return geometry.to_world(nearest)
    voxels = geometry.to_world(np.column_stack(np.nonzero(labels == node.label)[::-1]))
    return voxels[np.argmin(((voxels - node.centroid_lps_mm) ** 2).sum(axis=1))]


def position_text(normal: Sequence[float], point: Sequence[float]) -> str:
    """Where the slice through a point lies, such as `S 12.0 mm`. normal: of the slice. Both LPS."""
    axis = int(np.argmax(np.abs(normal)))
    # Rounded twice: 40.25 and 40.2500001 are one place.
    place = round(float(point[axis]), 2)
    return f"{SIDES[axis][int(place >= 0)]} {abs(place):.1f} mm"


def attention_density(prediction: Prediction, class_index: int) -> sitk.Image:
    """Attention for a class in logit per `REFERENCE_ML`, on the feature grid."""
    share = sitk.VectorIndexSelectionCast(prediction.attention, class_index, sitk.sitkFloat32)
    return share * (REFERENCE_ML / Geometry.of(share).voxel_ml)


def density_limit(prediction: Prediction) -> float:
    """End of the colours of a voxel map, logit per `REFERENCE_ML`; 0 where there is no attention.

    It is the highest |density| inside the liver, so that no colour stands for more than its legend says: lesions take a
    hundredth of a liver, and beyond a percentile of its voxels most of them would look alike. It is that of all
    classes, so that their maps compare.
    """
    inside = sample(prediction.regions, Geometry.of(prediction.attention), sitk.sitkNearestNeighbor, 0) > 0
    densities = (attention_density(prediction, index) for index in range(len(prediction.classes)))
    return max(float(np.abs(sitk.GetArrayViewFromImage(d)).max(where=inside, initial=0.0)) for d in densities)


def region_limit(prediction: Prediction) -> float:
    """End of the colours of regions, logit: the highest |attention| of a region for any class; 0 without any."""
    return max(abs(value) for node in prediction.nodes for value in node.attention)


def fading(shares: np.ndarray) -> np.ndarray:
    """Of the full opacity over a CT: 0 near zero, 1 at the limit, without an edge that could be taken for a border.

    shares: of the limit, in [-1, 1], any shape.
    """
    return np.clip((np.abs(shares) - CLEAR_BELOW) / (1.0 - CLEAR_BELOW), 0.0, 1.0) ** 0.6


def sample(image: sitk.Image, grid: Geometry, interpolator: int, outside: float) -> np.ndarray:
    """The image on the grid, (D, H, W) in the image's own type."""
    return sitk.GetArrayFromImage(
        sitk.Resample(
            image, grid.size, sitk.Transform(), interpolator, grid.origin, grid.spacing, grid.direction, outside
        )
    )
