"""A scene that is saved and opened again is the same scene."""

from dataclasses import replace
from zipfile import ZipFile

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from vtk.util.numpy_support import vtk_to_numpy

from REACTKDLib.imaging.errors import Finding
from REACTKDLib.inference.prediction import DeletionCheck, OutputError
from REACTKDLib.inference.wording import deletion_check, reasons
from REACTKDLib.scene import hierarchy
from REACTKDLib.scene.bundle import open_bundle, write_bundle
from REACTKDLib.scene.display import Shown, composites, show_class, show_edges, show_in_slices, show_similar, shown
from REACTKDLib.scene.layout import add_layout
from REACTKDLib.scene.overlay import build_overlay, find_overlays
from REACTKDLib.scene.tables import read_columns, read_edges
from REACTKDLib.scene.volumes import add_volume, image_of


def names_by_class(overlay):
    return sorted((node.GetClassName(), node.GetName()) for node in (*overlay.nodes, overlay.parameters))


def segments(overlay):
    segmentation = overlay.segmentation.GetSegmentation()
    items = {name: segmentation.GetSegment(name) for name in segmentation.GetSegmentIDs()}
    display = overlay.segmentation.GetDisplayNode()
    return {
        name: (item.GetName(), item.GetTerminology(), item.GetLabelValue(), display.GetSegmentOpacity3D(name))
        for name, item in items.items()
    }


def colors(overlay):
    segmentation = overlay.segmentation.GetSegmentation()
    return np.array([segmentation.GetSegment(name).GetColor() for name in segmentation.GetSegmentIDs()])


def tables(overlay):
    return [read_columns(table) for table in (overlay.region_table, overlay.edge_table, overlay.probability_table)]


def units(overlay):
    table = overlay.region_table
    return [table.GetColumnUnitLabel(title) for title in read_columns(table)]


def voxels(overlay):
    volumes = (overlay.ct, *overlay.pet.values(), *overlay.region_attention, *overlay.voxel_attention)
    return [(image_of(volume), volume.GetDisplayNode()) for volume in volumes]


def meshes(overlay):
    """Points and arrays; those of each model's point data by name."""
    result = []
    for model in (overlay.node_model, overlay.edge_model):
        surface = model.GetPolyData()
        data = surface.GetPointData()
        arrays = {data.GetArrayName(i): vtk_to_numpy(data.GetArray(i)).copy() for i in range(data.GetNumberOfArrays())}
        arrays.pop("Normals", None), arrays.pop("TubeNormals", None)
        result.append((vtk_to_numpy(surface.GetPoints().GetData()).copy(), surface.GetNumberOfCells(), arrays))
    return result


def labels(overlay):
    node = overlay.labels
    count = node.GetNumberOfControlPoints()
    texts = [(node.GetNthControlPointLabel(i), node.GetNthControlPointDescription(i)) for i in range(count)]
    return texts, [node.GetNthControlPointPosition(i) for i in range(count)], node.GetAttribute("REACTKD.regions")


def display_settings(overlay):
    nodes, edges = overlay.node_model.GetDisplayNode(), overlay.edge_model.GetDisplayNode()
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(overlay.node_model)
    labels = overlay.labels.GetDisplayNode()
    return {
        "range": tuple(round(end, 6) for end in nodes.GetScalarRange()),
        "scalar": (nodes.GetActiveScalarName(), nodes.GetScalarVisibility(), nodes.GetScalarRangeFlag()),
        "threshold": (edges.GetThresholdEnabled(), edges.GetThresholdMin(), edges.GetThresholdMax()),
        "colors": (nodes.GetColorNode().GetName(), edges.GetColorNode().GetName()),
        "legend": (legend.GetTitleText(), legend.GetNumberOfLabels(), legend.GetLabelFormat()),
        "labels": (labels.GetTextScale(), labels.GetVisibility2D(), labels.GetOccludedVisibility()),
        "outline": overlay.segmentation.GetDisplayNode().GetVisibility2DFill(),
        "smoothing": overlay.segmentation.GetSegmentation().GetConversionParameter("Smoothing factor"),
        "chart": (overlay.chart.GetTitle(), overlay.chart.GetYAxisRange(), overlay.series.GetLabelColumnName()),
    }


def lookup_tables(overlay):
    tables = (overlay.colors, overlay.fading_colors, overlay.similarity_colors)
    return np.array([vtk_to_numpy(table.GetLookupTable().GetTable()).copy() for table in tables]).astype(int)


