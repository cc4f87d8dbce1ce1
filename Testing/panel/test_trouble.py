"""Cancel, crash, hang, and a scene that changes under a run: words, and an application that goes on."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import slicer

STAGES = ("input", "start", "read", "preprocess", "network", "explain", "write")


def processes() -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return [process for process in found if "REACTKDLib.inference.worker" in " ".join(process.cmdline())]


def at_stage(panel, monkeypatch, stage, action) -> None:
    """Calls action once, as soon as the panel shows the stage."""
    original, done = panel.stage, []

    def show(name, fraction):
        original(name, fraction)
        if name == stage and not done:
            done.append(name)
            action()

    monkeypatch.setattr(panel, "stage", show)


@pytest.mark.parametrize("stage", STAGES[1:])
def test_cancel_is_obeyed_at_every_stage_and_leaves_nothing(host, case, panel, ui, monkeypatch, temporary_files, stage):
    if stage == "start":
        panel.session.stop_worker()
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    files = temporary_files()
    asked = []

    def cancel() -> None:
        assert ui.applyButton.text == "Cancel"
        asked.append(time.monotonic())
        host.click(ui.applyButton)

    if stage == "start":
        host.click(ui.applyButton)
        cancel()
    else:
        # At once: a stage is over before a test that waits for it could click.
        at_stage(panel, monkeypatch, stage, cancel)
        host.click(ui.applyButton)
        host.wait(lambda: not panel.session.running)
    assert asked
    assert not panel.session.running
    # A busy machine takes a moment to clear away what is killed.
    host.wait(lambda: not processes(), 2)
    assert time.monotonic() - asked[0] < 2
    assert panel.result.overlay is None
    assert temporary_files() == files
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes
    assert ui.applyButton.text == "Apply"
    assert ui.applyButton.enabled


def test_a_killed_worker_is_a_message_and_apply_works_again(host, case, panel, ui, monkeypatch, temporary_files):
    files = temporary_files()
    at_stage(panel, monkeypatch, "network", lambda: os.kill(panel.session._worker.pid, signal.SIGKILL))
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert not ui.messageFrame.isHidden()
    assert "ended unexpectedly" in ui.messageLabel.text
    assert "Traceback" not in ui.messageLabel.text
    assert temporary_files() == files
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert panel.result.overlay is not None
    assert ui.messageFrame.isHidden()


def test_a_worker_killed_between_two_runs_is_replaced(host, case, panel, apply):
    apply()
    os.kill(panel.session._worker.pid, signal.SIGKILL)
    host.wait(lambda: not panel.session.warm, 5)
    assert apply() is not None


@pytest.mark.parametrize("at_once", [False, True])
def test_a_worker_that_cannot_start_is_a_message_and_apply_works_again(
    host, case, panel, ui, monkeypatch, temporary_files, at_once
):
    """at_once: as on Windows, where it is known before the start returns."""
    from REACTKDLib.panel import worker_process as module

    panel.session.stop_worker()
    files = temporary_files()
    start = module.qt.QProcess.start

    def start_and_wait(process, *arguments):
        start(process, *arguments)
        process.waitForStarted()

    with monkeypatch.context() as broken:
        broken.setattr(module, "python_executable", lambda: "/nowhere/PythonSlicer")
        if at_once:
            broken.setattr(module.qt.QProcess, "start", start_and_wait)
        host.click(ui.applyButton)
        host.wait(lambda: not panel.session.running)
    assert host.exceptions == []
    assert "could not be started" in ui.messageLabel.text
    assert ui.applyButton.text == "Apply"
    assert not panel.session.warm
    assert temporary_files() == files
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert panel.result.overlay is not None


def test_a_hung_worker_is_stopped_and_said(host, case, panel, ui, monkeypatch):
    monkeypatch.setattr(sys.modules[type(panel.session).__module__], "SILENCE_S", 1)
    at_stage(panel, monkeypatch, "preprocess", lambda: os.kill(panel.session._worker.pid, signal.SIGSTOP))
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert "said nothing for 1 s" in ui.messageLabel.text
    assert processes() == []


def test_trouble_on_a_gpu_offers_the_cpu_and_the_result_records_it(host, case, panel, ui):
    panel._parameters.device = "cuda:7"
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert "cuda:7" in ui.messageLabel.text
    assert not ui.retryButton.isHidden()
    host.click(ui.retryButton)
    host.wait(lambda: not panel.session.running)
    overlay = panel.result.overlay
    assert overlay.summary.provenance["device"] == "cpu"
    recorded = [finding for finding in overlay.summary.findings if finding.code == "retried_on_cpu"]
    assert len(recorded) == 1
    assert "cuda:7" in recorded[0].message
    assert recorded[0].message in ui.findingsLabel.text


def test_on_the_cpu_no_retry_on_the_cpu_is_offered(host, case, panel, ui, monkeypatch):
    panel._parameters.device = "cpu"
    at_stage(panel, monkeypatch, "network", lambda: os.kill(panel.session._worker.pid, signal.SIGKILL))
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert ui.retryButton.isHidden()


@pytest.mark.parametrize("stage", ["start", "network"])
def test_closing_the_scene_ends_the_run_without_a_word(host, case, panel, ui, monkeypatch, temporary_files, stage):
    panel.session.stop_worker()
    files = temporary_files()
    reached = []
    at_stage(panel, monkeypatch, stage, lambda: reached.append(stage))
    host.click(ui.applyButton)
    host.wait(lambda: bool(reached))
    host.close_scene()
    assert not panel.session.running
    assert processes() == []
    assert temporary_files() == files
    assert ui.messageFrame.isHidden()
    assert not ui.applyButton.enabled


def test_a_ct_that_is_removed_during_the_run_is_said_and_nothing_is_built(host, case, panel, ui, monkeypatch):
    reached = []
    at_stage(panel, monkeypatch, "preprocess", lambda: reached.append(1))
    host.click(ui.applyButton)
    host.wait(lambda: bool(reached))
    slicer.mrmlScene.RemoveNode(case["ct"])
    host.wait(lambda: not panel.session.running)
    assert panel.result.overlay is None
    assert "removed from the scene" in ui.messageLabel.text


def test_a_segmentation_that_is_removed_during_the_run_does_not_lose_the_result(host, case, panel, ui, monkeypatch):
    reached = []
    at_stage(panel, monkeypatch, "preprocess", lambda: reached.append(1))
    host.click(ui.applyButton)
    host.wait(lambda: bool(reached))
    slicer.mrmlScene.RemoveNode(case["segmentation"])
    host.wait(lambda: not panel.session.running)
    assert panel.result.selected == panel.result.overlay.most_attended.id


def test_a_retry_whose_ct_is_gone_says_so_and_leaves_the_panel_ready(host, case, panel, ui):
    panel._parameters.device = "cuda:7"
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    slicer.mrmlScene.RemoveNode(case["ct"])
    host.click(ui.retryButton)
    assert not panel.session.running
    assert "removed from the scene" in ui.messageLabel.text
    assert ui.retryButton.isHidden()
    assert ui.applyButton.text == "Apply"
    assert ui.inputsCollapsibleButton.enabled


@pytest.mark.parametrize("place", ["write_case", "build_overlay"])
def test_an_error_that_nobody_foresaw_leaves_the_panel_ready(
    host, case, panel, ui, monkeypatch, temporary_files, place
):
    def fail(*_arguments):
        raise RuntimeError("unforeseen")

    files = temporary_files()
    module = type(panel.session if place == "write_case" else panel).__module__
    monkeypatch.setattr(sys.modules[module], place, fail)
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert [str(error) for error in host.exceptions] == ["unforeseen"]
    host.exceptions.clear()
    if place == "write_case":
        assert temporary_files() == files
    assert ui.progressBar.isHidden()
    assert ui.applyButton.text == "Apply"
    assert ui.applyButton.enabled
    assert ui.inputsCollapsibleButton.enabled


def test_nodes_of_a_failed_run_are_freed_with_their_scene(host, panel, ui, small_phantom):
    parameters = panel._parameters
    parameters.ct = slicer.util.loadVolume(str(small_phantom / "ct.nii.gz"))
    parameters.segmentation = slicer.util.loadSegmentation(str(small_phantom / "segmentation.seg.nrrd"))
    parameters.device = "cuda:7"
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    deleted = []
    parameters.ct.AddObserver("DeleteEvent", lambda *_: deleted.append(1))
    host.close_scene()
    host.wait(lambda: bool(deleted), 5)


def test_the_object_of_a_process_that_has_ended_is_freed(host, case, panel, ui, apply):
    apply()
    gone = []
    panel.session._worker._process.connect("destroyed()", lambda: gone.append(1))
    ui.stopWorkerButton.click()
    host.wait(lambda: bool(gone), 5)


def test_a_run_goes_on_while_the_user_is_in_another_module(host, case, panel, ui):
    host.click(ui.applyButton)
    host.leave()
    host.wait(lambda: not panel.session.running)
    assert host.enter("REACTKD").panel.result.overlay is not None


def test_closing_the_application_ends_worker_and_files(host, case, panel, ui, apply, temporary_files):
    apply()
    assert processes()
    panel.close()
    assert processes() == []
    assert temporary_files() == []


def test_a_result_that_cannot_be_read_is_said(host, case, panel, ui, monkeypatch):
    def spoil(request, folder: Path):
        (folder / "prediction.json").write_text("{}")
        original(request, folder)

    original = panel.done
    monkeypatch.setattr(panel, "done", spoil)
    host.click(ui.applyButton)
    host.wait(lambda: not panel.session.running)
    assert "complete prediction" in ui.messageLabel.text
    assert ui.applyButton.text == "Apply"
