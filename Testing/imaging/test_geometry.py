import numpy as np
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from REACTKDLib.imaging.geometry import Geometry

from .conftest import grid, rotation

angles = st.floats(-180, 180)
coordinates = st.tuples(*[st.floats(-50, 200)] * 3)


@given(angles, angles, coordinates)
def test_world_coordinates_equal_those_of_itk(first, second, index):
    geometry = grid(direction=rotation(first, 0) @ rotation(second, 2))
    image = sitk.Image(geometry.size, sitk.sitkUInt8)
    image.SetSpacing(geometry.spacing)
    image.SetOrigin(geometry.origin)
    image.SetDirection(geometry.direction)
    world = image.TransformContinuousIndexToPhysicalPoint(index)
    assert np.allclose(geometry.to_world(np.array(index)), world)
    assert np.allclose(geometry.to_index(np.array(world)), index, atol=1e-6)


def test_a_cropped_grid_keeps_every_voxel_where_it_was():
    geometry = grid(direction=rotation(30, 1))
    box = (slice(3, 20), slice(5, 9), slice(11, 40))
    image = geometry.image(np.zeros(geometry.shape, np.uint8))
    by_itk = image[11:40, 5:9, 3:20]
    assert geometry.crop(box).matches(Geometry.of(by_itk))


def test_an_array_becomes_an_image_and_back():
    geometry = grid(size=(5, 4, 3))
    array = np.arange(60, dtype=np.float32).reshape(geometry.shape)
    image = geometry.image(array)
    assert Geometry.of(image) == geometry
    assert np.array_equal(sitk.GetArrayFromImage(image), array)


def test_a_grid_matches_itself_to_a_fraction_of_a_voxel_only():
    geometry = grid()
    nudged = Geometry(geometry.size, geometry.spacing, tuple(np.add(geometry.origin, 1e-5)), geometry.direction)
    moved = Geometry(geometry.size, geometry.spacing, tuple(np.add(geometry.origin, 0.5)), geometry.direction)
    flipped = Geometry(geometry.size, geometry.spacing, geometry.origin, (-1, 0, 0, 0, 1, 0, 0, 0, 1))
    assert geometry.matches(nudged)
    assert not geometry.matches(moved)
    assert not geometry.matches(flipped)


def test_a_volume_holds_its_points_up_to_the_edges_of_its_voxels():
    geometry = grid(direction=rotation(20, 0))
    corners, centre = geometry.corners(), geometry.corners().mean(axis=0)
    assert geometry.contains(centre + 0.999 * (corners - centre)).all()
    assert not geometry.contains(centre + 1.001 * (corners - centre)).any()
