"""Made-up patients, and what a reader can measure in their images."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.phantom import Phantom, PhantomSettings, make_phantom


@lru_cache(maxsize=3)
def positions(geometry: Geometry) -> np.ndarray:
    """LPS mm of each voxel, (D, H, W, 3)."""
    return geometry.to_world(np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1])


@dataclass(frozen=True)
class Reading:
    """A phantom's images as arrays on the CT's grid, (D, H, W): masks, HU and Bq/mL."""

    phantom: Phantom

    @cached_property
    def geometry(self) -> Geometry:
        return Geometry.of(self.phantom.ct)

    @cached_property
    def hu(self) -> np.ndarray:
        return sitk.GetArrayFromImage(self.phantom.ct)

    @cached_property
    def liver(self) -> np.ndarray:
        return sitk.GetArrayFromImage(self.phantom.liver).astype(bool)

    @cached_property
    def tumor(self) -> np.ndarray:
        return sitk.GetArrayFromImage(self.phantom.tumor).astype(bool)

    @cached_property
    def fdg(self) -> np.ndarray:
        return self._on_ct("fdg")

    @cached_property
    def act(self) -> np.ndarray:
        return self._on_ct("act")

    @property
    def world(self) -> np.ndarray:
        """LPS mm of each voxel, (D, H, W, 3)."""
        return positions(self.geometry)

    @property
    def images(self) -> dict[str, sitk.Image]:
        one = self.phantom
        return {"ct": one.ct, **one.pet, "liver": one.liver, "tumor": one.tumor}

    def ball(self, centre: tuple[float, float, float], radius: float) -> np.ndarray:
        return np.linalg.norm(self.world - centre, axis=-1) < radius

    def same_images(self, other: "Reading") -> bool:
        """Bit for bit, and in the same place."""
        pairs = zip(self.images.values(), other.images.values(), strict=True)
        arrays = [[sitk.GetArrayViewFromImage(image).tobytes() for image in pair] for pair in pairs]
        grids = [[Geometry.of(image) for image in each.images.values()] for each in (self, other)]
        return all(a == b for a, b in arrays) and grids[0] == grids[1]

    def _on_ct(self, tracer: str) -> np.ndarray:
        image = sitk.Resample(self.phantom.pet[tracer], self.phantom.ct, sitk.Transform(), sitk.sitkLinear)
        return sitk.GetArrayFromImage(image)


@pytest.fixture(scope="session")
def tiny() -> PhantomSettings:
    """The least grid on which organs and lesions are still themselves."""
    return PhantomSettings.coarse(ct_size=(64, 64, 36), ct_spacing=(5.5, 5.5, 6.2), pet_spacing=(7.0, 7.0, 7.0))


@pytest.fixture(scope="session")
def made(tiny):
    """`make_phantom`, on the least grid unless told otherwise, as a reading."""

    def make(
        seed: int, grade: int | None = None, lesions: int | None = None, settings: PhantomSettings = tiny
    ) -> Reading:
        return Reading(make_phantom(seed, grade, lesions, settings))

    return make


@pytest.fixture(scope="session")
def default(made) -> Reading:
    """A patient at the default settings."""
    return made(7, 1, 3, PhantomSettings())


@pytest.fixture(scope="session")
def patients(made) -> list[Reading]:
    """Twelve patients as they are drawn, on the coarse grid."""
    return [made(seed, settings=PhantomSettings.coarse()) for seed in range(12)]
