"""What a reader does: open, Apply, look, click, save, open again."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from REACTKDLib.imaging.errors import CaseError
from REACTKDLib.inference.case_files import CaseFiles
from REACTKDLib.inference.prediction import Prediction
from REACTKDLib.inference.run import run_case
from REACTKDLib.scene.display import shown
from REACTKDLib.scene.rendering import can_render
from Testing.panel.moving import translated

SLICES = ("Red", "Green", "Yellow")


def slice_positions() -> np.ndarray:
    """RAS mm of the three slice views' centres."""
    nodes = [slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}") for name in SLICES]
    return np.array([[node.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)] for node in nodes])


def node_ids() -> list[str]:
    return [slicer.mrmlScene.GetNthNode(index).GetID() for index in range(slicer.mrmlScene.GetNumberOfNodes())]


def rows(ui) -> list[str]:
    return [ui.regionTable.item(row, 0).text() for row in range(ui.regionTable.rowCount)]


def test_an_empty_scene_says_what_it_needs(ui):
    assert not ui.applyButton.enabled
    assert "CT" in ui.applyButton.toolTip
    assert ui.applyHintLabel.text == ui.applyButton.toolTip
    assert ui.modelSelector.currentText.startswith("Demo model")
    assert "synthetic phantoms" in ui.modelCardLabel.text
    assert not ui.reportButton.enabled
    assert not ui.sceneButton.enabled


def test_from_sample_data_to_a_result_and_back_from_the_saved_scene(host, widget, ui, panel, apply, tmp_path):
    host.click(ui.sampleDataButton)
    assert ui.ctSelector.currentNode().GetName() == "Phantom CT"
    assert ui.fdgSelector.currentNode() is not None
    assert ui.segmentationSelector.currentNode() is not None
    assert ui.applyButton.enabled, ui.applyButton.toolTip

    overlay = apply()
    assert overlay is not None, ui.messageLabel.text
    summary = overlay.summary
    assert summary.grade_name in ui.gradeLabel.text or summary.grade_name.lower() in ui.gradeLabel.text
    assert "phantoms" in ui.gradeLabel.text
    assert set(rows(ui)) == {region.name for region in overlay.regions}
    assert panel.result.selected == overlay.most_attended.id

    places = {region.name: region.slice_point for region in overlay.regions}
    for row, name in enumerate(rows(ui)):
        ui.regionTable.clearSelection()
        ui.regionTable.selectRow(row)
        assert np.abs(slice_positions() - places[name]).max() < 1.0

    probabilities = overlay.probabilities
    host.chosen_paths.append(str(tmp_path / "scene.mrb"))
    host.click(ui.sceneButton)
    assert (tmp_path / "scene.mrb").exists(), ui.exportLabel.text
    host.close_scene()
    assert panel.result.overlay is None
    assert ui.regionTable.rowCount == 0

    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert panel.result.overlay is not None
    assert panel.result.overlay.probabilities == pytest.approx(probabilities, abs=1e-6)
    assert set(rows(ui)) == set(places)
    assert ui.ctSelector.currentNode().GetName() == "Phantom CT"
    assert ui.applyButton.enabled, ui.applyButton.toolTip
    assert not ui.reportButton.enabled
    assert "Apply again" in ui.exportLabel.text


def test_the_modules_self_test_passes(host, widget):
    import REACTKD

    REACTKD.REACTKDTest().runTest()


def test_the_modules_self_test_passes_without_the_applications_window(host, widget, monkeypatch):
    import REACTKD

    monkeypatch.setattr(type(host.app), "layoutManager", lambda self: None)
    REACTKD.REACTKDTest().runTest()


def test_a_segmentation_without_a_display_is_graded_as_well(case, apply, panel):
    slicer.mrmlScene.RemoveNode(case["segmentation"].GetDisplayNode())
    overlay = apply()
    assert panel.result.selected == overlay.most_attended.id


def test_a_second_apply_replaces_the_result_and_leaves_the_users_nodes(case, apply):
    first = apply()
    count = slicer.mrmlScene.GetNumberOfNodes()
    second = apply()
    assert second.parameters is not first.parameters
    assert slicer.mrmlScene.GetNumberOfNodes() == count
    assert all(node.GetScene() is slicer.mrmlScene for node in case.values())


