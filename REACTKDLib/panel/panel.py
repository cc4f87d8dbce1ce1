"""The panel: sections, and what happens between them."""

from collections.abc import Callable
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ..imaging.errors import ReactKDError
from ..inference.prediction import Prediction
from ..scene.case_nodes import check_there, unusable
from ..scene.display import jump_to_region, show_in_slices
from ..scene.overlay import build_overlay, remove_overlay
from ..scene.overlay_nodes import Overlay, read
from ..scene.volumes import CaseVolumes
from . import sample_data
from .device_section import DeviceSection
from .export_section import ExportSection
from .inputs_section import InputsSection
from .model_section import ModelSection
from .node_watch import NodeWatch
from .parameters import Parameters
from .result_section import ResultSection
from .session import Failure, Request, Session
from .setup_section import SetupSection
from .three_d_picking import ThreeDPicking
from .widgets import WARNING_COLOR, colored, escaped


def stage_text(name: str) -> str:
    """What the progress bar says of a stage of the worker or the session."""
    return {
        "input": _("Handing over the images…"),
        "start": _("Starting the worker: it loads the model once…"),
        "read": _("Reading…"),
        "preprocess": _("Preprocessing…"),
        "network": _("Grading…"),
        "explain": _("Explaining…"),
        "write": _("Writing…"),
        "finish": _("Showing…"),
    }[name]


