"""What does not make a case: plain words, Apply off or an error, nothing lost."""

import json
import shutil

import numpy as np
import pytest
import slicer
import vtk

from Testing.panel.moving import translated


def why_not(ui) -> str:
    """What is said beside an Apply that cannot be clicked, once events had their time."""
    slicer.app.processEvents()
    assert not ui.applyButton.enabled
    assert ui.applyHintLabel.text == ui.applyButton.toolTip
    assert not ui.applyHintLabel.isHidden()
    return ui.applyButton.toolTip


def fails(host, ui, panel) -> str:
    """Applies; what the panel says. The scene has what it had before."""
    before = slicer.mrmlScene.GetNumberOfNodes()
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert panel.result.overlay is None
    assert not ui.messageFrame.isHidden()
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert "Traceback" not in ui.messageLabel.text
    return ui.messageLabel.text


def test_no_ct_is_said(case, ui, panel):
    panel._parameters.ct = None
    assert "CT" in why_not(ui)


def test_no_segmentation_is_said(case, ui, panel):
    panel._parameters.segmentation = None
    assert "segmentation" in why_not(ui).lower()
    assert not ui.segmentButton.isHidden()


def test_the_ct_as_pet_is_refused(case, ui, panel):
    panel._parameters.pet_fdg = case["ct"]
    assert "twice" in why_not(ui)


def test_a_segmentation_without_a_liver_is_said(case, ui, host):
    segmentation = case["segmentation"].GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        segmentation.GetNthSegment(index).SetName(f"Organ {index}")
    host.wait(lambda: not ui.applyButton.enabled, 5)
    assert "liver" in why_not(ui).lower()


def test_an_empty_segment_is_named(case, ui, host, panel):
    segmentation = case["segmentation"].GetSegmentation()
    tumor = segmentation.AddEmptySegment("", "Tumor new")
    panel._parameters.tumor_segment = tumor
    assert "Tumor new" in fails(host, ui, panel)


def test_a_transform_on_ct_and_segmentation_moves_the_result_with_them(case, apply):
    before = {region.id: region.centroid for region in apply().regions}
    for node in case.values():
        translated(node, 40.0)
    after = {region.id: region.centroid for region in apply().regions}
    assert set(before) == set(after)
    for region, centroid in before.items():
        assert after[region] == pytest.approx(np.add(centroid, (40, 0, 0)), abs=0.1)


def test_a_transform_on_the_ct_alone_is_applied_and_the_misfit_found(case, ui, host, panel):
    translated(case["ct"], 4000.0)
    assert "liver" in fails(host, ui, panel).lower()


def test_a_ct_under_a_nonlinear_transform_is_refused(case, ui):
    grid = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Bend")
    case["ct"].SetAndObserveTransformNodeID(grid.GetID())
    transform = slicer.vtkOrientedGridTransform()
    field = vtk.vtkImageData()
    field.SetDimensions(4, 4, 4)
    field.AllocateScalars(vtk.VTK_DOUBLE, 3)
    transform.SetDisplacementGridData(field)
    grid.SetAndObserveTransformToParent(transform)
    reason = why_not(ui)
    assert "Bend" in reason
    assert "arden" in reason


def test_a_volume_of_several_frames_is_refused(case, ui, panel):
    image = vtk.vtkImageData()
    image.SetDimensions(8, 8, 8)
    image.AllocateScalars(vtk.VTK_SHORT, 3)
    case["ct"].SetAndObserveImageData(image)
    assert "phase" in why_not(ui)


def test_a_model_folder_that_is_missing_is_said(case, ui, panel, tmp_path):
    panel._parameters.model = str(tmp_path / "nowhere")
    assert "no model" in why_not(ui)
    assert "no model" in ui.modelCardLabel.text
    panel._parameters.model = ""
    assert ui.applyButton.enabled


def test_a_tampered_model_is_refused_and_named(case, ui, panel, tmp_path, project):
    folder = tmp_path / "tampered"
    shutil.copytree(project / "Resources" / "Models" / "demo", folder)
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    panel._parameters.model = str(folder)
    assert "not what was exported" in why_not(ui)


def test_a_model_that_is_tampered_with_after_it_was_chosen_is_refused_too(case, ui, host, panel, tmp_path, project):
    folder = tmp_path / "model"
    shutil.copytree(project / "Resources" / "Models" / "demo", folder)
    panel._parameters.model = str(folder)
    card = json.loads((folder / "model.json").read_text())
    card["temperature"] = 99
    (folder / "model.json").write_text(json.dumps(card))
    assert "not what was exported" in fails(host, ui, panel)


def test_a_dropped_or_chosen_model_folder_is_remembered(case, ui, host, panel, tmp_path, project):
    folder = tmp_path / "my model"
    shutil.copytree(project / "Resources" / "Models" / "demo", folder)
    host.chosen_paths.append(str(folder))
    ui.modelBrowseButton.click()
    assert ui.modelSelector.currentText == "my model"
    ui.modelSelector.setCurrentIndex(0)
    assert panel._parameters.model == ""
    assert "my model" in [ui.modelSelector.itemText(i) for i in range(ui.modelSelector.count)]


def test_a_teacher_asks_for_the_pet_it_needs(case, ui, panel, teacher_folder):
    panel._parameters.model = str(teacher_folder)
    assert "acetate" in why_not(ui)
    panel._parameters.pet_fdg = None
    assert "FDG and acetate" in why_not(ui)


def test_no_space_in_the_temporary_folder_is_said_and_nothing_is_left(
    case, ui, host, panel, monkeypatch, temporary_files
):
    import resource

    files = temporary_files()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    original = panel.session._new_folder

    def small():
        folder = original()
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        return folder

    monkeypatch.setattr(panel.session, "_new_folder", small)
    try:
        message = fails(host, ui, panel)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "cannot be written" in message
    assert temporary_files() == files


def test_a_temporary_folder_that_is_no_folder_is_said(case, ui, host, panel, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(panel.session, "_temporary", tmp_path / "file")
    assert "temporary folder" in fails(host, ui, panel)
