"""A sheared image keeps its values in their places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.imaging.shear import is_sheared, without_shear

SIZE, SPACING = (24, 20, 14), (2.0, 2.5, 4.0)
angles = st.tuples(*[st.floats(-90, 90)] * 3)
shears = st.tuples(*[st.floats(-0.3, 0.3)] * 3)


def grid(degrees, shear, mirrored=False) -> Geometry:
    """shear: of y along x, of z along x and of z along y."""
    upper = np.array([[1, shear[0], shear[1]], [0, 1, shear[2]], [0, 0, 1.0]])
    affine = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ upper @ np.diag(SPACING)
    if mirrored:
        affine = affine @ np.diag((-1.0, 1.0, 1.0))
    spacing = np.linalg.norm(affine, axis=0)
    return Geometry(SIZE, tuple(spacing.tolist()), (10.0, -20.0, 30.0), tuple((affine / spacing).ravel().tolist()))


def places(geometry: Geometry) -> np.ndarray:
    """LPS mm of every voxel, (D, H, W, 3)."""
    return geometry.to_world(np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1])


@settings(max_examples=25, deadline=None)
@given(angles, shears, st.booleans())
def test_what_is_linear_in_space_stays_so_on_a_grid_at_right_angles(degrees, shear, mirrored):
    sheared = grid(degrees, shear, mirrored)
    slope = np.array((3.0, -2.0, 1.0))
    array, straight = without_shear(places(sheared) @ slope, sheared)
    axes = np.reshape(straight.direction, (3, 3))
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert np.sign(np.linalg.det(axes)) == (-1 if mirrored else 1)
    index = sheared.to_index(places(straight))
    inside = ((index >= 0) & (index <= np.array(SIZE) - 1)).all(-1)
    assert inside.sum() > 500
    assert np.allclose(array[inside], places(straight)[inside] @ slope, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(angles, shears)
def test_nothing_of_it_is_cut_off_and_its_voxels_keep_their_size(degrees, shear):
    sheared = grid(degrees, shear)
    _, straight = without_shear(np.zeros(sheared.shape), sheared)
    index = straight.to_index(sheared.corners())
    assert (index >= -0.5 - 1e-4).all()
    assert (index <= np.array(straight.size) - 0.5 + 1e-4).all()
    assert straight.spacing == sheared.spacing


def test_a_mask_keeps_its_volume():
    sheared = grid((20, -10, 5), (0.2, 0.1, -0.15))
    distance = np.linalg.norm(places(sheared) - sheared.to_world((np.array(SIZE) - 1) / 2), axis=-1)
    mask, straight = without_shear((distance < 15).astype(np.uint8), sheared, is_mask=True)
    assert set(np.unique(mask)) == {0, 1}
    assert mask.sum() * straight.voxel_ml == pytest.approx(4 / 3 * np.pi * 15**3 / 1000, rel=0.05)


@given(angles, st.booleans())
def test_turned_and_mirrored_is_not_sheared(degrees, mirrored):
    assert not is_sheared(grid(degrees, (0, 0, 0), mirrored))


@given(angles, st.floats(0.02, 0.3), st.sampled_from([0, 1, 2]), st.sampled_from([-1, 1]))
def test_a_shear_of_a_hundredth_or_more_is_noticed_and_rounding_is_not(degrees, amount, axis, sign):
    shear = np.zeros(3)
    shear[axis] = sign * amount
    assert is_sheared(grid(degrees, shear))
    assert not is_sheared(grid(degrees, shear / amount * 1e-6))
