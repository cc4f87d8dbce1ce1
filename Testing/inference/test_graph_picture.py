"""Where nodes and silhouette lie is known from the anatomy; the drawing must not depend on how the CT is stored."""

import io
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from REACTKDLib.inference.drawing import BLUE, ORANGE
from REACTKDLib.inference.graph_picture import graph_picture
from Testing.inference.painted_case import (
    CENTRE,
    HEIGHT,
    LESION,
    RADII,
    WIDTH,
    a_case,
    expected_place,
    thirty_two_lesions,
)


def pixels(picture) -> np.ndarray:
    """(H, W, 3), 0 to 255, in picture pixels, with the strip for the legend below the anatomy."""
    return np.asarray(Image.open(io.BytesIO(picture.png)).reduce(2), dtype=int)


@pytest.mark.parametrize("lesions", [(), (LESION,), thirty_two_lesions()], ids=["0", "1", "32"])
def test_every_node_of_the_graph_is_at_its_centroid_in_the_colour_of_its_attention(lesions):
    prediction, _ = a_case(lesions)
    assert len(prediction.nodes) == len(lesions) + 1
    picture = graph_picture(prediction)
    image = Image.open(io.BytesIO(picture.png))
    wide = image.width / WIDTH
    for node in prediction.lesions or prediction.nodes:
        place, _ = expected_place("coronal", np.subtract(node.centroid_lps_mm, CENTRE))
        colour = image.getpixel(tuple((place * wide).round().astype(int).tolist()))
        assert colour == (ORANGE if node.attention[2] > 0 else BLUE)


def test_the_silhouette_covers_the_liver_and_nothing_else():
    prediction, _ = a_case(lesions=())
    rgb = pixels(graph_picture(prediction))[:HEIGHT]
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    _, scale = expected_place("coronal", (0, 0, 0))
    reach = np.hypot((columns - WIDTH / 2) / (RADII[0] * scale), (rows - HEIGHT / 2) / (RADII[2] * scale))
    assert rgb[(reach > 0.5) & (reach < 0.93)].mean() < 235
    corners = np.concatenate([rgb[40:90, 40:200], rgb[-90:-40, -200:-40]])
    assert (corners == 255).all()


@pytest.mark.parametrize("orientation", ["RAS", "ASL"])
def test_the_same_regions_stored_otherwise_give_the_same_picture(orientation):
    prediction, _ = a_case()
    one = graph_picture(prediction)
    other = graph_picture(replace(prediction, regions=sitk.DICOMOrient(prediction.regions, orientation)))
    assert np.abs(pixels(one) - pixels(other)).mean() < 0.5
    assert one.caption == other.caption


def test_the_graph_is_drawn_the_same_every_time():
    prediction, _ = a_case()
    assert graph_picture(prediction) == graph_picture(prediction)


@pytest.mark.parametrize("lesions", [(), (LESION,)], ids=["0", "1"])
def test_similarity_is_explained_only_where_there_are_edges(lesions):
    prediction, _ = a_case(lesions)
    picture = graph_picture(prediction)
    legend = pixels(picture)[HEIGHT + 5 : HEIGHT + 60, 245:415]
    assert bool((legend < 200).any()) == bool(lesions)
    assert ("similarity" in picture.caption) == bool(lesions)
