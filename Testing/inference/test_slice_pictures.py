"""What is tested is that pictures show the anatomy the same way however the CT is stored."""

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.inference.depiction import OVERLAY_OPACITY, fading
from REACTKDLib.inference.drawing import ORANGE
from REACTKDLib.inference.prediction import Prediction
from REACTKDLib.inference.slice_pictures import slice_pictures
from Testing.inference.painted_case import (
    CENTRE,
    HEIGHT,
    LESION,
    OBLIQUE,
    RADII,
    STRAIGHT,
    WIDTH,
    a_case,
    ball,
    expected_place,
    places,
    thirty_two_lesions,
)


def pixels(picture) -> np.ndarray:
    """(H, W, 3), 0 to 255, without the strip for the legend."""
    return np.asarray(Image.open(io.BytesIO(picture.png)), dtype=int)[:HEIGHT]


def yellow(rgb: np.ndarray) -> np.ndarray:
    """The outline of the most attended lesion, (H, W)."""
    return (rgb[..., 0] > 170) & (rgb[..., 1] > 150) & (rgb[..., 2] < 110)


def box_centre(mask: np.ndarray) -> np.ndarray:
    """Column and row of the middle of a mask's bounding box."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2


@pytest.mark.parametrize("direction", [STRAIGHT, OBLIQUE], ids=["straight", "oblique"])
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.tuples(*[st.floats(-30, 30)] * 3))
def test_a_lesion_appears_where_it_lies_in_the_patient(direction, offset):
    prediction, ct = a_case([(offset, 13.0)], direction)
    for picture in slice_pictures(prediction, ct, {}):
        place, scale = expected_place(picture.name, offset)
        assert np.abs(box_centre(yellow(pixels(picture))) - place).max() < 3.0 * scale


@pytest.mark.parametrize("orientation", ["LPS", "RAI", "SPR"])
def test_a_lesion_on_the_patients_right_is_on_the_left_however_the_ct_is_stored(orientation):
    prediction, ct = a_case()
    stored = sitk.DICOMOrient(ct, orientation)
    turned = Prediction(**{**vars(prediction), "regions": sitk.DICOMOrient(prediction.regions, orientation)})
    axial, coronal, sagittal = (pixels(p) for p in slice_pictures(turned, stored, {}))
    for rgb in (axial, coronal, sagittal):
        column, row = box_centre(yellow(rgb))
        assert column < WIDTH / 2 - 30, "right, or anterior, is on the left"
        assert row < HEIGHT / 2 - 30, "anterior, or superior, is up"


@pytest.mark.parametrize("orientation", ["RAS", "ASL"])
def test_the_same_volume_stored_otherwise_gives_the_same_pictures(orientation):
    prediction, ct = a_case(attention=lambda p: p[..., 0] / 1e4)
    turned = Prediction(**{**vars(prediction), "regions": sitk.DICOMOrient(prediction.regions, orientation)})
    pictures = slice_pictures(prediction, ct, {})
    others = slice_pictures(turned, sitk.DICOMOrient(ct, orientation), {})
    for one, other in zip(pictures, others, strict=True):
        assert np.abs(pixels(one) - pixels(other)).mean() < 0.5
        assert one.caption == other.caption


@pytest.mark.parametrize("direction", [STRAIGHT, OBLIQUE], ids=["straight", "oblique"])
def test_the_ct_lies_under_the_outline(direction):
    prediction, ct = a_case(direction=direction)
    for picture in slice_pictures(prediction, ct, {}):
        rgb = pixels(picture)
        place, scale = expected_place(picture.name, LESION[0])
        columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
        distance = np.hypot(columns - place[0], rows - place[1]) / scale
        lesion = rgb[(distance > 7) & (distance < 10)].mean()
        around = rgb[(distance > 18) & (distance < 21)].mean()
        # 200 and 60 HU in a window of 400 around 40: shades 0.9 and 0.55 of white.
        assert lesion == pytest.approx(0.9 * 255, abs=4)
        assert around == pytest.approx(0.55 * 255, abs=4)


def test_a_lesion_that_is_not_at_its_centroid_is_in_every_picture():
    prediction, ct = a_case(masks=[lambda p: ball(p, (-31, -20, -26), 12.0) | ball(p, (30, 20, 26), 12.0)])
    centroid = ct.TransformPhysicalPointToIndex(prediction.most_attended.centroid_lps_mm)
    assert prediction.regions[centroid] == 1, "parenchyma"
    for picture in slice_pictures(prediction, ct, {}):
        assert yellow(pixels(picture)).any()


def test_attention_for_the_grade_is_orange_and_against_it_blue():
    prediction, ct = a_case(attention=lambda p: np.where(p[..., 0] < 0, 0.01, -0.01))
    axial = pixels(slice_pictures(prediction, ct, {})[0])
    warmth = axial[..., 0] - axial[..., 2]
    middle = slice(HEIGHT // 2 + 40, HEIGHT // 2 + 80)
    assert warmth[middle, WIDTH // 2 - 120 : WIDTH // 2 - 60].mean() > 40
    assert warmth[middle, WIDTH // 2 + 60 : WIDTH // 2 + 120].mean() < -40


def test_the_colours_end_at_the_highest_attention_for_any_grade():
    """Another grade has twice the attention of the predicted one, everywhere: this reaches half of the range."""
    prediction, ct = a_case(lesions=())
    grid = Geometry.of(prediction.attention)
    share = np.full((*grid.shape, 3), [0.02, 0.0, 0.01], np.float32)
    prediction = replace(prediction, attention=grid.image(share, is_vector=True))
    axial = pixels(slice_pictures(prediction, ct, {})[0])
    # 60 HU in a window of 400 around 40.
    below = np.full(3, 0.55 * 255)
    expected = below + (ORANGE - below) * OVERLAY_OPACITY * fading(np.array(0.5))
    assert axial[HEIGHT // 2 + 40, WIDTH // 2] == pytest.approx(expected, abs=2)


def test_attention_outside_the_liver_neither_shows_nor_sets_the_range():
    inside = a_case(attention=lambda p: np.where(((p / RADII) ** 2).sum(-1) < 1.0, 0.01, 0.0))
    beyond = a_case(attention=lambda p: np.where(((p / (RADII + 15)) ** 2).sum(-1) < 1.0, 0.01, 5.0))
    axial_inside, axial_beyond = (pixels(slice_pictures(*case, {})[0]) for case in (inside, beyond))
    _, scale = expected_place("axial", (0, 0, 0))
    columns, rows = np.meshgrid(np.arange(WIDTH) - WIDTH / 2, np.arange(HEIGHT) - HEIGHT / 2)
    height = 1 - (LESION[0][2] / RADII[2]) ** 2
    outside = (columns / (scale * (RADII[0] + 9))) ** 2 + (rows / (scale * (RADII[1] + 9))) ** 2 > height + 0.1
    assert np.ptp(axial_beyond[outside], axis=-1).max() <= 8, "grey outside the liver"
    centre = (slice(HEIGHT // 2 + 40, HEIGHT // 2 + 60), slice(WIDTH // 2 - 20, WIDTH // 2 + 20))
    assert np.abs(axial_inside[centre] - axial_beyond[centre]).mean() < 6


def test_without_attention_the_slice_stays_grey():
    prediction, ct = a_case(lesions=())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = slice_pictures(prediction, ct, {})
    liver = pixels(pictures[0])[HEIGHT // 2 - 50 : HEIGHT // 2 - 20, WIDTH // 2 - 50 : WIDTH // 2 + 50]
    assert np.ptp(liver, axis=-1).max() == 0


def test_every_tracer_has_a_picture_and_its_hot_spot_is_warm():
    prediction, ct = a_case()
    grid = Geometry((60, 60, 50), (5.0, 5.0, 5.0), tuple((CENTRE - 147.5).tolist()))
    at = places(grid)
    pet = grid.image((1.0 + 7.0 * ball(at, LESION[0], 16.0)).astype(np.float32))
    pictures = slice_pictures(prediction, ct, {"fdg": pet, "act": pet})
    assert [p.name for p in pictures] == ["axial", "coronal", "sagittal", "pet_fdg", "pet_act"]
    assert "18F-FDG" in pictures[3].caption
    assert "11C-acetate" in pictures[4].caption
    rgb = pixels(pictures[3])
    (column, row), scale = expected_place("axial", LESION[0])
    beside = (
        rgb[int(row) - 5 : int(row) + 5, int(column + 6 * scale) : int(column + 9 * scale)].reshape(-1, 3).mean(axis=0)
    )
    opposite = rgb[int(row) - 5 : int(row) + 5, WIDTH // 2 + 60 : WIDTH // 2 + 90].reshape(-1, 3).mean(axis=0)
    assert beside[0] > 200
    assert beside[1] > 150
    assert beside.mean() > opposite.mean() + 60


def test_pictures_are_drawn_the_same_every_time():
    prediction, ct = a_case(attention=lambda p: p[..., 1] / 1e4)
    assert slice_pictures(prediction, ct, {}) == slice_pictures(prediction, ct, {})


@pytest.mark.parametrize("lesions", [(), (LESION,), thirty_two_lesions()], ids=["0", "1", "32"])
def test_slices_can_be_drawn_for_any_number_of_lesions(lesions):
    prediction, ct = a_case(lesions)
    pictures = slice_pictures(prediction, ct, {})
    assert {Image.open(io.BytesIO(p.png)).width for p in pictures} == {WIDTH}
    assert all(prediction.most_attended.name.lower() in p.caption.lower() for p in pictures)
    assert all(bool(yellow(pixels(p)).any()) == bool(lesions) for p in pictures)
