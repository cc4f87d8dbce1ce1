"""What a prediction becomes in a scene."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from vtk.util.numpy_support import vtk_to_numpy

from REACTKDLib.imaging.geometry import Geometry
from REACTKDLib.inference.depiction import density_limit, region_limit, slice_point
from REACTKDLib.inference.prediction import FADE_MM
from REACTKDLib.scene import hierarchy
from REACTKDLib.scene.attention import SPACING_MM, voxel_map
from REACTKDLib.scene.colors import attention_color
from REACTKDLib.scene.display import (
    composites,
    jump_to_region,
    set_overlay_opacity,
    show_class,
    show_in_slices,
    show_similar,
)
from REACTKDLib.scene.geometry import to_ras
from REACTKDLib.scene.graph import ATTENTION_ARRAY, NODE_ARRAY, SPHERE_RADII_MM, sphere_radius
from REACTKDLib.scene.label_places import CHARACTER_MM, HEIGHT_MM
from REACTKDLib.scene.layout import add_layout
from REACTKDLib.scene.overlay import build_overlay
from REACTKDLib.scene.regions import cropped_regions
from REACTKDLib.scene.tables import read_columns, read_edges
from REACTKDLib.scene.viewpoint import AZIMUTH, ELEVATION
from REACTKDLib.scene.volumes import image_of


def segment(overlay, segment_id):
    return overlay.segmentation.GetSegmentation().GetSegment(segment_id)


def surface(overlay, segment_id):
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    return segment(overlay, segment_id).GetRepresentation(name)


def surface_ml(overlay, segment_id):
    triangles = vtk.vtkTriangleFilter()
    triangles.SetInputData(surface(overlay, segment_id))
    mass = vtk.vtkMassProperties()
    mass.SetInputConnection(triangles.GetOutputPort())
    mass.Update()
    return mass.GetVolume() / 1000


def middle(points):
    return np.reshape(points.GetBounds(), (3, 2)).mean(1)


def sphere_points(overlay, row):
    surface = overlay.node_model.GetPolyData()
    rows = vtk_to_numpy(surface.GetPointData().GetArray(NODE_ARRAY))
    return vtk_to_numpy(surface.GetPoints().GetData())[rows == row]


def test_every_region_is_a_segment_under_its_own_id(overlay, phantom):
    ids = overlay.segmentation.GetSegmentation().GetSegmentIDs()
    assert list(ids) == [node.id for node in phantom.prediction.nodes]


def test_a_lesion_is_named_with_its_volume(overlay, phantom):
    node = phantom.prediction.node("lesion_1")
    assert segment(overlay, "lesion_1").GetName() == f"Lesion 1 ({node.volume_ml:.1f} mL)"


def test_the_liver_is_the_whole_organ(overlay, phantom):
    total = sum(node.volume_ml for node in phantom.prediction.nodes)
    assert segment(overlay, "liver").GetName() == f"Liver with lesions ({total:.1f} mL)"
    assert surface_ml(overlay, "liver") == pytest.approx(total, rel=0.05)


@pytest.mark.parametrize(("segment_id", "code"), [("liver", "10200004"), ("lesion_2", "86049000")])
def test_a_segment_says_what_it_is_in_snomed(overlay, segment_id, code):
    entry = vtk.reference("")
    item = segment(overlay, segment_id)
    item.GetTag(item.GetTerminologyEntryTagName(), entry)
    assert f"SCT^{code}^" in str(entry)


@pytest.mark.parametrize("segment_id", ["lesion_1", "lesion_2", "lesion_3"])
def test_a_small_lesion_keeps_its_place_and_volume_in_3d(overlay, phantom, segment_id):
    node = phantom.prediction.node(segment_id)
    assert surface_ml(overlay, segment_id) == pytest.approx(node.volume_ml, rel=0.15)
    assert np.allclose(middle(surface(overlay, segment_id)), to_ras(node.centroid_lps_mm), atol=2.5)


def test_the_lesion_on_the_right_has_positive_r(overlay):
    assert middle(surface(overlay, "lesion_1"))[0] > middle(surface(overlay, "lesion_2"))[0] > 0


@pytest.mark.parametrize("turn", ["flipped", "oblique"])
def test_regions_do_not_move_with_the_voxel_grid(scene, make_phantom, turn):
    cosine, sine = np.cos(0.4), np.sin(0.4)
    direction = {
        "flipped": np.diag([-1.0, -1.0, -1.0]),
        "oblique": np.array([(cosine, -sine, 0.0), (sine, cosine, 0.0), (0.0, 0.0, 1.0)]),
    }[turn]
    turned = make_phantom(direction=direction)
    overlay = build_overlay(scene, turned.prediction, turned.images)
    expected = to_ras(make_phantom().prediction.node("lesion_1").centroid_lps_mm)
    assert np.allclose(middle(surface(overlay, "lesion_1")), expected, atol=4.0)
    assert np.allclose(sphere_points(overlay, 1).mean(0), expected, atol=2.5)


def test_regions_and_spheres_are_coloured_by_the_predicted_class(overlay, phantom):
    prediction = phantom.prediction
    for node in prediction.nodes:
        expected = attention_color(node.attention[prediction.grade], overlay.region_limit)
        assert segment(overlay, node.id).GetColor() == pytest.approx(expected, abs=1e-5)
    values = vtk_to_numpy(overlay.node_model.GetPolyData().GetPointData().GetArray(ATTENTION_ARRAY))
    assert set(np.unique(values).round(6)) == {node.attention[prediction.grade] for node in prediction.nodes}


def test_a_region_volume_holds_each_regions_attention_on_its_voxels(overlay, phantom):
    labels = phantom.prediction.regions
    for index, volume in enumerate(overlay.region_attention):
        projected = image_of(volume)
        on_ct = sitk.GetArrayFromImage(sitk.Resample(projected, labels, sitk.Transform(), sitk.sitkNearestNeighbor))
        expected = np.zeros(256, np.float32)
        for node in phantom.prediction.nodes:
            expected[node.label] = node.attention[index]
        assert np.array_equal(on_ct, expected[sitk.GetArrayFromImage(labels)])


def test_a_region_volume_is_smaller_than_the_ct(overlay, phantom):
    assert image_of(overlay.region_attention[0]).GetNumberOfPixels() < phantom.images.ct.GetNumberOfPixels() / 3


def sampled(image, points, outside=0.0):
    """Linear interpolation by scipy: (N,) at points (N, 3) LPS mm."""
    index = Geometry.of(image).to_index(points)[:, ::-1].T
    return map_coordinates(sitk.GetArrayFromImage(image), index, order=1, mode="constant", cval=outside)


def voxel_places(image):
    """Centres of all voxels, (D, H, W, 3) LPS mm."""
    d, h, w = np.indices(image.GetSize()[::-1])
    return Geometry.of(image).to_world(np.stack([w, h, d], -1))


def test_the_voxel_map_is_the_models_own_inside_the_liver_in_logit_per_100_ml(overlay, phantom):
    regions = sitk.GetImageFromArray((sitk.GetArrayFromImage(phantom.prediction.regions) > 0).astype(np.float32))
    regions.CopyInformation(phantom.prediction.regions)
    for index, volume in enumerate(overlay.voxel_attention):
        shown = image_of(volume)
        places = voxel_places(shown).reshape(-1, 3)
        inside = sampled(regions, places) == 1
        model = sitk.VectorIndexSelectionCast(phantom.prediction.attention, index, sitk.sitkFloat64)
        density = sampled(model, places[inside]) * 100 / Geometry.of(model).voxel_ml
        assert inside.sum() > 10_000
        assert np.allclose(sitk.GetArrayFromImage(shown).ravel()[inside], density, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_the_voxel_map_fades_out_within_millimetres_of_the_liver(make_phantom, tilt):
    cosine, sine = np.cos(tilt), np.sin(tilt)
    direction = np.array([(cosine, -sine, 0.0), (sine, cosine, 0.0), (0.0, 0.0, 1.0)])
    prediction = make_phantom(direction=direction).prediction
    attention = voxel_map(prediction, cropped_regions(prediction.regions))
    places = attention.geometry.to_world(np.argwhere(np.ones(attention.weight.shape))[:, ::-1])
    labelled = np.argwhere(sitk.GetArrayViewFromImage(prediction.regions) > 0)[:, ::-1]
    index = Geometry.of(prediction.regions).to_index(places)
    spacing = np.array(prediction.regions.GetSpacing())
    # A region reaches half a voxel further than the centre of its last one.
    nearest, _ = cKDTree(labelled * spacing).query(index * spacing)
    far = nearest > np.linalg.norm(spacing / 2) + FADE_MM + SPACING_MM
    weight = attention.weight.ravel()
    assert far.any()
    assert not weight[far].any()
    assert not attention.density.reshape(3, -1)[:, far].any()
    assert set(weight[nearest < min(spacing) / 2]) == {1.0}
    assert ((weight > 0) & (weight < 1)).any()


def test_the_voxel_map_does_not_depend_on_how_fine_the_feature_grid_is(phantom):
    prediction = phantom.prediction
    constant = [prediction_with_uniform_attention(prediction, factor) for factor in (1, 2)]
    coarse, fine = (voxel_map(p, cropped_regions(p.regions)) for p in constant)
    assert np.allclose(coarse.density, fine.density, rtol=1e-5)
    assert coarse.limit == pytest.approx(fine.limit)


def prediction_with_uniform_attention(prediction, factor):
    """One logit a litre in the feature box, on a grid `factor` times as fine."""
    coarse = Geometry.of(prediction.attention)
    spacing = np.divide(coarse.spacing, factor)
    origin = coarse.to_world(np.full(3, -0.5 + 0.5 / factor))
    size = tuple(factor * n for n in coarse.size)
    geometry = Geometry(size, tuple(spacing.tolist()), tuple(origin.tolist()), coarse.direction)
    values = np.full((*geometry.shape, 3), geometry.voxel_ml / 1000, np.float32)
    return replace(prediction, attention=geometry.image(values, is_vector=True))


def test_the_colours_end_where_those_of_the_report_do(overlay, phantom):
    assert overlay.voxel_limit == pytest.approx(density_limit(phantom.prediction), rel=1e-5)
    assert overlay.region_limit == pytest.approx(region_limit(phantom.prediction), rel=1e-5)


def test_zero_attention_is_the_middle_of_the_colours_for_every_class(overlay, phantom):
    highest = max(abs(value) for node in phantom.prediction.nodes for value in node.attention)
    for volume in overlay.region_attention:
        display = volume.GetDisplayNode()
        assert (display.GetWindow(), display.GetLevel()) == pytest.approx((2 * highest, 0.0))
    for volume in overlay.voxel_attention:
        display = volume.GetDisplayNode()
        assert (display.GetWindow(), display.GetLevel()) == pytest.approx((2 * overlay.voxel_limit, 0.0))


def test_another_class_changes_colours_spheres_and_slices(scene, host, phantom):
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    add_layout(host, overlay)
    show_in_slices(overlay, "region")
    show_class(overlay, 0)
    expected = attention_color(phantom.prediction.node("lesion_1").attention[0], overlay.region_limit)
    assert segment(overlay, "lesion_1").GetColor() == pytest.approx(expected, abs=1e-5)
    shown = {composite.GetForegroundVolumeID() for composite in composites(scene)}
    assert shown == {overlay.region_attention[0].GetID()}
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(overlay.node_model)
    assert "well differentiated" in legend.GetTitleText()
    assert overlay.shown_class == 0


def test_a_class_that_does_not_exist_is_refused(overlay):
    with pytest.raises(IndexError):
        show_class(overlay, 3)


def test_attention_beyond_the_ct_is_not_shown(host, overlay):
    add_layout(host, overlay)
    assert all(composite.GetClipToBackgroundVolume() for composite in composites(overlay.scene))


def test_opacity_leaves_the_slices_of_others_alone(scene, host, overlay):
    add_layout(host, overlay)
    show_in_slices(overlay)
    red, green, yellow = composites(scene)
    green.SetForegroundVolumeID(overlay.ct.GetID())
    set_overlay_opacity(overlay, 0.2)
    assert (red.GetForegroundOpacity(), yellow.GetForegroundOpacity()) == (0.2, 0.2)
    assert green.GetForegroundOpacity() != 0.2


def test_slices_jump_to_a_region(scene, host, overlay, phantom):
    add_layout(host, overlay)
    jump_to_region(overlay, "lesion_2")
    point = to_ras(slice_point(phantom.prediction.regions, phantom.prediction.node("lesion_2")))
    for name, axis in {"Red": 2, "Green": 1, "Yellow": 0}.items():
        place = scene.GetNodeByID(f"vtkMRMLSliceNode{name}").GetSliceToRAS()
        assert place.GetElement(axis, 3) == pytest.approx(point[axis], abs=1e-3)


def test_a_sphere_is_at_its_regions_centroid_and_knows_its_row(overlay, phantom):
    for row, node in enumerate(phantom.prediction.nodes):
        points = sphere_points(overlay, row)
        center = to_ras(node.centroid_lps_mm)
        radius = sphere_radius(node.attention[phantom.prediction.grade], overlay.region_limit, node.volume_ml)
        assert np.allclose(np.linalg.norm(points - center, axis=1), radius, atol=1e-3)


def test_spheres_grow_with_attention_but_never_hide_a_small_lesion():
    radii = [sphere_radius(value, 1.0, volume_ml=500.0) for value in (0.0, 0.1, -0.5, 1.0, 2.0)]
    assert radii == sorted(radii)
    assert (radii[0], radii[-1]) == SPHERE_RADII_MM
    equivalent_radius = np.cbrt(3000 * 2.0 / (4 * np.pi))
    assert sphere_radius(1.0, 1.0, volume_ml=2.0) < equivalent_radius


def test_edges_below_the_threshold_are_hidden(overlay, phantom):
    display = overlay.edge_model.GetDisplayNode()

    def shown():
        algorithm = display.GetOutputMeshConnection().GetProducer()
        algorithm.Update()
        return algorithm.GetOutputDataObject(0).GetNumberOfPoints()

    total = shown()
    show_similar(overlay, 0.0)
    kept = sum(edge.similarity >= 0 for edge in phantom.prediction.edges) / len(phantom.prediction.edges)
    assert shown() == pytest.approx(total * kept)
    show_similar(overlay, -1.0)
    assert shown() == total


def in_picture(points):
    """points: (..., 3) RAS mm. Returns (..., 2): right and up, by VTK's own camera."""
    camera = vtk.vtkCamera()
    camera.SetPosition(0, 1, 0)
    camera.SetViewUp(0, 0, 1)
    camera.Azimuth(AZIMUTH)
    camera.Elevation(ELEVATION)
    matrix = camera.GetViewTransformMatrix()
    axes = np.array([[matrix.GetElement(i, j) for j in range(3)] for i in range(2)])
    return points @ axes.T


