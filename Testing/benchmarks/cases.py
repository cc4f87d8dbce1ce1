"""A case of clinical size in files: 512x512x148 CT, a PET on its own grid, two masks."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.phantom import make_phantom
from REACTKDLib.imaging.writing import write_image
from REACTKDLib.inference.run import CaseFiles

CT_SIZE = (512, 512, 148)


@cache
def _folder() -> TemporaryDirectory:
    return TemporaryDirectory(prefix="reactkd-bench-")


@cache
def clinical_case() -> CaseFiles:
    """Files that live as long as this process."""
    folder = Path(_folder().name)
    phantom = make_phantom(7, lesions=3)
    coarse = Geometry.of(phantom.ct)
    spacing = np.array(coarse.spacing) * coarse.size / CT_SIZE
    grid = Geometry(CT_SIZE, tuple(spacing.tolist()), coarse.origin)
    reference = sitk.Image(CT_SIZE, sitk.sitkUInt8)
    reference.SetSpacing(grid.spacing)
    reference.SetOrigin(grid.origin)
    ct = sitk.Resample(phantom.ct, reference, sitk.Transform(), sitk.sitkLinear, -1000)
    # Without noise of its own the CT would compress, and so read, better than a real one.
    noise = np.random.default_rng(0).normal(0, 10, grid.shape).astype(np.int16)
    images = {"ct": grid.image(sitk.GetArrayFromImage(ct) + noise), "pet_fdg": phantom.pet["fdg"]}
    for name, mask in (("liver", phantom.liver), ("tumor", phantom.tumor)):
        images[name] = sitk.Resample(mask, reference, sitk.Transform(), sitk.sitkNearestNeighbor)
    for name, image in images.items():
        write_image(image, folder / f"{name}.nii.gz")
    return CaseFiles(**{name: folder / f"{name}.nii.gz" for name in images})


def ct_megabytes() -> float:
    """Of the CT's voxels at 16 bits."""
    return np.prod(CT_SIZE) * 2 / 1e6
