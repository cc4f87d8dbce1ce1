"""What pictures of one prediction agree on."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.inference.depiction import (
    CLEAR_BELOW,
    attention_density,
    density_limit,
    fading,
    position_text,
    region_limit,
    slice_point,
)
from REACTKDLib.inference.prediction import REFERENCE_ML
from Testing.inference.painted_case import RADII, a_case, ball, places


def with_attention(prediction, share):
    """share: LPS mm from the liver's centre -> (..., classes)."""
    grid = Geometry.of(prediction.attention)
    return replace(prediction, attention=grid.image(share(places(grid)).astype(np.float32), is_vector=True))


def test_slices_meet_in_a_voxel_of_the_region_even_where_its_centroid_is_outside_of_it():
    prediction, _ = a_case(masks=[lambda p: ball(p, (-31, -20, -26), 12.0) | ball(p, (30, 20, 26), 12.0)])
    lesion = prediction.most_attended
    point = slice_point(prediction.regions, lesion)
    index = prediction.regions.TransformPhysicalPointToIndex(point.tolist())
    assert prediction.regions[index] == lesion.label
    assert prediction.regions.TransformIndexToPhysicalPoint(index) == pytest.approx(point), "a voxel's centre"


def test_slices_meet_within_half_a_voxel_of_a_centroid_that_is_in_its_region():
    prediction, _ = a_case()
    lesion = prediction.most_attended
    offset = np.abs(slice_point(prediction.regions, lesion) - lesion.centroid_lps_mm)
    assert (offset <= np.array(prediction.regions.GetSpacing()) / 2 + 1e-6).all()


@pytest.mark.parametrize(
    ("normal", "point", "text"),
    [
        ((0, 0, -1), (1, 2, 12.5), "S 12.5 mm"),
        ((0, 0, 1), (1, 2, -12.5), "I 12.5 mm"),
        ((0, 1, 0), (1, -45.1, 3), "A 45.1 mm"),
        ((-1, 0, 0), (-93.5, 0, 0), "R 93.5 mm"),
        ((0, 0, 1), (0, 0, 40.2500001), "S 40.2 mm"),
        ((0, 0, 1), (0, 0, 40.2499999), "S 40.2 mm"),
    ],
)
def test_a_slice_is_said_to_lie_on_a_side_of_the_patient(normal, point, text):
    assert position_text(normal, point) == text


def test_colours_of_voxels_end_at_the_highest_attention_for_any_grade_inside_the_liver():
    prediction, _ = a_case(lesions=())

    def share(at):
        inside = ((at / RADII) ** 2).sum(-1) <= 0.5
        beyond = ((at / RADII) ** 2).sum(-1) > 2
        return np.stack([-0.04 * inside, 0.01 * inside, 0.03 * inside + 9.0 * beyond], axis=-1)

    prediction = with_attention(prediction, share)
    voxel_ml = Geometry.of(prediction.attention).voxel_ml
    assert density_limit(prediction) == pytest.approx(0.04 * REFERENCE_ML / voxel_ml)
    highest = [sitk.GetArrayFromImage(attention_density(prediction, index)).max() for index in (1, 2)]
    assert highest == pytest.approx(np.array([0.01, 9.0]) * REFERENCE_ML / voxel_ml)


def test_without_attention_colours_end_at_zero():
    prediction, _ = a_case(lesions=())
    assert density_limit(with_attention(prediction, lambda at: np.zeros((*at.shape[:-1], 3)))) == 0


def test_colours_of_regions_end_at_the_highest_attention_of_one_for_any_grade():
    prediction, _ = a_case()
    liver, lesion = prediction.nodes
    nodes = (replace(liver, attention=(0.1, -2.5, 0.3)), replace(lesion, attention=(0.2, 0.1, 1.5)))
    assert region_limit(replace(prediction, nodes=nodes)) == 2.5


def test_attention_fades_in_from_nothing_to_the_full():
    shares = np.linspace(0, 1, 400)
    strengths = fading(shares)
    assert (strengths[shares <= CLEAR_BELOW] == 0).all()
    assert strengths[-1] == 1
    assert (np.diff(strengths) >= 0).all()
    assert np.array_equal(fading(-shares), strengths)
