"""A small abdomen: an ellipsoid liver with two lesions in a body of fat, in air."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.case import Case
from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.imaging.geometry import Geometry

LIVER_CENTRE, LIVER_RADII = np.array([-40.0, 10.0, -20.0]), np.array([70.0, 55.0, 60.0])
LESIONS = (((-70.0, 0.0, -10.0), 18.0), ((0.0, 25.0, -40.0), 8.0))


@dataclass(frozen=True)
class Abdomen:
    """Images of one anatomy sampled on any grid, through world coordinates."""

    geometry: Geometry

    @cached_property
    def world(self) -> np.ndarray:
        """LPS mm of every voxel, (D, H, W, 3)."""
        zyx = np.stack(np.meshgrid(*(np.arange(n) for n in self.geometry.shape), indexing="ij"), axis=-1)
        return self.geometry.to_world(zyx[..., ::-1].astype(np.float32)).astype(np.float32)

    def sphere(self, centre, radius) -> np.ndarray:
        return ((self.world - np.array(centre, np.float32)) ** 2).sum(-1) <= radius**2

    @cached_property
    def liver_array(self) -> np.ndarray:
        return (((self.world - LIVER_CENTRE) / LIVER_RADII) ** 2).sum(-1) <= 1

    @cached_property
    def tumor_array(self) -> np.ndarray:
        return np.any([self.sphere(*lesion) for lesion in LESIONS], axis=0)

    @property
    def ct(self) -> sitk.Image:
        hu = np.full(self.geometry.shape, -1000, np.int16)
        hu[((self.world / [160.0, 110.0, 1000.0]) ** 2).sum(-1) <= 1] = -90
        hu[self.liver_array] = 110
        hu[self.tumor_array] = 60
        return self.geometry.image(hu)

    @property
    def liver(self) -> sitk.Image:
        return self.geometry.image(self.liver_array.astype(np.uint8))

    @property
    def tumor(self) -> sitk.Image:
        return self.geometry.image(self.tumor_array.astype(np.uint8))

    @property
    def pet(self) -> sitk.Image:
        uptake = np.full(self.geometry.shape, 500.0, np.float32)
        uptake[self.liver_array] = 4000.0
        uptake[self.tumor_array] = 12000.0
        return self.geometry.image(uptake)


def rotation(degrees: float, axis: int) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    i, j = [a for a in range(3) if a != axis]
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


def grid(spacing=(2.0, 2.0, 3.0), direction=None, size=(170, 130, 60)) -> Geometry:
    """A grid of that spacing and direction with its centre at (-20, 0, -20) LPS."""
    matrix = np.eye(3) if direction is None else np.asarray(direction, float)
    centre = np.array([-20.0, 0.0, -20.0])
    origin = centre - matrix @ (np.array(spacing) * (np.array(size) - 1) / 2)
    return Geometry(size, spacing, tuple(origin.tolist()), tuple(matrix.ravel().tolist()))


def codes(case: Case) -> list[str]:
    return [finding.code for finding in case.findings]


def refused(*arguments, **options) -> CaseError:
    with pytest.raises(CaseError) as caught:
        Case.from_images(*arguments, **options)
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    return caught.value


def moved(image: sitk.Image, millimetres) -> sitk.Image:
    copy = sitk.Image(image)
    copy.SetOrigin(tuple(np.add(image.GetOrigin(), millimetres)))
    return copy


def altered(image: sitk.Image, change) -> sitk.Image:
    array = sitk.GetArrayFromImage(image)
    return Geometry.of(image).image(change(array))


@pytest.fixture(scope="session")
def abdomen() -> Abdomen:
    return Abdomen(grid())


@pytest.fixture(scope="session")
def coarse_pet() -> sitk.Image:
    """FDG on a grid of its own, coarser and offset."""
    return Abdomen(grid(spacing=(5.0, 5.0, 4.0), size=(72, 52, 50))).pet