@pytest.mark.parametrize("lost", ["chart", "segmentation"])
def test_a_result_that_lost_a_node_is_called_incomplete_and_replaced_as_a_whole(host, case, apply, ui, panel, lost):
    first = apply()
    count = slicer.mrmlScene.GetNumberOfNodes()
    host.leave()
    slicer.mrmlScene.RemoveNode(getattr(first, lost))
    host.enter("REACTKD")
    assert panel.result.overlay is None
    assert "incomplete" in ui.emptyResultLabel.text
    assert not ui.emptyResultLabel.isHidden()
    second = apply()
    assert second is not None
    assert not [node for node in first.nodes if node.GetScene() is not None and node not in case.values()]
    # A display or storage node of what was removed may be left.
    assert slicer.mrmlScene.GetNumberOfNodes() <= count + 2
    host.close_scene()
    assert "incomplete" not in ui.emptyResultLabel.text


def test_the_module_and_the_command_line_give_the_same_logits(case, apply, small_phantom, tmp_path, project):
    from REACTKDLib.inference.predictor import Predictor

    overlay = apply()
    files = CaseFiles(
        ct=small_phantom / "ct.nii.gz",
        segmentation=small_phantom / "segmentation.seg.nrrd",
        pet_fdg=small_phantom / "pet_fdg.nii.gz",
    )
    predictor = Predictor.load(project / "Resources" / "Models" / "demo", "cpu")
    assert overlay.summary.logits == run_case(predictor, files, tmp_path / "out", report=False).logits


@pytest.mark.real_data
def test_a_real_patient_through_the_module_gives_the_command_lines_logits(
    host, panel, ui, apply, hcc007, tmp_path, project
):
    from REACTKDLib.inference.predictor import Predictor

    parameters = panel._parameters
    parameters.ct = slicer.util.loadVolume(str(hcc007 / "ct.nii.gz"))
    parameters.segmentation = slicer.util.loadSegmentation(str(hcc007 / "hcc007.seg.nrrd"))
    overlay = apply(120)
    assert overlay is not None, ui.messageLabel.text
    files = CaseFiles(ct=hcc007 / "ct.nii.gz", segmentation=hcc007 / "hcc007.seg.nrrd")
    predictor = Predictor.load(project / "Resources" / "Models" / "demo", "cpu")
    assert overlay.summary.logits == run_case(predictor, files, tmp_path / "out", report=False).logits


def test_the_class_selector_changes_table_colours_and_slices(host, case, apply, ui):
    overlay = apply()
    other = (overlay.grade + 1) % len(overlay.classes)
    ui.classSelector.setCurrentIndex(other)
    assert overlay.shown_class == other
    attention = {region.name: region.attention[other] for region in overlay.regions}
    sizes = [abs(attention[name]) for name in rows(ui)]
    assert sizes == sorted(sizes, reverse=True)
    composite = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    assert composite.GetForegroundVolumeID() == overlay.voxel_attention[other].GetID()


def test_sliders_and_toggles_change_what_is_shown_and_come_back_with_the_overlay(case, apply, ui, panel):
    overlay = apply()
    ui.opacitySlider.value = 0.3
    ui.edgeSlider.value = 0.5
    for box in (ui.nodesCheckBox, ui.edgesCheckBox, ui.labelsCheckBox):
        box.checked = False
    ui.mapSelector.setCurrentIndex(ui.mapSelector.findData("region"))
    now = shown(overlay)
    assert now.opacity == pytest.approx(0.3)
    assert now.similarity == pytest.approx(0.5)
    assert (now.nodes, now.edges, now.labels) == (False, False, False)
    assert now.attention_map == "region"
    panel.result.show(None)
    panel.result.show(overlay)
    assert ui.opacitySlider.value == pytest.approx(0.3)
    assert ui.edgeSlider.value == pytest.approx(0.5)
    assert not ui.edgesCheckBox.checked