def label_box(overlay, row):
    """Left, bottom, right and top of a label in the picture, mm."""
    x, y = in_picture(np.array(overlay.labels.GetNthControlPointPosition(row)))
    return (x, y, x + CHARACTER_MM * len(overlay.labels.GetNthControlPointLabel(row)), y + HEIGHT_MM)


def test_labels_carry_region_ids(overlay, phantom):
    labels = overlay.labels
    ids = [labels.GetNthControlPointDescription(i) for i in range(labels.GetNumberOfControlPoints())]
    assert ids == [node.id for node in phantom.prediction.nodes]
    assert labels.GetAttribute("REACTKD.regions").split(" ") == ids
    assert labels.GetLocked()


def test_a_label_with_room_stands_above_its_sphere(scene, make_phantom):
    phantom = make_phantom(lesions=0)
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    assert overlay.labels.GetNthControlPointPosition(0)[2] > sphere_points(overlay, 0)[:, 2].max()


def test_no_label_hides_a_sphere_or_a_label_in_the_picture(scene, phantom):
    """Of a lesion before the liver's centroid, and one a little above and behind."""
    liver, first, second, _ = phantom.prediction.nodes
    left, posterior, superior = liver.centroid_lps_mm
    before = replace(first, centroid_lps_mm=(left + 4, posterior - 40, superior + 2))
    behind = replace(second, centroid_lps_mm=(left + 10, posterior + 40, superior + 18))
    prediction = replace(phantom.prediction, nodes=(liver, before, behind), edges=())
    overlay = build_overlay(scene, prediction, phantom.images)
    boxes = [label_box(overlay, row) for row in range(3)]
    for row, other in permutations(range(3), 2):
        left, low, right, high = boxes[row]
        x, y = in_picture(sphere_points(overlay, other)).T
        assert not ((x > left) & (x < right) & (y > low) & (y < high)).any()
        assert boxes[other][1] >= high or boxes[other][3] <= low or boxes[other][0] >= right or boxes[other][2] <= left