@pytest.fixture
def reopened(scene, host, phantom, tmp_path):
    """What was read from an overlay before it was saved, and the overlay opened again."""
    overlay = build_overlay(scene, phantom.prediction, phantom.images)
    add_layout(host, overlay)
    show_class(overlay, 1)
    show_in_slices(overlay, "region", 0.4)
    show_similar(overlay, 0.1)
    show_edges(overlay, False)
    write_bundle(scene, tmp_path / "scene.mrb")
    readers = (names_by_class, segments, colors, tables, units, voxels, meshes, labels, lookup_tables)
    before = {reader: reader(overlay) for reader in (*readers, display_settings, shown)}
    before["nodes"] = scene.GetNumberOfNodes()
    (again,) = open_bundle(scene, tmp_path / "scene.mrb")
    return before, again


@pytest.mark.parametrize("reader", [names_by_class, segments, tables, units, display_settings])
def test_names_segments_tables_and_settings_come_back(reopened, reader):
    before, overlay = reopened
    assert reader(overlay) == before[reader]


def test_no_node_is_lost_or_doubled(reopened):
    before, overlay = reopened
    assert overlay.scene.GetNumberOfNodes() == before["nodes"]


def test_colours_come_back(reopened):
    before, overlay = reopened
    assert np.allclose(colors(overlay), before[colors], atol=1e-5)
    assert np.abs(lookup_tables(overlay) - before[lookup_tables]).max() <= 1


def test_voxels_come_back_in_their_place_and_window(reopened):
    before, overlay = reopened
    for (image, display), (expected, earlier) in zip(voxels(overlay), before[voxels], strict=True):
        assert image.GetPixelID() == expected.GetPixelID()
        assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(expected))
        assert np.allclose(
            image.TransformIndexToPhysicalPoint((1, 2, 3)), expected.TransformIndexToPhysicalPoint((1, 2, 3))
        )
        assert display.GetWindow() == pytest.approx(earlier.GetWindow(), rel=1e-5)
        assert display.GetInterpolate() == earlier.GetInterpolate()


def test_the_graph_comes_back(reopened):
    before, overlay = reopened
    for (points, cells, arrays), expected in zip(meshes(overlay), before[meshes], strict=True):
        assert np.allclose(points, expected[0], atol=1e-4)
        assert cells == expected[1]
        assert set(arrays) == set(expected[2])
        assert all(np.allclose(arrays[name], values) for name, values in expected[2].items())


def test_labels_keep_their_regions(reopened):
    before, overlay = reopened
    texts, places, regions = labels(overlay)
    assert (texts, regions) == (before[labels][0], before[labels][2])
    assert np.allclose(places, before[labels][1], atol=1e-4)


def test_slices_show_what_they_showed(reopened):
    _, overlay = reopened
    shown = {
        (c.GetBackgroundVolumeID(), c.GetForegroundVolumeID(), c.GetForegroundOpacity())
        for c in composites(overlay.scene)
    }
    assert shown == {(overlay.ct.GetID(), overlay.region_attention[1].GetID(), 0.4)}


def test_slices_and_camera_look_at_the_case(reopened):
    _, overlay = reopened
    place = overlay.most_attended.slice_point
    for name, axis in {"Red": 2, "Green": 1, "Yellow": 0}.items():
        view = overlay.scene.GetNodeByID(f"vtkMRMLSliceNode{name}")
        assert view.GetSliceToRAS().GetElement(axis, 3) == pytest.approx(place[axis], abs=1e-3)
        assert view.GetFieldOfView()[0] > 200
    bounds = [0.0] * 6
    overlay.segmentation.GetRASBounds(bounds)
    camera = overlay.scene.GetFirstNodeByName("Camera")
    # The voxel around the regions counts among the bounds, but is not saved.
    assert np.allclose(camera.GetFocalPoint(), np.reshape(bounds, (3, 2)).mean(1), atol=2.0)
    assert camera.GetPosition()[1] > bounds[3]