def test_a_run_that_ends_in_another_module_changes_no_view_until_the_user_is_back(host, case, panel, ui):
    layout, segments = slicer.app.layoutManager(), case["segmentation"].GetDisplayNode()
    layout.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 0.0, 0.0, 500.0)
    shown = red.GetBackgroundVolumeID(), red.GetForegroundVolumeID(), slice_positions().tolist()
    host.click(ui.applyButton)
    slicer.util.selectModule("SegmentEditor")
    host.wait(lambda: not panel.session.running)
    assert panel.result.overlay is not None
    assert layout.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    assert (red.GetBackgroundVolumeID(), red.GetForegroundVolumeID(), slice_positions().tolist()) == shown
    assert segments.GetVisibility()

    overlay = host.enter("REACTKD").panel.result.overlay
    assert layout.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert red.GetForegroundVolumeID() == overlay.voxel_attention[overlay.grade].GetID()
    assert ui.mapSelector.currentText == "Voxel map"
    assert not segments.GetVisibility()
    assert panel.result.selected == overlay.most_attended.id
    # Once: what the user changes from then on stays.
    layout.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    host.leave()
    host.enter("REACTKD")
    assert layout.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    layout.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)


def test_a_scene_that_is_closed_or_opened_in_another_module_is_taken_up_when_the_user_is_back(
    host, case, panel, ui, tmp_path
):
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.util.selectModule("SegmentEditor")
    host.close_scene()
    assert panel._parameters is None
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert panel._parameters is None
    host.enter("REACTKD")
    assert ui.ctSelector.currentNode() is not None


def test_a_model_is_hashed_once_and_again_only_after_a_change(host, widget, ui, panel, tmp_path, project, monkeypatch):
    from REACTKDLib.inference.model_card import ModelCard

    read, folders = ModelCard.read, []
    monkeypatch.setattr(ModelCard, "read", lambda folder: folders.append(folder) or read(folder))
    folder = shutil.copytree(project / "Resources" / "Models" / "demo", tmp_path / "model")
    panel._parameters.model = str(folder)
    for _ in range(2):
        host.leave()
        host.enter("REACTKD")
    assert folders == [folder]
    (folder / "model.json").write_text("{}")
    host.leave()
    host.enter("REACTKD")
    assert folders == [folder] * 2
    assert panel.model.problem is not None


def test_a_click_on_the_selected_row_leads_back_to_its_region(host, case, apply, ui):
    import qt

    overlay = apply()
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, 0.0, 0.0, 500.0)
    # A real click on the row that Apply has selected.
    table = ui.regionTable
    row = rows(ui).index(overlay.most_attended.name)
    qt.QTest.mouseClick(
        table.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, table.visualItemRect(table.item(row, 0)).center()
    )
    assert np.abs(slice_positions() - overlay.most_attended.slice_point).max() < 1.0


@pytest.mark.gl
@pytest.mark.skipif(not can_render()[0], reason=can_render()[1])
def test_a_click_on_a_sphere_in_3d_selects_its_row(host, case, apply, panel, ui):
    overlay = apply()
    # A sphere may hide behind another.
    assert len(picked_in_3d(panel, ui)) >= len(overlay.regions) - 1


@pytest.mark.gl
@pytest.mark.skipif(not can_render()[0], reason=can_render()[1])
def test_clicks_in_3d_are_left_to_others_in_another_module_or_another_mode_of_the_mouse(host, case, apply, panel, ui):
    apply()
    mouse = slicer.app.applicationLogic().GetInteractionNode()
    mouse.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
    assert picked_in_3d(panel, ui) == set()
    mouse.SwitchToViewTransformMode()
    slicer.util.selectModule("SegmentEditor")
    assert picked_in_3d(panel, ui) == set()
    host.enter("REACTKD")
    assert picked_in_3d(panel, ui)


def picked_in_3d(panel, ui) -> set[str]:
    """Regions whose row a click on their sphere selects."""
    view = slicer.app.layoutManager().threeDWidget(0).threeDView()
    view.forceRender()
    renderer = view.renderWindow().GetRenderers().GetFirstRenderer()
    picked = set()
    for region in panel.result.overlay.regions:
        ui.regionTable.clearSelection()
        renderer.SetWorldPoint(*region.centroid, 1.0)
        renderer.WorldToDisplay()
        x, y, _depth = renderer.GetDisplayPoint()
        interactor = view.interactor()
        interactor.SetEventInformation(round(x), round(y))
        interactor.InvokeEvent("LeftButtonPressEvent")
        interactor.InvokeEvent("LeftButtonReleaseEvent")
        if panel.result.selected == region.id:
            picked.add(region.id)
    return picked


