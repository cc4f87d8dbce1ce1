"""LPS and RAS meet without a voxel being moved."""

import numpy as np
import SimpleITK as sitk
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.scene.geometry import ijk_to_ras, oriented_image_data, to_ras
from REACTKDLib.scene.volumes import add_volume, image_of
from REACTKDLib.scene.world import world_geometry

angles = st.tuples(*(st.floats(-180, 180) for _ in range(3)))
lengths = st.tuples(*(st.floats(0.3, 6.0) for _ in range(3)))
origins = st.tuples(*(st.floats(-400, 400) for _ in range(3)))


def make_geometry(rotation, spacing, origin, mirrored=False, size=(5, 4, 3)):
    direction = Rotation.from_euler("xyz", rotation, degrees=True).as_matrix()
    direction[:, 2] *= -1 if mirrored else 1
    return Geometry(size, spacing, origin, tuple(direction.ravel().tolist()))


def test_left_becomes_right_and_superior_stays():
    assert to_ras([[10.0, 20.0, 30.0]]).tolist() == [[-10.0, -20.0, 30.0]]


@settings(max_examples=25, deadline=None)
@given(angles, lengths, origins, st.booleans())
def test_a_voxel_has_the_place_that_simpleitk_gives_it(rotation, spacing, origin, mirrored):
    image = make_geometry(rotation, spacing, origin, mirrored).image(np.zeros((3, 4, 5), np.int16))
    matrix = ijk_to_ras(Geometry.of(image))
    expected = to_ras(image.TransformIndexToPhysicalPoint((4, 2, 1)))
    assert np.allclose(matrix.MultiplyPoint((4, 2, 1, 1))[:3], expected, atol=1e-6)


def test_an_oblique_mirrored_image_comes_back_from_its_node_as_it_was(scene):
    geometry = make_geometry((20, -35, 110), (0.7, 0.8, 2.5), (-100, 40, 7), mirrored=True)
    image = geometry.image(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    volume = add_volume(scene, image, "CT")
    assert world_geometry(volume).matches(geometry, tolerance_voxels=1e-9)
    assert np.array_equal(sitk.GetArrayFromImage(image_of(volume)), sitk.GetArrayFromImage(image))


def test_a_segment_lies_where_its_label_map_does():
    geometry = make_geometry((20, -35, 110), (0.7, 0.8, 2.5), (-100, 40, 7))
    matrix = vtk.vtkMatrix4x4()
    oriented_image_data(np.zeros((3, 4, 5), np.uint8), geometry).GetImageToWorldMatrix(matrix)
    expected = to_ras(geometry.to_world([4, 2, 1]))
    assert np.allclose(matrix.MultiplyPoint((4, 2, 1, 1))[:3], expected, atol=1e-6)