def test_a_label_is_nearer_to_its_own_sphere_than_to_the_one_above(scene, phantom):
    """Room for the label is left between them."""
    liver, first, second, _ = phantom.prediction.nodes
    left, posterior, superior = liver.centroid_lps_mm
    lower = replace(first, centroid_lps_mm=(left + 80, posterior, superior), volume_ml=500.0)
    upper = replace(second, centroid_lps_mm=(left + 80, posterior, superior + 31), volume_ml=500.0)
    overlay = build_overlay(scene, replace(phantom.prediction, nodes=(liver, lower, upper), edges=()), phantom.images)
    for row in range(3):
        box = np.reshape(label_box(overlay, row), (2, 2))
        places = np.array([in_picture(sphere_points(overlay, other)).mean(axis=0) for other in range(3)])
        outside = np.maximum(np.maximum(box[0] - places, places - box[1]), 0)
        assert np.hypot(*outside.T).argmin() == row


def test_tables_hold_the_predictions_numbers_to_six_digits(overlay, phantom):
    prediction = phantom.prediction
    columns = read_columns(overlay.region_table)
    lesion = prediction.node("lesion_1")
    row = columns["id"].index("lesion_1")
    assert columns["volume"][row] == pytest.approx(lesion.volume_ml, rel=1e-5)
    assert columns["mean HU"][row] == pytest.approx(lesion.mean_hu, rel=1e-5)
    assert columns["fdg max"][row] == pytest.approx(lesion.pet["fdg"].max, rel=1e-5)
    assert [columns[f"attention: {name}"][row] for name in prediction.classes] == pytest.approx(lesion.attention)
    assert overlay.probabilities == pytest.approx(prediction.probabilities, rel=1e-5)
    pairs = [(e.source, e.target) for e in prediction.edges]
    assert [(e.source, e.target) for e in read_edges(overlay.edge_table)] == pairs


