"""What is written raw is read by ITK as it was."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.integrity import is_whole
from REACTKDLib.imaging.raw_nrrd import write_raw_nrrd

TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
numbers = st.floats(-500, 500)
spacings = st.floats(0.2, 20)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[numbers] * 3), st.tuples(*[spacings] * 3), st.tuples(*[st.floats(-180, 180)] * 3))
def test_voxels_and_place_come_back(tmp_path, origin, spacing, degrees):
    direction = tuple(Rotation.from_euler("xyz", degrees, degrees=True).as_matrix().ravel().tolist())
    geometry = Geometry((4, 5, 6), spacing, origin, direction)
    array = np.arange(-60, 60, dtype=np.int16).reshape(6, 5, 4)
    write_raw_nrrd(array, geometry, tmp_path / "a.nrrd")
    read = sitk.ReadImage(str(tmp_path / "a.nrrd"))
    assert np.array_equal(sitk.GetArrayViewFromImage(read), array)
    assert np.allclose(Geometry.of(read).index_to_world, geometry.index_to_world, rtol=1e-14, atol=1e-12)


@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_voxel_comes_back(tmp_path, name):
    array = np.arange(120).reshape(6, 5, 4).astype(name)[:, ::-1]
    write_raw_nrrd(array, Geometry((4, 5, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), tmp_path / "a.nrrd")
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nrrd")))
    assert read.dtype == np.dtype(name)
    assert np.array_equal(read, array)


def test_a_file_that_is_cut_off_is_noticed(tmp_path):
    path = tmp_path / "a.nrrd"
    write_raw_nrrd(np.ones((6, 5, 4), np.int16), Geometry((4, 5, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), path)
    assert is_whole(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_whole(path)