def test_report_and_folder_are_exported_whole(host, case, apply, ui, tmp_path):
    overlay = apply()
    host.chosen_paths += [str(tmp_path / "mine.html"), str(tmp_path)]
    host.click(ui.reportButton)
    page = (tmp_path / "mine.html").read_text()
    assert overlay.summary.grade_name in page
    host.click(ui.folderButton)
    assert Prediction.read(tmp_path / "case_prediction").logits == overlay.summary.logits
    host.chosen_paths.append(str(tmp_path))
    host.click(ui.folderButton)
    assert "already" in ui.exportLabel.text


@pytest.fixture
def drawn(monkeypatch) -> list:
    """What the slice pictures of reports are drawn from: prediction, CT, PET by tracer."""
    from REACTKDLib.inference import slice_pictures

    calls, original = [], slice_pictures.slice_pictures
    monkeypatch.setattr(slice_pictures, "slice_pictures", lambda *given: calls.append(given) or original(*given))
    return calls


def mean_in(image: sitk.Image, regions: sitk.Image, label: int) -> float:
    """Of the image's values where the regions have the label."""
    values = sitk.GetArrayFromImage(sitk.Resample(image, regions, sitk.Transform(), sitk.sitkLinear, -1e4))
    return float(values[sitk.GetArrayFromImage(regions) == label].mean())


def test_a_report_shows_ct_and_pet_where_their_transforms_put_them(host, case, apply, ui, tmp_path, drawn):
    for node, mm in ((case["ct"], 60.0), (case["segmentation"], 60.0), (case["fdg"], 55.0)):
        translated(node, mm)
    overlay = apply()
    host.chosen_paths.append(str(tmp_path / "report.html"))
    host.click(ui.reportButton)
    ((prediction, ct, pet),) = drawn
    assert overlay.regions
    for node in prediction.nodes:
        assert mean_in(ct, prediction.regions, node.label) == pytest.approx(node.mean_hu, abs=2)
        assert mean_in(pet["fdg"], prediction.regions, node.label) == pytest.approx(node.pet["fdg"].mean, rel=0.15)


@pytest.mark.parametrize("role", ["ct", "fdg"])
def test_a_report_is_refused_once_an_image_lies_elsewhere_than_when_it_was_graded(
    host, case, apply, ui, tmp_path, role
):
    apply()
    translated(case[role], 30.0)
    host.chosen_paths += [str(tmp_path / "report.html")] * 2
    host.click(ui.reportButton)
    assert "does not lie where it lay" in ui.exportLabel.text
    assert not (tmp_path / "report.html").exists()
    case[role].SetAndObserveTransformNodeID(None)
    host.click(ui.reportButton)
    assert (tmp_path / "report.html").exists(), ui.exportLabel.text


def test_an_exported_report_leaves_no_view_behind(host, case, apply, ui, tmp_path):
    apply()
    before = node_ids()
    host.chosen_paths.append(str(tmp_path / "report.html"))
    host.click(ui.reportButton)
    assert (tmp_path / "report.html").exists(), ui.exportLabel.text
    assert node_ids() == before


def test_no_node_name_reaches_an_exported_file(host, case, apply, ui, tmp_path):
    for node in case.values():
        node.SetName("Doe^Jane")
    apply()
    host.chosen_paths += [str(tmp_path / "report.html"), str(tmp_path)]
    host.click(ui.reportButton)
    host.click(ui.folderButton)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4
    # The caret is no letter of base64, which holds any three letters somewhere.
    assert not [path for path in files if b"Doe^" in path.read_bytes() or "Doe" in path.name]
    assert "Doe" not in ui.logText.plainText


def test_segments_are_offered_by_name_and_a_chosen_one_is_used(case, apply, ui, panel):
    names = [ui.tumorSelector.itemText(i) for i in range(ui.tumorSelector.count)]
    assert any("Tumor" in name or "Lesion" in name for name in names)
    ui.tumorSelector.setCurrentIndex(ui.tumorSelector.findData("(no tumour)"))
    overlay = apply()
    assert [region.id for region in overlay.regions] == ["liver"]
    assert "no_lesion" in {finding.code for finding in overlay.summary.findings}


