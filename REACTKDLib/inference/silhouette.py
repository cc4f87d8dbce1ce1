"""The liver from the front, and the lesions in it, as solid bodies in the light."""

import numpy as np
import SimpleITK as sitk
from PIL import Image

from ..imaging.geometry import Geometry
from ..imaging.masks import bounding_box
from .depiction import sample
from .drawing import HEIGHT, WIDTH
from .prediction import Prediction
from .views import CORONAL, MARGIN_MM

VOXEL_PIXELS = 4
"""Edge of the voxels that the bodies are made of; their smoothed surfaces hide it."""
LIVER_SMOOTHING, LESION_SMOOTHING = 6.0, 4.5
"""Picture pixels."""
TOWARDS_LIGHT = (-0.75, -0.5, -0.43)
"""Unit vector over inward, down and right of the silhouette: the light is above, in front, and to the left."""
LIVER_TINT, LESION_TINT = (214, 200, 190), (150, 118, 104)


def silhouette(prediction: Prediction, plane: Geometry, points: np.ndarray) -> Image.Image:
    """The picture of a coronal plane, one pixel for `VOXEL_PIXELS`. points: (n, 3) LPS mm, as deep as the liver."""
    columns, rows = WIDTH // VOXEL_PIXELS, HEIGHT // VOXEL_PIXELS
    spacing = plane.spacing[0] * VOXEL_PIXELS
    depth = points @ CORONAL.inward
    slices = int(np.ceil((np.ptp(depth) + 2 * MARGIN_MM) / spacing))
    origin = plane.to_world(np.array([VOXEL_PIXELS / 2 - 0.5, VOXEL_PIXELS / 2 - 0.5, 0.0]))
    origin += CORONAL.inward * (depth.min() - MARGIN_MM - CORONAL.inward @ origin)
    grid = Geometry((columns, rows, slices), (spacing,) * 3, tuple(origin.tolist()), plane.direction)
    labels = sample(prediction.regions, grid, sitk.sitkNearestNeighbor, 0)

    rgb = np.full((rows, columns, 3), 255.0, np.float32)
    layers = [(labels > 0, LIVER_TINT, LIVER_SMOOTHING, 1.0)]
    if prediction.lesions:
        lesions = np.isin(labels, [node.label for node in prediction.lesions])
        layers.append((lesions, LESION_TINT, LESION_SMOOTHING, 0.75))
    for mask, tint, smoothing, opacity in layers:
        light, cover = _shaded(mask, smoothing / VOXEL_PIXELS)
        rgb += (np.float32(tint) * light[..., None] - rgb) * (opacity * cover)[..., None]
    return Image.fromarray(rgb.clip(0, 255).round().astype(np.uint8))


def _shaded(mask: np.ndarray, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    """Light on the front surface, and cover in [0, 1], both (H, W).

    mask: (D, H, W), D away from the reader. smoothing: voxels.
    """
    light, cover = np.zeros((2, *mask.shape[1:]), np.float32)
    box = bounding_box(mask, 4 * int(np.ceil(smoothing)))
    volume = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(mask[box].astype(np.float32)), smoothing)
    )
    deepest = volume.max(axis=0)
    front = np.where(deepest > 0.5, (volume > 0.5).argmax(axis=0), volume.argmax(axis=0))
    index = np.stack([front, *np.indices(front.shape)])
    steps = np.eye(3, dtype=int)[:, :, None, None]
    limits = np.array(volume.shape)[:, None, None] - 1
    ahead, behind = (
        np.stack([volume[tuple(np.clip(index + sign * step, 0, limits))] for step in steps]) for sign in (1, -1)
    )
    outward = behind - ahead
    outward /= np.maximum(np.linalg.norm(outward, axis=0), 1e-6)
    light[box[1:]] = 0.62 + 0.5 * np.clip(np.tensordot(TOWARDS_LIGHT, outward, axes=1), 0.0, 1.0)
    cover[box[1:]] = np.clip((deepest - 0.35) / 0.3, 0.0, 1.0)
    return light, cover
