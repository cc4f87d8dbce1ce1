"""Export: report, prediction folder, scene."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import qt
import SimpleITK as sitk
import slicer
from slicer.i18n import tr as _

from ..imaging.errors import ReactKDError
from ..imaging.geometry import Geometry
from ..inference.prediction import OutputError, Prediction, cannot_write, new_folder
from ..scene.bundle import write_bundle
from ..scene.files import REPORT_PICTURE
from ..scene.overlay_nodes import Overlay
from ..scene.rendering import can_render
from ..scene.snapshots import take_snapshots
from ..scene.volumes import image_of
from ..scene.world import is_linear
from .widgets import WARNING_COLOR, colored, escaped


class ExportSection:
    """The result's folder lives as long as the application: a reopened scene has no report to export, and says so."""

    def __init__(self, ui):
        self._ui = ui
        self._overlay: Overlay | None = None
        self._folder: Path | None = None
        for button, export in (
            (ui.reportButton, self._export_report),
            (ui.folderButton, self._export_folder),
            (ui.sceneButton, self._export_scene),
        ):
            button.connect("clicked(bool)", lambda _checked=False, export=export: self._guarded(export))

    def show(self, overlay: Overlay | None, folder: Path | None) -> None:
        self._overlay, self._folder = overlay, folder
        has_folder = overlay is not None and folder is not None
        self._ui.reportButton.enabled = self._ui.folderButton.enabled = has_folder
        self._ui.sceneButton.enabled = overlay is not None
        if overlay is None:
            self._ui.exportLabel.text = _("Nothing to export yet.")
        elif not has_folder:
            self._ui.exportLabel.text = _("To export the report or the folder of an opened scene, Apply again.")
        else:
            self._ui.exportLabel.text = ""

    def _guarded(self, export: Callable[[], str | None]) -> None:
        """Says where the export is, or why there is none."""
        try:
            where = export()
        except ReactKDError as error:
            self._ui.exportLabel.text = colored(f"{escaped(error.message)} {escaped(error.hint)}", WARNING_COLOR)
            return
        if where:
            self._ui.exportLabel.text = _("Written: {path}").format(path=escaped(where))

    def _export_report(self) -> str | None:
        path = self._ask_file(_("Export report"), "report.html", _("Report") + " (*.html)")
        if not path:
            return None
        # Imported here: they need packages that Setup installs, and there is a result only with them.
        from ..inference.drawing import Picture
        from ..inference.report import write_report
        from ..inference.slice_pictures import slice_pictures

        prediction = Prediction.read(self._folder)
        graded = prediction.provenance["inputs"]
        pet = {tracer: _image_as_graded(volume, graded[tracer]) for tracer, volume in self._overlay.pet.items()}
        pictures = slice_pictures(prediction, _image_as_graded(self._overlay.ct, graded["ct"]), pet)
        with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
            if can_render()[0]:
                pictures += [
                    Picture(picture.name, picture.caption, picture.path.read_bytes())
                    for picture in take_snapshots(self._overlay, folder)
                    if picture.name == REPORT_PICTURE
                ]
            draft = Path(folder) / "report.html"
            try:
                write_report(prediction, pictures, draft)
                shutil.copyfile(draft, path)
            except OSError as error:
                raise cannot_write(Path(path), error) from error
        return path

    def _export_folder(self) -> str | None:
        parent = qt.QFileDialog.getExistingDirectory(self._ui.folderButton, _("Export the prediction's folder to"), "")
        if not parent:
            return None
        target = Path(parent) / f"{self._overlay.case}_prediction"
        if target.exists():
            raise OutputError(
                "folder_exists",
                _("There is a {name} in that folder already.").format(name=target.name),
                _("Choose another folder, or move that one away."),
            )
        with new_folder(target) as folder:
            shutil.copytree(self._folder, folder, dirs_exist_ok=True)
        return str(target)

    def _export_scene(self) -> str | None:
        path = self._ask_file(_("Export scene"), "scene.mrb", _("Scene") + " (*.mrb)")
        return str(write_bundle(slicer.mrmlScene, path)) if path else None

    def _ask_file(self, title: str, name: str, kind: str) -> str:
        path = qt.QFileDialog.getSaveFileName(self._ui.exportCollapsibleButton, title, name, kind)
        suffix = Path(name).suffix
        return path if not path or path.endswith(suffix) else path + suffix


def _image_as_graded(volume: slicer.vtkMRMLScalarVolumeNode, graded: Mapping) -> sitk.Image:
    """Where the volume lies in the world. graded: what the prediction says of it; the regions fit that place alone.

    Raises OutputError input_moved.
    """
    image = image_of(volume)
    then = Geometry(*(tuple(graded[name]) for name in ("size", "spacing_mm", "origin_lps_mm", "direction")))
    if not is_linear(volume) or not Geometry.of(image).matches(then):
        raise OutputError(
            "input_moved",
            _("'{name}' does not lie where it lay when it was graded.").format(name=volume.GetName()),
            _("Put it back (see its transform), or Apply again."),
        )
    return image
