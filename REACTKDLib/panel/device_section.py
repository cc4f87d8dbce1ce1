"""Device: where the network shall run, and where it really runs."""

from collections.abc import Callable

from slicer.i18n import tr as _

from .parameters import Parameters
from .widgets import chosen, fill


class DeviceSection:
    """CUDA devices are listed once a process that has torch has named them."""

    def __init__(self, ui, stop_worker: Callable[[], None]):
        self._ui = ui
        self._parameters: Parameters | None = None
        self._cuda: list[str] = []
        self._shown: tuple | None = None
        ui.deviceSelector.connect("currentIndexChanged(int)", self._chosen)
        ui.stopWorkerButton.connect("clicked(bool)", lambda _checked=False: stop_worker())
        self.show(None)

    def bind(self, parameters: Parameters | None) -> None:
        self._parameters = parameters
        self._shown = None
        self.update()

    def update(self) -> None:
        if self._parameters is None:
            return
        wanted = self._parameters.device
        choices = (
            *((_("CUDA {index}: {name}").format(index=i, name=name), f"cuda:{i}") for i, name in enumerate(self._cuda)),
        )
        if wanted.startswith("cuda") and wanted not in {value for _text, value in choices}:
            choices = (*choices, (wanted.upper(), wanted))
        if (wanted, choices) != self._shown:
            self._shown = (wanted, choices)
            fixed = ((_("Automatic: CUDA where there is one"), "auto"), (_("CPU"), "cpu"))
            fill(self._ui.deviceSelector, (*fixed, *choices), wanted)

    def found(self, cuda: list[str]) -> None:
        """Names of the CUDA devices that torch sees."""
        self._cuda = cuda
        self.update()

    def show(self, device: dict | None) -> None:
        """device: what the worker says it uses; None where there is no worker."""
        self._ui.stopWorkerButton.enabled = device is not None
        if device is None:
            self._ui.deviceLabel.text = _("No model is loaded.")
            return
        name = device["device_name"]
        if device["memory_gb"]:
            name = _("{name} ({device}, {gb} GB)").format(name=name, device=device["device"], gb=device["memory_gb"])
        self._ui.deviceLabel.text = _("{name}, {precision}, torch {torch}").format(
            name=name, precision=device["precision"], torch=device["torch"]
        )

    def _chosen(self) -> None:
        if self._parameters is not None:
            self._parameters.device = chosen(self._ui.deviceSelector)