def test_a_renamed_segment_appears_under_its_new_name(host, case, ui):
    segmentation = case["segmentation"].GetSegmentation()
    segmentation.GetNthSegment(0).SetName("Hepar")
    host.wait(lambda: "Hepar" in [ui.liverSelector.itemText(i) for i in range(ui.liverSelector.count)], 5)


def test_leaving_and_entering_and_reloading_keep_what_was_chosen(host, case, widget, apply):
    overlay = apply()
    host.leave()
    again = host.enter("REACTKD")
    assert again.panel.result.overlay.parameters is overlay.parameters
    again.onReload()
    reloaded = host.enter("REACTKD")
    assert reloaded is not again
    assert reloaded.ui.ctSelector.currentNode() is case["ct"]
    assert reloaded.panel.result.overlay.parameters is overlay.parameters


def test_the_logic_grades_nodes_from_a_script(host, case, temporary_files, widget):
    files = temporary_files()
    overlay = widget.logic.process(case["ct"], case["segmentation"], petFdg=case["fdg"], device="cpu")
    assert sum(overlay.probabilities) == pytest.approx(1)
    assert overlay.summary.provenance["device"] == "cpu"
    assert temporary_files() == files


@pytest.mark.parametrize("how", ["ct", "scene"])
def test_a_script_is_told_when_its_images_are_removed_while_it_waits(host, case, temporary_files, widget, how):
    import qt

    remove = host.close_scene if how == "scene" else lambda: slicer.mrmlScene.RemoveNode(case["ct"])
    files = temporary_files()
    qt.QTimer.singleShot(0, remove)
    with pytest.raises(CaseError, match="removed from the scene"):
        widget.logic.process(case["ct"], case["segmentation"], petFdg=case["fdg"], device="cpu")
    assert temporary_files() == files


def test_the_device_that_is_really_used_is_shown(case, apply, ui):
    apply()
    assert "CPU" in ui.deviceLabel.text or "cuda" in ui.deviceLabel.text
    assert "torch" in ui.deviceLabel.text
    ui.stopWorkerButton.click()
    assert ui.deviceLabel.text == "No model is loaded."


def test_the_phantom_is_listed_under_sample_data_and_loads_from_there(host, widget):
    import SampleData

    source = SampleData.SampleDataLogic().sourceForSampleName("REACTKD phantom PET/CT")
    names = {node.GetName() for node in source.customDownloader(source)}
    assert names == {"Phantom CT", "Phantom FDG PET", "Phantom acetate PET", "Phantom segmentation"}


def test_a_model_folder_that_is_dropped_on_the_panel_is_taken(host, ui, panel, tmp_path, project):
    import qt

    folder = shutil.copytree(project / "Resources" / "Models" / "demo", tmp_path / "dropped")
    data = qt.QMimeData()
    data.setUrls([qt.QUrl.fromLocalFile(str(folder))])
    mouse = (qt.Qt.CopyAction, data, qt.Qt.LeftButton, qt.Qt.NoModifier)
    enter = qt.QDragEnterEvent(qt.QPoint(5, 5), *mouse)
    qt.QApplication.sendEvent(ui.modelSelector, enter)
    assert enter.isAccepted()
    qt.QApplication.sendEvent(ui.modelSelector, qt.QDropEvent(qt.QPointF(5, 5), *mouse))
    assert panel._parameters.model == str(folder)
    assert ui.modelSelector.currentText == "dropped"


def test_the_liver_can_be_segmented_first_where_total_segmentator_is_missing_it_says_so(host, ui, case, panel):
    panel._parameters.segmentation = None
    host.click(ui.segmentButton)
    assert any("TotalSegmentator" in text for _kind, text in host.messages)
    host.enter("REACTKD")


def test_an_abstaining_model_names_no_firm_grade(case, apply, panel, ui, tmp_path):
    from Testing.models import write_random_model

    panel._parameters.model = str(write_random_model(tmp_path / "unsure", abstain_below=1.0))
    overlay = apply()
    assert overlay.abstain
    assert "No firm grade" in ui.gradeLabel.text