def test_what_there_is_to_say_about_the_grade_comes_back_without_the_result_folder(scene, phantom, tmp_path):
    prediction = replace(
        phantom.prediction,
        abstain=True,
        findings=(Finding("warning", "liver_cut_off", "The liver is cut off: “oben”."),),
        deletion=DeletionCheck("lesion_1", (0.3, 0.4, 0.3), -0.35),
        provenance={"model": {"name": "student", "trained_on_phantoms": True}, "seconds": {"read": 0.25}},
    )
    build_overlay(scene, prediction, phantom.images)
    (overlay,) = open_bundle(scene, write_bundle(scene, tmp_path / "scene.mrb"))
    assert overlay.summary.to_dict() == prediction.to_dict()
    assert reasons(overlay.summary) == reasons(prediction)
    assert deletion_check(overlay.summary) == deletion_check(prediction)
    assert hierarchy.folder_of(overlay.prediction) == hierarchy.folder_of(overlay.chart)


def test_two_cases_of_one_scene_keep_their_own_predictions(scene, make_phantom, tmp_path):
    for case, lesions in (("a", 1), ("b", 2)):
        phantom = make_phantom(case=case, lesions=lesions)
        build_overlay(scene, phantom.prediction, phantom.images)
    overlays = open_bundle(scene, write_bundle(scene, tmp_path / "scene.mrb"))
    assert {(overlay.case, len(overlay.summary.lesions)) for overlay in overlays} == {("a", 1), ("b", 2)}


def test_an_overlay_whose_prediction_was_altered_is_not_found(scene, overlay):
    overlay.prediction.SetText("notes")
    assert find_overlays(scene) == ()


def test_what_is_shown_comes_back(reopened):
    before, overlay = reopened
    assert shown(overlay) == before[shown]
    assert shown(overlay) == Shown(True, False, True, "region", 0.4, 0.1, 1)


def test_the_folder_comes_back(reopened):
    _, overlay = reopened
    folder = hierarchy.folder_of(overlay.chart)
    assert hierarchy.folder_name(overlay.scene, folder) == "REACT-KD: phantom-1"
    assert hierarchy.folder_of(overlay.segmentation) == folder


def test_surfaces_come_back(reopened):
    _, overlay = reopened
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    segmentation = overlay.segmentation.GetSegmentation()
    surfaces = [segmentation.GetSegment(item).GetRepresentation(name) for item in segmentation.GetSegmentIDs()]
    assert all(surface.GetNumberOfPoints() > 50 for surface in surfaces)


def test_a_reopened_overlay_still_changes_class(reopened):
    _, overlay = reopened
    assert overlay.shown_class == 1
    show_class(overlay, 2)
    assert overlay.segmentation.GetSegmentation().GetSegment("lesion_1").GetColor()[0] > 0.9


def test_a_liver_without_lesions_and_uptake_ratio_comes_back(scene, make_phantom, tmp_path):
    phantom = make_phantom(lesions=0)
    (liver,) = phantom.prediction.nodes
    uptake = replace(liver.pet["fdg"], ratio=None)
    prediction = replace(phantom.prediction, nodes=(replace(liver, pet={"fdg": uptake}),))
    build_overlay(scene, prediction, phantom.images)
    (overlay,) = open_bundle(scene, write_bundle(scene, tmp_path / "scene.mrb"))
    assert np.isnan(read_columns(overlay.region_table)["fdg ratio"][0])
    assert read_edges(overlay.edge_table) == ()


def test_a_file_that_is_no_bundle_is_refused(scene, tmp_path):
    (tmp_path / "scene.mrb").write_text("no bundle")
    with pytest.raises(OutputError) as raised:
        open_bundle(scene, tmp_path / "scene.mrb")
    assert "scene.mrb" in raised.value.message


def test_a_damaged_bundle_does_not_spoil_the_next(scene, overlay, tmp_path):
    whole = write_bundle(scene, tmp_path / "whole.mrb")
    with ZipFile(tmp_path / "damaged.mrb", "w") as archive:
        archive.writestr("notes.txt", "no scene")
    with pytest.raises(OutputError):
        open_bundle(scene, tmp_path / "damaged.mrb")
    assert len(open_bundle(scene, whole)) == 1


def test_a_scene_without_a_result_is_refused(scene, phantom, tmp_path):
    add_volume(scene, phantom.images.ct, "CT")
    with pytest.raises(OutputError) as raised:
        open_bundle(scene, write_bundle(scene, tmp_path / "ct.mrb"))
    assert raised.value.code == "no_overlay"


def test_a_folder_that_cannot_be_written_is_named(scene, overlay, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as raised:
        write_bundle(scene, tmp_path / "file" / "scene.mrb")
    assert str(tmp_path / "file") in raised.value.message
