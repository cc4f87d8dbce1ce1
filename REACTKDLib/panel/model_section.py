"""Model: which one grades, and what its card says of it."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import qt
from slicer.i18n import tr as _

from ..imaging.errors import ReactKDError
from ..inference.demo_model import demo_model
from ..inference.model_card import JSON_NAME, ModelCard
from .parameters import Parameters
from .widgets import MUTED_COLOR, WARNING_COLOR, chosen, colored, escaped, fill

DEMO = ""
SETTING = "REACTKD/ModelFolders"
REMEMBERED = 8
HASH_DIGITS = 12
AUC = "macro_auc_"
TRACER_NAMES = {"fdg": "FDG", "act": "acetate"}
INPUT_NAMES = {
    "ct_only": "CT alone",
    "ct_fdg": "CT + FDG",
    "ct_act": "CT + acetate",
    "ct_fdg_act": "CT + FDG + acetate",
    "fdg_only": "FDG alone",
    "act_only": "acetate alone",
}


class ModelSection:
    """The demo model, folders used before, and what is chosen or dropped."""

    def __init__(self, ui, changed: Callable[[], None]):
        self._ui = ui
        self._changed = changed
        self._parameters: Parameters | None = None
        self._shown: str | None = None
        self.card: ModelCard | None = None
        """None where the model cannot be used; `problem` says why."""
        self.problem: ReactKDError | None = None
        ui.modelSelector.connect("currentIndexChanged(int)", self._chosen)
        ui.modelBrowseButton.connect("clicked(bool)", self._browse)
        self._drop = FolderDrop(self.use)
        for widget in (ui.modelCollapsibleButton, ui.modelSelector, ui.modelCardLabel):
            widget.setAcceptDrops(True)
            widget.installEventFilter(self._drop)

    @property
    def folder(self) -> Path:
        """Raises ModelError where the demo model is not installed."""
        return Path(self._parameters.model) if self._parameters.model else demo_model()

    def bind(self, parameters: Parameters | None) -> None:
        self._parameters = parameters
        self._shown = None
        self.update()

    def update(self) -> None:
        """After any change of parameters. A model's files are verified when it is first chosen, and after a change."""
        if self._parameters is None or self._parameters.model == self._shown:
            return
        self._shown = self._parameters.model
        self.card = self.problem = None
        try:
            folder = self.folder
            self.card = _read(folder, _stamp(folder))
        except ReactKDError as error:
            self.problem = error
        self._remember()
        folders = _remembered()
        if self._shown and self._shown not in folders:
            folders = [self._shown, *folders]
        names = [(_("Demo model (trained on phantoms)"), DEMO), *((Path(folder).name, folder) for folder in folders)]
        fill(self._ui.modelSelector, names, self._shown)
        self._ui.modelCardLabel.text = _card(self.card) if self.card else _trouble(self.problem)
        numbers = (
            [f"{name.replace('_', ' ')}: {value:.3f}" for name, value in _all_metrics(self.card)] if self.card else []
        )
        self._ui.modelCardLabel.toolTip = "\n".join(numbers)
        self._changed()

    def missing_pet(self, given: set[str]) -> list[str]:
        """Names of the tracers that this model cannot do without: a teacher needs all of its own."""
        if self.card is None or self.card.network != "teacher":
            return []
        return [TRACER_NAMES[tracer] for tracer in self.card.tracers if tracer not in given]

    def use(self, folder: str) -> None:
        """A folder that was chosen or dropped; its model.json will do as well."""
        path = Path(folder)
        self._parameters.model = str(path.parent if path.name == JSON_NAME else path)

    def _chosen(self) -> None:
        if self._parameters is not None:
            self._parameters.model = chosen(self._ui.modelSelector)

    def _browse(self) -> None:
        if folder := qt.QFileDialog.getExistingDirectory(self._ui.modelSelector, _("Model folder"), ""):
            self.use(folder)

    def _remember(self) -> None:
        if self.card is not None and self._shown:
            folders = [self._shown, *(folder for folder in _remembered() if folder != self._shown)]
            qt.QSettings().setValue(SETTING, folders[:REMEMBERED])


class FolderDrop(qt.QObject):
    """Takes a folder that is dropped on a widget."""

    def __init__(self, use: Callable[[str], None]):
        super().__init__()
        self._use = use

    def eventFilter(self, _widget, event) -> bool:
        if event.type() not in (qt.QEvent.DragEnter, qt.QEvent.Drop) or not event.mimeData().hasUrls():
            return False
        event.acceptProposedAction()
        if event.type() == qt.QEvent.Drop:
            self._use(event.mimeData().urls()[0].toLocalFile())
        return True


@lru_cache(maxsize=REMEMBERED)
def _read(folder: Path, _files: tuple) -> ModelCard:
    """Hashing the weights takes a while: not again each time that the module is opened. Apply verifies them itself."""
    return ModelCard.read(folder)


def _stamp(folder: Path) -> tuple:
    """Changes with the files of a model's folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def _remembered() -> list[str]:
    """Folders that still hold a model. A list of one is read back as a string."""
    value = qt.QSettings().value(SETTING) or []
    folders = [value] if isinstance(value, str) else list(value)
    return [folder for folder in folders if (Path(folder) / JSON_NAME).is_file()]


def _card(card: ModelCard) -> str:
    kind = {"student": _("Student"), "teacher": _("Teacher")}[card.network]
    tracers = _(" or ").join(TRACER_NAMES[tracer] for tracer in card.tracers)
    reads = _("reads CT and {tracers} PET").format(tracers=tracers) if tracers else _("reads CT")
    lines = [f"<b>{escaped(card.name)}</b> {escaped(card.version)} · {kind}, {reads}"]
    if card.trained_on_phantoms:
        lines.append(colored(_("Trained on synthetic phantoms: its grades mean nothing for patients."), WARNING_COLOR))
    lines.append(_("Trained on: {data}").format(data=escaped(card.training["data"])))
    if metrics := _metrics(card):
        lines.append(metrics)
    lines.append(_("Intended use: {use}").format(use=escaped(card.intended_use)))
    verified = _("SHA-256 {digits}…, files verified").format(digits=card.sha256[:HASH_DIGITS])
    return "<br>".join([*lines, colored(verified, MUTED_COLOR)])


def _metrics(card: ModelCard) -> str:
    """What a reader compares models by, for each set of inputs it was measured with; the tooltip has all numbers."""
    numbers = [
        f"{value:.2f} ({INPUT_NAMES.get(name.removeprefix(AUC), name.removeprefix(AUC))})"
        for name, value in _all_metrics(card)
        if name.startswith(AUC)
    ]
    if not numbers:
        return ""
    data = card.metrics.get("data", _("data not said"))
    text = _("Macro-AUC {numbers}, on {data}")
    return text.format(numbers=escaped(", ".join(numbers)), data=escaped(data))


def _all_metrics(card: ModelCard) -> list[tuple[str, float]]:
    return [(name, value) for name, value in card.metrics.items() if isinstance(value, int | float)]


def _trouble(error: ReactKDError) -> str:
    return colored(f"{escaped(error.message)} {escaped(error.hint)}", WARNING_COLOR)
