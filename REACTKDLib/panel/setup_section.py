"""Setup: what is installed, what is missing and how large it is; installing it, trying it, taking it out again."""

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .. import __version__
from ..imaging.errors import ReactKDError
from ..setup.diagnostics import diagnostics
from ..setup.environment import Environment, Status, inspect_environment
from ..setup.import_test import ImportTest
from ..setup.installed import installed_versions, read_record, removable, removal_arguments, update_record
from ..setup.plan import Folder, Network, Step, install_plan
from ..setup.sizes import size_text
from ..setup.wording import requirements_message
from .installation import Installation
from .widgets import WARNING_COLOR, colored, escaped


class SetupSection:
    """changed: called when what is installed may have changed. found_cuda: with the names of the CUDA devices."""

    def __init__(self, ui, changed: Callable[[], None], found_cuda: Callable[[list[str]], None]):
        self._ui = ui
        self._changed, self._found_cuda = changed, found_cuda
        self._installation: Installation | None = None
        self._lines: list[str] = []
        self._test: ImportTest | None = None
        self._versions_before: dict[str, str] = {}
        self.environment: Environment = inspect_environment()
        ui.installButton.connect("clicked(bool)", lambda _checked=False: self._install_or_cancel())
        ui.installFolderButton.connect("clicked(bool)", lambda _checked=False: self._install_from_folder())
        ui.checkButton.connect("clicked(bool)", lambda _checked=False: self._check())
        ui.diagnosticsButton.connect("clicked(bool)", lambda _checked=False: self._copy_diagnostics())
        ui.removeButton.connect("clicked(bool)", lambda _checked=False: self._remove())
        self._show_state()

    def refresh(self) -> None:
        """Looks again at what is installed."""
        if self._installation is None:
            self.environment = inspect_environment()
            self._show_state()
            self._changed()

    def what_is_missing(self) -> str | None:
        """A sentence for a disabled Apply."""
        if self._installation is not None:
            return _("Packages are being installed.")
        return requirements_message(self.environment)

    def close(self) -> None:
        if self._installation is not None:
            self._installation.cancel()
            self._installation = None

    def _install_or_cancel(self) -> None:
        if self._installation is not None:
            self.close()
            self._note_what_changed()
            self._finish(_("Stopped. What was installed until then stays."))
            return
        self._plan_and_run(Network())

    def _install_from_folder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self._ui.installFolderButton, _("Folder of packages"), "")
        if folder:
            self._plan_and_run(Folder(Path(folder)))

    def _plan_and_run(self, source: Network | Folder) -> None:
        try:
            steps = install_plan(self.environment, source)
        except ReactKDError as error:
            self._say_error(error)
            return
        if steps and not self._consented(steps, source):
            return
        self._run(steps, "auto")

    def _consented(self, steps: tuple[Step, ...], source: Network | Folder) -> bool:
        """Nothing is downloaded or installed before a person has seen what, and how much."""
        where = _("from the internet (pypi.org)") if isinstance(source, Network) else _("from the folder")
        text = _("REACT-KD installs into Slicer's Python, {where}:").format(where=where)
        free = size_text(self.environment.free_mb)
        size = _("In all about {size}; {free} are free.").format(size=size_text(self.environment.total_mb), free=free)
        return slicer.util.confirmOkCancelDisplay("\n".join([text, *(f"• {step.label}" for step in steps), "", size]))

    def _check(self) -> None:
        self.refresh()
        self._run((), "auto")

    def _remove(self) -> None:
        names = removable(_record_folder())
        if not names:
            self._say(_("This module has installed nothing that could be removed."))
            return
        text = _("Remove {names} from Slicer's Python?").format(names=", ".join(names))
        if slicer.util.confirmOkCancelDisplay(text):
            self._run((Step("pip", text, arguments=removal_arguments(names)),), None)

    def _copy_diagnostics(self) -> None:
        versions = (f"REACT-KD {__version__}", f"Slicer {slicer.app.applicationVersion}")
        text = diagnostics(self.environment, self._lines, self._test, versions)
        slicer.app.clipboard().setText(text)
        self._say(_("Copied. Paste it where you ask for help."))

    def _run(self, steps: tuple[Step, ...], test_device: str | None) -> None:
        self._lines.clear()
        self._versions_before = installed_versions()
        self._installation = Installation(steps, test_device, self._began, self._lines.append, self._ended)
        self._ui.setupProgressBar.visible = True
        self._ui.installButton.text = _("Cancel")
        self._set_enabled(False)
        self._changed()
        self._installation.start()

    def _began(self, label: str, fraction: float) -> None:
        self._ui.setupProgressBar.setRange(0, 100)
        self._ui.setupProgressBar.setValue(round(100 * fraction))
        self._say(label + "…")

    def _ended(self, test: ImportTest | None, error: ReactKDError | None) -> None:
        self._installation = None
        self._note_what_changed()
        self._test = test
        if error is not None:
            self._finish()
            self._say_error(error)
        elif test is None:
            self._finish(_("Removed."))
        else:
            self._found_cuda([device.name for device in test.cuda_devices])
            works = _("Everything works: torch {torch} ({build}) on {device}.")
            text = works.format(torch=test.versions["torch"], build=test.torch_build, device=test.device)
            self._finish(text)

    def _note_what_changed(self) -> None:
        try:
            update_record(_record_folder(), self._versions_before, installed_versions())
        except OSError as error:
            self._lines.append(f"The record of what was installed could not be written: {error.strerror}")

    def _finish(self, text: str = "") -> None:
        self._ui.setupProgressBar.visible = False
        self._ui.installButton.text = _("Install…")
        self._set_enabled(True)
        self.environment = inspect_environment()
        self._show_state()
        if text:
            self._say(text)
        self._changed()

    def _set_enabled(self, enabled: bool) -> None:
        ui = self._ui
        for button in (ui.installFolderButton, ui.checkButton, ui.removeButton):
            button.enabled = enabled

    def _show_state(self) -> None:
        environment, table = self.environment, self._ui.setupTable
        missing = requirements_message(environment)
        self._say(missing or _("Everything that is needed is installed. Check tries it out."))
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("Package"), _("Installed"), _("Needed"), _("State")])
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        table.horizontalHeader().setStretchLastSection(True)
        table.setRowCount(len(environment.requirements))
        for row, status in enumerate(environment.requirements):
            for column, text in enumerate((status.name, status.installed or "–", status.wanted, _state(status))):
                table.setItem(row, column, qt.QTableWidgetItem(text))
        self._ui.installButton.enabled = bool(environment.missing) and not environment.obstacles
        self._ui.installFolderButton.enabled = bool(environment.missing)
        self._ui.removeButton.enabled = bool(read_record(_record_folder()))
        if missing:
            self._ui.advancedCollapsibleButton.collapsed = False
            self._ui.setupGroupBox.collapsed = False

    def _say(self, text: str) -> None:
        self._ui.setupLabel.text = escaped(text)

    def _say_error(self, error: ReactKDError) -> None:
        self._ui.setupLabel.text = colored(f"{escaped(error.message)} {escaped(error.hint)}", WARNING_COLOR)


def _state(status: Status) -> str:
    if status.state == "ok":
        return "✓"
    state = {
        "missing": _("missing"),
        "too_old": _("too old"),
        "too_new": _("too new"),
        "bundled_conflict": _("does not fit"),
    }[status.state]
    source = {
        "slicer": _("comes with Slicer"),
        "pytorch_extension": _("through the PyTorch extension"),
        "pip": _("from PyPI"),
    }[status.source]
    size = f", {size_text(status.size.download_mb)}" if status.source != "slicer" else ""
    return f"{state}, {source}{size}"


def _record_folder() -> Path:
    """Beside the application's settings, which outlive a session."""
    return Path(slicer.app.slicerUserSettingsFilePath).parent / "REACTKD"