class Panel:
    """Everything behind the widgets of REACTKD.ui. A listener of its session.

    entered: whether the module is the one that the user sees.
    """

    def __init__(self, ui, entered: Callable[[], bool]):
        self._ui = ui
        self._entered = entered
        self._parameters: Parameters | None = None
        self._updating = False
        self._failed_request: tuple[Request, Failure] | None = None
        self._result: tuple[str, Path] | None = None
        """Id of an overlay's parameter node, and the folder that its prediction came in."""
        self._unseen: Request | None = None
        """What led to a result that came while the user was in another module."""
        self._watch = NodeWatch(self.update)
        self.session = Session(self, Path(slicer.app.temporaryPath))
        self.inputs = InputsSection(ui)
        self.model = ModelSection(ui, self._check_can_apply)
        self.device = DeviceSection(ui, self.session.stop_worker)
        self.setup = SetupSection(ui, self._check_can_apply, self.device.found)
        self.result = ResultSection(ui)
        self.export = ExportSection(ui)
        self._picking = ThreeDPicking(lambda: self.result.overlay, self.result.select)
        ui.applyButton.connect("clicked(bool)", self._apply_or_cancel)
        ui.retryButton.connect("clicked(bool)", self._retry)
        ui.sampleDataButton.connect("clicked(bool)", self._load_sample_data)

    def bind(self, parameters: Parameters | None) -> None:
        """To the parameter node of a scene; None while there is none, which ends the run of the scene before."""
        if parameters is None:
            self.cancel()
            self._result = None
            # A request holds its nodes, which would stay in memory when their scene is closed.
            self._failed_request = self._unseen = None
            self._say(None)
        self._parameters = parameters
        for section in (self.inputs, self.model, self.device):
            section.bind(parameters)
        if parameters is None:
            self._watch.watch(())
            self._show(None)
            return
        self.inputs.choose_what_fits()
        self.update()

    def update(self) -> None:
        """After any change of the parameters."""
        if self._parameters is None or self._updating:
            return
        self._updating = True
        try:
            nodes = self.inputs.nodes
            self._watch.watch((nodes.ct, *nodes.pet.values(), nodes.segmentation))
            for section in (self.inputs, self.model, self.device):
                section.update()
            self._show(self._parameters.result)
        finally:
            self._updating = False
        self._check_can_apply()

    def enter(self) -> None:
        """The user has opened the module."""
        self._picking.observe()
        self.setup.refresh()
        self.update()
        if self._unseen is not None:
            self._present(self._unseen)

    def exit(self) -> None:
        """The user has opened another module, whose the views are now. A run goes on."""
        self._picking.release()

    def close(self) -> None:
        """Ends the worker and removes temporary files."""
        self._picking.release()
        self._watch.watch(())
        self.setup.close()
        self.session.close()

    def cancel(self) -> None:
        if self.session.running:
            self.session.cancel()
            self._show_progress(None)

    # What the session says.

    def stage(self, name: str, fraction: float) -> None:
        self._show_progress(name, fraction)

    def done(self, request: Request, folder: Path) -> None:
        self._show_progress("finish", 1.0)
        try:
            overlay = self._build(request, folder)
        except ReactKDError as error:
            self._say(Failure.of(error))
            return
        finally:
            self._show_progress(None)
        self._result = (overlay.parameters.GetID(), folder)
        self._parameters.result = overlay.parameters
        self.update()
        if self._entered():
            self._present(request)
        else:
            self._unseen = request

    def failed(self, request: Request, failure: Failure) -> None:
        self._show_progress(None)
        self._failed_request = (request, failure)
        self._say(failure)

    def worker_changed(self, device: dict | None) -> None:
        self.device.show(device)

    def log(self, line: str) -> None:
        self._ui.logText.appendPlainText(line)

    # What the user does.

    def _apply_or_cancel(self) -> None:
        if self.session.running:
            self.cancel()
            return
        self._check_can_apply()
        if self._ui.applyButton.enabled:
            self._start(Request(self.inputs.nodes, self.model.folder, self._parameters.device))

    def _retry(self) -> None:
        if self._failed_request and not self.session.running:
            request, failure = self._failed_request
            self._start(request.on_cpu(failure))

    def _load_sample_data(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("The sample data could not be made."), waitCursor=True):
            nodes = sample_data.load_phantom()
            p = self._parameters
            p.ct, p.pet_fdg, p.pet_act = nodes["ct"], nodes["fdg"], nodes["act"]
            p.segmentation = nodes["segmentation"]

    def _start(self, request: Request) -> None:
        self._say(None)
        self._failed_request = None
        try:
            self.session.apply(request)
        finally:
            if not self.session.running:
                self._show_progress(None)

    # What is shown.

    def _build(self, request: Request, folder: Path) -> Overlay:
        nodes = request.nodes
        check_there(nodes)
        before = self._parameters.result
        overlay = build_overlay(slicer.mrmlScene, Prediction.read(folder), CaseVolumes(nodes.ct, nodes.pet))
        if before is not None:
            remove_overlay(before)
        return overlay

    def _present(self, request: Request) -> None:
        """As a reader wants to see it: slices through the lesion that matters most, 3D beside them."""
        self._unseen = None
        overlay = self.result.overlay
        if overlay is None:
            return
        show_in_slices(overlay)
        self.result.show(overlay)
        # Filled segments would hide the attention; the overlay outlines the regions itself. One that a script made has
        # no display, and one that was removed meanwhile has lost it.
        if (display := request.nodes.segmentation.GetDisplayNode()) is not None:
            display.SetVisibility(False)
        layout = slicer.app.layoutManager()
        if layout is not None:
            layout.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
            layout.resetThreeDViews()
            self._picking.observe()
        self.result.select(overlay.most_attended.id)
        if layout is not None:
            layout.resetSliceViews()
        jump_to_region(overlay, overlay.most_attended.id, centered=False)

    def _show(self, parameters: slicer.vtkMRMLScriptedModuleNode | None) -> None:
        overlay = self._overlay_of(parameters)
        shown = self.result.overlay
        if overlay is not None and shown is not None and overlay.parameters is shown.parameters:
            return
        self.result.show(overlay, incomplete=overlay is None and parameters is not None)
        mine = overlay is not None and self._result is not None and self._result[0] == overlay.parameters.GetID()
        self.export.show(overlay, self._result[1] if mine else None)

    @staticmethod
    def _overlay_of(parameters: slicer.vtkMRMLScriptedModuleNode | None) -> Overlay | None:
        return None if parameters is None else read(parameters)

    def _show_progress(self, stage: str | None, fraction: float = 0.0) -> None:
        """None: no run is under way."""
        running = stage is not None
        self._ui.progressBar.visible = running
        self._ui.applyButton.text = _("Cancel") if running else _("Apply")
        for section in (self._ui.inputsCollapsibleButton, self._ui.modelCollapsibleButton):
            section.enabled = not running
        if running:
            self._ui.progressBar.value = round(100 * fraction)
            self._ui.progressBar.setFormat(stage_text(stage))
        self._check_can_apply()

    def _say(self, failure: Failure | None) -> None:
        self._ui.messageFrame.visible = failure is not None
        if failure is not None:
            text = f"<b>{escaped(failure.message)}</b><br>{escaped(failure.hint)}"
            self._ui.messageLabel.text = colored(text, WARNING_COLOR)
            self._ui.retryButton.visible = failure.retry

    def _check_can_apply(self) -> None:
        running = self.session.running
        reason = None if running else self._why_not()
        self._ui.applyButton.enabled = reason is None
        self._ui.applyButton.toolTip = reason or (_("Stop") if running else _("Grade this case"))
        self._ui.applyHintLabel.text = reason or ""
        self._ui.applyHintLabel.visible = reason is not None

    def _why_not(self) -> str | None:
        """Why Apply cannot be clicked, in words for the user."""
        if self._parameters is None:
            return _("There is no scene.")
        if self.model.problem is not None:
            return f"{self.model.problem.message} {self.model.problem.hint}"
        if reason := unusable(self.inputs.nodes):
            return reason
        if missing := self.model.missing_pet(set(self.inputs.nodes.pet)):
            return _("This teacher needs {tracers} PET: select it, or take a student.").format(
                tracers=_(" and ").join(missing)
            )
        return self.setup.what_is_missing()