def test_the_attention_in_the_tables_adds_up_to_the_logit(overlay, phantom):
    regions, grades = read_columns(overlay.region_table), read_columns(overlay.probability_table)
    for row, name in enumerate(phantom.prediction.classes):
        attention = sum(regions[f"attention: {name}"]) + grades["background attention"][row]
        assert grades["logit"][row] == pytest.approx(attention + grades["bias"][row], abs=1e-4)


def test_the_chart_shows_the_probabilities_from_zero_to_one(overlay):
    series = overlay.chart.GetNthPlotSeriesNode(0)
    assert series.GetTableNode() is overlay.probability_table
    assert series.GetYColumnName() in read_columns(overlay.probability_table)
    assert overlay.chart.GetYAxisRange() == (0.0, 1.0)


def test_all_lies_in_one_folder_named_after_the_case(overlay):
    folders = {hierarchy.folder_of(node) for node in overlay.nodes if not node.IsA("vtkMRMLColorNode")}
    assert len(folders) == 1
    assert hierarchy.folder_name(overlay.scene, folders.pop()) == "REACT-KD: phantom-1"


def test_no_node_is_named_after_the_patient(scene, make_phantom):
    phantom = make_phantom(case="Doe^Jane")
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    assert not [node.GetName() for node in overlay.nodes if "Doe" in node.GetName()]


def test_the_most_attended_region_is_the_predictions(overlay, phantom):
    assert overlay.most_attended.id == phantom.prediction.most_attended.id


def test_a_liver_without_lesions_is_shown_too(scene, make_phantom):
    phantom = make_phantom(lesions=0)
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    assert list(overlay.segmentation.GetSegmentation().GetSegmentIDs()) == ["liver"]
    assert segment(overlay, "liver").GetName().startswith("Liver (")
    assert overlay.most_attended.id == "liver"
    assert overlay.edge_model.GetPolyData().GetNumberOfPoints() == 0
